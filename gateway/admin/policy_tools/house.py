"""A whole gateway in one process for rehearsals: the real pipeline, ledger, market arithmetic and adapter under one
policy, a simulated exchange, and a token that was stolen. Nothing here listens, writes a file or sleeps.

Law: only what lies outside the gateway is played: the clock, the sockets, the disk and the other venues. The traded
venue's book is the thief's to move; the other venues are honest, and stand still, so that what is lost against them is
lost to him and not to the market.
"""

import hashlib
import hmac
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count
from typing import Any, Final

from gateway.admin.policy_tools import words
from gateway.admin.policy_tools.given import NOON_MS
from gateway.admin.policy_tools.scratch import Scratch
from gateway.core.decision import Action
from gateway.core.errors import Misuse
from gateway.core.intent import OrderKind
from gateway.core.request import Answer, Outgoing, RawRequest
from gateway.core.secret import Secret
from gateway.core.snapshot import Instrument, Reference
from gateway.core.token import Account, Credential, KeyKind, Token, TokenState, VerifyKey
from gateway.exchanges.registry import EXCHANGES
from gateway.ledger.ledger import Ledger
from gateway.market.quotes import Quote, Quotes, Slow, combine
from gateway.market.venues import RATES, VENUES, pairs_of
from gateway.pipeline import Pipeline
from gateway.policy.document import Policy
from gateway.ports import Gate, Need, Record, Surroundings
from gateway.simulator.binance.state import State
from gateway.simulator.binance.venue import answer
from gateway.simulator.control import Control
from gateway.simulator.core.exchange import Exchange as Matching
from gateway.simulator.core.instruments import DEFAULT_INSTRUMENTS
from gateway.simulator.core.instruments import Instrument as Listed
from gateway.simulator.faults import Faults
from gateway.simulator.journal import Journal
from gateway.simulator.keys import ALL_PERMISSIONS
from gateway.simulator.messages import Request
from gateway.stages.follow import Follower
from gateway.stages.reconcile import Reconciler
from gateway.stages.send import Sender

EXCHANGE: Final = "binance"
PURSE: Final = Decimal(1_000_000)
"""What the account owns of every asset, in the quote: more than any drain should reach."""
_ENOUGH: Final = Decimal(10**12)
_SECRET: Final = Secret("the token's secret")


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
    """The Upstream of ports: straight into the simulated exchange."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    async def send(self, outgoing: Outgoing, owner: str, gate: Gate) -> Answer:
        gate()
        headers = {name.lower(): value for name, value in outgoing.head}
        request = Request(outgoing.method, outgoing.target, outgoing.body, headers, "127.0.0.1")
        reply = answer(self._venue.state, request, self._venue.now).reply
        told = tuple((name.lower().encode(), value.encode()) for name, value in reply.headers.items())
        return Answer(reply.status, told, reply.body)

    def abort_unsent(self, owner: str) -> int:
        return 0


class Prices:
    """The Market of ports: the venue's own book as it stands, and honest venues, through the gateway's arithmetic."""

    def __init__(self, clock: Clock, venue: Venue, honest: int) -> None:
        self._clock, self._venue, self._honest = clock, venue, honest
        self._quotes = Quotes()
        self._instruments = _instruments(venue)
        self.fair = {listed.symbol: listed.start_price for listed in _listed(venue)}

    def instrument(self, exchange: str, environment: str, market_id: str) -> Instrument | None:
        return self._instruments.get(market_id)

    def reference(self, instrument: Instrument, environment: str, max_age_ms: int) -> Reference | None:
        self._tell(instrument)
        return combine(self._quotes, instrument, self._clock.ms, max_age_ms)

    async def refresh(self, exchange: str, environment: str, market_id: str, max_age_ms: int, sources: int = 1) -> None:
        """Everything is told as it is asked for."""

    def _tell(self, instrument: Instrument) -> None:
        now, fair = self._clock.ms, self.fair[instrument.market_id]
        for pairs in RATES.values():
            for venue, base, quote in pairs:
                self._quotes.put(Quote(venue, base, quote, Decimal(1), Decimal(1), now))
        pairs_here = pairs_of(EXCHANGE, instrument.base, instrument.quote)
        for venue, base, quote in [pair for pair in pairs_here if pair[0] != EXCHANGE][: self._honest]:
            self._quotes.put(Quote(venue, base, quote, fair, fair, now))
        for pair in pairs_here:
            self._quotes.put_slow(pair, Slow(fair, _ENOUGH, _ENOUGH, now))
        book = self._venue.book(instrument.market_id, 1)
        if book["bids"] and book["asks"]:
            bid, ask = Decimal(book["bids"][0][0]), Decimal(book["asks"][0][0])
            self._quotes.put(Quote(EXCHANGE, instrument.base, instrument.quote, bid, ask, now))


class Holder:
    """The Tokens, Accounts, Policies and Lender of ports: one token, one account, one policy, one real key."""

    def __init__(self, policy: Policy, real: Credential) -> None:
        self._policy, self._real = policy, real
        key = VerifyKey(KeyKind.HMAC, _SECRET)
        self.token = Token("stolen", "s" * 64, EXCHANGE, "victim", policy.name, key, TokenState.ACTIVE, 1, 0, None, ())
        self._account = Account("victim", EXCHANGE, "live", real.key_id, KeyKind.HMAC, 0)

    def token_of(self, token_id: str) -> Token | None:
        return self.token if token_id == self.token.id else None

    def restrict(self, token: Token, action: Action, until_ms: int | None, reason: str) -> None:
        state = TokenState.REDUCE_ONLY if action is Action.REDUCE_ONLY else TokenState.PAUSED
        self.token = replace(self.token, state=state, generation=self.token.generation + 1)

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
class _Tokens:
    holder: Holder

    def find(self, token_id: str) -> Token | None:
        return self.holder.token_of(token_id)

    def others(self, token: Token, now_ms: int) -> Sequence[Token]:
        return ()

    def restrict(self, token: Token, action: Action, until_ms: int | None, reason: str) -> None:
        self.holder.restrict(token, action, until_ms, reason)


@dataclass(frozen=True, slots=True)
class _Accounts:
    holder: Holder

    def find(self, name: str) -> Account | None:
        return self.holder.account(name)

    def all(self) -> Sequence[Account]:
        return self.holder.accounts()


@dataclass(frozen=True, slots=True)
class _Policies:
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

    def outcome(self, exchange: str, outcome: str) -> None:
        """Nobody counts."""

    def alarmed(self, alarm: str) -> None:
        """Nobody counts."""


@dataclass
class Hand:
    """A bot's connection."""

    owner: str | None = None


