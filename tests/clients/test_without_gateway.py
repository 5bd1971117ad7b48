"""The control experiment: the same bots with a real key at the exchange itself. What the gateway stops works there.

Without it, a story whose forbidden acts fail for any other reason would prove nothing.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.clients import CLIENTS, FORBIDDEN, TRADING, Client
from tests.clients.running import live
from tests.world.exchange import Exchange


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    """A simulated exchange that speaks plain HTTP, with a key that may do everything."""
    found = Exchange(tmp_path, tmp_path, plain=True)
    with found.process:
        permissions = found.control("set_permissions", api_key=found.real_key.key, permissions={})
        found.control("set_permissions", api_key=found.real_key.key, permissions=dict.fromkeys(permissions, True))
        yield found


@pytest.mark.timeout(120)
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_with_the_real_key_every_act_succeeds(client: Client, exchange: Exchange) -> None:
    """Each step of the story works for whoever holds the real key, the theft too."""
    assignment = client.assignment(exchange.url, exchange.real_key.key, exchange.real_key.secret)
    told = live(client.environment, client.script, assignment)
    assert [step for step in told.values() if step.error] == []
    assert list(told) == [*TRADING, *FORBIDDEN]
    assert [gone["coin"] for gone in exchange.control("withdrawals")] == ["USDT"]
