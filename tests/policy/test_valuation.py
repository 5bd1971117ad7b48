"""Valuation: for every kind of order, how it leaves and what it is worth at the worst."""

from dataclasses import replace
from decimal import Context, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decision import DenyCode
from gateway.core.intent import OrderKind, Place, Side, TimeInForce
from gateway.core.money import Money
from gateway.core.snapshot import Reference
from gateway.policy.valuation import Unvalued, Valuation, stale, valuation
from tests.policy.cases import INSTRUMENT, NOW_MS, REFERENCE, WORTH_80, D, place, snapshot

QUARTER = D("0.25")
_WIDE = Context(prec=200)


def valued(order: Place, protect: Decimal | None = QUARTER) -> Valuation:
    result = valuation(order, INSTRUMENT, REFERENCE, protect)
    assert isinstance(result, Valuation), result
    return result


@pytest.mark.parametrize("name", WORTH_80)
def test_the_worst_value_is_exact(name: str) -> None:
    """Of every kind: 80 USDT and 20 of fees, and the next larger order is worth more."""
    order, larger = WORTH_80[name]
    result = valued(order)
    assert (result.value, result.fee) == (Money(D(80), "USDT"), Money(D(20), "USDT"))
    assert valued(larger).value.amount > 80


LEAVES = {
    "market buy": ("limit", TimeInForce.IOC, "125", "0.64"),
    "market sell": ("limit", TimeInForce.IOC, "75", "0.8"),
    "market buy by quote": ("limit", TimeInForce.IOC, "125", "0.640"),
    "market sell by quote": ("limit", TimeInForce.IOC, "75", "0.800"),
    "stop buy": ("stop_limit", TimeInForce.GTC, "200", "0.4"),
    "stop sell": ("stop_limit", TimeInForce.GTC, "60", "0.8"),
    "take-profit buy": ("take_profit_limit", TimeInForce.GTC, "100", "0.8"),
    "take-profit sell": ("take_profit_limit", TimeInForce.GTC, "120", "0.5"),
}


@pytest.mark.parametrize("name", WORTH_80)
def test_an_order_without_a_limit_leaves_with_one_and_others_leave_as_they_came(name: str) -> None:
    """Market is limit IOC; stop and take-profit are their limit forms, good till cancelled."""
    order, _ = WORTH_80[name]
    leaving = valued(order).order
    if name not in LEAVES:
        assert leaving == order
        return
    kind, time_in_force, price, quantity = LEAVES[name]
    assert leaving == replace(
        order,
        kind=OrderKind(kind),
        time_in_force=time_in_force,
        price=D(price),
        quantity=D(quantity),
        quote_quantity=None,
    )


@pytest.mark.parametrize(("side", "price"), [("buy", "100.30"), ("sell", "99.75")])
def test_a_protected_price_is_rounded_towards_the_reference(side: str, price: str) -> None:
    """A buy's limit down, a sell's up: never further than the policy says."""
    instrument = replace(INSTRUMENT, tick=D("0.05"))
    result = valuation(place(side, "market", "1"), instrument, Reference(D("100.02"), NOW_MS, "x"), D("0.003"))
    assert isinstance(result, Valuation)
    assert result.order.price == D(price)


