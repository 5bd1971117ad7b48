"""The price process: other venues' public prices, read by ccxt where its parsing cannot hold up the gateway.

    python -m gateway.market.feed_process

Law: it holds no secret, writes nowhere but to its standard output, and ends with its standard input. It asks for
nothing that it was not told to, and no venue faster than the table of venues allows. Whatever goes wrong at one venue
is said once and tried again later; the prices that do not come simply age.
"""

import asyncio
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.core.money import plain
from gateway.market import lines
from gateway.market.asking import Averages, Client, Top
from gateway.market.going import session
from gateway.market.lines import LINE_LIMIT, QuoteLine, SlowLine, Told, TroubleLine, UnlistedLine, Want
from gateway.market.venues import VENUES, Pair

AT_ONCE: Final = 4
"""Requests under way at one venue."""
CANDLES_S: Final = 60.0
LISTING_S: Final = 3600.0
RETRY_S: Final = (1.0, 2.0, 5.0, 10.0)
TROUBLE_S: Final = 60.0
"""How often one venue's trouble is told at the most."""
MEMORY: Final = 2 << 30
"""Address space, in bytes: no venue's answer may fill the machine."""
_PLACES: Final = 12

Say = Callable[[Told], None]


class Listening:
    """One venue: its books in rounds, and between two rounds at most one market's candles."""

    def __init__(self, client: Client, say: Say) -> None:
        self._venue = client.venue
        self._client = client
        self._say = say
        self._books: tuple[str, ...] = ()
        self._candles: tuple[str, ...] = ()
        self._interval_s = 1.0
        self._changed = asyncio.Event()
        self._listed_at: float | None = None
        self._unlisted: tuple[Pair, ...] | None = None
        self._averaged_at: dict[str, float] = {}
        self._troubled_at: dict[str, float] = {}

    def want(self, want: Want) -> None:
        """What to ask for from the next round on."""
        self._books, self._candles = self._symbols(want.books), self._symbols(want.candles)
        self._interval_s = max(want.interval_ms, self._venue.pause_ms) / 1000
        self._changed.set()

    def _symbols(self, pairs: tuple[Pair, ...]) -> tuple[str, ...]:
        return tuple(sorted(f"{base}/{quote}" for venue, base, quote in pairs if venue == self._venue.name))

    async def run(self) -> None:
        """Listen until cancelled."""
        failures = 0
        while True:
            began = time.monotonic()
            try:
                await self._round()
                failures = 0
            except Exception as failure:
                self._trouble(failure)
                failures += 1
            pause_s = RETRY_S[min(failures, len(RETRY_S)) - 1] if failures else self._interval_s
            await self._pause(began + pause_s - time.monotonic(), failures > 0)

    async def _pause(self, seconds: float, must_wait: bool) -> None:
        """Until the next round; without anything to look at, until somebody wants some."""
        if must_wait or self._books or self._candles:
            await asyncio.sleep(max(seconds, 0))
        else:
            await self._changed.wait()
        self._changed.clear()

    async def _round(self) -> None:
        if not self._books and not self._candles:
            return
        if self._listed_at is None or time.monotonic() - self._listed_at > LISTING_S:
            await self._client.load()
            self._listed_at = time.monotonic()
        self._tell_unlisted()
        listed = [symbol for symbol in self._books if self._client.lists(symbol)]
        requests = self._client.requests(listed) if listed else []
        failures: list[Exception] = []
        for first in range(0, len(requests), AT_ONCE):
            looks = [self._look(request) for request in requests[first : first + AT_ONCE]]
            failures += [failure for failure in await asyncio.gather(*looks) if failure is not None]
        await self._average()
        if failures and len(failures) == len(requests):
            raise failures[0]

    def _tell_unlisted(self) -> None:
        """Say what is asked for in vain, when that changes: who waits for it need not."""
        wanted = sorted({*self._books, *self._candles})
        unlisted = tuple(self._pair(symbol) for symbol in wanted if not self._client.lists(symbol))
        if unlisted != self._unlisted:
            self._unlisted = unlisted
            self._say(UnlistedLine(self._venue.name, unlisted))

    async def _look(self, request: Callable[[], Awaitable[list[Top]]]) -> Exception | None:
        """Ask once and say what came. A market that fails is said, and costs the others nothing."""
        try:
            tops = await request()
        except Exception as failure:
            self._trouble(failure)
            return failure
        for top in tops:
            self._say(QuoteLine(self._pair(top.symbol), plain(top.bid), plain(top.ask), top.asked_us))
        return None

    async def _average(self) -> None:
        """The candles that have waited longest, if any are due."""
        now = time.monotonic()
        due = [(self._averaged_at.get(symbol, 0), symbol) for symbol in self._candles if self._client.lists(symbol)]
        oldest, symbol = min(due, default=(now, ""))
        if oldest and now - oldest < CANDLES_S:
            return
        self._averaged_at[symbol] = now
        asked_us = time.monotonic_ns() // 1000
        try:
            averages = await self._client.averages(symbol, time.time_ns() // 1_000_000)
        except Exception as failure:
            self._trouble(failure)
            return
        if averages is not None:
            self._say(_slow(self._pair(symbol), averages, asked_us))

    def _pair(self, symbol: str) -> Pair:
        base, _, quote = symbol.partition("/")
        return self._venue.name, base, quote

    def _trouble(self, failure: Exception) -> None:
        """Say what went wrong, once a minute for each kind."""
        kind, now = type(failure).__name__, time.monotonic()
        if now - self._troubled_at.get(kind, -TROUBLE_S) >= TROUBLE_S:
            self._troubled_at[kind] = now
            self._say(TroubleLine(self._venue.name, f"{kind}: {str(failure)[:200]}"))


def _slow(pair: Pair, averages: Averages, asked_us: int) -> SlowLine:
    numbers = (averages.vwap_24h, averages.volume_24h, averages.volume_1h)
    vwap, day, hour = (plain(round(number, _PLACES)) for number in numbers)
    return SlowLine(pair, vwap, day, hour, asked_us)


def _say(told: Told) -> None:
    sys.stdout.buffer.write(lines.line(told))
    sys.stdout.buffer.flush()


async def _listen(reader: asyncio.StreamReader) -> None:
    """Until the other side closes."""
    wire = await reader.readline()
    if not wire:
        return
    begin = lines.begin(wire)
    async with session(begin.connect_to, begin.ca_file) as ours:
        clients = [Client(venue, ours) for venue in VENUES.values()]
        listening = [Listening(client, _say) for client in clients]
        tasks = [asyncio.create_task(one.run()) for one in listening]
        try:
            while wire := await reader.readline():
                want = lines.want(wire)
                for one in listening:
                    one.want(want)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, *(client.close() for client in clients), return_exceptions=True)


async def _main() -> None:
    reader = asyncio.StreamReader(limit=LINE_LIMIT)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    try:
        await _listen(reader)
    finally:
        transport.close()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    asyncio.run(_main())
