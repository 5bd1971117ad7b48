"""Budgets hold: under many bots, across crashes and when answers are lost. The exchange's own books are the measure."""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import pytest

from tests.attacks.fleet import Fleet
from tests.attacks.thief import ORDER, Reply, Thief, Wire, ask
from tests.attacks.ways import Entrance
from tests.world import World
from tests.world.processes import Died, Process

TURNOVER = Decimal(2_000)
OPEN = 12
BOTS = 8
POLICY = f"""\
version: 1
allow: {{symbols: [BTC/USDT], orders: [limit], reads: all}}
limits:
  order: 100 USDT
  open_orders: {OPEN}
  turnover: {TURNOVER} USDT per 24h
price:
  stale_after: 60s
  giveaway: unlimited because this is an attack
  sources: 1 because this world has one exchange
"""
RESTING = ORDER.format(quantity="0.001", price="40000")
"""40 USDT, far below the market: it rests."""


class Books:
    """What the exchange says of one token's orders; their client ids begin with its prefix."""

    def __init__(self, world: World, prefix: str = "") -> None:
        self._world, self._prefix = world, prefix

    def orders(self) -> list[dict[str, Any]]:
        """Every order that the exchange took in."""
        return [one for one in self._world.exchange.control("orders") if one["clientOrderId"].startswith(self._prefix)]

    @property
    def open(self) -> int:
        """How many of them work now."""
        return sum(one["status"] in ("NEW", "PARTIALLY_FILLED") for one in self.orders())

    @property
    def turnover(self) -> Decimal:
        """What they traded, and what those that still work might."""
        return sum((self._worth(one) for one in self.orders()), Decimal())

    @staticmethod
    def _worth(order: dict[str, Any]) -> Decimal:
        traded = Decimal(order["cummulativeQuoteQty"])
        if order["status"] not in ("NEW", "PARTIALLY_FILLED"):
            return traded
        return traded + (Decimal(order["origQty"]) - Decimal(order["executedQty"])) * Decimal(order["price"])


def token(world: World, name: str, policy: str = POLICY) -> Thief:
    """A token under the tight policy."""
    world.home.write("policies/tight.yaml", policy)
    credential = world.issue(name, "tight")
    return Thief(credential.key, credential.secret)


def crossing(world: World, value: int = 90) -> str:
    """An immediate order of at most so much that the market fills at once."""
    best = Decimal(world.exchange.control("book", symbol="BTCUSDT")["asks"][0][0])
    price = (best * Decimal("1.001")).quantize(Decimal("0.01"))
    quantity = (Decimal(value) / price).quantize(Decimal("0.00001"))
    return ORDER.replace("GTC", "IOC").format(quantity=quantity, price=price)


def crowd(world: World, thief: Thief, parameters: str, each: int, prefix: str) -> list[int]:
    """Eight bots, each in a process of its own, each asking for so many orders; every status they got."""
    program = "from tests.attacks.test_budgets import one_of_a_crowd as run; run()"
    bots = [
        subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=world.home.environment,
        )
        for _ in range(BOTS)
    ]  # fmt: skip
    for number, bot in enumerate(bots):
        assert bot.stdin is not None
        told = [world.addresses.binance_port, thief.key, thief.secret, parameters, f"{prefix}{number}-", each]
        bot.stdin.write(json.dumps(told))
        bot.stdin.close()
        bot.stdin = None
    return [status for bot in bots for status in json.loads(bot.communicate(timeout=60)[0])]


def one_of_a_crowd() -> None:
    """The work of one process of ``crowd``."""
    port, key, secret, parameters, prefix, each = json.load(sys.stdin)
    thief = Thief(key, secret)
    requests = (
        thief.request("POST", "/api/v3/order", f"{parameters}&newClientOrderId={prefix}{n}") for n in range(each)
    )
    print(json.dumps([ask(port, request).status for request in requests]))


def test_the_limit_of_open_orders_holds_under_eight_bots(shared_world: World) -> None:
    """Exactly as many orders work as may, however many ask at once."""
    thief = token(shared_world, "crowd-open")
    statuses = crowd(shared_world, thief, RESTING, 4, "co")
    assert statuses.count(200) == OPEN
    assert Books(shared_world, "co").open == OPEN


def test_turnover_holds_under_eight_bots(shared_world: World) -> None:
    """Fills are counted as they are learnt: what was traded is within the limit, and close to it."""
    thief = token(shared_world, "crowd-turnover")
    statuses = crowd(shared_world, thief, crossing(shared_world), 6, "ct")
    traded = Books(shared_world, "ct").turnover
    assert 0 < statuses.count(200) < len(statuses)
    assert TURNOVER - 100 < traded <= TURNOVER


@pytest.mark.parametrize("seed", [1, 2])
def test_no_crash_refills_a_budget(world: World, seed: int) -> None:
    """Killed at random points under fire and started again, the gateway never lets more through than the limit.

    Every order that the exchange executed is in the ledger afterwards: the budget used covers it.
    """
    chance = random.Random(seed)
    thief = token(world, "crashed")
    for life in range(3):
        with Fleet(Entrance.of(world, "port"), thief, 4, f"k{life}-") as fleet:
            fleet.under_way()
            number = world.exchange.mark() + chance.randrange(1, 25)
            world.exchange.control("wait_journal", number=number, seconds=2)
            world.kill()
            fleet.halt()
        world.start()
    exhaust(world, thief)
    books = Books(world)
    assert books.turnover <= TURNOVER
    assert books.open <= OPEN
    known = {record["order"]["client_id"] for record in world.audit() if "order" in record and "reserve" in record}
    assert {one["clientOrderId"] for one in books.orders()} <= known
    assert world.home.run("audit", "verify").code == 0


