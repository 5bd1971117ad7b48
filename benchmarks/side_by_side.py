"""The whole gateway beside its peers, in one run: what it adds to a request, and what a request costs.

    python benchmarks/side_by_side.py [--quick | --large] [--directory DIR] [--without-mitmproxy] [--connections N]

The ways to the same exchange: direct TLS with the real key; the gateway (own port, plain, reverse; and a tunnel by
CONNECT); mitmproxy likewise, with an addon that verifies, checks and signs anew. Rounds alternate between them, so
that the machine's drift hits all alike; medians over the rounds are printed. Prints numbers, asserts nothing; see
README.md beside it. DIR is on the disk to be measured: an order waits for it twice.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.peers import bot, environment
from benchmarks.peers.bot import Act, Key, Way
from benchmarks.peers.homes import Workshop, cheap_directory
from benchmarks.peers.targets import Field, Upstream, cpu_seconds, direct, memory_mb
from tests.world.exchange import Exchange

PER_SECOND = 200
PRICE_BELOW = 0.9
"""An order rests at this part of the last price."""


@dataclass(frozen=True)
class Plan:
    """How long everything takes. Seconds are of one round of one way."""

    rounds: int
    paced_s: float
    flooded_s: float
    warm_s: float
    tokens: int
    megabytes: int


LONG = Plan(rounds=5, paced_s=1.0, flooded_s=1.6, warm_s=0.5, tokens=10_000, megabytes=200)
LARGE = Plan(rounds=5, paced_s=1.0, flooded_s=1.6, warm_s=0.5, tokens=100_000, megabytes=1_000)
QUICK = Plan(rounds=3, paced_s=0.4, flooded_s=0.5, warm_s=0.2, tokens=1_000, megabytes=20)


@dataclass(frozen=True)
class Pace:
    """Round trips of one way in one round, µs."""

    p50: float
    p99: float


@dataclass(frozen=True)
class Cost:
    """What one way's process managed in one round."""

    per_second: float
    cpu_us: float

    @property
    def per_core(self) -> float:
        """How many a core could do, if nothing but CPU were in the way."""
        return 1e6 / self.cpu_us


@dataclass(frozen=True)
class Peers:
    """What all sections share. ``mitmdump`` is None where mitmproxy is left out."""

    place: Path
    upstream: Upstream
    exchange: Exchange
    tokens: Sequence[Key]
    mitmdump: Path | None
    connections: int


def turns(ways: Sequence[Way], rounds: int) -> Iterator[tuple[int, Way]]:
    """A B C, B C A, C A B, …"""
    for number in range(rounds):
        shift = number % len(ways)
        yield from ((number, way) for way in (*ways[shift:], *ways[:shift]))


def paces(ways: Sequence[Way], act: Act, rounds: int, seconds: float) -> dict[str, list[Pace]]:
    """Every round of every way at 200 requests a second over one connection."""
    found: dict[str, list[Pace]] = {way.name: [] for way in ways}
    per_second = PER_SECOND if act is bot.reading else PER_SECOND // 2  # an order and its cancel are two
    for _, way in turns(ways, rounds):
        cuts = statistics.quantiles(uvloop.run(bot.paced(way, act, seconds, per_second)), n=100)
        found[way.name].append(Pace(cuts[49], cuts[98]))
    return found


def costs(ways: Sequence[Way], act: Act, rounds: int, seconds: float, connections: int) -> dict[str, list[Cost]]:
    """Every round of every way as fast as it goes."""
    found: dict[str, list[Cost]] = {way.name: [] for way in ways}
    for _, way in turns(ways, rounds):
        assert way.pid is not None
        before = cpu_seconds(way.pid)
        done, taken = uvloop.run(bot.flooded(way, act, seconds, connections))
        used = cpu_seconds(way.pid) - before
        found[way.name].append(Cost(done / taken, used / done * 1e6))
    return found


def print_paces(title: str, found: dict[str, list[Pace]]) -> None:
    """Added over direct, round by round; the median of the rounds."""
    print(f"\n{title}\n  {'':22}{'p50 µs':>9}{'p99 µs':>9}{'added p50':>11}{'added p99':>11}{'of mitmproxy':>14}")
    base = found["direct TLS"]
    added = {name: median(a.p50 - b.p50 for a, b in zip(paces, base, strict=True)) for name, paces in found.items()}
    for name, rounds in found.items():
        p50, p99 = median(one.p50 for one in rounds), median(one.p99 for one in rounds)
        more = median(a.p99 - b.p99 for a, b in zip(rounds, base, strict=True))
        cells = "" if rounds is base else f"{added[name]:11.0f}{more:11.0f}"
        peer = name.replace("gateway", "mitmproxy")
        if peer != name and peer in added:
            cells += f"{'1/' + format(added[peer] / added[name], '.1f'):>14}"
        print(f"  {name:22}{p50:9.0f}{p99:9.0f}{cells}")


