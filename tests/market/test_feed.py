"""The price process from both ends: what it tells, what it is not told, how it ends and is replaced."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from gateway.market import lines
from gateway.market.clock import Clocks
from gateway.market.feed import COMMAND, MISSING, MOST_PAIRS, Feed, Reaching, available
from gateway.market.lines import Begin, QuoteLine, line
from gateway.market.quotes import Quotes
from gateway.market.venues import Pair, wanted
from tests.market.prices import D
from tests.market.venues import Venues

KRAKEN: Pair = ("kraken", "BTC", "USD")
NOWHERE = Reaching({}, None)


class Ears:
    """A feed with what it has heard."""

    def __init__(self, reaching: Reaching, command: tuple[str, ...] = COMMAND) -> None:
        self.clocks = Clocks()
        self.quotes = Quotes()
        self.feed = Feed(self.quotes, self.clocks, reaching, command)
        self.feed.want(wanted([("binance", "BTC", "USDT")]), 200)

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait for it, looking again at every quote."""
        while not happened():
            await self.feed.news()

    def heard(self, pair: Pair, max_age_ms: int = 60_000) -> bool:
        return self.quotes.fresh(pair, self.clocks.now_ms(), max_age_ms) is not None


@contextlib.asynccontextmanager
async def listening(ears: Ears) -> AsyncIterator[None]:
    """The feed runs meanwhile; it has 40 s for all of it."""
    running = asyncio.create_task(ears.feed.run())
    try:
        async with asyncio.timeout(40):
            yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def tell(story: Callable[[Ears], Awaitable[None]], venues: Venues) -> None:
    async def whole() -> None:
        ears = Ears(Reaching(venues.connect_to, venues.ca_file))
        async with listening(ears):
            await story(ears)

    asyncio.run(whole())


def environment_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/environ").read_text().split("\0")


