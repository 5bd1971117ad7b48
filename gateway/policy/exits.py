"""Reductions: what counts as one, and which of them may leave while prices are stale.

A reduction is measured against the token's own net fills, with the open orders of its own side counted as filled: the
whole of them and this order bring the position nearer zero, never past it. Orders of the other side may fail to fill,
so they make no room.
"""

from decimal import Decimal
from typing import Final

from gateway.core.intent import OrderKind, Side
from gateway.core.money import EXACT
from gateway.core.snapshot import Reference, Usage
from gateway.policy.valuation import Valuation

LAST_GOOD_MS: Final = 3_600_000
"""A price older than this is no last good price: by then the market may be anywhere."""

_ONE: Final = Decimal(1)
_PLAIN: Final = frozenset({OrderKind.LIMIT, OrderKind.POST_ONLY})


def reduces(valued: Valuation, usage: Usage) -> bool:
    """Whether the order, as it will leave, is a reduction."""
    order = valued.order
    position = usage.position(order.market_id)
    if not position or (position > 0) is (order.side is Side.BUY):
        return False
    working = usage.working_quantity(order.market_id, order.side)
    return EXACT.add(working, valued.quantity) <= position.copy_abs()


def may_exit(valued: Valuation, came_as: OrderKind, reference: Reference, age_ms: int, collar: Decimal | None) -> bool:
    """Whether an order may leave at a stale price: a reduction that came as a limit order, within the collar of the
    last good one. Without a collar it may be no worse than that price itself.
    """
    price = valued.order.price
    if not valued.reduction or came_as not in _PLAIN or not 0 <= age_ms <= LAST_GOOD_MS or price is None:
        return False
    return not beyond(valued.order.side, price, reference, collar or Decimal(0))


def beyond(side: Side, price: Decimal, reference: Reference, distance: Decimal) -> bool:
    """Whether a buy at ``price`` is higher, or a sell lower, than this fraction from the reference."""
    edge = edge_of(side, reference, distance)
    return price > edge if side is Side.BUY else price < edge


def edge_of(side: Side, reference: Reference, distance: Decimal) -> Decimal:
    """The worst price within ``distance`` of the reference and, where sources differ, of the fair price of the side."""
    if side is Side.BUY:
        return EXACT.multiply(min(reference.price, reference.fair(side)), EXACT.add(_ONE, distance))
    return EXACT.multiply(max(reference.price, reference.fair(side)), EXACT.subtract(_ONE, distance))
