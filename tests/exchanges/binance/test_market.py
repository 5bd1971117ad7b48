"""The gateway's own calls, and how it reads the answers to them."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import Unavailable
from gateway.core.request import Answer
from gateway.core.secret import Secret
from gateway.core.token import Credential, KeyKind
from gateway.exchanges.binance import market, signing
from gateway.exchanges.exchange import Book, KeyPermissions, WorkingOrder

REAL = Credential("REALKEY", KeyKind.HMAC, Secret("realsecret"))
PRICES = {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01000000"}
LOTS = {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001000"}
SYMBOL = {
    "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
    "filters": [PRICES, LOTS, {"filterType": "ICEBERG_PARTS", "limit": 10}],
}


def answer(body: Any, status: int = 200) -> Answer:
    return Answer(status, (), json.dumps(body).encode())


@pytest.mark.parametrize(("call", "request_line"), [
    (market.time(), "GET /api/v3/time"),
    (market.instruments(), "GET /api/v3/exchangeInfo"),
    (market.book("BTCUSDT"), "GET /api/v3/ticker/bookTicker?symbol=BTCUSDT"),
    (market.permissions(), "GET /sapi/v1/account/apiRestrictions?"),
    (market.query_order("BTCUSDT", None, "a:b"), "GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=a%3Ab&"),
    (market.query_order("BTCUSDT", "7", None), "GET /api/v3/order?symbol=BTCUSDT&orderId=7&"),
    (market.cancel_order("BTCUSDT", "7", "a"), "DELETE /api/v3/order?symbol=BTCUSDT&orderId=7&origClientOrderId=a&"),
    (market.open_orders(None), "GET /api/v3/openOrders?recv"),
    (market.open_orders("BTCUSDT"), "GET /api/v3/openOrders?symbol=BTCUSDT&"),
])
def test_own_calls_are_the_ones_meant(call: Any, request_line: str) -> None:
    """Method, path and parameters; compressed answers are never asked for, for we read them."""
    out = signing.sign(call, "live", REAL, 1_700_000_000_000_000)
    assert f"{out.method} {out.target}".startswith(request_line)
    assert out.host == "api.binance.com"
    assert dict(out.head)["Accept-Encoding"] == "identity"


def test_the_clock_is_read_in_microseconds() -> None:
    """``serverTime`` is ms."""
    assert market.parse_time_us(answer({"serverTime": 1499827319559})) == 1499827319559000
    for bad in (answer({}), answer({"serverTime": "1"}), answer({"serverTime": 1}, 500), answer({"serverTime": -1})):
        with pytest.raises(Unavailable):
            market.parse_time_us(bad)


def test_instruments_carry_their_steps_and_their_unified_symbol() -> None:
    """Tick from PRICE_FILTER, lot from LOT_SIZE, whatever the status; a market without steps is none."""
    halted = SYMBOL | {"symbol": "OLDUSDT", "baseAsset": "OLD", "status": "BREAK"}
    bare = SYMBOL | {"symbol": "BAREUSDT", "filters": []}
    zero = SYMBOL | {"symbol": "ZEROUSDT", "filters": [PRICES | {"tickSize": "0.00"}, LOTS]}
    first, second = market.parse_instruments(answer({"timezone": "UTC", "symbols": [SYMBOL, bare, halted, zero]}))
    assert (first.exchange, first.market_id, first.symbol, first.market) == ("binance", "BTCUSDT", "BTC/USDT", "spot")
    assert (first.base, first.quote, first.tick, first.lot) == ("BTC", "USDT", Decimal("0.01"), Decimal("0.00001"))
    assert first.max_fee == Decimal("0.001")
    assert second.market_id == "OLDUSDT"


@pytest.mark.parametrize("bad", [answer({}), answer([]), answer({"symbols": [{}]}), answer({"symbols": []}, 418)])
def test_a_list_of_instruments_that_is_not_understood_is_unavailable(bad: Answer) -> None:
    """Never an empty list instead: that would read as "nothing is traded"."""
    with pytest.raises(Unavailable):
        market.parse_instruments(bad)


@pytest.mark.parametrize(("bid", "ask", "book"), [
    ("4.00000000", "4.10000000", Book(Decimal(4), Decimal("4.1"))), ("4", "4", Book(Decimal(4), Decimal(4))),
    ("0.00000000", "4", None), ("4", "0", None), ("5", "4", None), ("-1", "4", None), ("NaN", "4", None),
    ("", "", None),
])
def test_a_book_has_two_prices_that_make_sense_or_is_none(bid: str, ask: str, book: Book | None) -> None:
    """An empty side, a crossed book or odd numbers are no price."""
    assert market.parse_book(answer({"symbol": "BTCUSDT", "bidPrice": bid, "bidQty": "1", "askPrice": ask})) == book


RESTRICTIONS = {
    "ipRestrict": False, "createTime": 1623840271000, "enableReading": True, "enableWithdrawals": False,
    "enableInternalTransfer": True, "enableMargin": False, "enableFutures": False, "permitsUniversalTransfer": True,
    "enableVanillaOptions": False, "enableSpotAndMarginTrading": True, "enableFixApiTrade": False,
}


def test_permissions_are_read_as_the_exchange_states_them() -> None:
    """What it does not say is None, never a guess."""
    granted = ("enableInternalTransfer", "enableReading", "enableSpotAndMarginTrading", "permitsUniversalTransfer")
    assert market.parse_permissions(answer(RESTRICTIONS)) == KeyPermissions(False, True, True, False, granted)
    unclear = answer({"enableWithdrawals": "false"})
    assert market.parse_permissions(unclear) == KeyPermissions(None, None, None, None, ())
    assert market.parse_permissions(answer(RESTRICTIONS, 401)) is None
    assert market.parse_permissions(answer([])) is None


def test_working_orders_are_listed_whoever_placed_them() -> None:
    """None, not an empty list, where the answer is not understood."""
    order = {"symbol": "BTCUSDT", "orderId": 7, "clientOrderId": "a", "status": "NEW"}
    assert market.parse_open_orders(answer([order])) == (WorkingOrder("BTCUSDT", "7", "a"),)
    assert market.parse_open_orders(answer([])) == ()
    for bad in (answer({}), answer([{}]), answer([order], 500)):
        assert market.parse_open_orders(bad) is None


DONE = answer({"symbol": "BTCUSDT", "orderId": 7})
GONE = answer({"code": -2011, "msg": "Unknown order sent."}, 400)
TIMEOUT = answer({"code": -1007, "msg": "Timeout"}, 504)


@pytest.mark.parametrize(("answers", "status", "body"), [
    ([DONE, DONE], 200, [{"symbol": "BTCUSDT", "orderId": 7}] * 2),
    ([DONE, GONE], 200, [{"symbol": "BTCUSDT", "orderId": 7}]),
    ([GONE], 400, {"code": -2011, "msg": "Unknown order sent."}),
    ([], 400, {"code": -2011, "msg": "Unknown order sent."}),
    ([DONE, TIMEOUT], 504, {"code": -1007, "msg": "Timeout"}),
])
def test_single_cancels_are_answered_as_one_cancel_all(answers: list[Answer], status: int, body: Any) -> None:
    """What is gone is left out; an unknown outcome is not hidden; nothing to cancel is the exchange's own error."""
    joined = market.join_cancels(answers)
    assert (joined.status, json.loads(joined.body)) == (status, body)


@given(st.binary(max_size=60), st.integers(200, 599))
@settings(max_examples=100, deadline=None)
def test_no_answer_makes_a_parser_raise_anything_but_unavailable(body: bytes, status: int) -> None:
    """Hostile bytes are not understood; they do no more."""
    given_answer = Answer(status, (), body)
    for parser in (market.parse_time_us, market.parse_instruments):
        with pytest.raises(Unavailable):
            parser(given_answer)
    for reader in (market.parse_book, market.parse_permissions, market.parse_open_orders):
        assert reader(given_answer) in (None, (), KeyPermissions(None, None, None, None, ()))