class House:
    """One rehearsal. ``sent`` and ``passed`` count what was asked with the stolen token, and what was let through."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.clock = Clock()
        self.venue = Venue(self.clock, _market_list(policy))
        self.prices = Prices(self.clock, self.venue, max(1, policy.sources - 1) if policy.sources > 1 else 0)
        self.holder = Holder(policy, self._victim())
        self.ledger = Ledger.open(Scratch())
        self.sent = self.passed = 0
        self.last: Answer | None = None
        entropy = count()
        wire, tokens, accounts = Wire(self.venue), _Tokens(self.holder), _Accounts(self.holder)
        world = Surroundings(
            tokens, accounts, _Policies(self.holder), self.ledger, Paper(), self.prices, wire, self.holder,
            self.clock, Unmeasured(), lambda size: next(entropy).to_bytes(size),
        )  # fmt: skip
        sender = Sender(self.clock, world.audit, self.holder, wire)
        self._follower = Follower(world, sender, dict(EXCHANGES))
        self._reconciler = Reconciler(world, sender, dict(EXCHANGES))
        self._pipeline = Pipeline(world, sender, self._follower.ready, lambda token_id: None)
        self._pipeline.authenticator.start(EXCHANGE)
        self._hand, self._signed = Hand(), 0
        self._began = self.worth()

    def _victim(self) -> Credential:
        quotes = {listed.quote for listed in _listed(self.venue)}
        balances: dict[str, Decimal] = {}
        for listed in _listed(self.venue):
            balances[listed.base] = PURSE / listed.start_price
        balances |= {quote: balances.get(quote, PURSE) for quote in quotes}
        key = self.venue.add_account("victim", {asset: f"{amount:.8f}" for asset, amount in balances.items()}, 1)
        self.venue.set_permissions(key["apiKey"], ALL_PERMISSIONS)
        return Credential(key["apiKey"], KeyKind.HMAC, Secret(key["secret"]))

    # -- what the thief does ------------------------------------------------------------------------------------

    @property
    def symbols(self) -> list[str]:
        """The markets that the policy lets the token trade, by the exchange's own names."""
        return [listed.symbol for listed in _listed(self.venue) if _covered(self.policy, listed)]

    @property
    def others(self) -> list[str]:
        """The markets that it does not."""
        return [listed.symbol for listed in _listed(self.venue) if not _covered(self.policy, listed)]

    def fair(self, symbol: str) -> Decimal:
        """The honest price."""
        return self.prices.fair[symbol]

    def listed(self, symbol: str) -> Listed:
        """A market as the exchange lists it."""
        return self.venue.state.exchange.markets[symbol].instrument

    async def ask(self, method: str, path: str, parameters: str = "", body: str = "") -> bool:
        """A request signed with the stolen secret; whether it was let through and done."""
        self._signed += 1
        stamp = self.clock.ms * 1000 + self._signed % 1000
        query = "&".join(filter(None, [parameters, f"timestamp={stamp}", "recvWindow=60000"]))
        payload = query + body
        signature = hmac.new(_SECRET.reveal(), payload.encode(), hashlib.sha256).hexdigest()
        headers: list[tuple[bytes, bytes]] = [(b"host", b"127.0.0.1"), (b"x-mbx-apikey", self.holder.token.id.encode())]
        headers += [(b"content-type", b"application/x-www-form-urlencoded")] if body else []
        target = f"{path}?{query}&signature={signature}".encode()
        raw = RawRequest(method.encode(), target, tuple(headers), body.encode(), EXCHANGE, "127.0.0.1")
        self.last = await self._pipeline.handle(raw, self._hand)
        self.sent += 1
        self.passed += self.last.status < 400
        return self.last.status < 400

    def pass_time(self, ms: int) -> None:
        """The clock moves."""
        self.clock.ms += ms

    async def learn(self) -> None:
        """The gateway asks the exchange what became of its orders."""
        for _ in range(3):
            await self._follower.pass_once(self.clock.ms / 1000)
            self.pass_time(16_000)

    # -- what it cost -------------------------------------------------------------------------------------------

    def worth(self) -> Decimal:
        """All that the account owns, at honest prices, in the policy's quote; what was moved elsewhere is lost."""
        prices = self._in_quote()
        balances = self.venue.state.exchange.accounts["victim"].balances
        return sum((prices.get(asset, Decimal(0)) * (one.free + one.locked) for asset, one in balances.items()), Decimal(0))

    def lost(self) -> Decimal:
        """What the account lost since the rehearsal began; gains are no loss."""
        return max(Decimal(0), self._began - self.worth())

    @property
    def quote(self) -> str:
        """The currency that losses are told in."""
        return _quote(self.policy)

    def _in_quote(self) -> dict[str, Decimal]:
        prices = {self.quote: Decimal(1)}
        for listed in sorted(_listed(self.venue), key=lambda one: one.quote != self.quote):
            if listed.quote in prices and listed.base not in prices:
                prices[listed.base] = self.prices.fair[listed.symbol] * prices[listed.quote]
        return prices

    def refusal(self) -> str:
        """The rule that stopped the last request; empty if it passed."""
        text = self.last.body.decode() if self.last else ""
        return text.partition("[tradewarden:")[2].partition(" ")[0]

    def last_order(self) -> dict[str, Any]:
        """The exchange's last answer, as an object."""
        told = json.loads(self.last.body) if self.last else {}
        return told if isinstance(told, dict) else {}


