"""A token never cancels another live token's order: not even one that is placed while the cancel waits."""

import asyncio
from pathlib import Path

import pytest

from gateway.core.request import Answer, Outgoing
from gateway.policy.document import load
from gateway.ports import Gate
from tests.stages.gatehouse import POLICY, Gatehouse, body, named, order_answer

SLOW_CANCELS = POLICY.replace("  open_orders: 3\n", "  open_orders: 30\n  requests: 1 per 1m\n")
ORDERS = "/api/v3/order"


def answers(outgoing: Outgoing) -> Answer:
    """Orders get the id 100; a cancel hits the victim's."""
    if outgoing.method == "POST":
        return order_answer(100, **named(outgoing))
    return order_answer(100, "CANCELED", clientOrderId="c", origClientOrderId="victim")


def left(house: Gatehouse) -> list[str]:
    """The methods of what left."""
    return [call.split()[0] for call in house.exchange.calls]


async def fill_bucket(house: Gatehouse) -> None:
    """Until the next cancel has to wait."""
    for number in range(5):
        house.clock.ms += 1
        await house.ask(house.request("DELETE", ORDERS, f"symbol=BTCUSDT&origClientOrderId=none{number}"))
    house.exchange.arrived.clear()
    house.clock.ms += 1


class Connecting:
    """The exchange, once a line to it is open: cancels wait for that until they are told."""

    def __init__(self, house: Gatehouse) -> None:
        self._send = house.exchange.send
        self.waiting, self.go = asyncio.Event(), asyncio.Event()
        house.exchange.send = self.send  # type: ignore[method-assign]

    async def send(self, outgoing: Outgoing, owner: str, gate: Gate) -> Answer:
        if outgoing.method == "DELETE":
            self.waiting.set()
            await self.go.wait()
        return await self._send(outgoing, owner, gate)


@pytest.mark.parametrize("name", ["orderId=100", "origClientOrderId=victim"])
def test_an_id_that_becomes_anothers_while_the_cancel_waits_its_turn(tmp_path: Path, name: str) -> None:
    """The bucket makes it wait; meanwhile the victim places."""
    house = Gatehouse(tmp_path, SLOW_CANCELS)
    other = house.token("other")
    house.exchange.otherwise = answers

    async def story() -> None:
        await fill_bucket(house)
        late = asyncio.create_task(house.ask(house.request("DELETE", ORDERS, f"symbol=BTCUSDT&{name}")))
        await asyncio.sleep(0)
        await house.place("&newClientOrderId=victim", other, at_ms=house.clock.ms)
        assert (await late).status == 401

    asyncio.run(story())
    assert left(house) == ["POST"]
    assert house.turnover(other) == 500


@pytest.mark.parametrize("path", [ORDERS, "/api/v3/openOrders"])
def test_an_order_that_comes_while_the_cancel_waits_for_a_line(tmp_path: Path, path: str) -> None:
    """One cancel or all: the last look is in the step of the first write."""
    house = Gatehouse(tmp_path)
    if path == ORDERS:
        house.token("other")
    house.exchange.otherwise = answers

    async def story() -> None:
        connecting = Connecting(house)
        which = "&orderId=100" if path == ORDERS else ""
        late = asyncio.create_task(house.ask(house.request("DELETE", path, f"symbol=BTCUSDT{which}")))
        await connecting.waiting.wait()
        other = house.tokens.tokens.get("other".ljust(64, "x")) or house.token("other")
        await house.place("&newClientOrderId=victim", other)
        connecting.go.set()
        assert (await late).status in (401, 503)
        assert house.turnover(other) == 500

    asyncio.run(story())
    assert left(house) == ["POST"]


def test_that_the_exchange_knows_no_such_order_is_no_answer(tmp_path: Path) -> None:
    """Another token's order is on its way: it may be the one that is named."""
    house = Gatehouse(tmp_path)
    other = house.token("other")

    async def story() -> None:
        came, gone = asyncio.Event(), asyncio.Event()

        async def send(outgoing: Outgoing, owner: str, gate: Gate) -> Answer:
            gate()
            house.exchange.arrived.append(outgoing)
            if outgoing.method == "POST":
                came.set()
                await gone.wait()
                return answers(outgoing)
            gone.set()
            return body({"code": -2013, "msg": "Order does not exist."}, 400)

        house.exchange.send = send  # type: ignore[method-assign]
        placing = asyncio.create_task(house.place("&newClientOrderId=victim", other))
        await came.wait()
        house.clock.ms += 1
        refused = await house.ask(house.request("DELETE", ORDERS, "symbol=BTCUSDT&orderId=100"))
        assert refused.status == 503
        await placing

    asyncio.run(story())
    assert left(house) == ["POST", "GET"]


def test_a_policy_that_is_narrowed_while_the_cancel_waits(tmp_path: Path) -> None:
    """What it may no longer hit it does not hit."""
    house = Gatehouse(tmp_path, SLOW_CANCELS.replace("  orders:", "  cancel: account\n  orders:"))
    other = house.token("other")
    house.exchange.otherwise = answers

    async def story() -> None:
        await house.place("&newClientOrderId=victim", other)
        await fill_bucket(house)
        late = asyncio.create_task(
            house.ask(house.request("DELETE", ORDERS, "symbol=BTCUSDT&origClientOrderId=victim"))
        )
        await asyncio.sleep(0)
        house.policies.policy = load(SLOW_CANCELS, "test")
        assert (await late).status == 401

    asyncio.run(story())
    assert left(house) == []


def test_ones_own_orders_and_nobodys_are_cancelled_all_the_same(tmp_path: Path) -> None:
    """By either name, with other tokens about; an unknown id is the exchange's to answer."""
    house = Gatehouse(tmp_path)
    house.token("other")
    house.exchange.otherwise = lambda outgoing: (
        order_answer(7, **named(outgoing))
        if outgoing.method == "POST"
        else order_answer(7, "CANCELED", clientOrderId="c", origClientOrderId="mine")
    )

    async def story() -> None:
        await house.place("&newClientOrderId=mine")
        for name in ("orderId=7", "origClientOrderId=mine", "orderId=99", "origClientOrderId=persons"):
            house.clock.ms += 1
            await house.ask(house.request("DELETE", ORDERS, f"symbol=BTCUSDT&{name}"))

    asyncio.run(story())
    assert left(house) == ["POST", *["DELETE"] * 4]
