"""What an order can cost at the worst: ONE function, for every kind of order, shared by every control.

Worst price: a buy counts at its limit; a sell at the highest of its limit, its trigger and the reference, for that
is what leaves the account. A market order leaves as a limit IOC at ``fair * (1 ± protect)``, a market-type stop
or take-profit as its limit form at ``trigger * (1 ± protect)``; both limits are rounded towards the reference
(a buy's down, a sell's up), so that the exchange itself enforces a price no worse than the policy's.
Worst giveaway: what its limit lies beyond the fair price of its side, over the whole quantity, and the highest fee.
An order whose price or quantity nothing bounds has no value: Unvalued, and every control denies it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from msgspec import Struct

from gateway.core.decision import DenyCode
from gateway.core.intent import OrderKind, Place, Side, TimeInForce
from gateway.core.money import EXACT, Money, ceil_to, floor_to, plain
from gateway.core.snapshot import Instrument, Reference, Snapshot

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)


class Valuation(Struct, frozen=True):
    """``order`` as it will leave; ``worst_price`` quote per base; ``value``, ``fee``, ``giveaway`` in the quote, exact.

    ``giveaway`` is the most it can lose against ``fair``, the fee at ``fee_rate`` (of the value) included.
    ``reduction``: with the open orders of its side filled, it brings the token's own position nearer zero, not past it.
    """

    order: Place
    quantity: Decimal
    worst_price: Decimal
    value: Money
    fee: Money
    giveaway: Money
    fair: Decimal
    fee_rate: Decimal
    reduction: bool = False


@dataclass(frozen=True, slots=True)
class Unvalued:
    """Why an order has no value; UNPRICED when a fresh price would give it one."""

    code: DenyCode
    detail: str


class _UnboundedError(Exception):
    """The order cannot be valued at any price."""


def reduction(valued: object) -> bool:
    """Whether a call's order is valued and a reduction."""
    return isinstance(valued, Valuation) and valued.reduction


def unpriced(snapshot: Snapshot, market_id: str) -> str | None:
    """Why there is no price for this market, however old; None when there is one."""
    instrument, reference = snapshot.instrument, snapshot.reference
    if instrument is None:
        return f"the instrument {market_id} is not known"
    if reference is None:
        return f"no price of {instrument.symbol} is known"
    for price in (reference.price, reference.buy, reference.sell):
        if price is not None and (not price.is_finite() or price <= 0):
            return f"the price of {instrument.symbol} is not above zero"
    return None


def stale(snapshot: Snapshot, market_id: str, stale_after_ms: int) -> str | None:
    """Why there is no fresh price for this market; None when there is one.

    A reference from the future by more than ``stale_after_ms`` would never age: it is no fresh price either.
    """
    if (reason := unpriced(snapshot, market_id)) or snapshot.instrument is None or snapshot.reference is None:
        return reason
    age = snapshot.now_ms - snapshot.reference.at_ms
    return f"the price of {snapshot.instrument.symbol} is {age} ms old" if abs(age) > stale_after_ms else None


def valuation(
    place: Place, instrument: Instrument, reference: Reference, protect: Decimal | None
) -> Valuation | Unvalued:
    """The order's worst case at a fresh ``reference``; ``protect`` is the fraction market orders may slip, or None."""
    try:
        order = _leaves(place, instrument, reference.fair(place.side), protect)
        return _worst(order, instrument, reference)
    except _UnboundedError as reason:
        return Unvalued(DenyCode.ORDER, str(reason))


def _leaves(place: Place, instrument: Instrument, reference: Decimal, protect: Decimal | None) -> Place:
    if instrument.tick <= 0 or instrument.lot <= 0:
        raise _UnboundedError(f"{instrument.symbol} has no steps of price and quantity")
    shape = _SHAPES.get(place.kind)
    if shape is None:
        raise _UnboundedError(f"an order of kind {place.kind} has no single value")
    return shape(place, instrument, reference, protect)


def _worst(order: Place, instrument: Instrument, reference: Reference) -> Valuation:
    price, quantity = order.price, order.quantity
    if price is None or price <= 0 or quantity is None or quantity <= 0:
        raise _UnboundedError("its price and quantity are not both above zero")
    fair, quote, fee_rate = reference.fair(order.side), instrument.quote, max(instrument.max_fee, _ZERO)
    buys = order.side is Side.BUY
    worst = price if buys else max(price, reference.price, fair, order.trigger or price)
    value = EXACT.multiply(worst, quantity)
    fee = EXACT.multiply(value, fee_rate)
    beyond = EXACT.subtract(price, fair) if buys else EXACT.subtract(fair, price)
    lost = EXACT.multiply(max(beyond, _ZERO), quantity)
    giveaway = Money(EXACT.add(lost, fee), quote)
    return Valuation(order, quantity, worst, Money(value, quote), Money(fee, quote), giveaway, fair, fee_rate)


