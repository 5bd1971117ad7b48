"""An exchange that asks to be left alone is not asked by the gateway itself; what bots ask for, and exits, go on."""

import asyncio

import pytest

from gateway.core.patience import USUAL_MS
from gateway.core.request import Answer
from gateway.exchanges.registry import EXCHANGES
from gateway.ports import Held
from tests.stages.gatehouse import REAL, Gatehouse, body, code, lost
from tests.stages.venue import Venue

BINANCE = EXCHANGES["binance"]


def refusal(status: int = 429, said: str | None = "30") -> Answer:
    """What an exchange says that has heard too much."""
    headers = ((b"retry-after", said.encode()),) if said is not None else ()
    return Answer(status, headers, b'{"code":-1003,"msg":"Too much request weight used."}')


def refused(house: Gatehouse, answer: Answer, method: str = "GET", path: str = "/api/v3/account") -> None:
    """A bot's request is answered like this."""
    house.exchange.script = [answer]
    asyncio.run(house.ask(house.request(method, path)))
    house.exchange.arrived.clear()


@pytest.mark.parametrize("answer", [refusal(), refusal(418), refusal(503)], ids=["429", "418", "503"])
def test_the_gateways_own_questions_wait_as_long_as_they_are_told(house: Gatehouse, answer: Answer) -> None:
    """Lists, unknown orders, prices, the check of a key: none arrives before the time, all do afterwards."""
    house.exchange.script = [lost()]
    asyncio.run(house.place())
    refused(house, answer)
    account = house.accounts.all()[0]

    def ask_all() -> None:
        house.follow()
        asyncio.run(house.reconciler.pass_once(house.clock.ms / 1000))
        asyncio.run(house.sender.own_public(BINANCE, BINANCE.time(), "live"))
        asyncio.run(house.sender.probe(BINANCE, BINANCE.permissions(), account, REAL, "d"))

    house.clock.ms += 29_999
    before = len(house.records())
    with pytest.raises(Held, match="left alone; it is asked again in 1 s"):
        ask_all()
    with pytest.raises(Held):
        asyncio.run(house.sender.probe(BINANCE, BINANCE.permissions(), account, REAL, "d"))
    assert house.exchange.calls == []
    assert len(house.records()) == before
    house.clock.ms += 1
    house.exchange.otherwise = lambda outgoing: body([])
    asyncio.run(house.sender.own_public(BINANCE, BINANCE.time(), "live"))
    house.clock.ms += 60_000  # the loops, which were held back, have a pace of their own
    ask_all()
    assert {call.split("/")[-1] for call in house.exchange.calls} == {
        "openOrders", "order", "time", "apiRestrictions",
    }  # fmt: skip


def test_a_wait_that_is_not_stated_is_a_minute(house: Gatehouse) -> None:
    refused(house, refusal(said=None))
    house.clock.ms += USUAL_MS - 1
    with pytest.raises(Held):
        asyncio.run(house.sender.own_public(BINANCE, BINANCE.time(), "live"))
    house.clock.ms += 1
    asyncio.run(house.sender.own_public(BINANCE, BINANCE.time(), "live"))


def test_the_answer_to_a_question_of_our_own_counts_too(house: Gatehouse) -> None:
    house.exchange.script = [refusal()]
    asyncio.run(house.sender.own_public(BINANCE, BINANCE.time(), "live"))
    with pytest.raises(Held):
        asyncio.run(house.sender.own_public(BINANCE, BINANCE.time(), "live"))
    assert len(house.exchange.arrived) == 1


def test_each_host_is_left_alone_by_itself(house: Gatehouse) -> None:
    refused(house, refusal())
    asyncio.run(house.sender.own_public(BINANCE, BINANCE.time(), "testnet"))
    assert len(house.exchange.arrived) == 1


def test_bots_ask_on(house: Gatehouse) -> None:
    """Orders, reads and strangers' reads: their limits are their own."""
    refused(house, refusal())
    assert code(asyncio.run(house.place())) is None
    house.clock.ms += 1
    asyncio.run(house.ask(house.request("GET", "/api/v3/account")))
    assert len(house.exchange.arrived) == 2


def test_exits_stay_open(house: Gatehouse) -> None:
    """A cancel, the question whose order it is that must come before it, and the dead man's switch."""
    house.exchange.otherwise = venue = Venue()
    other = house.token("other")
    house.exchange.script = [lost()]
    asyncio.run(house.place(token=other))
    order_id = venue.add("by hand")
    refused(house, refusal())
    house.clock.ms += 1
    cancel = house.request("DELETE", "/api/v3/order", f"symbol=BTCUSDT&orderId={order_id}")
    assert code(asyncio.run(house.ask(cancel))) is None
    assert house.exchange.calls == ["GET /api/v3/order", "DELETE /api/v3/order"]
    account = house.accounts.all()[0]
    asyncio.run(house.sender.own(BINANCE, BINANCE.cancel_order("BTCUSDT", "7", None), account, "d", "silent"))
    assert house.exchange.calls[-1] == "DELETE /api/v3/order"


def test_one_account_that_orders_too_much_keeps_nobody_from_prices(house: Gatehouse) -> None:
    """Exchanges count orders for each account: a bot must not be able to shut the gateway's own eyes. A ban does."""
    house.exchange.script = [refusal()]
    asyncio.run(house.place())
    asyncio.run(house.sender.own_public(BINANCE, BINANCE.time(), "live"))
    house.clock.ms += 1
    house.exchange.script = [refusal(418)]
    asyncio.run(house.place())
    with pytest.raises(Held):
        asyncio.run(house.sender.own_public(BINANCE, BINANCE.time(), "live"))