def print_costs(title: str, found: dict[str, list[Cost]], what: str) -> None:
    """CPU of the way's process alone."""
    print(f"\n{title}\n  {'':22}{what + '/s':>12}{'CPU s/1000':>12}{what + '/s per core':>20}{'of mitmproxy':>14}")
    for name, rounds in found.items():
        peer = found.get(name.replace("gateway", "mitmproxy"))
        cpu = median(one.cpu_us for one in rounds)
        cells = f"{median(one.per_second for one in rounds):12.0f}{cpu / 1000:12.3f}{1e6 / cpu:20.0f}"
        if peer and rounds is not peer:
            cells += f"{format(median(one.cpu_us for one in peer) / cpu, '.1f') + ' x':>14}"
        print(f"  {name:22}{cells}")


def median(values: Iterable[float]) -> float:
    """Of one number per round."""
    return statistics.median(values)


def latency(field: Field, plan: Plan, workshop: Workshop, peers: Peers) -> None:
    """Against the simulator: what each way adds to a read and to an order; then what an order costs."""
    upstream, exchange = peers.upstream, peers.exchange
    home = workshop.copied(peers.place / "home-simulator")
    ways = [direct(upstream), *field.gateway("gateway", home, peers.tokens, upstream)]
    if peers.mitmdump is not None:
        ways += [field.mitmproxy(peers.mitmdump, upstream, tunnel) for tunnel in (False, True)]
    last = float(exchange.control("book", symbol=bot.SYMBOL)["last"])
    ordering = bot.ordering(f"{last * PRICE_BELOW:.2f}")
    for act in (bot.reading, ordering):
        paces(ways, act, 1, plan.warm_s)
    pace = f"one connection, {PER_SECOND} requests/s"
    print_paces(f"Signed reads, {pace}", paces(ways, bot.reading, plan.rounds, plan.paced_s))
    print_paces(f"Orders placed (each then cancelled), {pace}", paces(ways, ordering, plan.rounds, plan.paced_s))
    found = costs(ways[1:], ordering, plan.rounds, plan.flooded_s, peers.connections)
    print_costs(f"Orders, each with its cancel, {peers.connections} connections, simulator", found, "pairs")


def throughput(field: Field, plan: Plan, workshop: Workshop, peers: Peers) -> None:
    """Against the stub: what a read costs, and that neither tokens nor the log make it dearer."""
    stub = field.stub(peers.upstream.real)
    few, tunnel = field.gateway("gateway", workshop.copied(peers.place / "home-stub"), peers.tokens, stub)
    ways = [few, tunnel]
    if peers.mitmdump is not None:
        ways += [field.mitmproxy(peers.mitmdump, stub, by_connect) for by_connect in (False, True)]
    costs(ways, bot.reading, 1, plan.warm_s, peers.connections)
    found = costs(ways, bot.reading, plan.rounds, plan.flooded_s, peers.connections)
    print_costs(f"Signed reads, {peers.connections} connections, stub", found, "reads")
    for way in ways:
        print(f"  {way.name} holds {memory_mb(way.pid or 0):.0f} MB")
    growth(field, plan, workshop, peers, few, stub)


def growth(field: Field, plan: Plan, workshop: Workshop, peers: Peers, few: Way, stub: Upstream) -> None:
    """The same gateway with many tokens in its state, and with a long log."""
    log = plan.megabytes
    workshop.lengthen(log)
    long, _ = field.gateway("long log", workshop.copied(peers.place / "home-long"), peers.tokens, stub)
    workshop.issue(plan.tokens - len(peers.tokens))
    many, _ = field.gateway("many tokens", workshop.copied(peers.place / "home-many"), peers.tokens, stub)
    names = {
        few.name: f"{len(peers.tokens)} tokens, new log", long.name: f"{len(peers.tokens)} tokens, {log} MB log",
        many.name: f"{plan.tokens} tokens, {log} MB log",
    }  # fmt: skip
    ways = [few, long, many]
    costs(ways, bot.reading, 1, plan.warm_s, peers.connections)
    found = costs(ways, bot.reading, plan.rounds, plan.flooded_s / 2, peers.connections)
    print_costs("Growth: signed reads, stub", {names[name]: rounds for name, rounds in found.items()}, "reads")


def load() -> str:
    """The machine's load averages."""
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--large", action="store_true", help="growth to 100,000 tokens and a log of 1 GB")
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--without-mitmproxy", action="store_true")
    parser.add_argument("--connections", type=int, default=16)
    chosen = parser.parse_args()
    plan = QUICK if chosen.quick else LARGE if chosen.large else LONG
    program = None if chosen.without_mitmproxy else environment.mitmdump()
    begun = time.monotonic()
    print(f"Python {platform.python_version()}; {environment.versions(program) if program else 'no mitmproxy'}")
    print(f"{os.cpu_count()} cores, load average before: {load()}")
    with (
        tempfile.TemporaryDirectory(dir=chosen.directory) as place,
        cheap_directory() as cheap,
        Field(Path(place)) as field,
    ):
        upstream, exchange = field.simulator()
        workshop = Workshop(cheap, upstream.real)
        peers = Peers(Path(place), upstream, exchange, workshop.issue(10), program, chosen.connections)
        latency(field, plan, workshop, peers)
        throughput(field, plan, workshop, peers)
    print(f"\nload average after: {load()}; {time.monotonic() - begun:.0f} s in all")


if __name__ == "__main__":
    main()
