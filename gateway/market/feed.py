"""The gateway's end of the price process: starts it, tells it what is wanted, takes in what it says, replaces it.

Law: prices never hold up a request, so ccxt runs in a process of its own. It is given no secret and no environment.
When it fails the quotes simply age; stale is unknown, and unknown denies what increases risk. It is started only
when something is wanted, and again after a pause that grows.
"""

import asyncio
import contextlib
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from gateway.core.money import BadNumber, parse_number
from gateway.market import lines
from gateway.market.clock import Clocks
from gateway.market.lines import LINE_LIMIT, Begin, Garbled, QuoteLine, SlowLine, Told, UnlistedLine, Want
from gateway.market.quotes import Quote, Quotes, Slow
from gateway.market.venues import RATES, VENUES, Pair, Wanted

log = structlog.get_logger()

MISSING: Final = (
    "the prices of other venues need ccxt, which is not installed: pip install 'tradewarden[prices]'. Until then the "
    "traded exchange's own book is the only source"
)
MOST_PAIRS: Final = 200
"""Markets asked for at one venue; what is beyond has fewer sources."""
RETRY_S: Final = (1.0, 2.0, 5.0, 15.0, 60.0)
SETTLED_S: Final = 60.0
"""A process that lived this long is no failure when it ends."""
END_S: Final = 2.0
NOTHING: Final = Wanted()
_RATES: Final = frozenset(pair for pairs in RATES.values() for pair in pairs)
COMMAND: Final = (sys.executable, "-P", "-s", "-X", "utf8", "-m", "gateway.market.feed_process")


def available() -> bool:
    """Whether other venues can be asked at all: ccxt is an extra."""
    return importlib.util.find_spec("ccxt") is not None


@dataclass(frozen=True, slots=True)
class Reaching:
    """How venues are reached: the operator's ``upstream`` settings."""

    connect_to: Mapping[str, str]
    ca_file: Path | None


