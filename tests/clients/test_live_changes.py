"""What changes while unmodified bots run: a token is revoked, a real key rotated, the gateway killed and started."""

import json

import pytest

from tests.clients.clients import LOW_PRICE, TRADING
from tests.clients.running import Step, live
from tests.world import World
from tests.world.exchange import RealKey
from tests.world.world import ACCOUNT, BotCredential


def _trade(world: World, token: BotCredential, *steps: str, resting: str = "") -> dict[str, Step]:
    assignment = {
        "at": world.addresses.binance, "key": token.key, "secret": token.secret,
        "low_price": LOW_PRICE, "steps": steps, "resting": resting,
    }  # fmt: skip
    return live("ccxt", "ccxt_sync", assignment)


def _failures(told: dict[str, Step]) -> list[Step]:
    return [step for step in told.values() if step.error]


@pytest.mark.timeout(180)
def test_after_revoke_a_bot_gets_nothing_and_nothing_of_it_arrives(shared_world: World) -> None:
    """The next call of a revoked bot raises ccxt's final AuthenticationError, and the exchange hears nothing."""
    world = shared_world
    token = world.issue_new("revoked")
    assert _failures(_trade(world, token, "start", "balance")) == []
    world.home.run("token", "revoke", token.name)
    before = world.exchange.mark()
    told = _trade(world, token, "balance", "buy_low", "open_orders", "trades")
    assert {step.name: "AuthenticationError" in step.kinds for step in told.values()} == dict.fromkeys(told, True)
    assert [one for one in world.exchange.arrivals(before) if one.signed and not one.follows] == []


@pytest.mark.timeout(180)
def test_a_rotated_real_key_goes_unnoticed_by_the_bot(world: World) -> None:
    """The same token trades on; what arrives is signed with the new key, though the exchange forgot the old one."""
    token = world.issue_new("rotating")
    assert _failures(_trade(world, token, *TRADING)) == []
    made = world.exchange.control("add_key", account="demo")
    credentials = json.dumps({"apiKey": made["apiKey"], "secret": made["secret"]})
    world.home.run("account", "rotate", ACCOUNT, "--credentials", "-", stdin=credentials)
    world.exchange.control("remove_key", api_key=world.real_key.key)
    new = RealKey(made["apiKey"], made["secret"])
    before = world.exchange.mark()
    assert _failures(_trade(world, token, *TRADING)) == []
    assert {one.key for one in world.exchange.arrivals(before) if one.signed} == {new.key}


@pytest.mark.timeout(180)
def test_a_bot_trades_on_after_the_gateway_was_killed(world: World) -> None:
    """After kill -9 and a start its resting order is still its own to cancel, and the log verifies."""
    token = world.issue_new("survivor")
    placed = _trade(world, token, "start", "buy_low")
    assert _failures(placed) == []
    world.kill()
    world.start()
    told = _trade(world, token, "start", "order", "cancel", *TRADING, resting=placed["buy_low"].result)
    assert _failures(told) == []
    assert world.home.attempt("audit", "verify").code == 0
    assert world.stop() == 0
