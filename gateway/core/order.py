"""Orders as the ledger knows them, and what an answer teaches about one."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from gateway.core.intent import Side


class OrderStatus(StrEnum):
    """What the ledger knows of an order. ``sent``: on its way; ``unknown``: no answer came."""

    SENT = "sent"
    UNKNOWN = "unknown"
    OPEN = "open"
    DONE = "done"


class OrderEvent(Struct, frozen=True):
    """What an answer said of one order. Fills are cumulative, so that repeats and late events change nothing.

    ``filled`` is base, ``filled_value`` quote. ``final``: it will never fill again. ``absent``: the exchange
    does not know it. ``created_us`` (exchange's clock): when the exchange took it in, where the answer says so.
    """

    market_id: str
    client_id: str | None
    order_id: str | None
    filled: Decimal
    filled_value: Decimal
    final: bool
    absent: bool = False
    created_us: int | None = None


class OrderRow(Struct, frozen=True):
    """One order in the ledger. ``value`` is what was reserved, ``committed`` what fills have used of it (quote).

    ``accept_until_us`` (exchange's clock): until when the signed request could still be accepted. ``price`` is its
    limit as it left. ``giveaway`` is what was reserved against ``fair`` with fees at ``fee_rate``, ``given`` what fills
    have used of that. ``filled_value`` is what the fills were worth, as the exchange told it (quote). ``shadow``: it
    left under a policy that only watches.
    """

    client_id: str
    order_id: str | None
    token_id: str
    account: str
    market_id: str
    quantity: Decimal
    value: Decimal
    currency: str
    filled: Decimal
    committed: Decimal
    status: OrderStatus
    placed_at: int
    accept_until_us: int
    side: Side
    price: Decimal
    giveaway: Decimal
    given: Decimal
    fair: Decimal
    fee_rate: Decimal
    filled_value: Decimal = Decimal(0)
    shadow: bool = False


class PositionRow(Struct, frozen=True):
    """A token's own net fills in one market since its issue: base, buys minus sells. ``at``: ms of the last fill."""

    token_id: str
    market_id: str
    account: str
    currency: str
    quantity: Decimal
    at: int
