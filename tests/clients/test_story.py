"""Unmodified client libraries trade through the gateway, and what a thief tries with the same token comes to nothing.

Three witnesses for every run: what the library returned, what it raised, and what reached the exchange with which key.
"""

import pytest

from tests.clients.checks import DECISION, check_arrivals, check_refusals, check_trading
from tests.clients.clients import CLIENTS, FORBIDDEN, Client
from tests.clients.running import Step, live
from tests.world import World
from tests.world.exchange import Arrival

BY_SCRIPT = {client.name: client for client in CLIENTS}
SPELLINGS = {
    "own_port": "{binance}",
    "shared_port_url": "{shared}/https://{{host}}",
}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("script", BY_SCRIPT)
def test_a_bot_trades_and_a_thief_does_not(script: str, spelling: str, shared_world: World) -> None:
    """The client does its work and gets its own library's final exceptions for the rest."""
    client, world = BY_SCRIPT[script], shared_world
    at = SPELLINGS[spelling].format(binance=world.addresses.binance, shared=world.addresses.shared)
    told, arrived = _run(world, client, at)
    check_trading(client, told)
    check_refusals(client, told)
    check_arrivals(world, arrived)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("script", ["connector", "python_binance_async", "node_binance"])
def test_a_bot_that_insists_on_tls_trades_too(script: str, shared_world: World) -> None:
    """On the same port, by the certificate of the CA for it: with requests, with aiohttp, with Node."""
    client, world = BY_SCRIPT[script], shared_world
    ca = {"REQUESTS_CA_BUNDLE": "bundle", "SSL_CERT_FILE": "bundle", "NODE_EXTRA_CA_CERTS": "listen-ca"}
    trust = {name: str(world.home.path / "certs" / f"{stem}.pem") for name, stem in ca.items()}
    at = world.addresses.binance.replace("http://127.0.0.1", "https://localhost")
    told, arrived = _run(world, client, at, **trust)
    check_trading(client, told)
    check_refusals(client, told)
    check_arrivals(world, arrived)


@pytest.mark.timeout(180)
def test_every_denial_that_a_bot_sees_is_in_the_log(shared_world: World) -> None:
    """The decision id at the end of an exception's message leads to the record that explains it."""
    world = shared_world
    told, _ = _run(world, BY_SCRIPT["ccxt_sync"], world.addresses.binance)
    seen = {found for name in FORBIDDEN for found in DECISION.findall(told[name].message)}
    decided = [record for record in world.audit() if record["type"] == "decision"]
    denied = {record["d"] for record in decided if record["verdict"] == "deny"}
    assert len(seen) == len(FORBIDDEN)
    assert seen <= denied


@pytest.mark.timeout(180)
def test_no_secret_of_bot_or_exchange_is_printed(shared_world: World) -> None:
    """Neither the real key nor a token's secret stands in anything that the gateway's process has written."""
    world = shared_world
    token = world.issue_new("canary")
    client = BY_SCRIPT["connector"]
    live(client.environment, client.script, client.assignment(world.addresses.binance, token.key, token.secret))
    secrets = {"real key": world.real_key.key, "real secret": world.real_key.secret, "token's secret": token.secret}
    found = [
        (file, what)
        for file, printed in world.printed()
        for what, secret in secrets.items()
        if not file.startswith("exchange") and secret.encode() in printed
    ]
    assert found == []


def _run(world: World, client: Client, at: str, **environment: str) -> tuple[dict[str, Step], list[Arrival]]:
    token = world.issue_new(client.name)
    before = world.exchange.mark()
    told = live(client.environment, client.script, client.assignment(at, token.key, token.secret), **environment)
    return told, world.exchange.arrivals(before)
