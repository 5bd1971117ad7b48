"""What lies outside the gateway, played for rehearsals: clock, socket, disk, prices, and one token with one real key.

Law: nothing here decides. The traded venue's book is the thief's to move; the other venues are honest, and stand still,
so that what is lost against them is lost to him and not to the market.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from gateway.admin.policy_tools.given import NOON_MS
from gateway.admin.policy_tools.rehearsed import instruments, listed_by
from gateway.core.decision import Action
from gateway.core.request import Answer, Outgoing
from gateway.core.secret import Secret
from gateway.core.snapshot import Instrument, Reference
from gateway.core.token import Account, Credential, KeyKind, Token, TokenState, VerifyKey
from gateway.market.quotes import Quote, Quotes, Slow, combine
from gateway.market.venues import RATES, pairs_of
from gateway.policy.account import AccountLimits
from gateway.policy.document import Policy
from gateway.ports import Gate, Need, NoAnswer, Record
from gateway.registry.overlay import Overlay
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
SECRET: Final = Secret("the token's secret")
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


class Holder:
    """The Tokens, Accounts, Policies and Lender of ports: one token, one account, one policy, one real key.

    What a control takes for a while comes back by itself; a halt stays, for no person is there to resume.
    """

    def __init__(self, policy: Policy, real: Credential, clock: Clock) -> None:
        self._policy, self._real = policy, real
        key = VerifyKey(KeyKind.HMAC, SECRET)
        self._own = Token("stolen", "s" * 64, EXCHANGE, "victim", policy.name, key, TokenState.ACTIVE, 1, 0, None, ())
        self._taken = Overlay(clock.now_ms)
        self._account = Account("victim", EXCHANGE, "live", real.key_id, KeyKind.HMAC, 0)

    @property
    def token(self) -> Token:
        """The stolen token as it stands now."""
        return self._taken.over(self._own)

    def token_of(self, token_id: str) -> Token | None:
        return self.token if token_id == self._own.id else None

    def restrict(self, token: Token, action: Action, until_ms: int | None, reason: str) -> None:
        if self._own.state is TokenState.PAUSED:
            return
        if action is Action.HALT or until_ms is None:
            self._own = replace(self._own, state=TokenState.PAUSED, generation=self._own.generation + 1)
        elif self._taken.narrows(self._own, action):
            self._taken.put(self._own.id, action, until_ms)

    def account(self, name: str) -> Account | None:
        return self._account if name == self._account.name else None

    def accounts(self) -> list[Account]:
        return [self._account]

    def policy(self, name: str) -> Policy:
        return self._policy

    @contextmanager
    def lend(self, account: str) -> Iterator[Credential]:
        yield self._real


@dataclass(frozen=True, slots=True)
class Tokens:
    """The Tokens of ports."""

    holder: Holder

    def find(self, token_id: str) -> Token | None:
        return self.holder.token_of(token_id)

    def others(self, token: Token, now_ms: int) -> Sequence[Token]:
        return ()

    def restrict(self, token: Token, action: Action, until_ms: int | None, reason: str) -> None:
        self.holder.restrict(token, action, until_ms, reason)


@dataclass(frozen=True, slots=True)
class Accounts:
    """The Accounts of ports."""

    holder: Holder

    def find(self, name: str) -> Account | None:
        return self.holder.account(name)

    def limits(self, name: str) -> AccountLimits | None:
        return None

    def all(self) -> Sequence[Account]:
        return self.holder.accounts()


@dataclass(frozen=True, slots=True)
class Policies:
    """The Policies of ports."""

    holder: Holder

    def find(self, name: str) -> Policy:
        return self.holder.policy(name)


class Paper:
    """The Audit of ports: numbers and forgets; the last few bodies stay to be looked at."""

    def __init__(self) -> None:
        self._next = 0
        self.bodies: deque[Mapping[str, Any]] = deque(maxlen=64)

    def draft(self, body: Mapping[str, Any]) -> Record:
        return Record(self._next, body)

    def append(self, record: Record, sync: bool, need: Need = Need.EXIT) -> None:
        self._next += 1
        self.bodies.append(record.body)

    def room(self, need: Need) -> bool:
        return True

    def release_reserve(self) -> None:
        """There is none."""


class Unmeasured:
    """The Meter of ports."""

    def decided(self, exchange: str, verdict: str, code: str) -> None:
        """Nobody counts."""

    def alert(self, token: str, event: str, text: str) -> None:
        """Nobody listens."""

    def unrecorded(self) -> None:
        """Nobody counts."""

    def outcome(self, exchange: str, outcome: str) -> None:
        """Nobody counts."""

    def alarmed(self, alarm: str) -> None:
        """Nobody counts."""


@dataclass
class Hand:
    """A bot's connection."""

    owner: str | None = None
