"""Revocation is linearizable: once the command has returned, not one request of that token arrives at the exchange.

Bots in processes of their own ask at full speed, before and after; the exchange's journal and the command's return
are timed by the same machine's clock.
"""

import json
import socket
import time
from contextlib import ExitStack
from uuid import uuid4

import pytest

from tests.attacks.fleet import Fleet
from tests.attacks.thief import Thief, Wire, ask
from tests.attacks.ways import WAYS, Entrance
from tests.attacks.witness import Seen, Witness
from tests.world import World

ROUNDS = 2
BOTS = 4
LINES = 64
"""How many connections to one host the gateway opens at most."""
FAST = """\
version: 1
allow: {symbols: [BTC/USDT], orders: [limit], reads: all}
limits:
  order: 500 USDT
  open_orders: 100_000
  turnover: 50_000_000 USDT per 24h
price: {giveaway: unlimited because this is an attack, sources: 1 because this world has one exchange}
"""


class Field:
    """The world with a policy that lets bots go as fast as they can."""

    def __init__(self, world: World, kind: str) -> None:
        self.world, self.entrance = world, Entrance.of(world, kind)
        world.home.write("policies/fast.yaml", FAST)

    def recruit(self) -> tuple[str, Thief]:
        """A new token."""
        name = f"fast-{uuid4().hex[:8]}"
        credential = self.world.issue(name, "fast")
        return name, self.entrance.thief(credential)

    def command(self, *words: str) -> int:
        """Type it; the time at which it had returned, in ms."""
        self.world.home.run(*words)
        return time.time_ns() // 1_000_000

    def linger(self) -> None:
        """Give the bots time to go on, by looking at the tokens as a person would."""
        self.world.home.run("token", "list", "--json")


@pytest.fixture(params=WAYS)
def field(request: pytest.FixtureRequest, shared_world: World) -> Field:
    return Field(shared_world, request.param)


def after(arrivals: list[Seen], returned_ms: int) -> list[Seen]:
    """What arrived later than that."""
    return [one for one in arrivals if one.time > returned_ms]


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_nothing_arrives_after_revoke_has_returned(field: Field, turn: int) -> None:
    """Four bots at full speed, `token revoke` in another process: from its return on, silence at the exchange."""
    name, thief = field.recruit()
    witness = Witness(field.world)
    with Fleet(field.entrance, thief, BOTS, f"r{name[-4:]}-") as fleet:
        fleet.under_way()
        returned_ms = field.command("token", "revoke", name)
        field.linger()
        answers = fleet.halt()
    arrivals = witness.keyed()
    assert len(arrivals) >= BOTS
    assert answers[200] >= BOTS
    assert answers[401] > 0
    assert after(arrivals, returned_ms) == []


def test_nothing_arrives_after_panic_has_returned(field: Field) -> None:
    """The same for every token at once."""
    recruits = [field.recruit() for _ in range(2)]
    witness = Witness(field.world)
    with (
        Fleet(field.entrance, recruits[0][1], 2, f"p{uuid4().hex[:4]}-") as one,
        Fleet(field.entrance, recruits[1][1], 2, f"q{uuid4().hex[:4]}-") as two,
    ):
        one.under_way()
        two.under_way()
        returned_ms = field.command("panic")
        field.linger()
        answers = [fleet.halt() for fleet in (one, two)]
    arrivals = witness.keyed()
    assert len(arrivals) >= 4
    assert all(counted[401] > 0 for counted in answers)
    assert after(arrivals, returned_ms) == []


@pytest.mark.parametrize("turn", range(2))
def test_no_order_arrives_after_pause_has_returned(field: Field, turn: int) -> None:
    """Pausing stops orders as surely; reads go on."""
    name, thief = field.recruit()
    witness = Witness(field.world)
    with Fleet(field.entrance, thief, BOTS, f"s{name[-4:]}-") as fleet:
        fleet.under_way()
        returned_ms = field.command("token", "pause", name)
        field.linger()
        fleet.halt()
    late = after(witness.keyed(), returned_ms)
    assert [one for one in late if one.method != "GET"] == []
    assert late


