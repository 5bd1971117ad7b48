"""How long a revocation takes, and what still arrives after it: bots at full speed against a running gateway.

Per round: how long the revocation took, when its last request arrived at the simulated exchange relative to
its return (negative: before it), and how many arrived after. First by `tradewarden token revoke`, a new process each
time; then straight at the control socket, which leaves out Python's start: there the last requests, handed to the
kernel before, may still be in the exchange's own queue.
Run: ``python benchmarks/revocation.py [ROUNDS] [BOTS]``. Compare numbers inside one run only.
"""

import json
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.attacks.fleet import Fleet
from tests.attacks.thief import Thief
from tests.attacks.ways import Entrance
from tests.attacks.witness import Witness
from tests.world import World
from tests.world.home import Home

Revoke = Callable[[World, str], None]
POLICY = """\
version: 1
allow: {symbols: [BTC/USDT], orders: [limit], reads: all}
limits: {order: 500 USDT, open_orders: 100_000, turnover: 50_000_000 USDT per 24h}
price: {giveaway: unlimited because this is an attack, sources: 1 because this world has one exchange}
"""


def by_command(world: World, name: str) -> None:
    """As a person types it."""
    world.home.run("token", "revoke", name)


def by_socket(world: World, name: str) -> None:
    """As the command itself asks the gateway."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(world.home.path / "control.sock"))
        connection.sendall(json.dumps({"do": "token.revoke", "with": {"names": [name], "all": False}}).encode() + b"\n")
        answers = connection.makefile("rb")
        answers.readline()
        assert json.loads(answers.readline())["ok"]


def one_round(world: World, name: str, bots: int, revoke: Revoke) -> tuple[float, float, int, float]:
    """The command's ms, the last arrival after its return in ms, how many came after, requests per second before."""
    credential = world.issue(name)
    witness = Witness(world)
    with Fleet(Entrance.of(world, "port"), Thief(credential.key, credential.secret), bots, f"{name}-") as fleet:
        fleet.under_way()
        world.home.run("token", "list")  # a moment at full speed
        began = time.time_ns()
        revoke(world, name)
        returned = time.time_ns()
        world.home.run("token", "list")  # and a moment against closed doors
        fleet.halt()
    arrived = [one.time for one in witness.keyed()]
    late = [at for at in arrived if at > returned // 1_000_000]
    seconds = (max(arrived) - min(arrived)) / 1000 or 1
    return (returned - began) / 1e6, max(arrived) - returned / 1e6, len(late), len(arrived) / seconds


def main(rounds: int = 10, bots: int = 4) -> None:
    """Print one line per round, and the medians."""
    with tempfile.TemporaryDirectory() as directory:
        template = Home.initialised(Path(directory) / "template")
        with World(Path(directory) / "world", template, POLICY) as world:
            print(f"{bots} bots, {rounds} rounds; the exchange's clock is read in whole ms")
            for how in (by_command, by_socket):
                told = [one_round(world, f"{how.__name__[3:]}{number}", bots, how) for number in range(rounds)]
                report(how.__name__.replace("_", " "), told)


def report(title: str, results: list[tuple[float, float, int, float]]) -> None:
    """One line per round."""
    print(f"{title}: ms   last arrival after return ms   arrived after return   requests/s before")
    for took, last, late, rate in results:
        print(f"{took:14.1f} {last:30.1f} {late:22d} {rate:19.0f}")
    print(f"median {median(r[0] for r in results):7.1f} {median(r[1] for r in results):30.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
