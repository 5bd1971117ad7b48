"""Orders on the wire: parameters per type, answers per kind, and Binance's words for every no."""

import msgspec
import pytest

from gateway.simulator.binance.venue import Outcome
from tests.simulator.floor import D
from tests.simulator.wire import Wire, problem

ORDER = "/api/v3/order"
LIMIT = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=50000"
MARKET = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1"


def test_the_three_answers() -> None:
    """ACK, RESULT and FULL, each with exactly its own fields."""
    wire = Wire()
    ack = wire.ask("POST", ORDER, f"{LIMIT}&newOrderRespType=ACK")
    assert list(ack) == ["symbol", "orderId", "orderListId", "clientOrderId", "transactTime"]
    result = wire.ask("POST", ORDER, f"{LIMIT}&newOrderRespType=RESULT&newClientOrderId=mine")
    assert (result["status"], result["clientOrderId"], "fills" in result) == ("NEW", "mine", False)
    full = wire.ask("POST", ORDER, MARKET)
    assert full["fills"] == [
        {"price": "60003.00000000", "qty": "0.10000000", "commission": "0.00010000", "commissionAsset": "BTC",
         "tradeId": full["fills"][0]["tradeId"]}
    ]  # fmt: skip
    assert full["cummulativeQuoteQty"] == "6000.30000000"


@pytest.mark.parametrize(
    ("order", "kind"),
    [
        (LIMIT, "FULL"),
        (MARKET, "FULL"),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&quantity=0.1&price=50000", "ACK"),
        ("symbol=BTCUSDT&side=SELL&type=STOP_LOSS&quantity=0.1&stopPrice=50000", "ACK"),
        ("symbol=BTCUSDT&side=SELL&type=STOP_LOSS_LIMIT&timeInForce=GTC&quantity=0.1&price=1&stopPrice=5", "ACK"),
        ("symbol=BTCUSDT&side=SELL&type=TAKE_PROFIT&quantity=0.1&trailingDelta=100", "ACK"),
        ("symbol=BTCUSDT&side=SELL&type=TAKE_PROFIT_LIMIT&timeInForce=GTC&quantity=0.1&price=7&stopPrice=8", "ACK"),
    ],
)
def test_each_type_has_its_default_answer(order: str, kind: str) -> None:
    """LIMIT and MARKET answer in full, the others with an acknowledgement."""
    order = order.replace("price=1&stopPrice=5", "price=50000&stopPrice=51000")
    order = order.replace("price=7&stopPrice=8", "price=70000&stopPrice=71000")
    assert ("fills" in Wire().ask("POST", ORDER, order)) == (kind == "FULL")


ILLEGAL_NUMBER = r"Illegal characters found in parameter '{}'; legal range is '^([0-9]{{1,20}})(\.[0-9]{{1,20}})?$'."
MISSING = "Mandatory parameter '{}' was not sent, was empty/null, or malformed."


