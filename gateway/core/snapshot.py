"""What a decision is made from, besides the policy and the intent: one frozen look at the world."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

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
    """A fair price for an instrument and the local time (ms) it was true at the latest."""

    price: Decimal
    at_ms: int
    source: str


class Usage(Protocol):
    """What a token has used, as the ledger knows it at the snapshot's time. Windows are ms, rolling."""

    def turnover(self, currency: str, window_ms: int) -> Decimal:
        """Traded within the window plus everything reserved now, in ``currency``."""
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


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The world at ``now_ms`` (local clock) for one token.

    ``instrument`` and ``reference`` are those of the intent's market, None where unknown. ``cancels_foreign``:
    the order that a cancel names belongs to another live token.
    """

    now_ms: int
    state: TokenState
    usage: Usage
    instrument: Instrument | None = None
    reference: Reference | None = None
    cancels_foreign: bool = False
