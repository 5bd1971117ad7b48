"""What answers teach: fills are cumulative, rejects are definite or they are not, and nothing is believed by halves."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.intent import CancelAll, OrderKind, Place, Side, TimeInForce
from gateway.core.order import OrderEvent
from gateway.core.request import Answer, Call
from gateway.exchanges.binance import market
from gateway.exchanges.binance.decode import CATALOGUE
from gateway.exchanges.binance.hosts import API
from gateway.exchanges.binance.learn import learn
from gateway.exchanges.exchange import Lesson, Outcome


def row(method: str, path: str) -> Any:
    return CATALOGUE.find(method, API, path)


ORDER = Place(
    "BTCUSDT", Side.BUY, OrderKind.LIMIT, Decimal(1), price=Decimal(10), time_in_force=TimeInForce.GTC, client_id="mine"
)
PLACE = Call(row("POST", "/api/v3/order"), ORDER)
TEST = Call(row("POST", "/api/v3/order/test"), ORDER)
CANCEL = market.cancel_order("BTCUSDT", None, "mine")
CANCEL_BY_ID = market.cancel_order("BTCUSDT", "28", None)
CANCEL_ALL = Call(row("DELETE", "/api/v3/openOrders"), CancelAll("BTCUSDT"))
QUERY = market.query_order("BTCUSDT", None, "mine")
OPEN = market.open_orders("BTCUSDT")
ALL = Call(row("GET", "/api/v3/allOrders"), market.open_orders("BTCUSDT").intent)
ACCOUNT = Call(row("GET", "/api/v3/account"), market.permissions().intent)
CHANGES = (PLACE, CANCEL, CANCEL_BY_ID, CANCEL_ALL)
CALLS = (*CHANGES, TEST, QUERY, OPEN, ALL, ACCOUNT)

ACK = {"symbol": "BTCUSDT", "orderId": 28, "orderListId": -1, "clientOrderId": "mine", "transactTime": 1507725176595}
RESULT = ACK | {
    "price": "0.00000000", "origQty": "10.00000000", "executedQty": "10.00000000", "origQuoteOrderQty": "0.000000",
    "cummulativeQuoteQty": "39997.80000000", "status": "FILLED", "timeInForce": "GTC", "type": "MARKET", "side": "SELL",
    "workingTime": 1507725176595, "selfTradePreventionMode": "NONE",
}
FULL = RESULT | {
    "fills": [{"price": "4000.00", "qty": "1.0", "commission": "4.0", "commissionAsset": "USDT", "tradeId": 56}],
}
CANCELED = RESULT | {
    "origClientOrderId": "mine", "clientOrderId": "cancelMyOrder1", "status": "CANCELED", "executedQty": "1.5",
    "cummulativeQuoteQty": "15",
}
LISTED = {
    "orderListId": 1929, "contingencyType": "OCO", "listStatusType": "ALL_DONE", "symbol": "BTCUSDT",
    "orders": [{"symbol": "BTCUSDT", "orderId": 20, "clientOrderId": "CwOOIPHSmYywx6jZX77TdL"}],
    "orderReports": [
        CANCELED | {"orderId": 20, "origClientOrderId": "a"}, CANCELED | {"orderId": 21, "origClientOrderId": "b"},
    ],
}


def said(call: Call, body: Any, status: int = 200) -> Lesson:
    return learn(call, Answer(status, (), json.dumps(body).encode()))


def event(
    client_id: str | None = "mine", filled: str = "0", value: str = "0", final: bool = False, **more: Any
) -> OrderEvent:
    order_id = more.pop("order_id", "28")
    return OrderEvent("BTCUSDT", client_id, order_id, Decimal(filled), Decimal(value), final, **more)


@pytest.mark.parametrize(("body", "expected"), [
    (ACK, event()),
    (RESULT, event(filled="10.00000000", value="39997.80000000", final=True)),
    (FULL, event(filled="10.00000000", value="39997.80000000", final=True)),
    (RESULT | {"status": "PARTIALLY_FILLED", "executedQty": "0.1"}, event(filled="0.1", value="39997.8")),
    (RESULT | {"status": "NEW", "executedQty": "0.0", "cummulativeQuoteQty": "0.0"}, event()),
    (RESULT | {"status": "EXPIRED", "executedQty": "0", "cummulativeQuoteQty": "0"}, event(final=True)),
    (RESULT | {"status": "EXPIRED_IN_MATCH", "executedQty": "0", "cummulativeQuoteQty": "0"}, event(final=True)),
    (RESULT | {"status": "SOMETHING_NEW", "executedQty": "0", "cummulativeQuoteQty": "0"}, event()),
], ids=["ack", "result", "full", "partly", "new", "expired", "expired in match", "unknown status"])
def test_an_answer_to_a_new_order(body: dict[str, Any], expected: OrderEvent) -> None:
    """All three response types; a status that nobody knows leaves the order working."""
    assert said(PLACE, body) == Lesson(Outcome.ACCEPTED, (expected,))


@pytest.mark.parametrize("body", [
    ACK | {"clientOrderId": "another"}, ACK | {"symbol": "ETHUSDT"}, RESULT | {"executedQty": 10.0},
    RESULT | {"executedQty": "1e3"}, RESULT | {"executedQty": "-1"}, RESULT | {"executedQty": "NaN"},
    RESULT | {"cummulativeQuoteQty": None}, ACK | {"orderId": "28"}, {}, [], None, "ok", [ACK],
])
def test_a_success_that_does_not_speak_of_this_order_is_unknown(body: Any) -> None:
    """Another id, another symbol, a number in another grammar: nothing of it is believed."""
    assert said(PLACE, body).outcome is Outcome.UNKNOWN
    assert said(PLACE, body).events == ()


@pytest.mark.parametrize("call", CHANGES)
@pytest.mark.parametrize(("status", "body", "outcome"), [
    (400, {"code": -2010, "msg": "Account has insufficient balance for requested action."}, Outcome.REJECTED),
    (400, {"code": -1013, "msg": "Filter failure: NOTIONAL"}, Outcome.REJECTED),
    (400, {"code": -2011, "msg": "Unknown order sent."}, Outcome.REJECTED),
    (401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}, Outcome.REJECTED),
    (429, {"code": -1015, "msg": "Too many new orders."}, Outcome.REJECTED),
    (418, {"code": -1003, "msg": "banned"}, Outcome.REJECTED),
    (400, {"code": -1006, "msg": "An unexpected response was received"}, Outcome.UNKNOWN),
    (400, {"code": -1007, "msg": "Timeout waiting for response"}, Outcome.UNKNOWN),
    (400, {"code": -1000, "msg": "An unknown error occurred"}, Outcome.UNKNOWN),
    (400, {"code": -1001, "msg": "Internal error"}, Outcome.UNKNOWN),
    (500, {"code": -1000, "msg": "x"}, Outcome.UNKNOWN),
    (503, {"code": -1008, "msg": "Server is currently overloaded"}, Outcome.UNKNOWN),
    (504, {"code": -1007, "msg": "x"}, Outcome.UNKNOWN),
    (502, {"code": -2010, "msg": "x"}, Outcome.UNKNOWN),
    (301, {"code": -2010, "msg": "x"}, Outcome.UNKNOWN),
    (403, "<html>", Outcome.UNKNOWN),
    (400, {"msg": "no code"}, Outcome.UNKNOWN),
    (400, {"code": "-2010", "msg": "x"}, Outcome.UNKNOWN),
    (400, {"code": 200, "msg": "no error of the exchange's"}, Outcome.UNKNOWN),
    (200, {"code": -2010, "msg": "an error under 200"}, Outcome.UNKNOWN),
])
def test_a_reject_is_definite_or_unknown(call: Call, status: int, body: Any, outcome: Outcome) -> None:
    """Only a 4xx with an error of the exchange's own, that does not itself say "unknown", gives a reservation back."""
    lesson = said(call, body, status)
    assert (lesson.outcome, lesson.events) == (outcome, ())
    assert lesson.error


