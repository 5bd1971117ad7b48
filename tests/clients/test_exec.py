"""Unmodified bots under ``tradewarden exec``: no address, proxy or certificate is set in them, and they trade."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.clients.checks import check_arrivals, check_refusals, check_trading
from tests.clients.clients import CLIENTS, CURL, HUMMINGBOT, Client
from tests.clients.running import live
from tests.world import World

AS_THE_EXCHANGE = "https://{host}"
LED = [*(client for client in CLIENTS if client.snippet != "ccxt-js"), HUMMINGBOT, CURL]
"""ccxt for JavaScript takes no proxy from the environment, and no shim of Python helps it.

Of hummingbot it is its web core and its signer for Binance; the rest of it needs compiled parts.
"""


def under_exec(world: World, client: Client) -> tuple[Mapping[str, Any], list[str], dict[str, str]]:
    """An assignment with a new token's credential, the command that starts the bot, and that command's environment."""
    token = world.issue_new(client.name)
    under = world.home.command("exec", "--token", token.name, "--")
    return client.assignment(AS_THE_EXCHANGE, token.key, token.secret), under, dict(world.home.environment)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("client", LED, ids=lambda client: client.name)
def test_an_unmodified_bot_trades_under_exec(client: Client, shared_world: World) -> None:
    """The exchange's own addresses in it, the policy around it."""
    assignment, under, environment = under_exec(shared_world, client)
    before = shared_world.exchange.mark()
    told = live(client.environment, client.script, assignment, under, **environment)
    check_trading(client, told)
    check_refusals(client, told)
    check_arrivals(shared_world, shared_world.exchange.arrivals(before))