@pytest.mark.parametrize(
    ("order", "code", "message"),
    [
        ("side=BUY&type=MARKET&quantity=1", -1102, MISSING.format("symbol")),
        ("symbol=NOPE&side=BUY&type=MARKET&quantity=1", -1121, "Invalid symbol."),
        ("symbol=btcusdt&side=BUY&type=MARKET&quantity=1", -1100,
         r"Illegal characters found in parameter 'symbol'; legal range is '^[\w\-._&&[^a-z]]{1,50}$'."),
        ("symbol=BTCUSDT&type=MARKET&quantity=1", -1102, MISSING.format("side")),
        ("symbol=BTCUSDT&side=buy&type=MARKET&quantity=1", -1117, "Invalid side."),
        ("symbol=BTCUSDT&side=BUY&quantity=1", -1102, MISSING.format("type")),
        ("symbol=BTCUSDT&side=BUY&type=OTHER&quantity=1", -1116, "Invalid orderType."),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=50000", -1102, MISSING.format("timeInForce")),
        (LIMIT.replace("GTC", "GTX"), -1115, "Invalid timeInForce."),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1", -1102, MISSING.format("price")),
        ("symbol=BTCUSDT&side=BUY&type=MARKET", -1102,
         "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!"),
        (f"{MARKET}&quoteOrderQty=100", -1128, "Combination of optional parameters invalid."),
        (f"{MARKET}&price=50000", -1106, "Parameter 'price' sent when not required."),
        (f"{MARKET}&timeInForce=GTC", -1106, "Parameter 'timeInForce' sent when not required."),
        (f"{LIMIT}&stopPrice=51000", -1106, "Parameter 'stopPrice' sent when not required."),
        ("symbol=BTCUSDT&side=SELL&type=STOP_LOSS&quantity=1", -1102,
         "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!"),
        (LIMIT.replace("0.1", "1e3"), -1100, ILLEGAL_NUMBER.format("quantity")),
        (LIMIT.replace("0.1", "-1"), -1100, ILLEGAL_NUMBER.format("quantity")),
        (LIMIT.replace("0.1", "%2B1"), -1100, ILLEGAL_NUMBER.format("quantity")),
        (LIMIT.replace("0.1", "NaN"), -1100, ILLEGAL_NUMBER.format("quantity")),
        (LIMIT.replace("0.1", ".5"), -1100, ILLEGAL_NUMBER.format("quantity")),
        (LIMIT.replace("0.1", "%EF%BC%91"), -1100, ILLEGAL_NUMBER.format("quantity")),
        (LIMIT.replace("0.1", "0"), -1102, MISSING.format("quantity")),
        (LIMIT.replace("0.1", ""), -1102, MISSING.format("quantity")),
        (LIMIT.replace("0.1", "0.123456789"), -1111, "Parameter 'quantity' has too much precision."),
        (f"{LIMIT}&newClientOrderId=", -1105, "Parameter 'newClientOrderId' was empty."),
        (f"{LIMIT}&newClientOrderId=a%20b", -1100,
         "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'."),
        (f"{LIMIT}&strategyType=999999", -1134, "strategyType was less than 1000000."),
        (f"{LIMIT}&trailingDelta=100", -1106, "Parameter 'trailingDelta' sent when not required."),
        (f"{LIMIT}&strategyId=99999999999999999999", -1108, "Parameter 'strategyId' overflowed."),
        (f"{LIMIT}&selfTradePreventionMode=WISH", -1130,
         "Data sent for parameter 'selfTradePreventionMode' is not valid."),
        (f"{LIMIT}&newOrderRespType=ALL", -1130, "Data sent for parameter 'newOrderRespType' is not valid."),
        (f"{LIMIT}&pegPriceType=PRIMARY_PEG", -2010, "Pegged orders are not supported for this symbol."),
        (f"{LIMIT.replace('GTC', 'IOC')}&icebergQty=0.01", -2010, "Unsupported order combination"),
        (f"{LIMIT}&color=red", -1104, "Not all sent parameters were read; read '8' parameter(s) but was sent '9'."),
        (f"{LIMIT}&price=1", -1101, "Duplicate values for parameter 'price' detected."),
        (f"{LIMIT}&%70rice=1", -1101, "Duplicate values for parameter 'price' detected."),
        (LIMIT.replace("0.1", "0.00001"), -1013, "Filter failure: NOTIONAL"),
        (LIMIT.replace("50000", "50000.001"), -1013, "Filter failure: PRICE_FILTER"),
        (LIMIT.replace("0.1", "100"), -2010, "Account has insufficient balance for requested action."),
        (LIMIT.replace("LIMIT&timeInForce=GTC", "LIMIT_MAKER").replace("50000", "61000"), -2010,
         "Order would immediately match and take."),
        ("symbol=BTCUSDT&side=SELL&type=STOP_LOSS&quantity=1&stopPrice=70000", -2010,
         "Order would trigger immediately."),
    ],
)  # fmt: skip
def test_every_no_has_its_words(order: str, code: int, message: str) -> None:
    """HTTP 400, the code and the message; no order, nothing locked."""
    for path in (ORDER, "/api/v3/order/test"):
        wire = Wire()
        assert problem(wire.signed("POST", path, order)) == (400, code, message)
        assert not wire.account.orders
        assert all(balance.locked == 0 for balance in wire.account.balances.values())


