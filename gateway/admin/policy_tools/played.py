"""What lies outside the gateway, played for rehearsals: clock, socket and prices.

Law: nothing here decides. The traded venue's book is the thief's to move, and of four sources another one; the rest are
honest, and stand still, so that what is lost against them is lost to him and not to the market.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from gateway.admin.policy_tools.given import NOON_MS
from gateway.admin.policy_tools.rehearsed import instruments, listed_by
from gateway.core.request import Answer, Outgoing
from gateway.core.snapshot import Instrument, Reference
from gateway.market.quotes import Quote, Quotes, Slow, combine
from gateway.market.venues import RATES, pairs_of
from gateway.ports import Gate, NoAnswer
from gateway.simulator.binance.state import State
from gateway.simulator.binance.venue import answer
from gateway.simulator.control import Control
from gateway.simulator.core.exchange import Exchange as Matching
from gateway.simulator.core.instruments import Instrument as Listed
from gateway.simulator.faults import Faults
from gateway.simulator.journal import Journal
from gateway.simulator.messages import Request
from gateway.stages.send import GATEWAY

EXCHANGE: Final = "binance"
_ENOUGH: Final = Decimal(10**12)


class Clock:
    """The Clock of ports; stands still until it is moved."""

    def __init__(self) -> None:
        self.ms = NOON_MS

    def now_ms(self) -> int:
        return self.ms

    def exchange_us(self, exchange: str) -> int:
        return self.ms * 1000


class Venue(Control):
    """The simulated exchange without its ports, on the rehearsal's clock. Its controls are the thief's."""

    def __init__(self, clock: Clock, instruments: Sequence[Listed]) -> None:
        self._clock = clock
        self.offset = 0
        self.state = State(Matching(clock.ms, instruments))
        self.requests, self.coming = Journal(), Faults()
        self.extra_headers: dict[str, str] = {}

    @property
    def now(self) -> int:
        """The exchange's clock, in µs."""
        return self._clock.ms * 1000


class Wire:
    """The Upstream of ports: straight into the simulated exchange.

    ``silent``: the exchange does what the bot's requests ask for, and no answer comes back.
    """

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.silent = False

    async def send(self, outgoing: Outgoing, owner: str, gate: Gate) -> Answer:
        gate()
        told = self._told(outgoing)
        if self.silent and owner != GATEWAY:
            raise NoAnswer("the answer was lost")
        return told

    def _told(self, outgoing: Outgoing) -> Answer:
        headers = {name.lower(): value for name, value in outgoing.head}
        request = Request(outgoing.method, outgoing.target, outgoing.body, headers, "127.0.0.1")
        reply = answer(self._venue.state, request, self._venue.now).reply
        told = tuple((name.lower().encode(), value.encode()) for name, value in reply.headers.items())
        return Answer(reply.status, told, reply.body)

    def abort_unsent(self, owner: str) -> int:
        return 0


class Prices:
    """The Market of ports: as many sources as the policy asks for, through the gateway's arithmetic.

    As many may lie as the gateway's promise holds for, half of them: the traded venue, whose book is the thief's, and
    of four another one, which tells what he wants it to: the same. The rest are honest.
    """

    def __init__(self, clock: Clock, venue: Venue, sources: int) -> None:
        self._clock, self._venue, self._sources = clock, venue, sources
        self._quotes = Quotes()
        self._instruments = instruments(EXCHANGE, venue.state, venue.now)
        self.fair = {listed.symbol: listed.start_price for listed in listed_by(venue.state)}

    def lists(self, exchange: str, environment: str) -> bool:
        return True

    def instrument(self, exchange: str, environment: str, market_id: str) -> Instrument | None:
        return self._instruments.get(market_id)

    def reference(self, instrument: Instrument, environment: str, max_age_ms: int) -> Reference | None:
        self._tell(instrument)
        return combine(self._quotes, instrument, self._clock.ms, max_age_ms)

    def most_sources(self, instrument: Instrument, environment: str) -> int:
        return self._sources

    def averages(self, environment: str) -> bool:
        return True

    def last_good(
        self, instrument: Instrument, environment: str, sources: int, older_than_ms: int
    ) -> Reference | None:
        return None

    async def refresh(self, exchange: str, environment: str, market_id: str, max_age_ms: int, sources: int = 1) -> None:
        """Everything is told as it is asked for."""

    def _tell(self, instrument: Instrument) -> None:
        now, fair = self._clock.ms, self.fair[instrument.market_id]
        for pairs in RATES.values():
            for venue, base, quote in pairs:
                self._quotes.put(Quote(venue, base, quote, Decimal(1), Decimal(1), now))
        pairs_here = pairs_of(EXCHANGE, instrument.base, instrument.quote)
        book = self._book(instrument.market_id)
        if book is not None:
            self._quotes.put(Quote(EXCHANGE, instrument.base, instrument.quote, *book, now))
        others = [pair for pair in pairs_here if pair[0] != EXCHANGE][: self._sources - 1]
        for number, (venue, base, quote) in enumerate(others, start=1):
            told = book if book is not None and number < self._sources // 2 else (fair, fair)
            self._quotes.put(Quote(venue, base, quote, *told, now))
        for pair in pairs_here:
            self._quotes.put_slow(pair, Slow(fair, _ENOUGH, _ENOUGH, now))

    def _book(self, market_id: str) -> tuple[Decimal, Decimal] | None:
        """The best prices of the traded venue; None where a side is empty."""
        book = self._venue.book(market_id, 1)
        if not book["bids"] or not book["asks"]:
            return None
        return Decimal(book["bids"][0][0]), Decimal(book["asks"][0][0])
