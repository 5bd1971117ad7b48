"""Unknown orders of many accounts: each account is asked about at its own pace, whatever another's exchange does."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.core.request import Answer, Outgoing
from gateway.core.token import Account
from gateway.ports import Gate
from tests.stages.gatehouse import Accounts, Exchange, Gatehouse, lost, parameters
from tests.stages.venue import UNKNOWN


class Torn(Accounts):
    """Fails for one account, once a test says so."""

    torn = ""

    def find(self, name: str) -> Account | None:
        if name == self.torn:
            raise RuntimeError("torn")
        return super().find(name)


class Half(Exchange):
    """Answers nothing about the order ``slow`` until it is let go, and at once about every other."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()
        self.go, self.stirred = asyncio.Event(), asyncio.Event()

    async def send(self, outgoing: Outgoing, owner: str, gate: Gate) -> Answer:
        client_id = parameters(outgoing).get("origClientOrderId")
        if client_id is None:
            raise lost()
        self.asked[client_id] += 1
        self.stirred.set()
        if client_id == "slow":
            await self.go.wait()
        return UNKNOWN

    async def until(self, client_id: str, times: int) -> None:
        """Wait until it was asked for so often."""
        while self.asked[client_id] < times:
            self.stirred.clear()
            await self.stirred.wait()


@pytest.fixture
def house(tmp_path: Path) -> Gatehouse:
    """An order of unknown outcome on each of two accounts."""
    house = Gatehouse(tmp_path)
    house.exchange = Half()
    house.accounts = Torn()
    house.accounts.names = ["main", "other"]
    house.start()
    asyncio.run(house.place("&newClientOrderId=slow"))
    asyncio.run(house.place("&newClientOrderId=quick", house.token("second", account="other")))
    return house


def test_a_slow_account_holds_up_no_other(house: Gatehouse) -> None:
    """The loop goes on with the other account while the first one's question is still open, and asks that one once."""
    exchange = house.exchange
    assert isinstance(exchange, Half)

    async def story() -> None:
        async with asyncio.timeout(20):
            running = asyncio.create_task(house.reconciler.run())
            await exchange.until("quick", 3)
            assert exchange.asked["slow"] == 1
            exchange.go.set()
            await exchange.until("slow", 2)
            running.cancel()
            await asyncio.wait([running])

    asyncio.run(story())


def test_a_failure_of_ours_with_one_account_holds_up_no_other(house: Gatehouse) -> None:
    """It is logged, and tried again."""
    exchange, accounts = house.exchange, house.accounts
    assert isinstance(exchange, Half)
    assert isinstance(accounts, Torn)
    accounts.torn = "main"
    with capture_logs() as logs:
        for now_s in (0.0, 10.0):
            asyncio.run(house.reconciler.pass_once(now_s))
    assert exchange.asked == {"quick": 2}
    assert [entry["account"] for entry in logs if entry["log_level"] == "error"] == ["main", "main"]
