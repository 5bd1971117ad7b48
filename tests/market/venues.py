"""Four venues on one loopback port, each as its public API answers ccxt; prices are what a test says they are.

TLS by the name that is asked for, certificates of a CA made for the run: whoever goes there proves that names are
checked. Runs in a thread of its own, so that tests of processes and tests with an event loop both can use it.
"""

import asyncio
import contextlib
import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from gateway.market.venues import VENUES
from tests.edge.exchange import Authority

HOSTS = {venue.host: venue.name for venue in VENUES.values()}
CANDLE_S = 300
Price = tuple[str, str]
"""A bid and an ask, as text."""

LISTED = {
    "binance": ("BTC/USDT", "ETH/USDT", "USDC/USDT", "ETH/BTC"),
    "coinbase": ("BTC/USD", "ETH/USD", "USDT/USD", "ETH/BTC"),
    "bitget": ("BTC/USDT", "ETH/USDT", "USDC/USDT", "ETH/BTC"),
    "kraken": ("BTC/USD", "ETH/USD", "USDT/USD", "USDC/USDT", "ETH/BTC"),
}
WORTH = {"BTC": Decimal(64000), "ETH": Decimal(3200), "USDT": Decimal(1), "USDC": Decimal(1), "USD": Decimal(1)}


@dataclass
class Venue:
    """One venue: what it quotes, what was asked of it, and whether it answers."""

    name: str
    prices: dict[str, Price] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    down: bool = False
    redirect: str = ""
    lists: tuple[str, ...] = ()
    """The symbols it lists, where they are not those of the table."""
    leave_alone_s: int = 0
    """How long it says that it wants to be left alone."""
    candle: tuple[str, str, str, str, str] = ("63900", "64100", "63800", "64000", "2")
    """Open, high, low, close, base volume of every candle of five minutes."""

    def set_middle(self, symbol: str, middle: Decimal, spread: Decimal = Decimal("0.0002")) -> None:
        """Quote around this price, as wide as this fraction of it."""
        half = middle * spread / 2
        self.prices[symbol] = (f"{middle - half:f}", f"{middle + half:f}")

    def scale(self, factor: str) -> None:
        """Quote everything but dollars this many times as high as others do."""
        for symbol in LISTED[self.name]:
            base, _, quote = symbol.partition("/")
            wrong = Decimal(1) if base in ("USDT", "USDC") else Decimal(factor)
            self.set_middle(symbol, WORTH[base] / WORTH[quote] * wrong)


class Venues:
    """All four, from ``with`` to its end."""

    def __init__(self, folder: Path) -> None:
        self._authority = Authority(folder)
        self.ca_file = self._authority.file
        self.each = {name: Venue(name) for name in LISTED}
        for venue in self.each.values():
            venue.scale("1")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.certificates: dict[str, str] = {}
        """Names that are answered with another name's certificate."""

    def __getitem__(self, name: str) -> Venue:
        return self.each[name]

    @property
    def connect_to(self) -> dict[str, str]:
        """For ``upstream.connect_to``: every venue's name leads here."""
        return {f"{host}:443": f"127.0.0.1:{self.port}" for host in HOSTS}

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _open(self) -> None:
        contexts = {host: self._authority.server_context(host) for host in HOSTS}
        for context in contexts.values():
            context.set_alpn_protocols(["http/1.1"])
        first = contexts["api.binance.com"]

        def choose(line: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
            if name not in contexts:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            line.context = contexts[self.certificates.get(name, name)]
            return None

        first.sni_callback = choose  # type: ignore[assignment]
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=first)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                writer.write(self._answer(head))
                await writer.drain()
        self._writers.discard(writer)
        writer.transport.abort()

    def _answer(self, head: str) -> bytes:
        request, *lines = head.split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
        split = urlsplit(request.split(" ")[1])
        venue = self.each[HOSTS[headers["host"]]]
        venue.asked[split.path] += 1
        if venue.down:
            return b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
        if venue.leave_alone_s:
            wait = f"Retry-After: {venue.leave_alone_s}"
            return f"HTTP/1.1 429 Too Many Requests\r\n{wait}\r\nContent-Length: 0\r\n\r\n".encode()
        if venue.redirect:
            return f"HTTP/1.1 302 Found\r\nLocation: {venue.redirect}\r\nContent-Length: 0\r\n\r\n".encode()
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        told = answer(venue, split.path, query)
        status = "200 OK" if told is not None else "404 Not Found"
        body = json.dumps(told).encode()
        return (
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )


Query = dict[str, str]


def answer(venue: Venue, path: str, query: Query) -> Any:
    """What the venue says to a path, None for one that it does not know."""
    for (name, prefix), say in ROUTES.items():
        if name == venue.name and path.startswith(prefix):
            return say(venue, path, query)
    return None


