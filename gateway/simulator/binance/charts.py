"""Klines and tickers: spans of the tape, cut where Binance cuts them (UTC, weeks from Monday, months by calendar)."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ..core.market import Market
from ..core.tape import MINUTE, Bar, Print
from .errors import error
from .render import Json, number
from .state import Asked

HOUR = 60 * MINUTE
DAY = 24 * HOUR
_LENGTHS = {
    "1s": 1000, "1m": MINUTE, "3m": 3 * MINUTE, "5m": 5 * MINUTE, "15m": 15 * MINUTE, "30m": 30 * MINUTE,
    "1h": HOUR, "2h": 2 * HOUR, "4h": 4 * HOUR, "6h": 6 * HOUR, "8h": 8 * HOUR, "12h": 12 * HOUR,
    "1d": DAY, "3d": 3 * DAY, "1w": 7 * DAY,
}  # fmt: skip
_MONDAY = 4 * DAY
_WINDOW_UNITS = {"m": (MINUTE, 59), "h": (HOUR, 23), "d": (DAY, 7)}


def _spans(interval: str, start: int | None, end: int, limit: int) -> Iterator[tuple[int, int]]:
    if interval == "1M":
        yield from _months(start, end, limit)
        return
    length = _LENGTHS[interval]
    shift = _MONDAY if interval == "1w" else 0
    last = (end - shift) // length * length + shift
    first = last - (limit - 1) * length
    if start is not None:
        first = -(-(start - shift) // length) * length + shift
    for number_ in range(limit):
        begin = max(first, shift) + number_ * length
        if begin > last:
            return
        yield begin, begin + length


def _months(start: int | None, end: int, limit: int) -> Iterator[tuple[int, int]]:
    last = _month_of(end)
    first = last - limit + 1 if start is None else _month_of(start - 1) + 1
    for month in range(max(first, 0), min(first + limit - 1, last) + 1):
        yield _month_start(month), _month_start(month + 1)


def _month_of(moment: int) -> int:
    date = datetime.fromtimestamp(moment / 1000, UTC)
    return (date.year - 1970) * 12 + date.month - 1


def _month_start(month: int) -> int:
    return int(datetime(1970 + month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp()) * 1000


def klines(asked: Asked) -> list[list[Any]]:
    """GET /api/v3/klines and uiKlines"""
    market, read = asked.market(), asked.parameters
    interval = read.need("interval")
    if interval not in _LENGTHS and interval != "1M":
        raise error("BAD_INTERVAL")
    start, end, limit = read.integer("startTime"), read.integer("endTime"), read.limit(500, 1000)
    read.get("timeZone")
    last = asked.now if end is None else min(end, asked.now)
    return [_kline(market.tape.window(*span)) for span in _spans(interval, start, last, limit)]


def _kline(bar: Bar) -> list[Any]:
    return [
        bar.start, number(bar.open), number(bar.high), number(bar.low), number(bar.close), number(bar.volume),
        bar.end - 1, number(bar.quote), bar.count, number(bar.taker_volume), number(bar.taker_quote), "0",
    ]  # fmt: skip


def _each(asked: Asked, render: Callable[[Market], Json], *, all_allowed: bool) -> Json | list[Json]:
    read = asked.parameters
    symbol, symbols = read.symbol(), read.symbols()
    read.choice("symbolStatus", ("TRADING", "HALT", "BREAK"), "BAD_VALUE")
    if symbol is not None and symbols is not None:
        raise error("BAD_COMBINATION")
    if symbol is not None:
        return render(asked.market_of(symbol))
    if symbols is None and not all_allowed:
        raise error("MISSING_EITHER", "symbol", "symbols")
    return [render(asked.market_of(name)) for name in (asked.exchange.markets if symbols is None else symbols)]


def price(asked: Asked) -> Json | list[Json]:
    """GET /api/v3/ticker/price"""
    return _each(
        asked, lambda market: {"symbol": market.instrument.symbol, "price": number(market.last)}, all_allowed=True
    )


def _best(market: Market) -> Json:
    nothing = [(Decimal(0), Decimal(0))]
    (bid, bid_size), (ask, ask_size) = ((market.ladders[side].levels(1) or nothing)[0] for side in ("BUY", "SELL"))
    return {"bidPrice": number(bid), "bidQty": number(bid_size), "askPrice": number(ask), "askQty": number(ask_size)}


def book_ticker(asked: Asked) -> Json | list[Json]:
    """GET /api/v3/ticker/bookTicker"""
    return _each(asked, lambda market: {"symbol": market.instrument.symbol} | _best(market), all_allowed=True)


def _statistics(market: Market, start: int, end: int) -> Json:
    bar = market.tape.window(start, end)
    change = bar.close - bar.open
    return {
        "symbol": market.instrument.symbol,
        "priceChange": number(change),
        "priceChangePercent": f"{change / bar.open * 100:.3f}",
        "weightedAvgPrice": number(bar.quote / bar.volume if bar.volume else market.last),
        "openPrice": number(bar.open),
        "highPrice": number(bar.high),
        "lowPrice": number(bar.low),
        "lastPrice": number(market.last),
        "volume": number(bar.volume),
        "quoteVolume": number(bar.quote),
        "openTime": start,
        "closeTime": end,
        "firstId": bar.first_id,
        "lastId": bar.last_id,
        "count": bar.count,
    }


_FULL_ONLY = ("priceChange", "priceChangePercent", "weightedAvgPrice")


def _ticker(asked: Asked, span: Callable[[], tuple[int, int]], more: bool, *, all_allowed: bool) -> Json | list[Json]:
    kind = asked.parameters.choice("type", ("FULL", "MINI"), "BAD_VALUE")
    start, end = span()

    def render(market: Market) -> Json:
        found = _statistics(market, start, end)
        if kind == "MINI":
            return {name: value for name, value in found.items() if name not in _FULL_ONLY}
        if more:
            last = market.tape.prints[-1]
            found |= {"prevClosePrice": found["openPrice"], "lastQty": number(last.quantity)} | _best(market)
        return found

    return _each(asked, render, all_allowed=all_allowed)


def ticker_24hr(asked: Asked) -> Json | list[Json]:
    """GET /api/v3/ticker/24hr"""
    return _ticker(asked, lambda: (asked.now - DAY, asked.now), True, all_allowed=True)


def trading_day(asked: Asked) -> Json | list[Json]:
    """GET /api/v3/ticker/tradingDay"""
    asked.parameters.get("timeZone")
    midnight = asked.now // DAY * DAY
    return _ticker(asked, lambda: (midnight, midnight + DAY - 1), False, all_allowed=False)


def rolling(asked: Asked) -> Json | list[Json]:
    """GET /api/v3/ticker"""
    size = asked.parameters.get("windowSize") or "1d"
    length, most = _WINDOW_UNITS.get(size[-1], (0, 0))
    if not (size[:-1].isascii() and size[:-1].isdigit() and 1 <= int(size[:-1]) <= most):
        raise error("BAD_VALUE", "windowSize")
    start = (asked.now - int(size[:-1]) * length) // MINUTE * MINUTE
    return _ticker(asked, lambda: (start, asked.now), False, all_allowed=False)


def average(asked: Asked) -> Json:
    """GET /api/v3/avgPrice"""
    tape = asked.market().tape
    return {"mins": 5, "price": number(tape.average(asked.now)), "closeTime": tape.prints[-1].time}


def depth(asked: Asked) -> Json:
    """GET /api/v3/depth"""
    market, limit = asked.market(), asked.parameters.limit(100, 5000)
    asked.parameters.choice("symbolStatus", ("TRADING", "HALT", "BREAK"), "BAD_VALUE")
    bids, asks = (
        [[number(price_), number(size)] for price_, size in market.ladders[side].levels(limit)]
        for side in ("BUY", "SELL")
    )
    return {"lastUpdateId": market.updates, "bids": bids, "asks": asks}


def _public(one: Print) -> Json:
    return {
        "id": one.id,
        "price": number(one.price),
        "qty": number(one.quantity),
        "quoteQty": number(one.quote),
        "time": one.time,
        "isBuyerMaker": one.buyer_is_maker,
        "isBestMatch": True,
    }


def trades(asked: Asked) -> list[Json]:
    """GET /api/v3/trades and historicalTrades"""
    market, limit = asked.market(), asked.parameters.limit(500, 1000)
    return [_public(one) for one in _cut(market.tape.prints, limit, None)]


def old_trades(asked: Asked) -> list[Json]:
    """GET /api/v3/historicalTrades"""
    market, limit = asked.market(), asked.parameters.limit(500, 1000)
    return [_public(one) for one in _cut(market.tape.prints, limit, asked.parameters.integer("fromId"))]


def _cut(prints: Any, limit: int, first: int | None) -> list[Print]:
    found = [one for one in prints if first is None or one.id >= first]
    return found[-limit:] if first is None else found[:limit]


def aggregated(asked: Asked) -> list[Json]:
    """GET /api/v3/aggTrades: here every trade is its own aggregate."""
    market, read = asked.market(), asked.parameters
    limit, first = read.limit(500, 1000), read.integer("fromId")
    start, end = read.integer("startTime"), read.integer("endTime")
    found = [
        one for one in market.tape.prints if (start is None or one.time >= start) and (end is None or one.time <= end)
    ]
    cut = _cut(found, limit, first if first is not None or start is None else 0)
    return [
        {"a": one.id, "p": number(one.price), "q": number(one.quantity), "f": one.id, "l": one.id, "T": one.time,
         "m": one.buyer_is_maker, "M": True}
        for one in cut
    ]  # fmt: skip