def test_a_revoked_tokens_connections_are_closed_at_once(field: Field) -> None:
    """Idle ones too, and those in the middle of a request; another token's stay."""
    name, thief = field.recruit()
    _, other = field.recruit()
    way = field.entrance.way
    read = thief.request("GET", "/api/v3/account")
    with Wire(way) as idle, Wire(way) as halfway, Wire(way) as others:
        assert idle.ask(read).status == 200
        assert halfway.ask(thief.request("GET", "/api/v3/account")).status == 200
        assert others.ask(other.request("GET", "/api/v3/account")).status == 200
        halfway.send(thief.order()[:100])
        field.command("token", "revoke", name)
        assert idle.to_the_end() == b""
        assert halfway.to_the_end() == b""
        assert others.ask(other.request("GET", "/api/v3/account")).status == 200


def test_an_order_that_waits_for_the_exchange_is_told_as_unknown_not_as_denied(world: World) -> None:
    """Revoked while the exchange holds the answer: the order stays in the ledger, and is settled without its bot."""
    credential = world.issue("waiting")
    thief = Thief(credential.key, credential.secret)
    world.exchange.control("add_fault", kind="hold", method="POST", path="/api/v3/order")
    mark = world.exchange.mark()
    with Wire(world.addresses.binance_port) as wire:
        wire.send(thief.order(extra="&newClientOrderId=held"))
        while not [one for one in world.exchange.arrivals(mark, "POST") if one.path == "/api/v3/order"]:
            assert world.exchange.control("wait_journal", number=world.exchange.mark() + 1, seconds=10)
        told = world.home.run("token", "revoke", "waiting", "--json").json()
        assert told["working_orders"] == {"waiting": 1}
        assert wire.to_the_end() == b""
    world.exchange.control("release_holds")
    assert world.stop() == 0
    settled = [record for record in world.audit() if record.get("type") == "outcome" and "orders" in record]
    assert "held" in str(settled)


def test_revoking_twice_and_from_a_dead_gateway_is_final(world: World) -> None:
    """It works without a gateway, says what was so already, and no restart brings the token back."""
    credential = world.issue("gone")
    thief = Thief(credential.key, credential.secret)
    world.kill()
    world.home.run("token", "revoke", "gone")
    assert world.home.run("token", "revoke", "gone", "--json").json()["already_revoked"] == ["gone"]
    world.start()
    witness = Witness(world)
    assert ask(world.addresses.binance_port, thief.order()).code == -2014
    assert world.home.attempt("token", "resume", "gone").code == 1
    assert world.home.attempt("token", "rotate", "gone").code == 1
    assert not witness.keyed()


def test_an_order_that_waits_for_a_connection_does_not_leave_after_pause(world: World) -> None:
    """Decided, recorded, and every line to the exchange taken: the token is looked at again before the first byte."""
    credential = world.issue("queued")
    thief, port = Thief(credential.key, credential.secret), world.addresses.binance_port
    assert ask(port, thief.order()).status == 200  # from here on the price is known
    witness = Witness(world)
    world.exchange.control("add_fault", kind="hold", method="DELETE", path="/api/v3/order", count=LINES)
    with ExitStack() as lines:
        for number in range(LINES):
            cancel = thief.request("DELETE", "/api/v3/order", f"symbol=BTCUSDT&orderId={900_000 + number}")
            lines.enter_context(Wire(port)).send(cancel)
        wire = lines.enter_context(Wire(port))
        world.running.until(lambda: len(witness.keyed()) == LINES, 10, "the exchange's lines taken")
        wire.send(thief.order(extra="&newClientOrderId=queued-1"))
        world.running.until(lambda: b"queued-1" in log_of(world), 10, "the record of the order")
        tell(world, "token.pause", name="queued")
        world.exchange.control("release_holds")
        assert wire.read().rule == "state"
    assert [one.path for one in witness.keyed() if one.method == "POST"] == []


def log_of(world: World) -> bytes:
    """The audit log's bytes."""
    return b"".join(path.read_bytes() for path in sorted((world.home.path / "audit").glob("*.jsonl")))


def tell(world: World, act: str, **arguments: object) -> None:
    """What a command says to the running gateway, without the time that a new process takes to start."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(world.home.path / "control.sock"))
        connection.sendall(json.dumps({"do": act, "with": arguments}).encode() + b"\n")
        with connection.makefile("rb") as answers:
            answers.readline()
            assert json.loads(answers.readline())["ok"]
