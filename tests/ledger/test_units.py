"""Amounts as whole units: exact to 18 decimals, and upwards beyond."""

from decimal import Decimal, localcontext

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.money import EXACT
from gateway.ledger.units import amount, units

NUMBERS = st.decimals(0, 10**18 - 1, places=18)


@given(NUMBERS)
def test_every_number_of_the_grammar_is_exact(number: Decimal) -> None:
    assert amount(units(number)) == number


@given(st.decimals(0, 10**9, places=18), st.decimals(0, 10**9, places=18))
def test_a_product_is_never_rounded_down_nor_by_more_than_a_unit(price: Decimal, quantity: Decimal) -> None:
    with localcontext(EXACT):
        value = price * quantity
        assert 0 <= amount(units(value)) - value < Decimal("1e-18")


@given(st.lists(NUMBERS, max_size=20))
def test_sums_do_not_depend_on_the_order(numbers: list[Decimal]) -> None:
    with localcontext(EXACT):
        assert amount(sum(map(units, numbers))) == sum(numbers, Decimal(0))
