"""Whether an order fits its instrument's steps and bounds. Pure tests, in the order in which they are told."""

from decimal import ROUND_CEILING, Decimal

from .instruments import Instrument
from .orders import Order
from .refusals import Reason, Refused


def check(order: Order, average: Decimal) -> None:
    """Refuses an order that breaks a filter; `average` stands in where it has no price."""
    instrument = order.instrument
    for price in (order.price if not order.is_priceless else None, order.stop_price):
        if price is not None:
            _check_price(instrument, price)
    if not order.is_priceless:
        _check_distance(instrument, order, average)
    if order.quantity:
        _check_quantity(instrument, order)
    _check_notional(instrument, order, average)
    _check_trailing(instrument, order)
    _check_counts(instrument, order)


def _on_grid(value: Decimal, step: Decimal) -> bool:
    return value % step == 0


def _check_price(instrument: Instrument, price: Decimal) -> None:
    inside = instrument.tick <= price <= instrument.max_price
    if not inside or not _on_grid(price, instrument.tick):
        raise Refused(Reason.PRICE_FILTER)


def _check_distance(instrument: Instrument, order: Order, average: Decimal) -> None:
    low = average * instrument.min_price_factor
    high = average * instrument.max_price_factor
    if not low <= order.price <= high:
        raise Refused(Reason.PERCENT_PRICE_BY_SIDE)


def _check_quantity(instrument: Instrument, order: Order) -> None:
    if order.iceberg and order.iceberg > order.quantity:
        raise Refused(Reason.ICEBERG_TOO_LARGE)
    for quantity in (order.quantity, order.iceberg or order.quantity):
        inside = instrument.step <= quantity <= instrument.max_quantity
        if not inside or not _on_grid(quantity, instrument.step):
            raise Refused(Reason.LOT_SIZE)
    if order.is_priceless and order.quantity > instrument.max_market_quantity:
        raise Refused(Reason.MARKET_LOT_SIZE)


def _check_notional(instrument: Instrument, order: Order, average: Decimal) -> None:
    price = order.stop_price or average if order.is_priceless else order.price
    value = order.quote_quantity or order.quantity * price
    too_much = not order.is_priceless and value > instrument.max_notional
    if value < instrument.min_notional or too_much:
        raise Refused(Reason.NOTIONAL)


def _check_trailing(instrument: Instrument, order: Order) -> None:
    low, high = instrument.trailing_bounds
    if order.trailing_delta is not None and not low <= order.trailing_delta <= high:
        raise Refused(Reason.TRAILING_DELTA)


def _check_counts(instrument: Instrument, order: Order) -> None:
    if order.iceberg:
        parts = (order.quantity / order.iceberg).to_integral_value(ROUND_CEILING)
        if parts > instrument.max_iceberg_parts:
            raise Refused(Reason.ICEBERG_PARTS)
    mine = [o for o in order.account.open_orders.values() if o.instrument is instrument]
    if len(mine) >= instrument.max_orders:
        raise Refused(Reason.MAX_NUM_ORDERS)
    if order.is_stop and sum(not o.is_working for o in mine) >= instrument.max_stop_orders:
        raise Refused(Reason.MAX_NUM_ALGO_ORDERS)
