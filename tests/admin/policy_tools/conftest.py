"""The desk that every test of the tools looks at, and what its bot has done."""

from collections.abc import Iterator

import pytest

from tests.admin.policy_tools.desk import POLICY, Desk
from tests.attacks.thief import Thief, ask
from tests.world import World
from tests.world.home import Home

ACCOUNTS = "accounts:\n  main:\n    limits:\n      turnover: 900 USDT per 24h # of all its tokens\n"
MARKET = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.001"


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory, initialised_home: Home) -> Iterator[Desk]:
    """One desk for every test that only looks at it."""
    with World(tmp_path_factory.mktemp("desk"), initialised_home, POLICY) as world:
        world.stop()
        settings = world.home.path / "gateway.yaml"
        world.home.write("gateway.yaml", settings.read_text() + ACCOUNTS)
        world.start()
        credential = world.issue("bot")
        bot = Thief(credential.key, credential.secret)
        story = (
            bot.order("0.001", "40000"),  # rests: 40 USDT
            bot.order("0.1", "5000"),  # beyond limits.order
            bot.request("POST", "/api/v3/order", MARKET),  # fills at 60003
            bot.request("GET", "/api/v3/account"),
            bot.request("GET", "/api/v3/myTrades", "symbol=BTCUSDT"),  # not granted
            bot.order("0.01", "40000"),  # rests: 400 USDT
            bot.order("0.0105", "40000"),  # beyond what the account has left
            bot.order("0.00025", "40000"),  # rests: 10 USDT
        )
        yield Desk(world, tuple(ask(world.addresses.binance_port, request) for request in story))
