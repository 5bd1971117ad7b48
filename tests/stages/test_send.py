"""While an answer is awaited, nothing of the borrowed key is there."""

import asyncio
import gc
from contextlib import AbstractContextManager, nullcontext

import pytest

from gateway.core.request import Answer
from gateway.core.secret import Secret
from gateway.core.token import Credential, KeyKind
from tests.stages.gatehouse import Gatehouse


class Unmasking:
    """A lender that makes a credential anew for each loan, as the real one does."""

    def lend(self, account: str) -> AbstractContextManager[Credential]:
        return nullcontext(Credential("lent for a moment", KeyKind.HMAC, Secret("s" * 64)))


def lent() -> list[Credential]:
    """The credentials that are alive."""
    return [one for one in gc.get_objects() if isinstance(one, Credential) and one.key_id == "lent for a moment"]


@pytest.mark.parametrize("what", ["read", "order", "cancel"])
def test_a_borrowed_key_is_gone_before_anybody_waits(house: Gatehouse, what: str) -> None:
    """An exchange may take half a minute to answer."""
    house.sender._lender = Unmasking()
    alive: list[int] = []
    house.exchange.before_write = lambda: alive.append(len(lent()))

    async def story() -> Answer:
        if what == "read":
            return await house.ask(house.request("GET", "/api/v3/account"))
        if what == "cancel":
            return await house.ask(house.request("DELETE", "/api/v3/order", "symbol=BTCUSDT&orderId=1"))
        return await house.place()

    asyncio.run(story())
    assert alive
    assert set(alive) == {0}