def test_a_cancel_names_the_order_by_its_original_id() -> None:
    """``clientOrderId`` of a cancel's answer is the cancel's own; ``origClientOrderId`` is the order's."""
    expected = Lesson(Outcome.ACCEPTED, (event(filled="1.5", value="15", final=True),))
    assert said(CANCEL, CANCELED) == expected
    assert said(CANCEL_BY_ID, CANCELED) == expected


@pytest.mark.parametrize(("call", "change"), [
    (CANCEL, {"origClientOrderId": "another"}), (CANCEL, {"symbol": "ETHUSDT"}), (CANCEL_BY_ID, {"orderId": 29}),
    (CANCEL, {"origClientOrderId": None}),
])
def test_a_cancel_of_another_order_is_unknown(call: Call, change: dict[str, Any]) -> None:
    """An answer that speaks of another order says nothing of ours."""
    assert said(call, CANCELED | change).outcome is Outcome.UNKNOWN


def test_a_cancel_all_teaches_of_every_order_and_of_lists() -> None:
    """Single orders and the orders inside lists."""
    lesson = said(CANCEL_ALL, [CANCELED, LISTED])
    assert lesson.outcome is Outcome.ACCEPTED
    assert [(one.order_id, one.client_id) for one in lesson.events] == [("28", "mine"), ("20", "a"), ("21", "b")]
    assert all(one.final for one in lesson.events)
    assert said(CANCEL_ALL, []) == Lesson(Outcome.ACCEPTED)


