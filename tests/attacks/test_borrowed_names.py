"""A budget is not won back by another order's name: what is told of one order never settles another.

A client order id may be used again at the exchange once its order is over, and a cancel may rename its order. So a
bot can make the exchange tell of an old, empty order under the id of one that has just been filled.
"""

import asyncio
from pathlib import Path

import pytest

from gateway.core.request import Answer
from tests.stages.gatehouse import NOW_MS, Gatehouse, body, code, lost

HOUR_MS = 3_600_000
POLICY = """
version: 1
allow: {symbols: [BTC/USDT], orders: [limit]}
limits: {order: 1_000 USDT, turnover: 1_500 USDT per 24h}
price: {giveaway: unlimited because this is an attack, sources: 1 because this world has one exchange}
"""
IOC = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&quantity=0.01&price=50000&newOrderRespType=ACK"


@pytest.fixture
def house(tmp_path: Path) -> Gatehouse:
    return Gatehouse(tmp_path, POLICY)


def told(order_id: int, client_id: str, created_ms: int, status: str = "CANCELED") -> dict[str, object]:
    """An order that never filled, as a query shows it."""
    return {"symbol": "BTCUSDT", "orderId": order_id, "clientOrderId": client_id, "status": status, "executedQty": "0",
            "cummulativeQuoteQty": "0", "origQty": "1", "time": created_ms, "updateTime": created_ms}  # fmt: skip


def filled_but_unknown(house: Gatehouse, client_id: str) -> None:
    """An immediate order whose answer shows no fills: the exchange has filled it, the gateway cannot know yet."""
    house.exchange.script = [body({"symbol": "BTCUSDT", "orderId": 7, "clientOrderId": client_id, "transactTime": 1})]
    request = house.request("POST", "/api/v3/order", f"{IOC}&newClientOrderId={client_id}")
    assert code(asyncio.run(house.ask(request))) is None
    assert house.turnover() >= 500


def ask(house: Gatehouse, method: str, path: str, parameters: str, answer: Answer) -> None:
    """One request of the bot's, and what the exchange answers."""
    house.clock.ms += 5
    house.exchange.script = [answer]
    assert code(asyncio.run(house.ask(house.request(method, path, parameters)))) is None


@pytest.mark.parametrize("path", ["/api/v3/allOrders", "/api/v3/openOrders"])
def test_an_old_order_of_the_same_name_in_a_list_settles_nothing(house: Gatehouse, path: str) -> None:
    """The id of a person's cancelled order from yesterday, used again: the list tells of the old one."""
    filled_but_unknown(house, "yesterdays")
    ask(house, "GET", path, "symbol=BTCUSDT", body([told(3, "yesterdays", NOW_MS - HOUR_MS)]))
    assert house.turnover() >= 500


def test_an_old_order_of_the_same_name_asked_for_by_its_number_settles_nothing(house: Gatehouse) -> None:
    filled_but_unknown(house, "yesterdays")
    ask(house, "GET", "/api/v3/order", "symbol=BTCUSDT&orderId=3", body(told(3, "yesterdays", NOW_MS - HOUR_MS)))
    assert house.turnover() >= 500


def test_a_cancelled_order_renamed_to_another_settles_nothing(house: Gatehouse) -> None:
    """A cancel gives its order the name of one that was filled a moment ago."""
    house.exchange.script = [body(told(3, "decoy", NOW_MS, "NEW"))]
    assert code(asyncio.run(house.place("&newClientOrderId=decoy"))) is None
    filled_but_unknown(house, "filled")
    cancelled = told(3, "filled", NOW_MS) | {"origClientOrderId": "decoy"}
    ask(house, "DELETE", "/api/v3/order", "symbol=BTCUSDT&orderId=3&newClientOrderId=filled", body(cancelled))
    ask(house, "GET", "/api/v3/allOrders", "symbol=BTCUSDT", body([told(3, "filled", NOW_MS)]))
    assert house.turnover() >= 500


def test_the_order_itself_is_still_settled_by_its_name(house: Gatehouse) -> None:
    """Its own story, learnt from a list: the fill is committed and the rest goes back."""
    filled_but_unknown(house, "mine")
    own = told(7, "mine", NOW_MS + 3, "FILLED") | {"executedQty": "0.01", "cummulativeQuoteQty": "499"}
    ask(house, "GET", "/api/v3/allOrders", "symbol=BTCUSDT", body([own]))
    assert house.turnover() == 499


@pytest.mark.parametrize(("method", "path", "named"), [
    ("GET", "/api/v3/order", "symbol=BTCUSDT&orderId=3"),
    ("GET", "/api/v3/allOrders", "symbol=BTCUSDT"),
    ("GET", "/api/v3/openOrders", "symbol=BTCUSDT"),
])  # fmt: skip
def test_a_persons_order_of_a_moment_ago_settles_nothing(house: Gatehouse, method: str, path: str, named: str) -> None:
    """Its name is used again within the same second: neither its end nor its small fill is the new order's."""
    filled_but_unknown(house, "web")
    a_moment_ago = told(3, "web", NOW_MS - 500, "FILLED") | {"executedQty": "0.0001", "cummulativeQuoteQty": "5"}
    answer = body(a_moment_ago) if path == "/api/v3/order" else body([a_moment_ago])
    ask(house, method, path, named, answer)
    assert house.turnover() >= 500


def test_an_order_whose_answer_was_lost_is_not_settled_by_a_name_in_a_list(house: Gatehouse) -> None:
    """No answer came at all: only the gateway's own question for the name settles it."""
    house.exchange.script = [lost()]
    asyncio.run(house.ask(house.request("POST", "/api/v3/order", f"{IOC}&newClientOrderId=web")))
    ask(house, "GET", "/api/v3/allOrders", "symbol=BTCUSDT", body([told(3, "web", NOW_MS - 500)]))
    ask(house, "DELETE", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=web",
        body(told(3, "cancelled", NOW_MS) | {"origClientOrderId": "web"}))  # fmt: skip
    assert house.turnover() >= 500
