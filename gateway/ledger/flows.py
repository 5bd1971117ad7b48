"""What one change of an order adds to what was used: pure, and the only place that says which event counts for what."""

from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from gateway.core.intent import Side
from gateway.core.money import EXACT
from gateway.core.order import OrderRow
from gateway.ledger.units import more, units


class Kind(StrEnum):
    """What is counted. ``base`` and ``cash`` are signed: what fills brought in, and what they took away."""

    TURNOVER = "turnover"
    GIVEAWAY = "giveaway"
    EXECUTION = "execution"
    BASE = "base"
    CASH = "cash"
    MESSAGE = "message"
    DENIAL = "denial"
    REQUEST = "request"
    CANCEL = "cancel"


AMOUNTS: Final = frozenset({Kind.TURNOVER, Kind.GIVEAWAY, Kind.BASE, Kind.CASH})
"""Kinds that are sums of units; the others are numbers of events."""


class Flow(NamedTuple):
    """So much more of a kind. ``unit`` is the currency, the market of ``base``, or empty where events are counted."""

    kind: Kind
    unit: str
    number: int


def flows(before: OrderRow, after: OrderRow) -> list[Flow]:
    """What the order's change adds, without what adds nothing."""
    told = (
        Flow(Kind.TURNOVER, after.currency, more(before.committed, after.committed)),
        Flow(Kind.GIVEAWAY, after.currency, more(before.given, after.given)),
        Flow(Kind.EXECUTION, "", int(before.filled == 0 < after.filled)),
        Flow(Kind.BASE, after.market_id, base(before, after)),
        Flow(Kind.CASH, after.currency, _cash(before, after)),
    )
    return [flow for flow in told if flow.number]


def base(before: OrderRow, after: OrderRow) -> int:
    """What the change brought into the position, in units of base; below zero for a sale."""
    filled = more(before.filled, after.filled)
    return filled if after.side is Side.BUY else -filled


def _cash(before: OrderRow, after: OrderRow) -> int:
    """What the change brought in of the quote: below zero for a purchase, and fees always off it."""
    if after.filled_value == before.filled_value:
        return 0
    value = EXACT.subtract(after.filled_value, before.filled_value)
    fee = EXACT.multiply(after.fee_rate, max(value, Decimal(0)))
    return -units(EXACT.add(fee, value if after.side is Side.BUY else value.copy_negate()))
