"""Instruments and reference prices: the exchange's own public book, and on live accounts what other venues quote.

Own books are fetched as orders ask for them; a market used lately is kept fresh in the background, so that an order
seldom waits for its price. Other venues are listened to for the symbols that live policies name, and for what was used
lately. A price's time is when it was *asked* for: the earliest moment it can be of. Play money has play prices: testnet
and demo accounts go by the exchange's own book alone, and their references have one source.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import Any, Final

import structlog

from gateway.core.errors import GatewayError
from gateway.core.request import Answer, Call
from gateway.core.snapshot import Instrument, Reference
from gateway.exchanges.exchange import Exchange
from gateway.market.clock import Clocks
from gateway.market.feed import Feed, Reaching, available
from gateway.market.quotes import Quote, Quotes, combine, told
from gateway.market.venues import pairs_of, wanted
from gateway.ports import Held

log = structlog.get_logger()

Fetch = Callable[[Exchange, Call, str], Awaitable[Answer]]
"""Sends a public call to an exchange's environment: ``Sender.own_public``."""

KEEP_FRESH_MS: Final = 60_000
"""A market unused for this long is no longer fetched."""
MOST_USED: Final = 100
"""Markets whose own books are fetched all the time; orders in others fetch theirs when they come."""
LOOKS_PER_S: Final = 25
"""Of those books, all together: half of what Binance allows one address."""
TRY_AGAIN_US: Final = 150_000
"""How soon an exchange that gave no answer is asked the same again; less than the shortest pause between prices."""
INSTRUMENTS_MS: Final = 3_600_000
LIVE: Final = "live"
FIRST_WAIT_S: Final = 2.0
"""How long the first order in a market may wait until as many venues as wanted have quoted it."""
WARN_MS: Final = 60_000
Venue = tuple[str, str]
"""An exchange's name and the environment."""
Needs = Callable[[], Iterable[tuple[str, str]]]
"""The markets that live policies name and want more than one source for: exchange and unified symbol."""


