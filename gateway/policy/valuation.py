"""What an order can cost at the worst: ONE function, for every kind of order, shared by every control.

Worst price: a buy counts at its limit; a sell at the highest of its limit, its trigger and the reference, for that
is what leaves the account. A market order leaves as a limit IOC at ``reference * (1 ± protect)``, a market-type stop
or take-profit as its limit form at ``trigger * (1 ± protect)``; both limits are rounded towards the reference
(a buy's down, a sell's up), so that the exchange itself enforces a price no worse than the policy's.
An order whose price or quantity nothing bounds has no value: Unvalued, and every control denies it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from gateway.core.decision import DenyCode
from gateway.core.intent import OrderKind, Place, Side, TimeInForce
from gateway.core.money import EXACT, Money, ceil_to, floor_to, plain
from gateway.core.snapshot import Instrument, Reference, Snapshot

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class Valuation:
    """``order`` as it will leave; ``worst_price`` quote per base; ``value`` and ``fee`` in the quote, exact."""

    order: Place
    quantity: Decimal
    worst_price: Decimal
    value: Money
    fee: Money


@dataclass(frozen=True, slots=True)
class Unvalued:
    """Why an order has no value; UNPRICED when a fresh price would give it one."""

    code: DenyCode
    detail: str


class _UnboundedError(Exception):
    """The order cannot be valued at any price."""


def stale(snapshot: Snapshot, market_id: str, stale_after_ms: int) -> str | None:
    """Why there is no fresh price for this market; None when there is one.

    A reference from the future by more than ``stale_after_ms`` would never age: it is no fresh price either.
    """
    if snapshot.instrument is None:
        return f"the instrument {market_id} is not known"
    if snapshot.reference is None:
        return f"no price of {snapshot.instrument.symbol} is known"
    age = snapshot.now_ms - snapshot.reference.at_ms
    if abs(age) > stale_after_ms:
        return f"the price of {snapshot.instrument.symbol} is {age} ms old"
    if not snapshot.reference.price.is_finite() or snapshot.reference.price <= 0:
        return f"the price of {snapshot.instrument.symbol} is not above zero"
    return None


def valuation(
    place: Place, instrument: Instrument, reference: Reference, protect: Decimal | None
) -> Valuation | Unvalued:
    """The order's worst case at a fresh ``reference``; ``protect`` is the fraction market orders may slip, or None."""
    try:
        order = _leaves(place, instrument, reference.price, protect)
        return _worst(order, instrument, reference.price)
    except _UnboundedError as reason:
        return Unvalued(DenyCode.ORDER, str(reason))


def _leaves(place: Place, instrument: Instrument, reference: Decimal, protect: Decimal | None) -> Place:
    if instrument.tick <= 0 or instrument.lot <= 0:
        raise _UnboundedError(f"{instrument.symbol} has no steps of price and quantity")
    shape = _SHAPES.get(place.kind)
    if shape is None:
        raise _UnboundedError(f"an order of kind {place.kind} has no single value")
    return shape(place, instrument, reference, protect)


def _worst(order: Place, instrument: Instrument, reference: Decimal) -> Valuation:
    price, quantity = order.price, order.quantity
    if price is None or price <= 0 or quantity is None or quantity <= 0:
        raise _UnboundedError("its price and quantity are not both above zero")
    worst = price if order.side is Side.BUY else max(price, reference, order.trigger or price)
    value = EXACT.multiply(worst, quantity)
    fee = EXACT.multiply(value, max(instrument.max_fee, _ZERO))
    return Valuation(order, quantity, worst, Money(value, instrument.quote), Money(fee, instrument.quote))


def _limit(place: Place, instrument: Instrument, reference: Decimal, protect: Decimal | None) -> Place:
    _refuse(place, trigger=place.trigger, trailing=place.trailing_bips)
    return _priced(place)


def _triggered_limit(place: Place, instrument: Instrument, reference: Decimal, protect: Decimal | None) -> Place:
    if place.trigger is None and place.trailing_bips is None:
        raise _UnboundedError(f"a {place.kind} order needs a trigger")
    return _priced(place)


def _priced(place: Place) -> Place:
    if place.price is None:
        trails = place.trailing_bips is not None
        raise _UnboundedError(
            "a trailing order without a limit price is bounded by nothing"
            if trails
            else f"a {place.kind} order needs a price"
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
        raise _UnboundedError(f"a {place.kind} order needs a trigger")
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
            raise _UnboundedError(f"a {place.kind} order cannot carry a {name}")


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
