"""How ccxt is asked for one venue's books and candles. Runs in the price process only.

ccxt's numbers are made Decimal, so that no float stands between a venue's text and ours. Books are asked for the way
that is cheapest at each venue: one request for all markets, or one small request for each.
"""

import asyncio
import importlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from gateway.market.venues import Venue

ANSWER_S: Final = 3.0
"""A book that takes longer would be too old, and candles that take longer would keep the books waiting."""
LOAD_S: Final = 30.0
CANDLE: Final = "5m"
CANDLE_MS: Final = 300_000
DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
_CANDLES: Final = DAY_MS // CANDLE_MS
_SPOT_ONLY: Final = MappingProxyType({"options": {"fetchMarkets": {"types": ["spot"]}}})
_CONFIG: Final = MappingProxyType({"binance": _SPOT_ONLY, "bitget": _SPOT_ONLY})
"""Coinbase and Kraken list one kind of market, or do not let themselves be asked for less."""


_Row = tuple[str, Any, Any]


@dataclass(frozen=True, slots=True)
class Top:
    """The best prices of one market, named as ccxt names it, and when they were asked for (monotonic clock)."""

    symbol: str
    bid: Decimal
    ask: Decimal
    asked_us: int


@dataclass(frozen=True, slots=True)
class Averages:
    """Of the trailing 24 h and 1 h; volumes in the quote."""

    vwap_24h: Decimal
    volume_24h: Decimal
    volume_1h: Decimal


class Client:
    """One venue through ccxt. ``session`` is the one that goes only where it may; ccxt never opens another."""

    def __init__(self, venue: Venue, session: Any) -> None:
        library = importlib.import_module("ccxt.async_support")
        config = {"enableRateLimit": False, "enableLastHttpResponse": False, "session": session}
        self.venue = venue
        self._free_at = 0.0
        self._ccxt: Any = getattr(library, venue.name)({**_CONFIG.get(venue.name, {}), **config})
        self._ccxt.number = Decimal
        self._ccxt.has = {**self._ccxt.has, "fetchCurrencies": False}
        self._ccxt.timeout = int(LOAD_S * 1000)

    async def load(self) -> None:
        """Learn the venue's spot markets, and forget all others: the lists are most of this process's memory."""
        await self._turn()
        markets = await self._ccxt.fetch_markets()
        kept = [market | {"info": {}} for market in markets if market["spot"] and market["active"] is not False]
        self._ccxt.set_markets(kept)

    def lists(self, symbol: str) -> bool:
        """Whether the venue trades this symbol now."""
        return symbol in (self._ccxt.markets or {})

    def requests(self, symbols: Sequence[str]) -> list[Callable[[], Awaitable[list[Top]]]]:
        """The requests, not yet begun, that together tell the best prices of these markets."""
        return [partial(self._tops, request) for request in _BOOKS[self.venue.name](self._ccxt, symbols)]

    async def _tops(self, request: Callable[[], Awaitable[list[_Row]]]) -> list[Top]:
        asked_us = await self._turn()
        async with asyncio.timeout(ANSWER_S):
            rows = await request()
        sound = [(symbol, bid, ask) for symbol, bid, ask in rows if _sound(bid) and _sound(ask) and bid <= ask]
        return [Top(symbol, bid, ask, asked_us) for symbol, bid, ask in sound]

    async def averages(self, symbol: str, now_ms: int) -> Averages | None:
        """Averages and volumes from candles of five minutes, or None where there was no trade.

        A candle counts at its typical price, for volume at its lowest; the one that began before the window is left
        out. So the volumes are never more than what was traded.
        """
        await self._turn()
        async with asyncio.timeout(ANSWER_S):
            rows = await self._ccxt.fetch_ohlcv(symbol, CANDLE, None, _CANDLES)
        return averages_of(rows, now_ms)

    async def _turn(self) -> int:
        """Wait until the venue may be asked again; then the time, in µs. ccxt's own way would count the wait as age."""
        now = time.monotonic()
        mine = max(now, self._free_at)
        self._free_at = mine + self.venue.pause_ms / 1000
        await asyncio.sleep(mine - now)
        return time.monotonic_ns() // 1000

    async def close(self) -> None:
        """Let go of what ccxt holds."""
        await self._ccxt.close()


def averages_of(rows: Sequence[Sequence[Any]], now_ms: int) -> Averages | None:
    """Candles (time, open, high, low, close, base volume) to averages."""
    day = [row for row in rows if row[0] >= now_ms - DAY_MS and all(map(_sound, row[1:5])) and _counts(row[5])]
    base = sum((row[5] for row in day), Decimal(0))
    if base <= 0:
        return None
    typical = sum(((row[2] + row[3] + row[4]) * row[5] / 3 for row in day), Decimal(0))
    hour = [row for row in day if row[0] >= now_ms - HOUR_MS]
    return Averages(typical / base, _lowest_value(day), _lowest_value(hour))


def _lowest_value(rows: Sequence[Sequence[Any]]) -> Decimal:
    return sum((row[3] * row[5] for row in rows), Decimal(0))


def _counts(number: object) -> bool:
    return isinstance(number, Decimal) and number.is_finite() and number >= 0


def _sound(number: object) -> bool:
    return isinstance(number, Decimal) and number.is_finite() and number > 0


async def _bids_asks(ccxt: Any, symbols: Sequence[str]) -> list[_Row]:
    return [_row(ticker) for ticker in (await ccxt.fetch_bids_asks(list(symbols))).values()]


async def _tickers(ccxt: Any, symbols: Sequence[str]) -> list[_Row]:
    return [_row(ticker) for ticker in (await ccxt.fetch_tickers(list(symbols))).values()]


async def _ticker(ccxt: Any, symbol: str) -> list[_Row]:
    return [_row(await ccxt.fetch_ticker(symbol))]


def _row(ticker: Any) -> _Row:
    return ticker["symbol"], ticker["bid"], ticker["ask"]


_BOOKS: Final[dict[str, Callable[[Any, Sequence[str]], list[Callable[[], Awaitable[list[_Row]]]]]]] = {
    "binance": lambda ccxt, symbols: [partial(_bids_asks, ccxt, symbols)],
    "coinbase": lambda ccxt, symbols: [partial(_ticker, ccxt, symbol) for symbol in symbols],
    "bitget": lambda ccxt, symbols: [partial(_ticker, ccxt, symbol) for symbol in symbols],
    "kraken": lambda ccxt, symbols: [partial(_tickers, ccxt, symbols)],
}
