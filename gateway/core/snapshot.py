"""What a decision is made from, besides the policy and the intent: one frozen look at the world."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from gateway.core.intent import Side
from gateway.core.token import TokenState


@dataclass(frozen=True, slots=True)
class Instrument:
    """A resolved market. Prices are quote per base; ``tick`` and ``lot`` are the steps of price and quantity.

    ``min_*`` bounds are the exchange's; an order below them is left for the exchange to reject.
    """

    exchange: str
    market_id: str
    symbol: str
    market: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    max_fee: Decimal


@dataclass(frozen=True, slots=True)
class Reference:
    """A fair price for an instrument and the local time (ms) it was true at the latest.

    ``price`` is what collars measure from. ``buy`` and ``sell`` are the fair prices that a buy and a sell are charged
    against, each the less favourable to the order where sources differ. ``sources`` independent venues agreed on
    it; ``quoted`` has each one's name and price, ``told_at`` the local time of each, in that order. ``anchor`` (average
    price of 24 h) and the trailing volumes (in the quote) are slow, and None where no venue told.
    """

    price: Decimal
    at_ms: int
    source: str
    buy: Decimal | None = None
    sell: Decimal | None = None
    sources: int = 1
    quoted: tuple[tuple[str, Decimal], ...] = ()
    anchor: Decimal | None = None
    volume_24h: Decimal | None = None
    volume_1h: Decimal | None = None
    told_at: tuple[int, ...] = ()

    def fair(self, side: Side) -> Decimal:
        """The price that an order of this side is charged against."""
        special = self.buy if side is Side.BUY else self.sell
        return self.price if special is None else special


class Usage(Protocol):
    """What a token (or all tokens of an account) has used, as the ledger knows it at the snapshot's time.

    Windows are ms, rolling. Positions are base by market, whole: a fee taken in the base is charged to the giveaway
    and not subtracted from what was bought.
    """

    def turnover(self, currency: str, window_ms: int) -> Decimal:
        """Traded within the window plus everything reserved now, in ``currency``."""
        ...

    def giveaway(self, currency: str, window_ms: int) -> Decimal:
        """Lost against the fair price within the window, fees included, plus everything reserved now."""
        ...

    def executions(self, window_ms: int) -> int:
        """Orders whose first fill was learnt within the window."""
        ...

    def position(self, market_id: str) -> Decimal:
        """Its own net fills since issue, in base: buys minus sells. Below zero: it sold what it did not buy."""
        ...

    def working_quantity(self, market_id: str, side: Side) -> Decimal:
        """Base that may still fill on that side: working, on its way, or of unknown outcome."""
        ...

    def markets(self) -> Sequence[str]:
        """The markets where it has a position or working orders."""
        ...

    def equity_change(self, currency: str, window_ms: int, prices: Mapping[str, Decimal]) -> Decimal | None:
        """What its own trading in markets quoted in ``currency`` gained (or lost, below zero) within the window.

        ``prices`` are today's by market. None where a price, now or at the window's start, is not known.
        """
        ...

    def messages(self, window_ms: int) -> int:
        """New orders within the window, denied ones included."""
        ...

    def requests(self, window_ms: int) -> int:
        """Requests of any kind within the window, this one not included; cancels are counted apart."""
        ...

    def cancels(self, window_ms: int) -> int:
        """Cancel requests within the window, this one not included."""
        ...

    def denials(self, window_ms: int) -> int:
        """Denials within the window that count towards ``if_denied``."""
        ...

    def open_orders(self, market_id: str | None) -> int:
        """Orders that work, are on their way, or may be working; of one instrument or of all."""
        ...

    def retry_after_ms(self, kind: str, window_ms: int) -> int:
        """When the oldest counted event of ``messages`` or ``requests`` leaves the window."""
        ...


class Snapshot(Struct, frozen=True):
    """The world at ``now_ms`` (local clock) for one token.

    ``instrument`` and ``reference`` are those of the intent's market, None where unknown. ``cancels_foreign``:
    the order that a cancel names belongs to another live token. ``marks`` has fresh prices of the other markets that
    ``usage.markets()`` names, in the quote of the intent's market; one that is missing is unknown. ``account`` is what
    all tokens of the account have used, None where nobody asks. ``most_sources`` is how many venues could ever stand
    behind the price of the intent's market; None where there are enough already, or nobody knows. ``averages``: whether
    its average and volumes could ever be known.
    """

    now_ms: int
    state: TokenState
    usage: Usage
    instrument: Instrument | None = None
    reference: Reference | None = None
    cancels_foreign: bool = False
    marks: Mapping[str, Decimal] = {}
    account: Usage | None = None
    most_sources: int | None = None
    averages: bool = True
