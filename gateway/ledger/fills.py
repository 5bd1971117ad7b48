"""What an event teaches about an order. Pure; the law of the reservation stands here.

Fills are cumulative, so an event that says less than is known changes nothing: repeats, late and reordered ones.
A fill takes its share of the reserved value (value x filled / quantity) out of the reservation and commits what it
really cost, at most that share; without a price it commits the whole share. So committed + reserved ≤ value always.

The giveaway goes the same way. A new part of a fill is charged ``max(0, side x (paid - fair x quantity)) + fee``, and
all parts together at most their share. The share is enough: the exchange fills nothing worse than the limit, and at
the limit the charge is the share; a better price lowers the loss by more than it can raise the fee. A rebate counts
zero. An answer that tells of a fill worse than the limit is charged up to the share, and is a surprise.
"""

from decimal import Decimal
from typing import Final, NamedTuple

from msgspec import structs

from gateway.core.intent import Side
from gateway.core.money import EXACT
from gateway.core.order import OrderEvent, OrderRow, OrderStatus
from gateway.ledger.units import amount, more, units

LONGEST_WINDOW_US: Final = 10_000_000
"""More than lies between an order's signature and the end of its acceptance: its window, and what clocks may differ."""

_MISREAD: Final = Decimal("0.001")
"""How much worse than its limit a fill must be told to be a surprise: more than an exchange's rounding."""
_ZERO: Final = Decimal(0)


class Held(NamedTuple):
    """What an order holds, in units: of its value, of its giveaway, and of base what may still fill."""

    value: int
    giveaway: int
    quantity: int


def held(order: OrderRow) -> Held:
    """All that the order holds now."""
    return Held(reserved(order), reserved_giveaway(order), working_quantity(order))


def reserved(order: OrderRow) -> int:
    """What of the value the order still holds, in units."""
    return _held(order, order.value)


def reserved_giveaway(order: OrderRow) -> int:
    """What of the giveaway the order still holds, in units."""
    return _held(order, order.giveaway)


def working_quantity(order: OrderRow) -> int:
    """What may still fill, in units of base."""
    return 0 if order.status is OrderStatus.DONE else more(order.filled, order.quantity)


def learn(order: OrderRow, event: OrderEvent) -> OrderRow:
    """The order after the event. Absence by itself teaches nothing: it may come from a copy that lags behind."""
    if event.absent:
        return order
    filled = min(max(order.filled, event.filled), order.quantity)
    return structs.replace(
        order,
        order_id=order.order_id or event.order_id,
        filled=filled,
        committed=_committed(order, event, filled),
        given=_given(order, event, filled),
        filled_value=_filled_value(order, event, filled),
        status=OrderStatus.DONE if _over(order, event, filled) else OrderStatus.OPEN,
    )


def says_nothing(order: OrderRow, event: OrderEvent) -> bool:
    """Whether an open order stands just as the event says, told by a glance: True is certain, False is not."""
    same = order.filled == event.filled and event.filled_value in (order.filled_value, 0)
    return same and order.status is OrderStatus.OPEN and not event.final


def named(order: OrderRow, event: OrderEvent) -> bool:
    """Whether the event speaks of this order: one instrument, one exchange id or else one client id.

    A client id may have been another order's before: one that the exchange took in before ours was signed is not ours.
    """
    if order.market_id != event.market_id:
        return False
    if order.order_id is not None and event.order_id is not None:
        return order.order_id == event.order_id
    older = event.created_us is not None and event.created_us < order.accept_until_us - LONGEST_WINDOW_US
    return order.client_id == event.client_id and not older


def _committed(order: OrderRow, event: OrderEvent, filled: Decimal) -> Decimal:
    priced = event.filled_value > 0
    if event.filled < order.filled or (filled == order.filled and not priced):
        return order.committed
    share = _share(order, order.value, filled)
    cost = min(units(event.filled_value), share) if priced else share
    return max(order.committed, amount(cost))


def _given(order: OrderRow, event: OrderEvent, filled: Decimal) -> Decimal:
    value = _filled_value(order, event, filled)
    if filled == order.filled >= event.filled and value == order.filled_value:
        return order.given
    share = amount(_share(order, order.giveaway, filled))
    if (filled > order.filled and event.filled_value <= 0) or event.filled > order.quantity:
        return share
    newly, paid = EXACT.subtract(filled, order.filled), EXACT.subtract(value, order.filled_value)
    cost = units(charge(order.side, order.fair, order.fee_rate, newly, paid))
    return max(order.given, min(share, amount(units(order.given) + cost)))


def charge(side: Side, fair: Decimal, fee_rate: Decimal, quantity: Decimal, value: Decimal) -> Decimal:
    """What trading that quantity for that value gives away against the fair price, the fee included."""
    fair_value = EXACT.multiply(fair, quantity)
    loss = EXACT.subtract(value, fair_value) if side is Side.BUY else EXACT.subtract(fair_value, value)
    return EXACT.add(max(_ZERO, loss), EXACT.multiply(fee_rate, max(_ZERO, value)))


def _filled_value(order: OrderRow, event: OrderEvent, filled: Decimal) -> Decimal:
    """What all fills were worth. Untold: at the limit. Told twice: the worse. What was paid never shrinks."""
    if event.filled < order.filled or not filled:
        return order.filled_value
    if event.filled_value <= 0:
        newly = EXACT.subtract(filled, order.filled)
        return EXACT.add(order.filled_value, EXACT.multiply(order.price, newly))
    if order.side is Side.BUY:
        return max(order.filled_value, event.filled_value)
    return event.filled_value if filled > order.filled else min(order.filled_value, event.filled_value)


def surprising(before: OrderRow, after: OrderRow) -> bool:
    """Whether the exchange told what cannot be: news of an order that was over, or a fill worse than its limit."""
    if before.status is OrderStatus.DONE or not after.price:
        return before.status is OrderStatus.DONE
    at_limit = EXACT.multiply(after.price, EXACT.subtract(after.filled, before.filled))
    value = EXACT.subtract(after.filled_value, before.filled_value)
    worse = value - at_limit if after.side is Side.BUY else at_limit - value
    return worse > at_limit * _MISREAD


def _held(order: OrderRow, total: Decimal) -> int:
    return 0 if order.status is OrderStatus.DONE else units(total) - _share(order, total, order.filled)


def _share(order: OrderRow, total: Decimal, filled: Decimal) -> int:
    return units(total) * units(filled) // units(order.quantity) if filled else 0


def _over(order: OrderRow, event: OrderEvent, filled: Decimal) -> bool:
    # Done without an exchange id: released as never accepted. The exchange naming it proves that it is, so it works.
    released = order.status is OrderStatus.DONE and order.order_id is None
    return event.final or filled >= order.quantity or (order.status is OrderStatus.DONE and not released)
