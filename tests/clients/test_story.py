"""Unmodified client libraries trade through the gateway, and what a thief tries with the same token comes to nothing.

Three witnesses for every run: what the library returned, what it raised, and what reached the exchange with which key.
"""

import re
from decimal import Decimal

import pytest

from tests.clients.clients import CLIENTS, FORBIDDEN, TRADING, Client
from tests.clients.running import Step, live
from tests.world import World
from tests.world.exchange import Arrival

DECISION = re.compile(r"\[tradewarden:[a-z_.]+ d=([0-9A-Z]{26})\]")
BY_SCRIPT = {client.script: client for client in CLIENTS}
SPELLINGS = {
    "own_port": "{binance}",
    "shared_port": "{shared}/{{host}}",
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
    _check_trading(client, told)
    _check_refusals(client, told)
    _check_arrivals(world, arrived)


@pytest.mark.timeout(180)
def test_every_denial_that_a_bot_sees_is_in_the_log(shared_world: World) -> None:
    """The decision id at the end of an exception's message leads to the record that explains it."""
    world = shared_world
    told, _ = _run(world, BY_SCRIPT["ccxt_sync"], world.addresses.binance)
    seen = {found for name in FORBIDDEN for found in DECISION.findall(told[name].message)}
    denied = {record["d"] for record in world.audit() if record.get("verdict") == "deny"}
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
    token = world.issue_new(client.script)
    before = world.exchange.mark()
    told = live(client.environment, client.script, client.assignment(at, token.key, token.secret), **environment)
    return told, world.exchange.arrivals(before)


def _check_trading(client: Client, told: dict[str, Step]) -> None:
    assert [told[name] for name in TRADING if told[name].error] == []
    resting, cancelled, filled = client.statuses
    assert told["start"].result is True
    assert Decimal(told["balance"].result) > 0
    assert told["buy_low"].result in told["open_orders"].result
    assert told["order"].result == resting
    assert told["cancel"].result == cancelled
    assert (told["buy_market"].result, told["sell_market"].result) == (filled, filled)
    assert {"buy", "sell"} <= set(told["trades"].result)


def _check_refusals(client: Client, told: dict[str, Step]) -> None:
    """Every refusal is of the fitting class, shows the exchange's own code, and names its decision."""
    refused, forbidden = (client.refused, "-2010"), (client.forbidden, "-1002")
    expected = {"withdraw": forbidden, "transfer": forbidden, "oversized": refused, "foreign": refused}
    for name, (kind, code) in expected.items():
        step = told[name]
        assert kind in step.kinds, step
        assert code in step.message, step
        assert DECISION.search(step.message), step


def _check_arrivals(world: World, arrived: list[Arrival]) -> None:
    """Nothing forbidden reached the exchange; what did was signed with the real key, and three orders were placed."""
    changes = [(one.method, one.path) for one in arrived if one.method != "GET"]
    assert sorted(changes) == [("DELETE", "/api/v3/order")] + [("POST", "/api/v3/order")] * 3
    assert {(one.host, one.key) for one in arrived if one.signed} == {("api.binance.com", world.real_key.key)}
    placed = [one.parameters for one in arrived if one.method == "POST"]
    assert {one["symbol"] for one in placed} == {"BTCUSDT"}
    assert {Decimal(one["quantity"]) for one in placed} == {Decimal("0.002")}
    assert [(one["side"], one["type"], one["timeInForce"]) for one in placed] == [
        ("BUY", "LIMIT", "GTC"), ("BUY", "LIMIT", "IOC"), ("SELL", "LIMIT", "IOC"),
    ]  # fmt: skip
