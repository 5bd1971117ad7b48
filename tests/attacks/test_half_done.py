"""A narrowing that fails half way still narrows: what state.db calls revoked or paused is so in the running gateway."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.admin.operations import Operations
from gateway.app import Gateway
from gateway.audit.log import AuditLog
from gateway.core.errors import Unavailable
from gateway.core.secret import Secret
from gateway.core.token import TokenState
from gateway.home import Home
from gateway.ports import Need, Record
from gateway.settings import load_settings
from tests.world.home import PASSPHRASE
from tests.world.home import Home as Template
from tests.world.settings import POLICY

KEY = {"apiKey": "k" * 64, "secret": "s" * 64}


class Deaf(AuditLog):
    """A log that numbers records and writes none: the disk fails between the state and its record."""

    def __init__(self, whole: AuditLog) -> None:
        self.__dict__.update(whole.__dict__)

    def append(self, record: Record, sync: bool, need: Need = Need.EXIT) -> None:
        raise Unavailable("the disk failed")


class Failing:
    """A gateway with one live token, whose log fails from now on."""

    def __init__(self, home: Home) -> None:
        self.gateway = Gateway(home, load_settings(home.settings), Secret(PASSPHRASE))
        self._operations = Operations(self.gateway, self._closed)
        self.closed: list[str] = []
        self.do("account.add", name="main", exchange="binance", document=KEY, environment="live", check=False,
                allow_withdraw=False)  # fmt: skip
        issued = self.do(
            "token.issue", name="bot", account="main", policy="trader", kind="hmac", expires_at=None, addresses=[]
        )
        self.id = str(issued["apiKey"])
        self.gateway.lifecycle._audit = Deaf(self.gateway.audit)

    def _closed(self, token_id: str) -> int:
        self.closed.append(token_id)
        return 1

    def do(self, act: str, **arguments: object) -> dict[str, object]:
        """One act, as over the control socket."""
        return asyncio.run(self._operations.perform(act, arguments))


@pytest.fixture
def failing(initialised_home: Template, tmp_path: Path) -> Iterator[Failing]:
    template = initialised_home.copied(tmp_path)
    template.write("policies/trader.yaml", POLICY)
    failing = Failing(Home(template.path))
    yield failing
    failing.gateway.store.close()


@pytest.mark.parametrize("every", [False, True])
def test_a_revocation_that_could_not_be_recorded_still_stops_the_token(failing: Failing, every: bool) -> None:
    """The command fails, and the token is gone all the same; said again, it is gone still."""
    given = {"names": [] if every else ["bot"], "all": every}
    with pytest.raises(Unavailable):
        failing.do("token.revoke", **given)
    assert failing.gateway.tokens.find(failing.id) is None
    assert failing.closed == [failing.id]
    failing.do("token.revoke", names=["bot"], all=False)
    assert failing.gateway.tokens.find(failing.id) is None


def test_a_pause_that_could_not_be_recorded_still_stops_orders(failing: Failing) -> None:
    with pytest.raises(Unavailable):
        failing.do("token.pause", name="bot")
    token = failing.gateway.tokens.find(failing.id)
    assert token is not None
    assert token.state is TokenState.PAUSED
