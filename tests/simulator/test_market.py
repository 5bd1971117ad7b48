"""Market data: shaped as clients expect it, consistent with the book and the trades."""

from itertools import pairwise

import pytest

from tests.simulator.floor import NOW, D
from tests.simulator.wire import Wire, problem

MINUTE = 60_000
DAY = 1440 * MINUTE
MARKET = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1"


def test_the_clock() -> None:
    """ping and time, on all three products."""
    wire = Wire()
    for path in ("/api/v3", "/fapi/v1", "/dapi/v1"):
        assert wire.get(f"{path}/ping") == {}
        assert wire.get(f"{path}/time") == {"serverTime": NOW}


def test_exchange_info_lists_what_was_asked_for() -> None:
    """All, one, some; an unknown symbol is an error."""
    wire = Wire()
    path = "/api/v3/exchangeInfo"
    everything = [one["symbol"] for one in wire.get(path)["symbols"]]
    assert everything == ["BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "ETHBTC", "DOGEUSDT", "AXSUSDT"]
    assert [one["symbol"] for one in wire.get(path, "symbol=ETHBTC")["symbols"]] == ["ETHBTC"]
    for symbols in ('["BTCUSDT","AXSUSDT"]', "%5B%22BTCUSDT%22%2C%22AXSUSDT%22%5D"):
        assert [one["symbol"] for one in wire.get(path, f"symbols={symbols}")["symbols"]] == ["BTCUSDT", "AXSUSDT"]
    assert wire.get(path, "permissions=MARGIN")["symbols"] == []
    for query, code in (
        ("symbol=NOPE", -1121), ('symbols=["NOPE"]', -1121), ("symbols=BTCUSDT", -1100),
        ('symbols=["BTCUSDT","BTCUSDT"]', -1151), ("symbol=BTCUSDT&permissions=SPOT", -1128),
    ):  # fmt: skip
        assert problem(wire.send("GET", f"{path}?{query}"))[1] == code


def test_exchange_info_names_every_filter_once() -> None:
    """The filters that orders are held to."""
    names = [one["filterType"] for one in Wire().get("/api/v3/exchangeInfo", "symbol=BTCUSDT")["symbols"][0]["filters"]]
    wanted = {"PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "NOTIONAL", "MAX_NUM_ORDERS", "PERCENT_PRICE_BY_SIDE"}
    assert wanted <= set(names)
    assert len(set(names)) == len(names)


def test_derivatives_list_one_perpetual_each() -> None:
    """Clients load them at start-up."""
    wire = Wire()
    assert [one["symbol"] for one in wire.get("/fapi/v1/exchangeInfo")["symbols"]] == ["BTCUSDT"]
    assert [one["symbol"] for one in wire.get("/dapi/v1/exchangeInfo")["symbols"]] == ["BTCUSD_PERP"]


def test_depth_and_best_prices_agree() -> None:
    """The first level is the book ticker."""
    wire = Wire()
    depth = wire.get("/api/v3/depth", "symbol=BTCUSDT&limit=5")
    best = wire.get("/api/v3/ticker/bookTicker", "symbol=BTCUSDT")
    assert len(depth["bids"]) == len(depth["asks"]) == 5
    assert depth["bids"][0] == [best["bidPrice"], best["bidQty"]]
    assert depth["asks"][0] == [best["askPrice"], best["askQty"]]
    before = depth["lastUpdateId"]
    wire.ask("POST", "/api/v3/order", MARKET)
    assert wire.get("/api/v3/depth", "symbol=BTCUSDT")["lastUpdateId"] > before


def test_an_empty_side_has_no_best_price() -> None:
    """Zero, as Binance writes it."""
    wire = Wire()
    wire.state.exchange.makers["AXSUSDT"].show([], [(D(8), D(1))], NOW)
    best = wire.get("/api/v3/ticker/bookTicker", "symbol=AXSUSDT")
    assert (best["bidPrice"], best["askPrice"]) == ("0.00000000", "8.00000000")


def test_a_trade_is_public() -> None:
    """In trades, historicalTrades, aggTrades, the ticker and the candle."""
    wire = Wire()
    wire.ask("POST", "/api/v3/order", MARKET)
    trade = wire.get("/api/v3/trades", "symbol=BTCUSDT&limit=1")[0]
    assert (trade["price"], trade["qty"], trade["isBuyerMaker"]) == ("60003.00000000", "0.10000000", False)
    assert wire.get("/api/v3/historicalTrades", f"symbol=BTCUSDT&fromId={trade['id']}") == [trade]
    aggregate = wire.get("/api/v3/aggTrades", f"symbol=BTCUSDT&fromId={trade['id']}")
    assert [(one["a"], one["p"], one["q"]) for one in aggregate] == [(trade["id"], trade["price"], trade["qty"])]
    assert wire.get("/api/v3/aggTrades", f"symbol=BTCUSDT&startTime={NOW + 1}") == []
    assert wire.get("/api/v3/ticker/price", "symbol=BTCUSDT")["price"] == trade["price"]
    candle = wire.get("/api/v3/klines", "symbol=BTCUSDT&interval=1m&limit=1")[0]
    assert (candle[4], candle[2]) == (trade["price"], trade["price"])
    average = wire.get("/api/v3/avgPrice", "symbol=BTCUSDT")
    assert D(60002) < D(average["price"]) < D(60003)


@pytest.mark.parametrize(
    ("interval", "length"),
    [
        ("1s", 1000),
        ("1m", MINUTE),
        ("5m", 5 * MINUTE),
        ("1h", 60 * MINUTE),
        ("1d", DAY),
        ("3d", 3 * DAY),
        ("1w", 7 * DAY),
    ],
)
def test_candles_are_whole_and_in_a_row(interval: str, length: int) -> None:
    """Each opens where the one before has closed, and high and low enclose it."""
    candles = Wire().get("/api/v3/klines", f"symbol=BTCUSDT&interval={interval}&limit=50")
    assert len(candles) == 50
    assert all(later[0] - one[0] == length for one, later in pairwise(candles))
    assert all(one[6] == one[0] + length - 1 for one in candles)
    assert candles[-1][0] <= NOW <= candles[-1][6]
    for _, opened, high, low, closed, *_ in candles:
        assert D(low) <= min(D(opened), D(closed)) <= max(D(opened), D(closed)) <= D(high)


def test_candles_begin_where_binance_begins_them() -> None:
    """Weeks on Monday, months on the first."""
    wire = Wire()
    week = wire.get("/api/v3/klines", "symbol=BTCUSDT&interval=1w&limit=1")[0][0]
    assert (week // DAY + 3) % 7 == 0
    months = wire.get("/api/v3/klines", "symbol=BTCUSDT&interval=1M&limit=3")
    assert [one[0] for one in months] == [1_693_526_400_000, 1_696_118_400_000, 1_698_796_800_000]


def test_candles_can_be_cut() -> None:
    """From a start, to an end, never into the future."""
    wire = Wire()
    start = NOW // MINUTE * MINUTE - 10 * MINUTE
    path, query = "/api/v3/klines", "symbol=BTCUSDT&interval=1m"
    assert wire.get(path, f"{query}&startTime={start}&limit=3")[0][0] == start
    assert len(wire.get(path, f"{query}&startTime={start}")) == 11
    assert wire.get(path, f"{query}&startTime={start}&endTime={start + MINUTE}")[-1][0] == start + MINUTE
    assert wire.get(path, f"{query}&startTime={NOW + DAY}") == []
    assert problem(wire.send("GET", f"{path}?symbol=BTCUSDT&interval=7m")) == (400, -1120, "Invalid interval.")


def test_the_past_is_the_same_whenever_it_is_asked_for() -> None:
    """Two runs that begin at one moment draw one chart."""
    one, other = (Wire().get("/api/v3/klines", "symbol=ETHUSDT&interval=1h") for _ in range(2))
    assert one == other


def test_tickers() -> None:
    """24 hours, trading day and rolling window; full and short."""
    wire = Wire()
    day = wire.get("/api/v3/ticker/24hr", "symbol=BTCUSDT")
    assert D(day["lowPrice"]) <= D(day["lastPrice"]) <= D(day["highPrice"])
    assert D(day["quoteVolume"]) > 1_000_000
    assert (day["lastPrice"], day["bidPrice"], day["askPrice"]) == (
        "60000.00000000",
        "59997.00000000",
        "60003.00000000",
    )
    assert len(wire.get("/api/v3/ticker/24hr")) == 7
    short = wire.get("/api/v3/ticker/24hr", "symbol=BTCUSDT&type=MINI")
    assert "priceChange" not in short
    assert wire.get("/api/v3/ticker", "symbol=BTCUSDT&windowSize=2h")["openTime"] % MINUTE == 0
    assert wire.get("/api/v3/ticker/tradingDay", "symbol=BTCUSDT")["openTime"] % DAY == 0
    assert problem(wire.send("GET", "/api/v3/ticker?symbol=BTCUSDT&windowSize=60m"))[1] == -1130
    assert problem(wire.send("GET", "/api/v3/ticker"))[1] == -1102
    assert len(wire.get("/api/v3/ticker/price", 'symbols=["BTCUSDT","ETHUSDT"]')) == 2


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/api/v3/ping?x=1", (400, -1101, "Too many parameters; expected '0' and received '1'.")),
        ("/api/v3/depth?symbol=BTCUSDT&x=1",
         (400, -1104, "Not all sent parameters were read; read '1' parameter(s) but was sent '2'.")),
        ("/api/v3/depth", (400, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")),
        ("/api/v3/depth?symbol=BTCUSDT&limit=x",
         (400, -1100, "Illegal characters found in parameter 'limit'; legal range is '^[0-9]{1,20}$'.")),
        ("/api/v3/nothing", (404, -1020, "This operation is not supported.")),
        ("/api/v3/Order", (404, -1020, "This operation is not supported.")),
        ("//api/v3/order", (404, -1020, "This operation is not supported.")),
        ("/sapi/v1/loan/borrow", (404, -1020, "This operation is not supported.")),
    ],
)  # fmt: skip
def test_what_is_not_there(target: str, expected: tuple[int, int, str]) -> None:
    """Strict on names, on paths and on numbers."""
    assert problem(Wire().send("GET", target)) == expected
