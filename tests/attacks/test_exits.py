"""Exits stay open: whatever stops new orders, a token's own cancel arrives at the exchange."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.thief import ORDER, Reply, Thief, ask
from tests.attacks.witness import Witness
from tests.world import World
from tests.world.home import Home

RESTING = ORDER.format(quantity="0.001", price="40000")
DISK_BYTES = 160 << 20
LIMITS = """\
version: 1
allow: {symbols: [BTC/USDT], orders: [limit], reads: all}
limits:
  order: 100 USDT
  open_orders: 2
  turnover: 100 USDT per 24h
price: {giveaway: unlimited because this is an attack, sources: 1 because this world has one exchange}
"""
AMPLE = """\
version: 1
allow: {symbols: [BTC/USDT], orders: [limit], reads: all}
limits: {order: 100 USDT, turnover: 1_000_000 USDT per 24h}
price: {stale_after: 1s, giveaway: unlimited because this is an attack, sources: 1 because this world has one exchange}
"""
BUSY = LIMITS.replace("open_orders: 2", "open_orders: 2\n  requests: 2 per 1s")
NERVOUS = LIMITS + "if_denied: 2 per 5m then cancel_only\n"


class Trader:
    """A token with an order that works."""

    def __init__(self, world: World, name: str, policy: str = LIMITS) -> None:
        self.world, self.name, self._port = world, name, world.addresses.binance_port
        world.home.write(f"policies/{name}.yaml", policy)
        credential = world.issue(name, name)
        self.thief = Thief(credential.key, credential.secret)
        self.witness = Witness(world)

    def place(self, number: int = 0, parameters: str = RESTING) -> Reply:
        text = f"{parameters}&newClientOrderId={self.name}-{number}"
        return ask(self._port, self.thief.request("POST", "/api/v3/order", text, window=60_000))

    def cancel(self, number: int = 0) -> Reply:
        text = f"symbol=BTCUSDT&origClientOrderId={self.name}-{number}"
        return ask(self._port, self.thief.request("DELETE", "/api/v3/order", text, window=60_000))

    def cancelled(self) -> list[str]:
        """The client ids of the cancels that arrived."""
        return [one.meaning["origClientOrderId"] for one in self.witness.keyed() if one.method == "DELETE"]


def test_a_cancel_passes_without_a_price(world: World) -> None:
    """The exchange's prices fail: orders are denied as unpriced, the cancel goes."""
    trader = Trader(world, "blind", AMPLE)
    assert trader.place().status == 200
    world.exchange.control("add_fault", kind="status", method="GET", path="/api/v3/ticker", count=100_000, status=500)
    world.running.until(lambda: trader.place(time.time_ns()).code == -1001, 15, "a stale price")
    assert trader.cancel().status == 200
    assert trader.cancelled() == ["blind-0"]


def test_a_cancel_passes_while_the_exchange_wants_to_be_left_alone(world: World) -> None:
    """429 with Retry-After: the gateway asks for no price until then, so orders are denied, and the cancel goes."""
    trader = Trader(world, "patient", AMPLE)
    assert trader.place().status == 200
    refusal = {"status": 429, "headers": {"Retry-After": "600"}}
    world.exchange.control("add_fault", kind="status", method="GET", path="/api/v3/ticker", count=100_000, **refusal)
    number = world.exchange.mark()
    world.running.until(lambda: trader.place(time.time_ns()).code == -1001, 15, "a stale price")
    assert {trader.place(time.time_ns()).code for _ in range(5)} == {-1001}
    assert trader.cancel().status == 200
    assert trader.cancelled() == ["patient-0"]
    assert len(world.exchange.arrivals(number, "GET", "/api/v3/ticker")) == 1


def test_a_cancel_passes_when_the_limits_are_used_up(shared_world: World) -> None:
    trader = Trader(shared_world, "full")
    assert [trader.place(number).status for number in range(3)] == [200, 200, 400]
    assert trader.cancel(1).status == 200
    assert trader.cancelled() == ["full-1"]