def test_a_test_order_leaves_no_trace() -> None:
    """Checked like an order, and forgotten."""
    wire = Wire()
    assert wire.ask("POST", "/api/v3/order/test", MARKET) == {}
    rates = wire.ask("POST", "/api/v3/order/test", f"{MARKET}&computeCommissionRates=true")
    assert rates["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
    assert wire.ask("GET", "/api/v3/allOrders", "symbol=BTCUSDT") == []
    assert wire.ask("GET", "/api/v3/account", "omitZeroBalances=true")["balances"] == [
        {"asset": "BTC", "free": "2.00000000", "locked": "0.00000000"},
        {"asset": "USDT", "free": "100000.00000000", "locked": "0.00000000"},
    ]


def test_a_duplicate_client_id_is_refused_while_the_first_is_open() -> None:
    """-2010, as the matching engine says it."""
    wire = Wire()
    wire.ask("POST", ORDER, f"{LIMIT}&newClientOrderId=one")
    assert problem(wire.signed("POST", ORDER, f"{LIMIT}&newClientOrderId=one")) == (400, -2010, "Duplicate order sent.")


def test_orders_are_found_by_either_id() -> None:
    """And only if both agree; another symbol does not have it."""
    wire = Wire()
    order = wire.ask("POST", ORDER, f"{LIMIT}&newClientOrderId=one&strategyId=7&icebergQty=0.05")
    found = wire.ask("GET", ORDER, f"symbol=BTCUSDT&orderId={order['orderId']}")
    assert found == wire.ask("GET", ORDER, "symbol=BTCUSDT&origClientOrderId=one")
    assert (found["strategyId"], found["icebergQty"], found["isWorking"]) == (7, "0.05000000", True)
    for query in (
        "symbol=BTCUSDT&orderId=999999",
        f"symbol=BTCUSDT&orderId={order['orderId']}&origClientOrderId=other",
        f"symbol=ETHUSDT&orderId={order['orderId']}",
    ):
        assert problem(wire.signed("GET", ORDER, query)) == (400, -2013, "Order does not exist.")
    assert problem(wire.signed("GET", ORDER, "symbol=BTCUSDT"))[1] == -1102


def test_a_cancel_is_told_as_a_cancel() -> None:
    """With its own id; a second one finds nothing."""
    wire = Wire()
    order = wire.ask("POST", ORDER, f"{LIMIT}&newClientOrderId=one")
    gone = wire.ask("DELETE", ORDER, "symbol=BTCUSDT&origClientOrderId=one&newClientOrderId=end")
    assert (gone["status"], gone["orderId"]) == ("CANCELED", order["orderId"])
    assert (gone["origClientOrderId"], gone["clientOrderId"]) == ("one", "end")
    again = wire.signed("DELETE", ORDER, f"symbol=BTCUSDT&orderId={order['orderId']}")
    assert problem(again) == (400, -2011, "Unknown order sent.")
    assert wire.account.balance("USDT").locked == 0


def test_a_cancel_may_be_signed_in_the_body() -> None:
    """As python-binance sends it."""
    wire = Wire()
    order = wire.ask("POST", ORDER, LIMIT)
    assert wire.ask("DELETE", ORDER, "", f"&symbol=BTCUSDT&orderId={order['orderId']}"[1:])["status"] == "CANCELED"


def test_cancel_restrictions() -> None:
    """Only in the state that was named."""
    wire = Wire()
    order = wire.ask("POST", ORDER, LIMIT)
    query = f"symbol=BTCUSDT&orderId={order['orderId']}&cancelRestrictions="
    assert problem(wire.signed("DELETE", ORDER, f"{query}NEVER")) == (400, -1145, "Invalid cancelRestrictions")
    restricted = (400, -2011, "Order was not canceled due to cancel restrictions.")
    assert problem(wire.signed("DELETE", ORDER, f"{query}ONLY_PARTIALLY_FILLED")) == restricted
    assert wire.ask("DELETE", ORDER, f"{query}ONLY_NEW")["status"] == "CANCELED"


def test_cancelling_all_of_a_symbol() -> None:
    """Of that symbol only; an error where there is nothing."""
    wire = Wire()
    wire.ask("POST", ORDER, LIMIT)
    wire.ask("POST", ORDER, LIMIT.replace("BTCUSDT", "ETHUSDT").replace("50000", "2000"))
    assert [one["status"] for one in wire.ask("DELETE", "/api/v3/openOrders", "symbol=BTCUSDT")] == ["CANCELED"]
    assert [one["symbol"] for one in wire.ask("GET", "/api/v3/openOrders")] == ["ETHUSDT"]
    assert problem(wire.signed("DELETE", "/api/v3/openOrders", "symbol=BTCUSDT"))[1] == -2011


def test_an_amendment_reduces() -> None:
    """PUT amend/keepPriority; -2038 for anything else than less."""
    wire = Wire()
    order = wire.ask("POST", ORDER, f"{LIMIT}&newClientOrderId=one")
    path, query = "/api/v3/order/amend/keepPriority", f"symbol=BTCUSDT&orderId={order['orderId']}&newQty="
    amended = wire.ask("PUT", path, f"{query}0.05&newClientOrderId=two")["amendedOrder"]
    assert (amended["qty"], amended["origClientOrderId"], amended["clientOrderId"]) == ("0.05000000", "one", "two")
    wire.ask("POST", ORDER, f"{LIMIT}&newClientOrderId=three")
    taken = wire.signed("PUT", path, f"{query}0.04&newClientOrderId=three")
    assert problem(taken) == (400, -2010, "Duplicate order sent.")
    assert problem(wire.signed("PUT", path, f"{query}0.07"))[:2] == (400, -2038)
    assert problem(wire.signed("PUT", path, f"{query}0.05"))[:2] == (400, -2038)


@pytest.mark.parametrize(
    ("mode", "old", "new", "status", "code", "results"),
    [
        ("STOP_ON_FAILURE", True, True, 200, None, ("SUCCESS", "SUCCESS")),
        ("STOP_ON_FAILURE", False, True, 400, -2022, ("FAILURE", "NOT_ATTEMPTED")),
        ("STOP_ON_FAILURE", True, False, 409, -2021, ("SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", False, True, 409, -2021, ("FAILURE", "SUCCESS")),
        ("ALLOW_FAILURE", False, False, 400, -2022, ("FAILURE", "FAILURE")),
    ],
)
def test_cancel_replace(
    mode: str, old: bool, new: bool, status: int, code: int | None, results: tuple[str, str]
) -> None:
    """Each half may fail; a half success is a 409."""
    wire = Wire()
    order = wire.ask("POST", ORDER, LIMIT)
    number = order["orderId"] if old else 999999
    size = "0.2" if new else "100"
    query = LIMIT.replace("0.1", size) + f"&cancelReplaceMode={mode}&cancelOrderId={number}"
    outcome = wire.signed("POST", "/api/v3/order/cancelReplace", query)
    assert (outcome.reply.status, outcome.code) == (status, code)
    answer = wire.read(outcome) if code is None else msgspec.json.decode(outcome.reply.body)["data"]
    assert (answer["cancelResult"], answer["newOrderResult"]) == results


def test_trades_add_up_to_the_balances() -> None:
    """What myTrades tells is what the account shows."""
    wire = Wire()
    wire.ask("POST", ORDER, MARKET)
    wire.ask("POST", ORDER, "symbol=BTCUSDT&side=SELL&type=MARKET&quoteOrderQty=1000")
    base, quote = D(2), D(100_000)
    for trade in wire.ask("GET", "/api/v3/myTrades", "symbol=BTCUSDT"):
        sign = 1 if trade["isBuyer"] else -1
        base += sign * D(trade["qty"])
        quote -= sign * D(trade["quoteQty"])
        if trade["commissionAsset"] == "BTC":
            base -= D(trade["commission"])
        else:
            quote -= D(trade["commission"])
    balances = {one["asset"]: D(one["free"]) for one in wire.ask("GET", "/api/v3/account")["balances"]}
    assert balances["BTC"] == base
    assert balances["USDT"] == quote


def test_lists_can_be_cut() -> None:
    """By first id, by time, by order, by length."""
    wire = Wire()
    orders = [wire.ask("POST", ORDER, MARKET) for _ in range(3)]
    path = "/api/v3/allOrders"
    ids = [order["orderId"] for order in orders]
    assert [one["orderId"] for one in wire.ask("GET", path, "symbol=BTCUSDT&limit=2")] == ids[1:]
    assert [one["orderId"] for one in wire.ask("GET", path, f"symbol=BTCUSDT&orderId={ids[1]}&limit=1")] == ids[1:2]
    assert wire.ask("GET", path, f"symbol=BTCUSDT&startTime={wire.now + 1}") == []
    assert [one["orderId"] for one in wire.ask("GET", "/api/v3/myTrades", f"symbol=BTCUSDT&orderId={ids[2]}")] == ids[
        2:
    ]
    span = f"symbol=BTCUSDT&startTime={wire.now - 86_400_001}&endTime={wire.now}"
    assert problem(wire.signed("GET", path, span)) == (400, -1127, "More than 24 hours between startTime and endTime.")


def test_orders_are_counted_in_headers_and_limited_on_demand() -> None:
    """X-MBX-ORDER-COUNT; -1015 with 429 when a limit is set."""
    wire = Wire()
    wire.state.order_limit = 1
    assert wire.signed("POST", ORDER, LIMIT).reply.headers["X-MBX-ORDER-COUNT-10S"] == "1"
    outcome = wire.signed("POST", ORDER, LIMIT)
    assert problem(outcome) == (429, -1015, "Too many new orders; current limit is 1 orders per 10 SECOND.")
    assert outcome.reply.headers["Retry-After"] == "10"
    assert [one["count"] for one in wire.ask("GET", "/api/v3/rateLimit/order")] == [2, 2]


def test_weight_is_counted_and_limited_on_demand() -> None:
    """A placed order weighs nothing, a refused one does; past the limit 429 and -1003."""
    wire = Wire()

    def used(outcome: Outcome) -> str:
        return outcome.reply.headers["X-MBX-USED-WEIGHT-1M"]

    assert used(wire.signed("POST", ORDER, LIMIT)) == "0"
    assert used(wire.signed("POST", ORDER, LIMIT.replace("0.1", "100"))) == "1"
    assert used(wire.signed("GET", "/api/v3/account")) == "21"
    wire.state.weight_limit = 25
    outcome = wire.signed("GET", "/api/v3/account")
    assert problem(outcome)[:2] == (429, -1003)
    assert int(outcome.reply.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/v3/myPreventedMatches", "symbol=BTCUSDT&orderId=1"),
        ("/api/v3/myAllocations", "symbol=BTCUSDT"),
        ("/api/v3/allOrderList", "limit=5"),
        ("/api/v3/openOrderList", ""),
    ],
)
def test_what_nobody_has_is_an_empty_list(path: str, query: str) -> None:
    """Asked for by clients, kept by nobody here."""
    assert Wire().ask("GET", path, query) == []