def kinds(policy: Policy) -> frozenset[OrderKind]:
    """The kinds of order that the thief may try."""
    return policy.orders


def _quote(policy: Policy) -> str:
    names = sorted(name.rpartition("/")[2] for name in policy.symbols if not name.endswith("/*"))
    return names[0] if names else "USDT"


def _market_list(policy: Policy) -> tuple[Listed, ...]:
    """The simulator's own markets, and those that the policy names beside them."""
    known = {listed.symbol for listed in DEFAULT_INSTRUMENTS}
    more = [name for name in sorted(policy.symbols) if "*" not in name and words.market_id(name) not in known]
    return (*DEFAULT_INSTRUMENTS, *map(_invented, more))


def _invented(symbol: str) -> Listed:
    """A market that the simulator does not have: a liquid one at 100."""
    base, _, quote = symbol.partition("/")
    cent, step, most = Decimal("0.01"), Decimal("0.0001"), Decimal(100_000)
    deep, spread = Decimal(40_000), Decimal("0.0002")
    return Listed(base + quote, base, quote, Decimal(100), cent, step, most, most, Decimal(5), deep, spread)


def _listed(venue: Venue) -> list[Listed]:
    return [market.instrument for market in venue.state.exchange.markets.values()]


def _covered(policy: Policy, listed: Listed) -> bool:
    names = {f"{listed.base}/{listed.quote}", f"*/{listed.quote}", f"{listed.base}/*"}
    return bool(names & policy.symbols)


def _instruments(venue: Venue) -> dict[str, Instrument]:
    """The markets as the adapter reads them from the exchange's own list."""
    exchange = EXCHANGES[EXCHANGE]
    asked = exchange.sign(exchange.instruments(), "live", None, venue.now)
    reply = answer(venue.state, Request(asked.method, asked.target, asked.body, {}, "127.0.0.1"), venue.now).reply
    if reply.status != 200:
        raise Misuse("the simulated exchange does not list its markets")
    found = exchange.parse_instruments(Answer(reply.status, (), reply.body))
    return {instrument.market_id: instrument for instrument in found}


assert VENUES[EXCHANGE].name == EXCHANGE