REFUSED = {
    "a trailing stop without a limit": (place("sell", "stop", "1", trailing_bips=100), "bounded by nothing"),
    "a trailing stop-limit without a limit": (
        place("sell", "stop_limit", "1", trailing_bips=100),
        "bounded by nothing",
    ),
    "a trailing kind without a limit": (place("sell", "trailing_stop", "1", trailing_bips=100), "bounded by nothing"),
    "an iceberg market order": (place("buy", "market", "1", display="0.1"), "cannot carry a display"),
    "a market order with a price": (place("buy", "market", "1", price="1"), "cannot carry a price"),
    "a market order with a trigger": (place("buy", "market", "1", trigger="1"), "cannot carry a trigger"),
    "a trailing market order": (place("buy", "market", "1", trailing_bips=1), "cannot carry a trailing"),
    "a market order good till cancelled": (place("buy", "market", "1", time_in_force=TimeInForce.GTC), "cannot be GTC"),
    "a market order of two sizes": (place("buy", "market", "1", quote_quantity="1"), "either a quantity or an amount"),
    "a market order of no size": (place("buy", "market"), "either a quantity or an amount"),
    "a quote too small for a lot": (place("buy", "market", quote_quantity="0.124"), "rounds down to zero"),
    "a limit order without a price": (place("buy", "limit", "1"), "needs a price"),
    "a limit order without a quantity": (place("buy", "limit", price="1"), "not both above zero"),
    "a limit order of a quote amount": (place("buy", "limit", price="1", quote_quantity="1"), "cannot carry an amount"),
    "a limit order with a trigger": (place("buy", "limit", "1", price="1", trigger="1"), "cannot carry a trigger"),
    "a trailing limit order": (place("buy", "limit", "1", price="1", trailing_bips=1), "cannot carry a trailing"),
    "a price of zero": (place("buy", "limit", "1", price="0"), "not both above zero"),
    "a quantity of zero": (place("buy", "limit", "0", price="1"), "not both above zero"),
    "a negative quantity": (place("sell", "limit", "-1", price="1"), "not both above zero"),
    "a market sell of nothing": (place("sell", "market", "0"), "not both above zero"),
    "a stop without a trigger": (place("buy", "stop", "1"), "needs a trigger"),
    "a stop at zero": (place("buy", "stop", "1", trigger="0"), "needs a trigger"),
    "a stop with a price": (place("buy", "stop", "1", trigger="1", price="1"), "cannot carry a price"),
    "an iceberg stop": (place("buy", "stop", "1", trigger="1", display="1"), "cannot carry a display"),
    "a stop of a quote amount": (place("buy", "stop", quote_quantity="1", trigger="1"), "cannot carry an amount"),
    "a stop-limit without a trigger": (place("buy", "stop_limit", "1", price="1"), "needs a trigger"),
    "a stop-limit without a price": (place("buy", "stop_limit", "1", trigger="1"), "needs a price"),
    "an oco": (place("buy", "oco", "1", price="1"), "no single value"),
    "a bracket": (place("buy", "bracket", "1", price="1"), "no single value"),
    "a batch": (place("buy", "batch", "1", price="1"), "no single value"),
    "an amend": (place("buy", "amend", "1", price="1"), "no single value"),
    "a stop buy whose limit rounds to zero": (place("buy", "stop", "1", trigger="0.001"), "rounds down to zero"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_order_that_nothing_bounds_has_no_value(name: str) -> None:
    """Refused for good, with the reason in words."""
    order, reason = REFUSED[name]
    result = valuation(order, INSTRUMENT, REFERENCE, QUARTER)
    assert isinstance(result, Unvalued)
    assert result.code is DenyCode.ORDER
    assert reason in result.detail


@pytest.mark.parametrize("kind", ["market", "stop", "take_profit"])
def test_without_protection_an_order_without_a_limit_has_no_value(kind: str) -> None:
    """price.market: deny."""
    order = place("buy", kind, "1", trigger=None if kind == "market" else "100")
    result = valuation(order, INSTRUMENT, REFERENCE, None)
    assert isinstance(result, Unvalued)
    assert "price.market denies" in result.detail


@pytest.mark.parametrize("steps", [{"tick": D(0)}, {"lot": D(0)}, {"tick": D(-1)}])
def test_an_instrument_without_steps_values_nothing(steps: dict[str, Any]) -> None:
    """A table that was read wrong must not divide by zero, nor pass."""
    assert isinstance(
        valuation(place("buy", "limit", "1", price="1"), replace(INSTRUMENT, **steps), REFERENCE, None), Unvalued
    )


def test_a_rebate_lowers_no_value() -> None:
    """Fees below zero count as none."""
    result = valuation(place("buy", "limit", "1", price="1"), replace(INSTRUMENT, max_fee=D(-1)), REFERENCE, None)
    assert isinstance(result, Valuation)
    assert result.fee.amount == 0


def test_the_longest_numbers_are_multiplied_exactly() -> None:
    """36 digits each: not one of the product's 72 is lost, so no value is rounded below its limit."""
    long = D("999999999999999999.999999999999999999")
    result = valuation(place("buy", "limit", str(long), price=str(long)), INSTRUMENT, REFERENCE, None)
    assert isinstance(result, Valuation)
    assert int(result.value.amount.scaleb(36, _WIDE)) == (10**36 - 1) ** 2
    assert int(result.fee.amount.scaleb(38, _WIDE)) == (10**36 - 1) ** 2 * 25


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"reference": replace(REFERENCE, at_ms=NOW_MS - 3_000)}, None),
        ({"reference": replace(REFERENCE, at_ms=NOW_MS - 3_001)}, "is 3001 ms old"),
        ({"reference": replace(REFERENCE, at_ms=NOW_MS + 3_000)}, None),
        ({"reference": replace(REFERENCE, at_ms=NOW_MS + 3_001)}, "is -3001 ms old"),
        ({"reference": None}, "no price of BTC/USDT is known"),
        ({"instrument": None}, "the instrument BTCUSDT is not known"),
        ({"reference": replace(REFERENCE, price=D(0))}, "is not above zero"),
        ({"reference": replace(REFERENCE, price=D("NaN"))}, "is not above zero"),
        ({"reference": replace(REFERENCE, price=D("Infinity"))}, "is not above zero"),
    ],
)
def test_a_price_is_fresh_up_to_its_age_and_no_further(changes: dict[str, object], reason: str | None) -> None:
    """Both sides of the edge, and every way to have no price."""
    told = stale(snapshot(**changes), "BTCUSDT", 3_000)
    assert (told is None) if reason is None else (told is not None and reason in told)