def test_a_cancel_passes_when_the_breaker_has_tripped(shared_world: World) -> None:
    trader = Trader(shared_world, "nervous", NERVOUS)
    assert trader.place().status == 200
    large = ORDER.format(quantity="1", price="40000")
    assert {trader.place(number, large).status for number in range(1, 4)} == {400}
    assert trader.place(9).rule in ("state", "if_denied")
    assert trader.cancel().status == 200
    assert trader.cancelled() == ["nervous-0"]


def test_a_cancel_passes_when_the_requests_are_used_up(shared_world: World) -> None:
    """Reads are refused for pace; cancels beyond their own bucket wait, and then go: none is denied."""
    trader = Trader(shared_world, "busy", BUSY)
    assert trader.place().status == 200
    read = [ask(trader._port, trader.thief.request("GET", "/api/v3/account")).rule for _ in range(3)]
    assert "limits.requests" in read
    assert [trader.cancel(number).code for number in range(12)] == [None] + [-2011] * 11
    assert len(trader.cancelled()) == 12


def test_a_cancel_passes_with_a_policy_that_is_no_longer_readable(shared_world: World) -> None:
    """A file that breaks while orders work leaves the old policy in force, and that lets its orders be cancelled."""
    trader = Trader(shared_world, "broken")
    assert trader.place().status == 200
    shared_world.home.write("policies/broken.yaml", "version: 1\nallow: {orders: [limit\n")
    assert trader.cancel().status == 200


def test_a_cancel_all_takes_the_tokens_own_orders_alone(shared_world: World) -> None:
    """Another live token's orders stay, whatever the exchange's own call would take."""
    one, other = Trader(shared_world, "sweeper"), Trader(shared_world, "bystander")
    assert one.place().status == other.place().status == 200
    sweep = one.thief.request("DELETE", "/api/v3/openOrders", "symbol=BTCUSDT")
    assert ask(one._port, sweep).status == 200
    working = {order["clientOrderId"] for order in shared_world.exchange.control("orders", open_only=True)}
    assert "bystander-0" in working
    assert "sweeper-0" not in working


def test_another_tokens_order_is_not_cancelled_by_any_name(shared_world: World) -> None:
    """By its client id, its number, both, or one of each: denied, and the order stays."""
    owner, thief = Trader(shared_world, "owner"), Trader(shared_world, "robber")
    assert owner.place().status == thief.place().status == 200
    numbers = {o["clientOrderId"]: o["orderId"] for o in shared_world.exchange.control("orders", open_only=True)}
    theirs, own = numbers["owner-0"], numbers["robber-0"]
    for named in (
        "origClientOrderId=owner-0", f"orderId={theirs}", f"orderId={theirs}&origClientOrderId=owner-0",
        f"orderId={theirs}&origClientOrderId=robber-0", f"orderId={own}&origClientOrderId=owner-0",
    ):  # fmt: skip
        assert ask(thief._port, thief.thief.request("DELETE", "/api/v3/order", f"symbol=BTCUSDT&{named}")).status >= 400
    assert not thief.cancelled()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, small enough to fill."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0700", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_cancel_passes_on_a_full_disk(small_disk: Path, initialised_home: Home) -> None:
    """Orders stop first, reads next; with not one byte left cancels still go, and are recorded."""
    with World(small_disk, initialised_home) as world:
        trader = Trader(world, "crammed")
        assert [trader.place(number).status for number in range(2)] == [200, 200]
        filler = small_disk / "filler"
        fill(filler)
        assert trader.place(2).code == -1001
        assert ask(trader._port, trader.thief.request("GET", "/api/v3/account")).code == -1001
        assert trader.cancel(0).status == 200
        assert trader.cancel(1).status == 200
        assert trader.cancelled() == ["crammed-0", "crammed-1"]
        world.home.run("token", "pause", "crammed")
        world.home.run("token", "revoke", "crammed")
        assert trader.cancel(0).code == -2014
        filler.unlink()
        recorded = [record for record in world.audit() if record.get("call") == "DELETE /api/v3/order"]
        assert len(recorded) >= 2
        assert world.stop() == 0
        world.home.run("audit", "verify")


def fill(path: Path) -> None:
    """Until no byte more goes onto the disk."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(os.urandom(size))
            except OSError:
                continue
