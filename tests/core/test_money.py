"""One grammar for numbers, and money that never mixes."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.money import BadNumber, Money, ceil_to, floor_to, parse_number, plain

NUMBERS = st.decimals(min_value=0, max_value=10**17, places=8, allow_nan=False, allow_infinity=False)
STEPS = st.sampled_from([Decimal("0.01"), Decimal("0.00001"), Decimal(5), Decimal("0.25")])


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "+1", "-1", "1e3", "1E3", "NaN", "Infinity", "inf", ".5", "1.", "01", "1_000", "1,000",
     "\uff11\uff12", "\u0663", "0x10", "1.2.3", "1" * 19, "0." + "1" * 19],
)  # fmt: skip
def test_what_other_parsers_read_differently_is_no_number(text: str) -> None:
    with pytest.raises(BadNumber):
        parse_number(text)


@given(NUMBERS)
def test_plain_text_comes_back_as_the_same_number(number: Decimal) -> None:
    text = plain(number)
    assert parse_number(text) == number
    assert "E" not in text


@given(NUMBERS, STEPS)
def test_rounding_goes_one_way_and_less_than_a_step(number: Decimal, step: Decimal) -> None:
    low, high = floor_to(number, step), ceil_to(number, step)
    assert low <= number <= high
    assert number - low < step
    assert high - number < step
    assert low % step == high % step == 0


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_money_is_finite(text: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        Money(Decimal(text), "USDT")
