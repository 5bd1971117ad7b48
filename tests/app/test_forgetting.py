"""A real key that is replaced or removed leaves the gateway's memory with the command, not with the process."""

import asyncio
from pathlib import Path

import pytest

from gateway.admin.operations import Operations
from gateway.app import Gateway
from gateway.core.secret import Secret
from gateway.home import Home
from gateway.settings import load_settings
from tests.world.home import PASSPHRASE
from tests.world.home import Home as Template

KEY = {"apiKey": "k" * 64, "secret": "s" * 64}
OTHER = {"apiKey": "l" * 64, "secret": "t" * 64}
UNCHECKED = {"check": False, "allow_withdraw": False}


@pytest.mark.parametrize(
    ("act", "given"), [("account.rotate", {"document": OTHER, **UNCHECKED}), ("account.remove", {})]
)
def test_what_was_lent_is_forgotten(
    initialised_home: Template, tmp_path: Path, act: str, given: dict[str, object]
) -> None:
    home = Home(initialised_home.copied(tmp_path).path)
    gateway = Gateway(home, load_settings(home.settings), Secret(PASSPHRASE))
    operations = Operations(gateway, lambda token_id: 0)
    add = {"name": "main", "exchange": "binance", "document": KEY, "environment": "live", **UNCHECKED}
    asyncio.run(operations.perform("account.add", add))
    with gateway.lender.lend("main") as lent:
        assert lent.key_id == KEY["apiKey"]
    assert "main" in gateway.lender._kept
    asyncio.run(operations.perform(act, {"name": "main", **given}))
    assert "main" not in gateway.lender._kept
    gateway.close()