class Feed:
    """Fills ``quotes`` with what other venues say. One process at a time, restarted as long as ``run`` runs."""

    def __init__(self, quotes: Quotes, clocks: Clocks, reaching: Reaching, command: Sequence[str] = COMMAND) -> None:
        self._quotes = quotes
        self._clocks = clocks
        self._reaching = reaching
        self._command = command
        self._wanted = Want((), (), 1000)
        self._changed = asyncio.Event()
        self._news = asyncio.Event()
        self.pid: int | None = None
        """The process that runs now."""

    def want(self, wanted: Wanted, interval_ms: int, first: Wanted = NOTHING) -> None:
        """What to ask for from now on, ``first`` before all else where it is too much. Cheap to repeat."""
        books, candles = _capped(wanted.books, first.books), _capped(wanted.candles, first.candles)
        want = Want(books, candles, interval_ms)
        if want != self._wanted:
            self._wanted = want
            self._changed.set()

    async def news(self) -> None:
        """Wait for the next quote, or for word that there will be none."""
        self._news.clear()
        await self._news.wait()

    async def run(self) -> None:
        """Run until cancelled."""
        if not available():
            log.warning(MISSING)
            return
        failures = 0
        while True:
            while not self._wanted.books:
                await self._next_change()
            began = asyncio.get_running_loop().time()
            why = await self._one_life()
            lived = asyncio.get_running_loop().time() - began
            failures = 1 if lived > SETTLED_S else failures + 1
            pause_s = RETRY_S[min(failures, len(RETRY_S)) - 1]
            log.warning("the price process ended and is started again", why=why, after_s=pause_s)
            await asyncio.sleep(pause_s)

    async def _next_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def _one_life(self) -> str:
        """One process from start to end; why it ended."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LINE_LIMIT,
                env={"PYTHONPATH": os.pathsep.join(_paths())}, cwd="/", start_new_session=True,
            )  # fmt: skip
        except OSError as failure:
            return str(failure)
        self.pid = process.pid
        try:
            return await self._converse(process)
        finally:
            self.pid = None
            await _end(process)

    async def _converse(self, process: asyncio.subprocess.Process) -> str:
        telling = asyncio.create_task(self._tell(process))
        hearing = asyncio.create_task(self._hear(process))
        try:
            await asyncio.wait((telling, hearing), return_when=asyncio.FIRST_COMPLETED)
            ended = [task for task in (hearing, telling) if task.done()]
            return next((str(task.exception()) for task in ended if task.exception()), "it closed its output")
        finally:
            for task in (telling, hearing):
                task.cancel()
            await asyncio.gather(telling, hearing, return_exceptions=True)

    async def _tell(self, process: asyncio.subprocess.Process) -> None:
        ca_file = self._reaching.ca_file
        said: Begin | Want = Begin(dict(self._reaching.connect_to), str(ca_file.absolute()) if ca_file else None)
        assert process.stdin is not None
        while True:
            process.stdin.write(lines.line(said))
            await process.stdin.drain()
            while said == self._wanted:
                await self._next_change()
            said = self._wanted

    async def _hear(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                wire = await process.stdout.readline()
            except ValueError as failure:
                raise Garbled(f"the price process said too long a line: {failure}") from None
            if not wire:
                return
            self._take(lines.told(wire))

    def _take(self, told: Told) -> None:
        """Take in one line. Raises Garbled for numbers that are none, and for venues that are not asked."""
        try:
            if isinstance(told, QuoteLine):
                self._quotes.put(self._quote(told))
                self._news.set()
            elif isinstance(told, SlowLine):
                self._quotes.put_slow(_known(told.pair), self._slow(told))
            elif isinstance(told, UnlistedLine):
                self._quotes.put_unlisted(*_one_venues(told))
                self._news.set()
            else:
                log.warning("a venue's prices are missing", venue=told.venue[:20], why=told.why[:300])
        except BadNumber as failure:
            raise Garbled(str(failure)) from None

    def _quote(self, told: QuoteLine) -> Quote:
        bid, ask = parse_number(told.bid), parse_number(told.ask)
        if not 0 < bid <= ask:
            raise Garbled(f"{told.pair[0]} quotes {bid} and {ask}")
        return Quote(*_known(told.pair), bid, ask, self._local_ms(told.asked_us))

    def _slow(self, told: SlowLine) -> Slow:
        return Slow(
            parse_number(told.vwap_24h), parse_number(told.volume_24h), parse_number(told.volume_1h),
            self._local_ms(told.asked_us),
        )  # fmt: skip

    def _local_ms(self, asked_us: int) -> int:
        """The gateway's own clock at a moment of the shared one; never in the future."""
        ago_us = max(self._clocks.steady_us() - asked_us, 0)
        return self._clocks.now_ms() - -(-ago_us // 1000)


def _one_venues(told: UnlistedLine) -> tuple[str, tuple[Pair, ...]]:
    if any(_known(pair)[0] != told.venue for pair in told.pairs):
        raise Garbled(f"{told.venue[:20]!r} speaks of other venues")
    return told.venue, told.pairs


def _known(pair: Pair) -> Pair:
    if pair[0] not in VENUES:
        raise Garbled(f"{pair[0][:20]!r} is no venue")
    return pair


def _capped(pairs: frozenset[Pair], first: frozenset[Pair]) -> tuple[Pair, ...]:
    """At most MOST_PAIRS of each venue: the dollars' rates, without which nothing is converted, then ``first``."""
    ordered = sorted(pairs, key=lambda pair: (pair not in _RATES, pair not in first, pair))
    return tuple(pair for name in VENUES for pair in [p for p in ordered if p[0] == name][:MOST_PAIRS])


def _paths() -> list[str]:
    """Where the process finds this package and ccxt: exactly where we do, and nowhere that an environment says."""
    return [path for path in sys.path if path]


async def _end(process: asyncio.subprocess.Process) -> None:
    """Closing its input ends it; if not, the system does."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(END_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
