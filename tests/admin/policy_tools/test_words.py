"""Orders in words: what reads, reads into exactly that order and prints back; what does not says what is missing."""

from decimal import Decimal

import pytest

from gateway.admin.policy_tools.words import Asked, BadWords, from_record, read, spoken
from gateway.core.intent import Cancel, OrderKind, Place, Read, ReadName, Side, TimeInForce
from gateway.stages.records import described

D = Decimal
GTC = TimeInForce.GTC
ORDERS: dict[str, Place] = {
    "buy 0.1 BTC/USDT limit 64000": Place(
        "BTCUSDT", Side.BUY, OrderKind.LIMIT, D("0.1"), price=D(64000), time_in_force=GTC
    ),
    "sell 1 ETH/BTC post_only 0.05": Place("ETHBTC", Side.SELL, OrderKind.POST_ONLY, D(1), price=D("0.05")),
    "buy 100 USDT of BTC/USDT market": Place("BTCUSDT", Side.BUY, OrderKind.MARKET, None, D(100)),
    "sell 2 BTC/USDT market": Place("BTCUSDT", Side.SELL, OrderKind.MARKET, D(2)),
    "sell 2 BTC/USDT stop 59000": Place("BTCUSDT", Side.SELL, OrderKind.STOP, D(2), trigger=D(59000)),
    "sell 2 BTC/USDT stop_limit 59000 58000 ioc": Place(
        "BTCUSDT", Side.SELL, OrderKind.STOP_LIMIT, D(2), price=D(58000), trigger=D(59000),
        time_in_force=TimeInForce.IOC,
    ),
    "sell 2 BTC/USDT take_profit 61000": Place("BTCUSDT", Side.SELL, OrderKind.TAKE_PROFIT, D(2), trigger=D(61000)),
    "sell 2 BTC/USDT take_profit_limit 61000 60000": Place(
        "BTCUSDT", Side.SELL, OrderKind.TAKE_PROFIT_LIMIT, D(2), price=D(60000), trigger=D(61000), time_in_force=GTC
    ),
    "sell 2 BTC/USDT trailing_stop 100 59000": Place(
        "BTCUSDT", Side.SELL, OrderKind.STOP_LIMIT, D(2), price=D(59000), trailing_bips=100, time_in_force=GTC
    ),
    "sell 2 BTC/USDT stop_limit 59000 58000 trailing 50": Place(
        "BTCUSDT", Side.SELL, OrderKind.STOP_LIMIT, D(2), price=D(58000), trigger=D(59000), trailing_bips=50,
        time_in_force=GTC,
    ),
    "buy 2 BTC/USDT limit 60000 fok iceberg 0.5 test": Place(
        "BTCUSDT", Side.BUY, OrderKind.LIMIT, D(2), price=D(60000), time_in_force=TimeInForce.FOK, display=D("0.5"),
        test=True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", ORDERS)
def test_words_are_exactly_one_order_and_print_back(text: str) -> None:
    """What a tool prints can be typed again."""
    asked = read(text)
    assert asked.place == ORDERS[text]
    assert spoken(ORDERS[text], asked.symbol) == text


@pytest.mark.parametrize("text", ORDERS)
def test_the_order_of_a_record_is_the_order_that_was_recorded(text: str) -> None:
    """A replay judges what was judged."""
    assert from_record(described(ORDERS[text])) == ORDERS[text]


def test_what_is_no_order_has_words_too() -> None:
    """Reads and cancels."""
    assert read("read balances") == Asked("", Read(ReadName.BALANCES))
    assert read("cancel own") == Asked("", Cancel("", None, "an order"))
    assert read("cancel foreign").cancels_foreign


@pytest.mark.parametrize(
    ("text", "told", "suggestion"),
    [
        ("", "there are no words", "buy 0.1 BTC/USDT limit 64000"),
        ("hold 1 BTC/USDT", "'hold 1 BTC/USDT' is not understood", "buy 0.1 BTC/USDT limit 64000"),
        ("buy", "the quantity is missing", "buy 0.1"),
        ("buy BTC/USDT market", "'BTC/USDT' is not a number", "1_000.5"),
        ("buy 1 BTCUSDT market", "the symbol is missing after the amount", "buy 0.1"),
        ("buy 1 BTC/USDT", "the kind of order is missing", "buy 0.1"),
        ("buy 1 BTC/USDT limt 5", "'limt' is no kind of order", "limit, post_only, stop"),
        ("buy 1 BTC/USDT limit", "the price is missing", "buy 0.1"),
        ("buy 1 BTC/USDT stop_limit 5", "the price is missing", "buy 0.1"),
        ("buy 1 BTC/USDT trailing_stop", "the trailing is missing", "buy 0.1"),
        ("buy 1 BTC/USDT limit -5", "'-5' is not a number", "1_000.5"),
        ("buy 0 BTC/USDT market", "zero makes no sense here", "buy 0.1"),
        ("buy 1e3 BTC/USDT market", "'1e3' is not a number", "1_000.5"),
        ("buy 1 BTC/USDT market now", "'now' is not understood", "gtc, ioc, fok"),
        ("buy 5 EUR of BTC/USDT market", "an amount of EUR cannot buy or sell in BTC/USDT", "name an amount of USDT"),
        ("buy 5 USDT of BTC/USDT limit 4", "a limit order is not for an amount of USDT", "name a quantity of BTC"),
        ("read everything", "'read everything' is not understood", "buy 0.1"),
        ("cancel all", "'cancel all' is not understood", "buy 0.1"),
    ],
)
def test_what_is_not_understood_says_what_is_wrong(text: str, told: str, suggestion: str) -> None:
    """Never another order than the one meant."""
    with pytest.raises(BadWords) as caught:
        read(text)
    assert told in caught.value.message
    assert suggestion in caught.value.suggestion


@pytest.mark.parametrize("change", [{"side": "hold"}, {"kind": "magic"}, {"price": "x"}, {"time_in_force": "FOREVER"}])
def test_a_record_of_no_order_is_refused(change: dict[str, str]) -> None:
    """A replay says that it does not understand, instead of guessing."""
    record = described(ORDERS["buy 0.1 BTC/USDT limit 64000"])
    with pytest.raises(BadWords, match="the record describes no order"):
        from_record(record | change)
