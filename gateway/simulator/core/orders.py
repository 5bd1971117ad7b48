"""Orders and fills: what was asked, what has happened to it. Only the market changes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .account import Account
    from .instruments import Instrument

Side = Literal["BUY", "SELL"]
Status = Literal["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"]
OPEN: frozenset[Status] = frozenset({"NEW", "PARTIALLY_FILLED"})
STOPS = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
PRICELESS = frozenset({"MARKET", "STOP_LOSS", "TAKE_PROFIT"})
ZERO = Decimal(0)


@dataclass(slots=True, eq=False)
class Order:
    """One order; `locked` is what its account still holds back for it."""

    id: int
    account: Account
    instrument: Instrument
    client_id: str
    side: Side
    type: str
    time_in_force: str
    created: int
    quantity: Decimal = ZERO
    price: Decimal = ZERO
    quote_quantity: Decimal = ZERO
    stop_price: Decimal | None = None
    trailing_delta: int | None = None
    iceberg: Decimal | None = None
    self_trade: str = "EXPIRE_MAKER"
    strategy_id: int | None = None
    strategy_type: int | None = None
    status: Status = "NEW"
    executed: Decimal = ZERO
    spent: Decimal = ZERO
    prevented: Decimal = ZERO
    locked: Decimal = ZERO
    hidden: Decimal = ZERO
    extreme: Decimal | None = None
    triggered: bool = False
    working_time: int = -1
    updated: int = 0
    fills: list[Fill] = field(default_factory=list)

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.executed - self.prevented

    @property
    def visible(self) -> Decimal:
        """What the book shows of it."""
        return self.remaining - self.hidden

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def is_stop(self) -> bool:
        return self.type in STOPS

    @property
    def is_working(self) -> bool:
        """In the book or through it, as against waiting for its trigger."""
        return self.triggered or not self.is_stop

    @property
    def is_priceless(self) -> bool:
        return self.type in PRICELESS

    @property
    def rises(self) -> bool:
        """A stop that waits for the price to rise (the others wait for it to fall)."""
        return (self.side == "BUY") == self.type.startswith("STOP_LOSS")

    @property
    def spends(self) -> str:
        """The asset that it pays with."""
        return self.instrument.quote if self.side == "BUY" else self.instrument.base

    def reserve(self, quantity: Decimal) -> Decimal:
        """What must be held back for this much of a priced order."""
        return quantity * self.price if self.side == "BUY" else quantity


@dataclass(frozen=True, slots=True)
class Fill:
    """One side of a trade, as its owner sees it."""

    trade_id: int
    order: Order
    price: Decimal
    quantity: Decimal
    quote: Decimal
    fee: Decimal
    fee_asset: str
    time: int
    is_maker: bool
