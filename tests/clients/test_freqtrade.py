"""freqtrade in live mode, unmodified, until its first order is filled: pointed by the lines that are printed for it, in
either mode, and by nothing but its key under ``tradewarden exec``.
"""

import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.clients import environments
from tests.clients.pasting import Printed
from tests.clients.running import BOTS
from tests.market.venues import LISTED, Venues
from tests.world import World
from tests.world.exchange import Arrival
from tests.world.home import Home
from tests.world.processes import Process
from tests.world.settings import gateway_yaml

PLACED_SECONDS = 120
FILLED_SECONDS = 60
STOPPED_SECONDS = 30
COMPLAINT = re.compile(r" - (WARNING|ERROR|CRITICAL) - |Traceback")
USUAL_PRICE, LOWER_PRICE = "60000", "59900"
STARTER = "freqtrade-spot"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("way", ["reverse", "forward", "exec"])
def test_freqtrade_starts_buys_and_stops_as_it_does_at_the_exchange(
    way: str, shared_world: World, tmp_path: Path
) -> None:
    """Its start-up reads are answered, its order goes out once with the real key, it learns of the fill, and ends."""
    world = shared_world
    before = world.exchange.mark()
    with _freqtrade(world, way, tmp_path) as bot, _usual_price_afterwards(world):
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


@pytest.mark.timeout(300)
def test_freqtrade_is_denied_nothing_under_its_starter_policy(
    initialised_home: Home, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As `init` writes it: four venues tell the price, and nothing that freqtrade does meets a limit."""
    with (
        Venues(tmp_path_factory.mktemp("venues")) as venues,
        World(tmp_path_factory.mktemp("world"), initialised_home) as world,
    ):
        _hear(world, venues)
        before = world.exchange.mark()
        with _freqtrade(world, "exec", tmp_path, STARTER) as bot:
            bot.until(lambda: _asked_after(world, before), PLACED_SECONDS, "an order, and a look at it")
            world.exchange.control("set_price", symbol="BTCUSDT", price=LOWER_PRICE)
            bot.until(lambda: b"has been fulfilled" in bot.err.read_bytes(), FILLED_SECONDS, "word of the fill")
            complaints = [line for line in bot.err.read_text().splitlines() if COMPLAINT.search(line)]
            bot.interrupt(signal.SIGINT)
            assert bot.ended(STOPPED_SECONDS) == 128 + signal.SIGINT
        decisions = [one for one in world.audit() if one["type"] == "decision" and one.get("policy") == STARTER]
    assert complaints == []
    assert [one for one in decisions if one["verdict"] != "allow"] == []
    [order] = [one for one in decisions if one["intent"]["is"] == "place"]
    assert set(order["reference"]["quoted"]) == {"binance", "coinbase", "bitget", "kraken"}
    assert {"price.anchor", "liquidity.volume_24h"} <= order["passed"].keys()


def _hear(world: World, venues: Venues) -> None:
    """The gateway begins anew where the other venues can be heard, at the simulated exchange's own price."""
    for name in ("coinbase", "bitget", "kraken"):
        for symbol in LISTED[name]:
            if symbol.startswith("BTC/"):
                venues[name].set_middle(symbol, Decimal(USUAL_PRICE))
        venues[name].candle = (USUAL_PRICE, USUAL_PRICE, USUAL_PRICE, USUAL_PRICE, "5")
    elsewhere = {host: at for host, at in venues.connect_to.items() if "binance" not in host}
    world.home.write("authorities.pem", world.exchange.ca_file.read_text() + venues.ca_file.read_text())
    both = str(world.home.path / "authorities.pem")
    text = gateway_yaml(world.addresses, world.exchange.tls_port, both)
    leading = "".join(f'    "{host}": "{at}"\n' for host, at in elsewhere.items())
    world.stop()
    world.home.write("gateway.yaml", text.replace("  connect_to:\n", f"  connect_to:\n{leading}"))
    world.start()


@contextmanager
def _usual_price_afterwards(world: World) -> Iterator[None]:
    """The world is shared: other bots count on where the price begins."""
    try:
        yield
    finally:
        world.exchange.control("set_price", symbol="BTCUSDT", price=USUAL_PRICE)


def _freqtrade(world: World, way: str, place: Path, policy: str = "trader") -> Process:
    shutil.copytree(BOTS / "freqtrade", place / "user")
    config = place / "user" / "config.json"
    under, pointed = _under_exec(world, policy) if way == "exec" else _pasted(world, way)
    whole = json.loads(config.read_text())
    whole["exchange"] |= pointed
    config.write_text(json.dumps(whole))
    words = ("trade", "--userdir", str(place / "user"), "-c", str(config), "-s", "BuyOnce")
    database = ("--db-url", f"sqlite:///{place}/trades.sqlite")
    environment = {"PATH": os.environ["PATH"], "HOME": str(place), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "400"}
    command = [*under, str(environments.python("freqtrade")), "-m", "freqtrade", *words, *database]
    return Process("freqtrade", command, place, {**(world.home.environment if under else {}), **environment})


def _pasted(world: World, mode: str) -> tuple[list[str], dict[str, Any]]:
    printed: dict[str, Any] = json.loads(Printed.by(world, "freqtrade", mode).code)["exchange"]
    return [], printed


def _under_exec(world: World, policy: str) -> tuple[list[str], dict[str, Any]]:
    token = world.issue(world.new_name("freqtrade"), policy)
    own = {"name": "binance", "key": token.key, "secret": token.secret, "enable_ws": False}
    return world.home.command("exec", "--token", token.name, "--"), own


def _asked_after(world: World, before: int) -> list[Arrival]:
    """The orders that arrived, once the bot has also asked for its own."""
    arrived = world.exchange.arrivals(before, path="/api/v3/order")
    asked = any(one.method == "GET" for one in arrived)
    return [one for one in arrived if one.method == "POST"] if asked else []
