"""What an event teaches about an order. Pure; the law of the reservation stands here.

Fills are cumulative, so an event that says less than is known changes nothing: repeats, late and reordered ones.
A fill takes its share of the reserved value (value x filled / quantity) out of the reservation and commits what it
really cost, at most that share; without a price it commits the whole share. So committed + reserved ≤ value always.
"""

from dataclasses import replace
from decimal import Decimal

from gateway.core.order import OrderEvent, OrderRow, OrderStatus
from gateway.ledger.units import amount, units


def reserved(order: OrderRow) -> int:
    """What the order still holds, in units."""
    return 0 if order.status is OrderStatus.DONE else units(order.value) - _share(order, order.filled)


def learn(order: OrderRow, event: OrderEvent) -> OrderRow:
    """The order after the event. Absence by itself teaches nothing: it may come from a copy that lags behind."""
    if event.absent:
        return order
    filled = min(max(order.filled, event.filled), order.quantity)
    return replace(
        order,
        order_id=order.order_id or event.order_id,
        filled=filled,
        committed=_committed(order, event, filled),
        status=OrderStatus.DONE if _over(order, event, filled) else OrderStatus.OPEN,
    )


def named(order: OrderRow, event: OrderEvent) -> bool:
    """Whether the event speaks of this order: one instrument, one exchange id or else one client id."""
    if order.market_id != event.market_id:
        return False
    if order.order_id is not None and event.order_id is not None:
        return order.order_id == event.order_id
    return order.client_id == event.client_id


def _committed(order: OrderRow, event: OrderEvent, filled: Decimal) -> Decimal:
    priced = event.filled_value > 0
    if event.filled < order.filled or (filled == order.filled and not priced):
        return order.committed
    share = _share(order, filled)
    cost = min(units(event.filled_value), share) if priced else share
    return max(order.committed, amount(cost))


def _share(order: OrderRow, filled: Decimal) -> int:
    return units(order.value) * units(filled) // units(order.quantity)


def _over(order: OrderRow, event: OrderEvent, filled: Decimal) -> bool:
    # Done without an exchange id: released as never accepted. The exchange naming it proves that it is, so it works.
    released = order.status is OrderStatus.DONE and order.order_id is None
    return event.final or filled >= order.quantity or (order.status is OrderStatus.DONE and not released)