def _limit(place: Place, instrument: Instrument, reference: Decimal, protect: Decimal | None) -> Place:
    _refuse(place, trigger=place.trigger, trailing=place.trailing_bips)
    return _priced(place)


def _triggered_limit(place: Place, instrument: Instrument, reference: Decimal, protect: Decimal | None) -> Place:
    if place.trigger is None and place.trailing_bips is None:
        raise _UnboundedError(f"{_a(place.kind)} order needs a trigger")
    return _priced(place)


def _priced(place: Place) -> Place:
    if place.price is None:
        trails = place.trailing_bips is not None
        raise _UnboundedError(
            "a trailing order without a limit price is bounded by nothing"
            if trails
            else f"{_a(place.kind)} order needs a price"
        )
    _refuse(place, **{"amount of the quote": place.quote_quantity})
    return place


def _market(place: Place, instrument: Instrument, reference: Decimal, protect: Decimal | None) -> Place:
    _refuse(place, price=place.price, trigger=place.trigger, trailing=place.trailing_bips, display=place.display)
    if place.time_in_force not in (None, TimeInForce.IOC):
        raise _UnboundedError(f"a market order cannot be {place.time_in_force}")
    limit = _protected(place, reference, instrument, protect)
    quantity = _base_quantity(place, limit, instrument)
    return replace(
        place, kind=OrderKind.LIMIT, time_in_force=TimeInForce.IOC, price=limit, quantity=quantity, quote_quantity=None
    )


def _triggered_market(place: Place, instrument: Instrument, reference: Decimal, protect: Decimal | None) -> Place:
    if place.trailing_bips is not None:
        raise _UnboundedError("a trailing order without a limit price is bounded by nothing")
    if place.trigger is None or place.trigger <= 0:
        raise _UnboundedError(f"{_a(place.kind)} order needs a trigger")
    _refuse(place, price=place.price, display=place.display, **{"amount of the quote": place.quote_quantity})
    limit = _protected(place, place.trigger, instrument, protect)
    return replace(place, kind=_LIMIT_FORM[place.kind], time_in_force=TimeInForce.GTC, price=limit)


def _protected(place: Place, around: Decimal, instrument: Instrument, protect: Decimal | None) -> Decimal:
    if protect is None:
        raise _UnboundedError(f"price.market denies {place.kind} orders")
    buys = place.side is Side.BUY
    edge = EXACT.multiply(around, _ONE + protect if buys else _ONE - protect)
    limit = floor_to(edge, instrument.tick) if buys else ceil_to(edge, instrument.tick)
    if limit <= 0:
        raise _UnboundedError(f"its protected price rounds down to zero at a step of {plain(instrument.tick)}")
    return limit


def _base_quantity(place: Place, limit: Decimal, instrument: Instrument) -> Decimal:
    """The base quantity as given, or what the quote amount buys at ``limit``, rounded down to the lot."""
    if place.quantity is not None and place.quote_quantity is None:
        return place.quantity
    if place.quantity is not None or place.quote_quantity is None:
        raise _UnboundedError("a market order has either a quantity or an amount of the quote")
    lots = EXACT.divide_int(place.quote_quantity, EXACT.multiply(limit, instrument.lot))
    if lots <= 0:
        step = str(Money(instrument.lot, instrument.base))
        raise _UnboundedError(f"its quantity rounds down to zero at a step of {step}")
    return EXACT.multiply(lots, instrument.lot)


def _refuse(place: Place, **foreign: object) -> None:
    for name, value in foreign.items():
        if value is not None:
            raise _UnboundedError(f"{_a(place.kind)} order cannot carry {_a(name)}")


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


_LIMIT_FORM: Final = {
    OrderKind.STOP: OrderKind.STOP_LIMIT,
    OrderKind.TAKE_PROFIT: OrderKind.TAKE_PROFIT_LIMIT,
}
_Shape = Callable[[Place, Instrument, Decimal, Decimal | None], Place]
_SHAPES: Final[dict[OrderKind, _Shape]] = {
    OrderKind.LIMIT: _limit,
    OrderKind.POST_ONLY: _limit,
    OrderKind.ICEBERG: _limit,
    OrderKind.MARKET: _market,
    OrderKind.STOP: _triggered_market,
    OrderKind.TAKE_PROFIT: _triggered_market,
    OrderKind.STOP_LIMIT: _triggered_limit,
    OrderKind.TAKE_PROFIT_LIMIT: _triggered_limit,
    OrderKind.TRAILING_STOP: _triggered_limit,
}
"""Kinds that are not here (oco, bracket, batch, amend) are several orders or none: nothing values them."""
