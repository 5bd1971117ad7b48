"""kill -9 with a working order, end to end: what happened meanwhile is learnt, and what nobody placed is an alarm."""

import ssl
import urllib.request
from typing import Any

from tests.attacks.thief import ORDER, Thief, ask
from tests.world import World

SECONDS = 30
RESTING = ORDER.format(quantity="0.001", price="40000")


def logged(world: World, kind: str) -> list[dict[str, Any]]:
    """The records of one type."""
    return [record for record in world.audit() if record["type"] == kind]


def placed_with_the_real_key(world: World) -> int:
    """Somebody has it, and asks the exchange itself; the status of the answer."""
    text = Thief(world.real_key.key, world.real_key.secret).signed(f"{RESTING}&newClientOrderId=stolen")
    asked = urllib.request.Request(f"{world.exchange.url}/api/v3/order", text.encode(), method="POST")
    asked.add_header("X-MBX-APIKEY", world.real_key.key)
    trusting = ssl.create_default_context(cafile=str(world.exchange.ca_file))
    with urllib.request.urlopen(asked, timeout=SECONDS, context=trusting) as answer:
        return int(answer.status)


def test_what_happened_while_the_gateway_was_down_is_learnt_before_risk_increases(world: World) -> None:
    credential = world.issue_new("crash")
    bot = Thief(credential.key, credential.secret)
    world.running.until(lambda: logged(world, "watched"), SECONDS, "a first list")
    placed = ask(world.addresses.binance_port, bot.request("POST", "/api/v3/order", f"{RESTING}&newClientOrderId=mine"))
    assert placed.code is None
    world.kill()
    world.exchange.control("set_price", symbol="BTCUSDT", price="39000")
    assert [one["status"] for one in world.exchange.control("orders")] == ["FILLED"]
    world.exchange.control("set_price", symbol="BTCUSDT", price="50000")
    assert placed_with_the_real_key(world) == 200
    world.start()
    (alarm,) = world.running.until(lambda: logged(world, "alarm"), SECONDS, "an alarm")
    assert (alarm["alarm"], alarm["client_id"], alarm["account"]) == ("foreign_order", "stolen", "main")
    told = [order for record in logged(world, "outcome") for order in record.get("orders", ())]
    assert (told[-1]["client_id"], told[-1]["filled"], told[-1]["final"]) == ("mine", "0.001", True)
    again = world.running.until(lambda: accepted(world, bot), SECONDS, "an order that is accepted")
    assert again is True


def accepted(world: World, bot: Thief) -> bool:
    """Whether a new order passes by now."""
    return ask(world.addresses.binance_port, bot.order()).code is None
