"""What the tools are tried on: a running gateway whose one bot has a short story behind it, and commands as typed."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from gateway.admin.cli import app
from gateway.audit.line import Entry
from gateway.audit.search import Filters, search
from tests.attacks.thief import Reply
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


def typed(home: Home, *words: str) -> Done:
    """A command that is not refused, in this process: a new one takes a third of a second."""
    done = CliRunner(env=dict(home.environment)).invoke(app, words, prog_name="tradewarden")
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


@dataclass(frozen=True)
class Desk:
    """``told``: the answers of the story, in order. The bot has 510.003 USDT of its turnover behind it."""

    world: World
    told: tuple[Reply, ...]

    def run(self, *words: str) -> Done:
        """A command that is not refused."""
        return typed(self.world.home, *words)

    def explained(self, order: str, token: str = "bot") -> dict[str, Any]:
        """The document of ``policy explain`` for that token."""
        document: dict[str, Any] = typed(self.world.home, "policy", "explain", "--token", token, order, "--json").json()
        return document

    def decisions(self) -> list[dict[str, Any]]:
        """The bot's decisions as the log has them."""
        records = [entry.fields for entry in self.log()]
        return [one for one in records if one["type"] == "decision" and one.get("token") == "bot"]

    def log(self) -> list[Entry]:
        """Every record, oldest first."""
        return list(search(self.world.home.path / "audit", Filters(), 10_000))[::-1]

    def left_behind(self, place: Path) -> Home:
        """The home as it would be found without its gateway: what only looks must need no more."""
        shutil.copytree(self.world.home.path, place / "home", ignore=shutil.ignore_patterns("*.sock"))
        return Home(place)
