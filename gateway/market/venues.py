"""The venues whose public prices are listened to, as tables: what each quotes in, and how fast it may be asked.

Every pair that is asked for follows from here: which of a venue's pairs prices an instrument, and which pairs tell
what one dollar is worth in another. USDT, USDC and USD are three currencies: they are converted, never equated.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

Pair = tuple[str, str, str]
"""A venue's name, the base and the quote of one of its spot markets."""


@dataclass(frozen=True, slots=True)
class Venue:
    """``home`` is the dollar its deep books quote in; ``pause_ms`` the least time between two requests to it."""

    name: str
    host: str
    home: str
    pause_ms: int


VENUES: Final = {
    venue.name: venue
    for venue in (
        Venue("binance", "api.binance.com", "USDT", 100),
        Venue("coinbase", "api.coinbase.com", "USD", 110),
        Venue("bitget", "api.bitget.com", "USDT", 100),
        Venue("kraken", "api.kraken.com", "USD", 1000),
    )
}
"""Pauses are a half or less of what each venue's public documentation allows one address."""

DOLLARS: Final = frozenset({"USDT", "USDC", "USD"})
PIVOT: Final = "USDT"
RATES: Final[dict[str, tuple[Pair, ...]]] = {
    "USD": (("coinbase", "USDT", "USD"), ("kraken", "USDT", "USD")),
    "USDC": (("binance", "USDC", "USDT"), ("bitget", "USDC", "USDT"), ("kraken", "USDC", "USDT")),
}
"""The pairs that tell what a dollar is worth in the pivot; at least two venues each, so that none decides alone."""


@lru_cache(maxsize=4096)
def pairs_of(traded: str, base: str, quote: str) -> tuple[Pair, ...]:
    """The pairs that price a market of the ``traded`` venue: elsewhere the one quoted in that venue's own dollar."""
    return tuple(_pair(venue, traded, base, quote) for venue in VENUES.values())


def _pair(venue: Venue, traded: str, base: str, quote: str) -> Pair:
    foreign = venue.name != traded and quote in DOLLARS and base not in DOLLARS
    return venue.name, base, venue.home if foreign else quote


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the other venues are asked for: ``books`` all the time, ``candles`` once a minute."""

    books: frozenset[Pair] = frozenset()
    candles: frozenset[Pair] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.books)


def wanted(markets: Collection[tuple[str, str, str]]) -> Wanted:
    """What pricing these markets takes; each is its exchange, base and quote. Its own book comes another way."""
    candles = {pair for market in markets for pair in pairs_of(*market)}
    own = {(exchange, base, quote) for exchange, base, quote in markets}
    dollars = {pair[2] for pair in candles} & RATES.keys()
    rates = {pair for dollar in dollars for pair in RATES[dollar]}
    return Wanted(frozenset((candles - own) | rates), frozenset(candles))
