"""A desk: a running gateway whose one bot has a short story behind it, and a limit over its account."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.thief import Reply, Thief, ask
from tests.world import World
from tests.world.home import Done, Home

POLICY = """\
version: 1
allow:
  symbols: [BTC/USDT, ETH/USDT]
  orders: [limit, market]
  reads: [balances, orders]
limits:
  order: 500 USDT  # one order, fees included
  turnover: 1_000 USDT per 24h
price:
  collar: 1% from reference
  giveaway: 100 USDT per 24h
  sources: 1 because it is a test
  market: protect 0.5%
"""
ACCOUNTS = "accounts:\n  main:\n    limits:\n      turnover: 900 USDT per 24h # of all its tokens\n"
MARKET = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.001"


@dataclass(frozen=True)
class Desk:
    """``told``: the answers of the story, in order. The bot has 500.003 USDT of its turnover behind it."""

    world: World
    told: tuple[Reply, ...]

    def run(self, *words: str) -> Done:
        """A command that ends, well or not."""
        return self.world.home.attempt(*words)

    def explained(self, order: str) -> dict[str, Any]:
        """The document of ``policy explain`` for the bot."""
        document: dict[str, Any] = self.world.home.run(
            "policy", "explain", "--token", "bot", order, "--json"
        ).json()
        return document

    def decisions(self) -> list[dict[str, Any]]:
        """The bot's decisions as the log has them."""
        return [one for one in self.world.audit() if one["type"] == "decision" and one.get("token") == "bot"]

    def left_behind(self, place: Path) -> Home:
        """The home as it would be found without its gateway: what only looks must need no more."""
        shutil.copytree(self.world.home.path, place / "home", ignore=shutil.ignore_patterns("control.sock"))
        return Home(place)


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
            bot.order("0.1", "40000"),  # beyond limits.order
            bot.request("POST", "/api/v3/order", MARKET),  # fills at 60003
            bot.request("GET", "/api/v3/account"),
            bot.request("GET", "/api/v3/myTrades", "symbol=BTCUSDT"),  # not granted
            bot.order("0.01", "40000"),  # rests: 400 USDT
            bot.order("0.0105", "40000"),  # beyond what the account has left
        )
        yield Desk(world, tuple(ask(world.addresses.binance_port, request) for request in story))