def test_every_venue_is_heard_and_a_killed_process_is_replaced(venues: Venues, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told where to go and what to ask for, gets no environment, and says books, averages and volumes."""
    monkeypatch.setenv("TRADEWARDEN_PASSPHRASE_FILE", "/secret")
    asked = wanted([("binance", "BTC", "USDT")])
    slow: Pair = ("binance", "BTC", "USDT")

    async def story(ears: Ears) -> None:
        await ears.until(lambda: all(ears.heard(pair) for pair in asked.books))
        await ears.until(lambda: ears.quotes.slow(slow, ears.clocks.now_ms()) is not None)
        averages = ears.quotes.slow(slow, ears.clocks.now_ms())
        assert averages is not None
        assert D(63900) < averages.vwap_24h < D(64100)
        assert averages.volume_24h > averages.volume_1h > 0
        first = ears.feed.pid
        assert first is not None
        if sys.platform == "linux":
            assert {entry.partition("=")[0] for entry in environment_of(first) if entry} == {"PYTHONPATH"}
        os.kill(first, signal.SIGKILL)
        before = ears.clocks.now_ms()
        await ears.until(
            lambda: all((quote := ears.quotes.find(pair)) and quote.at_ms > before + 500 for pair in asked.books)
        )
        assert ears.feed.pid not in (None, first)

    tell(story, venues)
    assert venues["binance"].asked["/api/v3/ticker/bookTicker"] == 0, "its own book comes another way"


def test_a_venue_that_fails_ages_while_the_others_go_on_and_comes_back(venues: Venues) -> None:
    async def story(ears: Ears) -> None:
        bitget: Pair = ("bitget", "BTC", "USDT")
        await ears.until(lambda: ears.heard(KRAKEN) and ears.heard(bitget))
        venues["kraken"].down = True
        await ears.until(lambda: not ears.heard(KRAKEN, 2_500))
        assert ears.heard(bitget, 2_500)
        venues["kraken"].down = False
        await ears.until(lambda: ears.heard(KRAKEN, 1_000))

    with capture_logs() as logs:
        tell(story, venues)
    assert [entry["venue"] for entry in logs if "venue" in entry] == ["kraken"], "said once, not at every try"


def test_a_market_that_one_venue_does_not_list_costs_the_others_nothing(venues: Venues) -> None:
    async def story(ears: Ears) -> None:
        ears.feed.want(wanted([("binance", "BTC", "USDT"), ("binance", "NEW", "USDT")]), 200)
        await ears.until(lambda: ears.heard(KRAKEN) and ears.heard(("bitget", "BTC", "USDT")))

    tell(story, venues)


def test_what_policies_name_comes_first_where_there_is_too_much(tmp_path: Path) -> None:
    """However many markets orders touch on a whim; and the dollars' rates, without which nothing is converted."""
    many = [("binance", f"A{number:03}", "USDT") for number in range(2 * MOST_PAIRS)]
    named = [("binance", "ZZZ", "USDT")]
    told = tmp_path / "told"
    quote = line(QuoteLine(KRAKEN, "1", "1", 0)).decode().strip()
    command = ("/bin/sh", "-c", f"head -n 2 > {told}; echo '{quote}'; cat")

    async def story() -> None:
        feed = Feed(Quotes(), Clocks(), NOWHERE, command)
        feed.want(wanted(many + named), 1000, first=wanted(named))
        running = asyncio.create_task(feed.run())
        async with asyncio.timeout(20):
            await feed.news()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(story())
    want = lines.want(told.read_bytes().splitlines()[1])
    kraken = [pair for pair in want.books if pair[0] == "kraken"]
    assert len(kraken) == MOST_PAIRS
    assert {("kraken", "ZZZ", "USD"), ("kraken", "USDT", "USD")} <= set(kraken)
    assert ("binance", "ZZZ", "USDT") in want.candles


def test_it_ends_with_its_input_in_silence() -> None:
    """A gateway that is killed leaves no process behind."""
    begin = line(Begin({}, None))
    process = subprocess.run(COMMAND, input=begin, capture_output=True, timeout=60, check=False)
    assert (process.returncode, process.stdout, process.stderr) == (0, b"", b"")


def test_nothing_is_started_before_something_is_wanted() -> None:
    async def story() -> None:
        feed = Feed(Quotes(), Clocks(), NOWHERE, ("/nowhere/at/all",))
        running = asyncio.create_task(feed.run())
        for _ in range(5):
            await asyncio.sleep(0)
        assert feed.pid is None
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(story())


def saying(wire: bytes) -> tuple[str, ...]:
    """A process that says this and then waits for its end."""
    program = "import sys; sys.stdout.write(sys.argv[1]); sys.stdout.flush(); sys.stdin.read()"
    return (sys.executable, "-c", program, wire.decode())


async def first_words(ears: Ears) -> str:
    """Why the first process ended, as the log says."""
    logged = asyncio.get_running_loop().create_future()

    def take(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if not logged.done():
            logged.set_result(event["why"])
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[take], cache_logger_on_first_use=False)
    try:
        async with listening(ears):
            return str(await logged)
    finally:
        structlog.configure(**before)


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        (b"nonsense\n", "no line of ours"),
        (b"x" * 70_000 + b"\n", "too long a line"),
        (line(QuoteLine(KRAKEN, "1e3", "2000", 1)), "is not a plain decimal number"),
        (line(QuoteLine(KRAKEN, "2", "1", 1)), "kraken quotes 2 and 1"),
        (line(QuoteLine(KRAKEN, "0", "1", 1)), "kraken quotes 0 and 1"),
        (line(QuoteLine(("mtgox", "BTC", "USD"), "1", "2", 1)), "is no venue"),
    ],
)
def test_a_process_that_says_nonsense_is_ended_and_nothing_of_it_is_believed(wire: bytes, why: str) -> None:
    async def story() -> None:
        ears = Ears(NOWHERE, saying(wire))
        assert why in await first_words(ears)
        assert ears.quotes.version == 0

    asyncio.run(story())


def test_a_quote_cannot_come_from_the_future() -> None:
    """A process whose clock is wrong makes prices old, or as young as now; never younger."""

    async def story() -> None:
        ears = Ears(NOWHERE, saying(line(QuoteLine(KRAKEN, "1", "2", 1 << 60))))
        async with listening(ears):
            await ears.until(lambda: ears.heard(KRAKEN))

    asyncio.run(story())


def test_a_program_that_cannot_be_started_is_said_and_tried_again() -> None:
    async def story() -> None:
        ears = Ears(NOWHERE, ("/nowhere/at/all",))
        assert "No such file" in await first_words(ears)

    asyncio.run(story())


def test_without_ccxt_serving_goes_on_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert available()
    monkeypatch.setitem(sys.modules, "ccxt", None)
    with capture_logs() as logs:
        asyncio.run(Ears(NOWHERE).feed.run())
    assert [entry["event"] for entry in logs] == [MISSING]


def test_the_gateway_itself_never_loads_ccxt() -> None:
    """Its parsing would hold up every request; only the price process may."""
    program = "import sys, gateway.market.market; sys.exit(bool({'ccxt', 'aiohttp'} & set(sys.modules)))"
    assert subprocess.run((sys.executable, "-c", program), timeout=60, check=False).returncode == 0