def test_orders_on_their_way_at_a_crash_stay_reserved(world: World) -> None:
    """Taken in by the exchange, not yet answered, and the gateway is killed: started again, it gives no room away."""
    thief, port = token(world, "underway"), world.addresses.binance_port
    assert resting(world, thief, "underway-0").status == 200  # from here on the price is known
    mark = world.exchange.mark()
    world.exchange.control("add_fault", kind="hold", method="POST", path="/api/v3/order", count=OPEN - 1)
    with ExitStack() as wires:
        for number in range(1, OPEN):
            text = f"{RESTING}&newClientOrderId=underway-{number}"
            wires.enter_context(Wire(port)).send(thief.request("POST", "/api/v3/order", text))
        sent = OPEN - 1
        world.running.until(lambda: len(world.exchange.arrivals(mark, "POST")) == sent, 10, "orders at the exchange")
        world.kill()
    world.exchange.control("release_holds")
    world.start()
    assert resting(world, thief, "underway-more").rule == "limits.open_orders"
    assert Books(world, "underway").open == OPEN


def exhaust(world: World, thief: Thief) -> Reply:
    """Trade until it is denied; the denial."""
    for number in range(60):
        text = f"{crossing(world)}&newClientOrderId=e{number}"
        reply = ask(world.addresses.binance_port, thief.request("POST", "/api/v3/order", text))
        if reply.status != 200:
            return reply
    raise AssertionError("the budget has no end")


FAULTS: list[dict[str, Any]] = [
    {"kind": "drop_after"}, {"kind": "garbage"}, {"kind": "truncate"}, {"kind": "status", "status": 503},
    {"kind": "status", "status": 504}, {"kind": "status", "status": 502, "body": "<html>bad gateway</html>"},
    {"kind": "status", "status": 200, "body": "{}"}, {"kind": "status", "status": 200, "body": '{"code":0}'},
    {"kind": "status", "status": 400, "body": '{"code":-1007,"msg":"Timeout"}'},
    {"kind": "status", "status": 403, "body": "<html>waf</html>"}, {"kind": "status", "status": 302, "body": ""},
    {"kind": "status", "status": 400, "body": "not json"}, {"kind": "status", "status": 429, "body": ""},
]  # fmt: skip


@pytest.mark.parametrize(
    "fault", FAULTS, ids=lambda fault: f"{fault['kind']}-{fault.get('status', '')}-{fault.get('body', '')[:9]}"
)
def test_an_executed_order_whose_answer_was_lost_is_counted(shared_world: World, fault: dict[str, Any]) -> None:
    """The exchange did it and said something else: nothing goes back until the exchange has been asked."""
    name = f"lost-{FAULTS.index(fault)}"
    thief = token(shared_world, name)
    shared_world.exchange.control("add_fault", method="POST", path="/api/v3/order", count=20, **fault)
    try:
        replies = until_denied(lambda number: resting(shared_world, thief, f"{name}-{number}"))
    finally:
        shared_world.exchange.control("clear_faults")
    assert len(replies) == OPEN + 1
    assert Books(shared_world, f"{name}-").open == OPEN
    assert replies[-1].rule == "limits.open_orders"


def test_an_unknown_order_is_settled_by_asking(world: World) -> None:
    """The answer is lost, the order is filled: the reconciler learns what it cost, and the rest is free again."""
    thief = token(world, "settled")
    world.exchange.control("add_fault", kind="drop_after", method="POST", path="/api/v3/order")
    text = f"{crossing(world)}&newClientOrderId=settled-1"
    mark = world.exchange.mark()
    assert ask(world.addresses.binance_port, thief.request("POST", "/api/v3/order", text)).code == -1007
    world.running.until(lambda: asked_for(world, mark, "settled-1"), 10, "a question after the order")
    exhaust(world, thief)
    assert TURNOVER - 100 < Books(world).turnover <= TURNOVER


def asked_for(world: World, mark: int, client_id: str) -> bool:
    """Whether the gateway has asked for this order, and been answered."""
    return any(
        one.parameters.get("origClientOrderId") == client_id and one.status == 200
        for one in world.exchange.arrivals(mark, "GET", "/api/v3/order")
    )


def resting(world: World, thief: Thief, client_id: str) -> Reply:
    text = f"{RESTING}&newClientOrderId={client_id}"
    return ask(world.addresses.binance_port, thief.request("POST", "/api/v3/order", text))


def until_denied(order: Callable[[int], Reply]) -> list[Reply]:
    """Order after order, to the first that a limit denied."""
    replies: list[Reply] = []
    for number in range(OPEN + 5):
        replies.append(order(number))
        if replies[-1].rule.startswith("limits."):
            break
    return replies


def test_a_second_gateway_on_the_same_home_has_no_budget_of_its_own(world: World) -> None:
    """It refuses to start, and names the one that runs."""
    second = Process("second", world.home.command("serve"), world.logs, world.home.environment)
    with pytest.raises(Died):
        second.until(lambda: None, 20, "its end")
    assert second.ended(1) == 1
    assert str(world.running.pid) in second.err.read_text()
    assert ask(world.addresses.binance_port, b"GET /api/v3/time HTTP/1.1\r\nHost: x\r\n\r\n").status == 200
