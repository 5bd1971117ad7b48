"""Quotes for tests: a book of all venues around one price, and what a venue says instead."""

from collections.abc import Iterable
from decimal import Decimal

from gateway.core.snapshot import Instrument
from gateway.market.quotes import Quote, Quotes, Slow
from gateway.market.venues import Pair

D = Decimal
NOTHING = D(0)
NOW_MS = 1_795_000_000_000
AGE_MS = 3_000
BTC_USDT = Instrument("binance", "BTCUSDT", "BTC/USDT", "spot", "BTC", "USDT", D("0.01"), D("0.00001"), D("0.001"))
ETH_BTC = Instrument("binance", "ETHBTC", "ETH/BTC", "spot", "ETH", "BTC", D("0.00001"), D("0.0001"), D("0.001"))
PAIRS: dict[str, Pair] = {
    "binance": ("binance", "BTC", "USDT"),
    "coinbase": ("coinbase", "BTC", "USD"),
    "bitget": ("bitget", "BTC", "USDT"),
    "kraken": ("kraken", "BTC", "USD"),
}
PEGS: tuple[Pair, ...] = (("coinbase", "USDT", "USD"), ("kraken", "USDT", "USD"))


def quote(pair: Pair, middle: Decimal, at_ms: int = NOW_MS, spread: Decimal = NOTHING) -> Quote:
    """A book around this price."""
    half = middle * spread / 2
    return Quote(*pair, middle - half, middle + half, at_ms)


def book(quotes: Iterable[Quote], slow: Iterable[tuple[Pair, Slow]] = ()) -> Quotes:
    """All of these put in, in this order."""
    made = Quotes()
    for one in quotes:
        made.put(one)
    for pair, averages in slow:
        made.put_slow(pair, averages)
    return made


def told(prices: dict[str, str], usdt: str = "1", at_ms: int = NOW_MS) -> list[Quote]:
    """What these venues quote for BTC, and one USDT for so many USD at both venues that say so."""
    return [quote(PAIRS[name], D(price), at_ms) for name, price in prices.items()] + [
        quote(pair, D(usdt), at_ms) for pair in PEGS
    ]
