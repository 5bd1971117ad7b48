"""What a request means. One dataclass per meaning; the type checker lists every control that forgot one.

Amounts are Decimal > 0 in the units named. ``market_id`` is the exchange's own name of an instrument (``BTCUSDT``);
the unified symbol (``BTC/USDT``) is known only once the instrument is resolved.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class ReadName(StrEnum):
    """What ``allow.reads`` may name. ``instruments`` is for every token that may do anything."""

    BALANCES = "balances"
    ORDERS = "orders"
    TRADES = "trades"
    POSITIONS = "positions"
    HISTORY = "history"
    ACCOUNT = "account"
    INSTRUMENTS = "instruments"


class Side(StrEnum):
    """Which way an order trades the base asset."""

    BUY = "buy"
    SELL = "sell"


class OrderKind(StrEnum):
    """What ``allow.orders`` may name."""

    LIMIT = "limit"
    POST_ONLY = "post_only"
    MARKET = "market"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TAKE_PROFIT = "take_profit"
    TAKE_PROFIT_LIMIT = "take_profit_limit"
    TRAILING_STOP = "trailing_stop"
    ICEBERG = "iceberg"
    OCO = "oco"
    BRACKET = "bracket"
    BATCH = "batch"
    AMEND = "amend"


class TimeInForce(StrEnum):
    """How long an order works."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


@dataclass(frozen=True, slots=True)
class Public:
    """Market data that anyone may read."""


@dataclass(frozen=True, slots=True)
class Read:
    """A private read; ``name`` is what ``allow.reads`` must grant."""

    name: ReadName
    market_id: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A new order. ``kind`` is its type; a trailing distance or an iceberg display adds a kind of its own.

    ``quantity`` is base; ``quote_quantity`` is quote (market orders only, and then ``quantity`` is None).
    ``price`` and ``trigger`` are quote per base; ``trailing_bips`` hundredths of a percent; ``display`` base.
    ``test`` asks the exchange to check the order without placing it.
    """

    market_id: str
    side: Side
    kind: OrderKind
    quantity: Decimal | None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    trigger: Decimal | None = None
    trailing_bips: int | None = None
    display: Decimal | None = None
    time_in_force: TimeInForce | None = None
    client_id: str | None = None
    test: bool = False

    @property
    def kinds(self) -> frozenset[OrderKind]:
        """Every kind that the policy must allow for this order."""
        kinds = {self.kind}
        if self.trailing_bips is not None:
            kinds.add(OrderKind.TRAILING_STOP)
        if self.display is not None:
            kinds.add(OrderKind.ICEBERG)
        return frozenset(kinds)


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel one order, named by the exchange's id, the client's id, or both."""

    market_id: str
    order_id: str | None
    client_id: str | None


@dataclass(frozen=True, slots=True)
class CancelAll:
    """Cancel every working order of one instrument."""

    market_id: str


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Known, and not to be had through the gateway; ``why`` says it in one phrase.

    ``ever``: some later version, or a policy, may grant it; otherwise it moves value and nothing ever will.
    """

    why: str
    ever: bool = False


Intent = Public | Read | Place | Cancel | CancelAll | Forbidden