amounts = st.decimals(min_value=D("0.00000001"), max_value=10**9, allow_nan=False, places=8)


@given(
    st.sampled_from(Side),
    amounts,
    amounts,
    amounts,
    st.sampled_from(["market", "quote", "stop", "take_profit"]),
    st.sampled_from([D("0.01"), D("0.05"), D("1"), D("0.00000001")]),
)
def test_what_leaves_is_never_worse_than_its_valuation(
    side: Side, size: Decimal, trigger: Decimal, price: Decimal, kind: str, tick: Decimal
) -> None:
    """The exchange enforces the limit: within protection of the reference, and covered by the value reserved."""
    protect = D("0.003")
    orders = {
        "market": place(side, "market", str(size)),
        "quote": place(side, "market", quote_quantity=str(size)),
        "stop": place(side, "stop", str(size), trigger=str(trigger)),
        "take_profit": place(side, "take_profit", str(size), trigger=str(trigger)),
    }
    instrument = replace(INSTRUMENT, tick=tick)
    result = valuation(orders[kind], instrument, Reference(price, NOW_MS, "x"), protect)
    if isinstance(result, Unvalued):
        assert "rounds down to zero" in result.detail
        return
    leaving = result.order
    assert leaving.price is not None
    assert leaving.quantity == result.quantity
    around = price if kind in ("market", "quote") else trigger
    assert leaving.price % tick == 0
    if side is Side.BUY:
        assert leaving.price <= around * (1 + protect)
        assert leaving.price == result.worst_price
    else:
        assert leaving.price >= around * (1 - protect)
        assert result.worst_price >= max(leaving.price, price)
    if kind == "quote":
        assert result.quantity * leaving.price <= size
        assert (result.quantity + instrument.lot) * leaving.price > size
