"""Instruments and reference prices from the exchange's own public book.

Only what orders ask for is fetched. A market that was used lately is kept fresh in the background, so that an
order seldom waits for its price. A price's time is when it was *asked* for: the earliest moment it can be of.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from decimal import Decimal
from functools import partial
from typing import Any, Final

import structlog

from gateway.core.errors import GatewayError
from gateway.core.request import Answer, Call
from gateway.core.snapshot import Instrument, Reference
from gateway.exchanges.exchange import Exchange
from gateway.market.clock import Clocks

log = structlog.get_logger()

Fetch = Callable[[Exchange, Call, str], Awaitable[Answer]]
"""Sends a public call to an exchange's environment: ``Sender.public``."""

KEEP_FRESH_MS: Final = 60_000
"""A market unused for this long is no longer fetched."""
INSTRUMENTS_MS: Final = 3_600_000
Venue = tuple[str, str]
"""An exchange's name and the environment."""


class Markets:
    """The Market of ports, and what keeps it fresh."""

    def __init__(self, exchanges: dict[str, Exchange], fetch: Fetch, clocks: Clocks) -> None:
        self._exchanges = exchanges
        self._fetch = fetch
        self._clocks = clocks
        self._instruments: dict[Venue, dict[str, Instrument]] = {}
        self._loaded_at: dict[Venue, int] = {}
        self._prices: dict[tuple[Venue, str], Reference] = {}
        self._used: dict[tuple[Venue, str], tuple[int, int]] = {}
        self._running: dict[tuple[Any, ...], asyncio.Task[None]] = {}

    def instrument(self, exchange: str, environment: str, market_id: str) -> Instrument | None:
        """The instrument as last loaded, or None."""
        return self._instruments.get((exchange, environment), {}).get(market_id)

    def reference(self, instrument: Instrument, environment: str) -> Reference | None:
        """The last price known, whatever its age."""
        return self._prices.get(((instrument.exchange, environment), instrument.market_id))

    def age_ms(self, exchange: str, environment: str, market_id: str) -> int | None:
        """How old the market's price is, or None if it has none."""
        price = self._prices.get(((exchange, environment), market_id))
        return None if price is None else self._clocks.now_ms() - price.at_ms

    async def refresh(self, exchange: str, environment: str, market_id: str, max_age_ms: int) -> None:
        """See to it, if it can be done, that the instrument is known and its price younger than that."""
        venue = (exchange, environment)
        if venue not in self._instruments:
            await self._once(("instruments", venue), lambda: self._load_instruments(venue))
        if self.instrument(exchange, environment, market_id) is None:
            return
        self._used[venue, market_id] = (self._clocks.now_ms(), max_age_ms)
        age_ms = self.age_ms(exchange, environment, market_id)
        if age_ms is None or age_ms > max_age_ms:
            await self._once(("price", venue, market_id), lambda: self._load_price(venue, market_id))

    async def keep_fresh(self) -> None:
        """Run until cancelled: clocks, instruments, and the prices of markets in use."""
        while True:
            await self._tick()
            await asyncio.sleep(self._pause_ms() / 1000)

    async def measure(self, exchange: str, environment: str) -> bool:
        """Measure the exchange's clock; False if it did not answer."""
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
        self._clocks.measured(exchange, server_us, asked_us, self._clocks.steady_us())
        return True

    def _pause_ms(self) -> int:
        """A third of the shortest age that somebody insists on, within reason."""
        shortest = min((max_age_ms for _, max_age_ms in self._used.values()), default=3000)
        return min(1000, max(200, shortest // 3))

    async def _tick(self) -> None:
        now_ms = self._clocks.now_ms()
        self._used = {key: use for key, use in self._used.items() if now_ms - use[0] < KEEP_FRESH_MS}
        stale = [venue for venue, loaded_at in self._loaded_at.items() if now_ms - loaded_at > INSTRUMENTS_MS]
        prices = [self._once(("price", *key), partial(self._load_price, *key)) for key in self._used]
        tables = [self._once(("instruments", venue), partial(self._load_instruments, venue)) for venue in stale]
        await asyncio.gather(*prices, *tables)

    async def _once(self, key: tuple[Any, ...], load: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run ``load``, or wait for the run under way; a waiter that goes away does not stop it."""
        task = self._running.get(key)
        if task is None:
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
        if book is not None:
            middle = (book.bid + book.ask) / Decimal(2)
            self._prices[venue, market_id] = Reference(middle, asked_ms, f"{venue[0]} book")

    async def _ask(self, adapter: Exchange, call: Call, environment: str) -> Answer | None:
        """The answer, or None; whoever needs it denies for lack of it, and the log says why."""
        try:
            answer = await self._fetch(adapter, call, environment)
        except GatewayError as failure:
            log.warning("no answer from the exchange", exchange=adapter.name, call=str(call.endpoint), why=str(failure))
            return None
        if answer.status != 200:
            log.warning("market data refused", exchange=adapter.name, call=str(call.endpoint), status=answer.status)
            return None
        return answer
