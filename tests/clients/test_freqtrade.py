"""freqtrade in live mode, unmodified, until its first order is filled."""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clients import environments
from tests.clients.running import BOTS
from tests.world import World
from tests.world.exchange import Arrival
from tests.world.processes import Process
from tests.world.world import BotCredential

PLACED_SECONDS = 120
FILLED_SECONDS = 60
STOPPED_SECONDS = 30
COMPLAINT = re.compile(r" - (WARNING|ERROR|CRITICAL) - |Traceback")
USUAL_PRICE, LOWER_PRICE = "60000", "59900"


@pytest.mark.timeout(240)
def test_freqtrade_starts_buys_and_stops_as_it_does_at_the_exchange(shared_world: World, tmp_path: Path) -> None:
    """Its start-up reads are answered, its order goes out once with the real key, it learns of the fill, and ends."""
    world = shared_world
    before = world.exchange.mark()
    with _freqtrade(world, world.issue_new("freqtrade"), tmp_path) as bot, _usual_price_afterwards(world):
        placed = bot.until(lambda: _asked_after(world, before), PLACED_SECONDS, "an order, and a look at it")
        world.exchange.control("set_price", symbol="BTCUSDT", price=LOWER_PRICE)
        bot.until(lambda: b"has been fulfilled" in bot.err.read_bytes(), FILLED_SECONDS, "word of the fill")
        complaints = [line for line in bot.err.read_text().splitlines() if COMPLAINT.search(line)]
        bot.interrupt(signal.SIGINT)
        assert bot.ended(STOPPED_SECONDS) == 128 + signal.SIGINT
    assert complaints == []
    assert [(one.method, one.path, one.key, one.status) for one in placed] == [
        ("POST", "/api/v3/order", world.real_key.key, 200)
    ]


@contextmanager
def _usual_price_afterwards(world: World) -> Iterator[None]:
    """The world is shared: other bots count on where the price begins."""
    try:
        yield
    finally:
        world.exchange.control("set_price", symbol="BTCUSDT", price=USUAL_PRICE)


def _freqtrade(world: World, token: BotCredential, place: Path) -> Process:
    shutil.copytree(BOTS / "freqtrade", place / "user")
    config = place / "user" / "config.json"
    filled_in = config.read_text().replace("{at}", world.addresses.binance)
    config.write_text(filled_in.replace("{key}", token.key).replace("{secret}", token.secret))
    words = ("trade", "--userdir", str(place / "user"), "-c", str(config), "-s", "BuyOnce")
    database = ("--db-url", f"sqlite:///{place}/trades.sqlite")
    environment = {"PATH": os.environ["PATH"], "HOME": str(place), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "400"}
    python = environments.python("freqtrade")
    return Process("freqtrade", [str(python), "-m", "freqtrade", *words, *database], place, environment)


def _asked_after(world: World, before: int) -> list[Arrival]:
    """The orders that arrived, once the bot has also asked for its own."""
    arrived = world.exchange.arrivals(before, path="/api/v3/order")
    asked = any(one.method == "GET" for one in arrived)
    return [one for one in arrived if one.method == "POST"] if asked else []