@pytest.mark.parametrize("body", [
    [CANCELED, {}], [CANCELED, CANCELED | {"symbol": "ETHUSDT"}], [CANCELED | {"executedQty": "x"}], CANCELED,
    [LISTED | {"orderReports": []}],
])
def test_a_cancel_all_that_is_not_understood_whole_is_unknown(body: Any) -> None:
    """No half lessons."""
    assert said(CANCEL_ALL, body).outcome is Outcome.UNKNOWN


def test_a_query_teaches_of_the_order_asked_for() -> None:
    """Under the id that was asked for, even if a cancel has renamed it since."""
    renamed = RESULT | {"clientOrderId": "cancelMyOrder1", "status": "CANCELED"}
    assert said(QUERY, renamed).events[0].client_id == "mine"
    by_id = market.query_order("BTCUSDT", "28", None)
    assert said(by_id, RESULT).events == (event(filled="10", value="39997.8", final=True),)
    assert said(by_id, RESULT | {"orderId": 29}).outcome is Outcome.UNKNOWN


def test_an_order_that_the_exchange_does_not_know_is_absent() -> None:
    """-2013 on a query, and nothing else, says so."""
    unknown = {"code": -2013, "msg": "Order does not exist."}
    assert said(QUERY, unknown, 400).events == (event(order_id=None, absent=True),)
    for call in (*CHANGES, OPEN):
        assert said(call, unknown, 400).events == ()
    for status, body in ((400, {"code": -1003, "msg": "x"}), (500, unknown), (404, "x"), (200, unknown)):
        assert said(QUERY, body, status).events == ()


@pytest.mark.parametrize("call", [OPEN, ALL])
def test_lists_of_orders_teach_of_each(call: Call) -> None:
    """What a bot reads, the ledger reads; an order without usable numbers (below zero = not available) is left out."""
    old = RESULT | {"orderId": 3, "cummulativeQuoteQty": "-1.00000000"}
    lesson = said(call, [RESULT, old])
    assert lesson == Lesson(Outcome.ACCEPTED, (event(filled="10", value="39997.8", final=True),))


def test_a_tested_order_teaches_nothing() -> None:
    """The test endpoint places nothing."""
    assert said(TEST, {}) == Lesson(Outcome.ACCEPTED)
    assert said(TEST, {"standardCommissionForOrder": {"maker": "0.1"}}) == Lesson(Outcome.ACCEPTED)


HOSTILE = [
    b"", b"{", b"[" * 10_000, b'{"a":' * 10_000, b"\xff\xfe", b"\x00", b"null", b"1e999", b'{"orderId":1e999}',
    b'"\\ud800"',
    b'{"code":99999999999999999999999}', b"NaN", b'{"symbol":"\xff"}', b"{}" * 100,
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.endpoint.decoder)
def test_known_hostile_answers_never_raise(call: Call) -> None:
    """Depth, wrong encodings, huge numbers, garbage."""
    for body in HOSTILE:
        for status in (200, 204, 302, 400, 404, 503):
            lesson = learn(call, Answer(status, (), body))
            assert call not in CHANGES or lesson.outcome is Outcome.UNKNOWN


NAMES = st.sampled_from([*RESULT, "code", "msg"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["FILLED", "mine", "BTCUSDT", "1", "-1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=12,
)


bodies = st.binary(max_size=80) | json_values.map(lambda value: json.dumps(value).encode())


@given(st.sampled_from(CALLS), st.integers(100, 599), bodies)
@settings(max_examples=150, deadline=None)
def test_no_answer_makes_learning_raise(call: Call, status: int, body: bytes) -> None:
    """Whatever an exchange, or somebody in its place, answers."""
    lesson = learn(call, Answer(status, (), body))
    assert isinstance(lesson.outcome, Outcome)
    assert all(one.filled >= 0 and one.filled_value >= 0 for one in lesson.events)