def candles() -> list[int]:
    """The starts (s) of the candles of the last 24 h, the one under way included."""
    now = int(time.time()) // CANDLE_S * CANDLE_S
    return list(range(now - 287 * CANDLE_S, now + 1, CANDLE_S))


def listed(venue: Venue) -> list[tuple[str, str, str]]:
    """Id, base and quote of each market."""
    parts = [symbol.split("/") for symbol in venue.lists or LISTED[venue.name]]
    joint = "-" if venue.name == "coinbase" else ""
    return [(f"{base}{joint}{quote}", base, quote) for base, quote in parts]


def symbol_of(venue: Venue, market_id: str) -> str:
    return next(f"{base}/{quote}" for found, base, quote in listed(venue) if found == market_id)


# -- Binance ----------------------------------------------------------------------------------------------------------


def binance_markets(venue: Venue, path: str, query: Query) -> Any:
    rows = [
        {"symbol": market_id, "status": "TRADING", "baseAsset": base, "baseAssetPrecision": 8, "quoteAsset": quote,
         "quotePrecision": 8, "quoteAssetPrecision": 8, "orderTypes": ["LIMIT", "MARKET"], "permissions": [],
         "permissionSets": [["SPOT"]], "isSpotTradingAllowed": True, "isMarginTradingAllowed": False, "filters": [
             {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
             {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"}]}
        for market_id, base, quote in listed(venue)
    ]  # fmt: skip
    return {"timezone": "UTC", "serverTime": int(time.time() * 1000), "rateLimits": [], "symbols": rows}


def binance_books(venue: Venue, path: str, query: Query) -> Any:
    named = json.loads(query["symbols"]) if "symbols" in query else [query["symbol"]]
    rows = []
    for market_id in named:
        bid, ask = venue.prices[symbol_of(venue, market_id)]
        rows.append({"symbol": market_id, "bidPrice": bid, "bidQty": "1", "askPrice": ask, "askQty": "1"})
    return rows if "symbols" in query else rows[0]


def binance_time(venue: Venue, path: str, query: Query) -> Any:
    return {"serverTime": int(time.time() * 1000)}


def binance_candles(venue: Venue, path: str, query: Query) -> Any:
    return [[start * 1000, *venue.candle, start * 1000 + 299_999, "0", 1, "0", "0", "0"] for start in candles()]


# -- Coinbase ---------------------------------------------------------------------------------------------------------


def coinbase_products(venue: Venue, path: str, query: Query) -> Any:
    if query.get("product_type") == "FUTURE":
        return {"products": [], "num_products": 0}
    rows = [
        {"product_id": market_id, "price": "1", "base_increment": "0.00000001", "quote_increment": "0.01",
         "quote_min_size": "1", "quote_max_size": "150000000", "base_min_size": "0.00000001", "base_max_size": "3400",
         "base_name": base, "quote_name": quote, "is_disabled": False, "status": "online", "cancel_only": False,
         "limit_only": False, "post_only": False, "trading_disabled": False, "auction_mode": False,
         "product_type": "SPOT", "quote_currency_id": quote, "base_currency_id": base, "price_increment": "0.01",
         "alias": "", "alias_to": [], "view_only": False, "display_name": market_id, "product_venue": "CBE"}
        for market_id, base, quote in listed(venue)
    ]  # fmt: skip
    return {"products": rows, "num_products": len(rows)}


def coinbase_candles(venue: Venue, path: str, query: Query) -> Any:
    opened, high, low, close, volume = venue.candle
    starts = [start for start in candles() if int(query["start"]) <= start <= int(query["end"])]
    return {"candles": [
        {"start": str(start), "open": opened, "high": high, "low": low, "close": close, "volume": volume}
        for start in reversed(starts)
    ]}  # fmt: skip


def coinbase_product(venue: Venue, path: str, query: Query) -> Any:
    """The list of products, or one product's candles or ticker."""
    if path.endswith("/candles"):
        return coinbase_candles(venue, path, query)
    if not path.endswith("/ticker"):
        return coinbase_products(venue, path, query)
    product = path.split("/")[-2]
    bid, ask = venue.prices[symbol_of(venue, product)]
    trade = {"trade_id": "1", "product_id": product, "price": bid, "size": "1", "time": "2026-01-01T00:00:00Z",
             "side": "BUY", "bid": "", "ask": ""}  # fmt: skip
    return {"trades": [trade], "best_bid": bid, "best_ask": ask}


# -- Bitget -----------------------------------------------------------------------------------------------------------


def bitget(rows: list[Any]) -> Any:
    return {"code": "00000", "msg": "success", "requestTime": int(time.time() * 1000), "data": rows}


def bitget_symbols(venue: Venue, path: str, query: Query) -> Any:
    return bitget([
        {"symbol": market_id, "baseCoin": base, "quoteCoin": quote, "minTradeAmount": "0", "maxTradeAmount": "1000000",
         "takerFeeRate": "0.002", "makerFeeRate": "0.002", "pricePrecision": "2", "quantityPrecision": "6",
         "quotePrecision": "8", "status": "online", "minTradeUSDT": "1"}
        for market_id, base, quote in listed(venue)
    ])  # fmt: skip


def bitget_ticker(venue: Venue, path: str, query: Query) -> Any:
    bid, ask = venue.prices[symbol_of(venue, query["symbol"])]
    return bitget([
        {"symbol": query["symbol"], "bidPr": bid, "askPr": ask, "lastPr": bid, "open": bid, "high24h": ask,
         "low24h": bid, "quoteVolume": "1", "baseVolume": "1", "ts": str(int(time.time() * 1000)), "bidSz": "1",
         "askSz": "1"}
    ])  # fmt: skip


def bitget_candles(venue: Venue, path: str, query: Query) -> Any:
    return bitget([[str(start * 1000), *venue.candle, "1", "1"] for start in candles()])


# -- Kraken -----------------------------------------------------------------------------------------------------------

XNAMES = {"BTC": "XXBT", "ETH": "XETH", "USD": "ZUSD"}
ALTNAMES = {"BTC": "XBT"}


def kraken_id(base: str, quote: str) -> str:
    """The old pairs bear letters in front, the newer ones do not."""
    if base in XNAMES and quote in XNAMES:
        return XNAMES[base] + XNAMES[quote]
    return ALTNAMES.get(base, base) + (XNAMES.get(quote, quote) if base == "USDT" else quote)


def kraken_pairs(venue: Venue, path: str, query: Query) -> Any:
    return {"error": [], "result": {
        kraken_id(base, quote): {
            "altname": ALTNAMES.get(base, base) + ALTNAMES.get(quote, quote),
            "wsname": f"{ALTNAMES.get(base, base)}/{ALTNAMES.get(quote, quote)}", "aclass_base": "currency",
            "base": XNAMES.get(base, base), "aclass_quote": "currency", "quote": XNAMES.get(quote, quote),
            "lot": "unit", "cost_decimals": 5, "pair_decimals": 5, "lot_decimals": 8, "lot_multiplier": 1,
            "leverage_buy": [], "leverage_sell": [], "fees": [[0, 0.4]], "fees_maker": [[0, 0.25]],
            "fee_volume_currency": "ZUSD", "margin_call": 80, "margin_stop": 40, "ordermin": "0.0001",
            "costmin": "0.5", "tick_size": "0.1", "status": "online"}
        for _, base, quote in listed(venue)
    }}  # fmt: skip


def kraken_symbol(venue: Venue, named: str) -> str:
    return next(f"{base}/{quote}" for _, base, quote in listed(venue) if kraken_id(base, quote) == named)


def kraken_tickers(venue: Venue, path: str, query: Query) -> Any:
    result = {}
    for named in query["pair"].split(","):
        bid, ask = venue.prices[kraken_symbol(venue, named)]
        two = ["1", "1"]
        result[named] = {"a": [ask, "1", "1.000"], "b": [bid, "1", "1.000"], "c": [bid, "0.1"], "v": two, "p": two,
                         "t": [1, 1], "l": two, "h": two, "o": "1"}  # fmt: skip
    return {"error": [], "result": result}


def kraken_candles(venue: Venue, path: str, query: Query) -> Any:
    opened, high, low, close, volume = venue.candle
    rows = [[start, opened, high, low, close, close, volume, 1] for start in candles()]
    return {"error": [], "result": {query["pair"]: rows, "last": rows[-1][0]}}


ROUTES: dict[tuple[str, str], Callable[[Venue, str, Query], Any]] = {
    ("binance", "/api/v3/time"): binance_time,
    ("binance", "/api/v3/exchangeInfo"): binance_markets,
    ("binance", "/api/v3/ticker/bookTicker"): binance_books,
    ("binance", "/api/v3/klines"): binance_candles,
    ("coinbase", "/api/v3/brokerage/market/products"): coinbase_product,
    ("bitget", "/api/v2/spot/public/symbols"): bitget_symbols,
    ("bitget", "/api/v2/margin/currencies"): lambda venue, path, query: bitget([]),
    ("bitget", "/api/v2/spot/market/tickers"): bitget_ticker,
    ("bitget", "/api/v2/spot/market/candles"): bitget_candles,
    ("kraken", "/0/public/AssetPairs"): kraken_pairs,
    ("kraken", "/0/public/Ticker"): kraken_tickers,
    ("kraken", "/0/public/OHLC"): kraken_candles,
}