class Markets:
    """The Market of ports, and what keeps it fresh."""

    def __init__(
        self, exchanges: dict[str, Exchange], fetch: Fetch, clocks: Clocks, reaching: Reaching | None = None
    ) -> None:
        """Without ``reaching`` no other venue is asked."""
        self.needs: Needs = tuple
        self._exchanges = exchanges
        self._fetch = fetch
        self._clocks = clocks
        self._instruments: dict[Venue, dict[str, Instrument]] = {}
        self._loaded_at: dict[Venue, int] = {}
        self._own: dict[tuple[Venue, str], Quote] = {}
        self._live = Quotes()
        self._feed = Feed(self._live, clocks, reaching) if reaching else None
        self._others_tell = reaching is not None and available()
        self._combined: dict[tuple[str, str], tuple[int, int, Reference]] = {}
        self._good: dict[tuple[str, str], dict[int, Reference]] = {}
        self._combining: dict[tuple[str, str], int] = {}
        self._warned_at: dict[str, int] = {}
        self._used: dict[tuple[Venue, str], tuple[int, int]] = {}
        self._tried: dict[tuple[Any, ...], int] = {}
        self._running: dict[tuple[Any, ...], asyncio.Task[None]] = {}

    def lists(self, exchange: str, environment: str) -> bool:
        """Whether the exchange's instruments are known: one that is not among them does not exist there."""
        return (exchange, environment) in self._instruments

    def instrument(self, exchange: str, environment: str, market_id: str) -> Instrument | None:
        """The instrument as last loaded, or None."""
        return self._instruments.get((exchange, environment), {}).get(market_id)

    def reference(self, instrument: Instrument, environment: str, max_age_ms: int) -> Reference | None:
        """The fair price, of sources no older than that; None where none is, or where they disagree."""
        if environment == LIVE and instrument.market == "spot":
            return self._combine(instrument, max_age_ms)
        own = self._own.get(((instrument.exchange, environment), instrument.market_id))
        return None if own is None else Reference(own.middle, own.at_ms, f"{own.venue} book")

    def most_sources(self, instrument: Instrument, environment: str) -> int:
        """How many sources could ever agree on its price: a venue that does not list it never will."""
        if environment != LIVE or instrument.market != "spot" or not self._others_tell:
            return 1
        pairs = pairs_of(instrument.exchange, instrument.base, instrument.quote)
        return sum(pair[0] == instrument.exchange or not self._live.unlisted(pair) for pair in pairs)

    def averages(self, environment: str) -> bool:
        """Whether anybody could ever tell averages and volumes there: what a testnet trades means nothing."""
        return environment == LIVE and self._others_tell

    def last_good(
        self, instrument: Instrument, environment: str, sources: int, older_than_ms: int
    ) -> Reference | None:
        """The last price that so many sources agreed on, once it is no longer fresh; with its age, for reductions."""
        known = self._good.get((instrument.exchange, instrument.market_id), {}) if environment == LIVE else {}
        good = max((one for count, one in known.items() if count >= sources), key=lambda one: one.at_ms, default=None)
        return good if good is not None and self._clocks.now_ms() - good.at_ms > older_than_ms else None

    def _combine(self, instrument: Instrument, max_age_ms: int) -> Reference | None:
        now_ms, key = self._clocks.now_ms(), (instrument.exchange, instrument.market_id)
        known = self._combined.get(key)
        if known and known[:2] == (self._live.version, max_age_ms) and now_ms - known[2].at_ms <= max_age_ms:
            return known[2]
        reference = combine(self._live, instrument, now_ms, max_age_ms)
        if reference is None:
            self._warn(instrument, now_ms, max_age_ms)
        else:
            self._combined[key] = (self._live.version, max_age_ms, reference)
            self._good.setdefault(key, {})[reference.sources] = reference
        return reference

    def _warn(self, instrument: Instrument, now_ms: int, max_age_ms: int) -> None:
        """Why nobody knows a price, once a minute."""
        if now_ms - self._warned_at.get(instrument.symbol, -WARN_MS) >= WARN_MS:
            self._warned_at[instrument.symbol] = now_ms
            quoted = {name: str(price) for name, price in told(self._live, instrument, now_ms, max_age_ms)}
            why = "the sources disagree" if quoted else "no source is fresh"
            log.warning("no reference price", symbol=instrument.symbol, why=why, quoted=quoted)

    def age_ms(self, exchange: str, environment: str, market_id: str) -> int | None:
        """How old the exchange's own price of the market is, or None if it has none."""
        own = self._own.get(((exchange, environment), market_id))
        return None if own is None else self._clocks.now_ms() - own.at_ms

    async def refresh(self, exchange: str, environment: str, market_id: str, max_age_ms: int, sources: int = 1) -> None:
        """See to it, if it can be done, that the instrument is known and its price younger than that.

        Other venues are asked where more than one source is wanted; the first order in a market that no policy names
        waits for them, FIRST_WAIT_S at the most.
        """
        venue = (exchange, environment)
        if venue not in self._instruments:
            await self._once(("instruments", venue), lambda: self._load_instruments(venue))
        instrument = self.instrument(exchange, environment, market_id)
        if instrument is None:
            return
        self._use(venue, market_id, max_age_ms)
        age_ms = self.age_ms(exchange, environment, market_id)
        if age_ms is None or age_ms > max_age_ms:
            await self._once(("price", venue, market_id), lambda: self._load_price(venue, market_id))
        if sources > 1 and environment == LIVE:
            is_first = (exchange, market_id) not in self._combining
            self._combining[exchange, market_id] = self._clocks.now_ms()
            if is_first:
                await self._first_quotes(instrument, max_age_ms, sources)

    def _use(self, venue: Venue, market_id: str, max_age_ms: int) -> None:
        """Keep this market's price fresh from now on, in the place of the one that was used longest ago if need be."""
        self._used.pop((venue, market_id), None)
        if len(self._used) >= MOST_USED:
            del self._used[next(iter(self._used))]
        self._used[venue, market_id] = (self._clocks.now_ms(), max_age_ms)

    async def _first_quotes(self, instrument: Instrument, max_age_ms: int, sources: int) -> None:
        feed = self._feed
        if feed is None or feed.pid is None:
            return
        self._listen()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_WAIT_S):
                while self._too_few(instrument, max_age_ms, sources):
                    await feed.news()

    def _too_few(self, instrument: Instrument, max_age_ms: int, sources: int) -> bool:
        """Whether it is worth waiting for more venues."""
        now = len(told(self._live, instrument, self._clocks.now_ms(), max_age_ms))
        return now < sources <= self.most_sources(instrument, LIVE)

    async def keep_fresh(self) -> None:
        """Run until cancelled: clocks, instruments, and the prices of markets in use."""
        async with asyncio.TaskGroup() as group:
            if self._feed is not None:
                group.create_task(self._feed.run())
            while True:
                await self._tick()
                await asyncio.sleep(max(self._pause_ms() / 1000, len(self._used) / LOOKS_PER_S))

    def _listen(self) -> None:
        """Tell the feed what is needed now."""
        if self._feed is None:
            return
        named = {
            (exchange, base, quote)
            for exchange, symbol in self.needs()
            for base, _, quote in [symbol.partition("/")]
            if ":" not in quote
        }
        used = {
            (instrument.exchange, instrument.base, instrument.quote)
            for name, market_id in self._combining
            if (instrument := self.instrument(name, LIVE, market_id))
        }
        self._feed.want(wanted(named | used), self._pause_ms(), first=wanted(named))

    async def measure(self, exchange: str, environment: str) -> bool:
        """Measure the exchange's clock; False if it did not answer in time to tell."""
        adapter = self._exchanges[exchange]
        asked_us = self._clocks.steady_us()
        answer = await self._ask(adapter, adapter.time(), environment)
        if answer is None:
            return False
        try:
            server_us = adapter.parse_time_us(answer)
        except GatewayError as failure:
            log.warning("the exchange's clock could not be read", exchange=exchange, why=str(failure))
            return False
        if not self._clocks.measured(exchange, server_us, asked_us, self._clocks.steady_us()):
            log.warning("the exchange told its time too late to go by it", exchange=exchange)
            return False
        return True

    def _pause_ms(self) -> int:
        """A third of the shortest age that somebody insists on, within reason."""
        shortest = min((max_age_ms for _, max_age_ms in self._used.values()), default=3000)
        return min(1000, max(200, shortest // 3))

    async def _tick(self) -> None:
        now_ms = self._clocks.now_ms()
        self._combining = {key: at_ms for key, at_ms in self._combining.items() if now_ms - at_ms < KEEP_FRESH_MS}
        self._listen()
        self._used = {key: use for key, use in self._used.items() if now_ms - use[0] < KEEP_FRESH_MS}
        stale = [venue for venue, loaded_at in self._loaded_at.items() if now_ms - loaded_at > INSTRUMENTS_MS]
        prices = [self._once(("price", *key), partial(self._load_price, *key)) for key in self._used]
        tables = [self._once(("instruments", venue), partial(self._load_instruments, venue)) for venue in stale]
        await asyncio.gather(*prices, *tables)

    async def _once(self, key: tuple[Any, ...], load: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run ``load``, or wait for the run under way; a waiter that goes away does not stop it.

        What was just tried is not tried again at once: orders without a price may not become a flood of questions.
        """
        task = self._running.get(key)
        if task is None:
            now_us = self._clocks.steady_us()
            if now_us - self._tried.get(key, -TRY_AGAIN_US) < TRY_AGAIN_US:
                return
            self._tried[key] = now_us
            task = self._running[key] = asyncio.ensure_future(load())
            task.add_done_callback(lambda _: self._running.pop(key, None))
        await asyncio.shield(task)

    async def _load_instruments(self, venue: Venue) -> None:
        adapter = self._exchanges[venue[0]]
        answer = await self._ask(adapter, adapter.instruments(), venue[1])
        if answer is None:
            return
        instruments = adapter.parse_instruments(answer)
        if instruments:
            self._instruments[venue] = {instrument.market_id: instrument for instrument in instruments}
            self._loaded_at[venue] = self._clocks.now_ms()

    async def _load_price(self, venue: Venue, market_id: str) -> None:
        adapter = self._exchanges[venue[0]]
        asked_ms = self._clocks.now_ms()
        answer = await self._ask(adapter, adapter.book(market_id), venue[1])
        book = adapter.parse_book(answer) if answer is not None else None
        instrument = self.instrument(*venue, market_id)
        if book is not None and instrument is not None:
            quote = Quote(venue[0], instrument.base, instrument.quote, book.bid, book.ask, asked_ms)
            self._own[venue, market_id] = quote
            if venue[1] == LIVE:
                self._live.put(quote)

    async def _ask(self, adapter: Exchange, call: Call, environment: str) -> Answer | None:
        """The answer, or None; whoever needs it denies for lack of it, and the log says why."""
        try:
            answer = await self._fetch(adapter, call, environment)
        except Held:
            return None  # said when the exchange asked for it
        except GatewayError as failure:
            log.warning("no answer from the exchange", exchange=adapter.name, call=str(call.endpoint), why=str(failure))
            return None
        if answer.status != 200:
            log.warning("market data refused", exchange=adapter.name, call=str(call.endpoint), status=answer.status)
            return None
        return answer
