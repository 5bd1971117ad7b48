"""What the pipeline needs from outside, as Protocols. Whoever implements one imports this file, never the reverse."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from msgspec import Struct

from gateway.core.decision import Action, Reserve
from gateway.core.errors import GatewayError, Unavailable
from gateway.core.intent import Place
from gateway.core.order import OrderEvent, OrderRow
from gateway.core.record import Filled
from gateway.core.request import Answer, Outgoing
from gateway.core.snapshot import Instrument, Reference, Usage
from gateway.core.token import Account, Credential, Token
from gateway.policy.account import AccountLimits
from gateway.policy.document import Policy

Gate = Callable[[], None]
"""Asked in the same event-loop step as the first write; raises to stop the send."""


ListedOrder = tuple[str, str]
"""An order as an account's list names it: its market, and its id there."""


class Clock(Protocol):
    """Time, as an argument. Both never step back while a process lives."""

    def now_ms(self) -> int:
        """Local wall clock in ms since the epoch."""
        ...

    def exchange_us(self, exchange: str) -> int:
        """The exchange's clock in µs: the local one plus the measured offset."""
        ...


class NotSent(Unavailable):
    """Not one byte of the request reached the exchange."""


class Held(NotSent):
    """A request of the gateway's own, held back: the exchange asked to be left alone."""


class NoAnswer(GatewayError):
    """Bytes were written and no whole answer came: the outcome is unknown."""


class Upstream(Protocol):
    """The way to the exchanges. Raises NotSent, NoAnswer, or whatever the gate raised (then nothing was written)."""

    async def send(self, outgoing: Outgoing, owner: str, gate: Gate) -> Answer:
        """Send once and return the whole answer. ``owner`` is the token's id, or ``gateway`` for its own calls."""
        ...

    def abort_unsent(self, owner: str) -> int:
        """Abort the owner's requests whose bytes are not wholly handed to the kernel; how many there were."""
        ...


class Connection(Protocol):
    """A bot's connection. Nobody's until its first authenticated request, then that token's alone."""

    owner: str | None


class Lender(Protocol):
    """Lends real keys, each for one ``with``."""

    def lend(self, account: str) -> AbstractContextManager[Credential]:
        """The account's credential. Raises Unavailable if the vault is locked or the account is gone."""
        ...


class Tokens(Protocol):
    """The live tokens by id, as their sealed rows say."""

    def find(self, token_id: str) -> Token | None:
        """The token, whatever its state; None if unknown or revoked."""
        ...

    def is_other(self, token: Token, token_id: str, now_ms: int) -> bool:
        """Whether the id is another token's of the same account, neither revoked nor expired."""
        ...

    def has_others(self, token: Token, now_ms: int) -> bool:
        """Whether there is any such token."""
        ...

    def restrict(self, token: Token, action: Action, until_ms: int | None, reason: str) -> None:
        """A control's action: reduce_only or cancel_only until a time, or halt until a person resumes (durable)."""
        ...


class Ledger(Protocol):
    """Reserve → settle / release. A reservation is on the disk when ``reserve`` returns. What is learnt later survives
    a killed process; a power cut may put it back to what was reserved, which is the safe side.

    ``record`` is the number and body of the audit record that belongs to the change: it is stored in the same
    transaction, so that a crash leaves the log behind the ledger and start completes it.
    """

    def usage(self, token_id: str, now_ms: int) -> Usage:
        """What the token has used, for the controls."""
        ...

    def account_usage(self, account: str, now_ms: int) -> Usage:
        """The same over all tokens that the account ever had."""
        ...

    def reserve(
        self, token: Token, order: Place, reserve: Reserve, now_ms: int, accept_until_us: int, record: "Record"
    ) -> None:
        """Take the order in as *sent*, counting its message. Raises Refused if the account has seen its client id."""
        ...

    def release(self, account: str, client_id: str, now_ms: int, record: "Record | None") -> None:
        """A definite reject, or an unknown that the exchange never accepted: the reservation goes back.

        None where nothing can be recorded: then nothing was sent either.
        """
        ...

    def unknown(
        self, account: str, client_id: str, now_ms: int, record: "Record", order_id: str | None = None
    ) -> None:
        """No answer came, or none that tells more than the exchange's id: stays reserved until reconciled."""
        ...

    def settle(self, account: str, events: Sequence[OrderEvent], now_ms: int, record: "Record | None") -> bool:
        """Learn from an answer; events of orders that are not ours are passed over. Whether anything changed."""
        ...

    def owner(self, account: str, market_id: str, order_id: str | None, client_id: str | None) -> tuple[str, ...]:
        """The token ids that placed the named order(s) there; empty where the ledger does not know them.

        An exchange may count its order ids anew in each market.
        """
        ...

    def unacknowledged(self, account: str, market_id: str) -> Collection[str]:
        """Ids of the tokens that have an order there whose exchange id is not known."""
        ...

    def working(self, account: str, token_id: str | None = None, market_id: str | None = None) -> Sequence[OrderRow]:
        """Orders that are not done."""
        ...

    def unresolved(self) -> Sequence[OrderRow]:
        """Every order whose outcome is unknown, of all accounts."""
        ...

    def working_accounts(self) -> Sequence[str]:
        """Every account that has orders that are not done."""
        ...

    def working_tokens(self) -> Sequence[tuple[str, str]]:
        """Account and id of every token that has such orders."""
        ...

    def news(self, account: str, events: Sequence[OrderEvent]) -> Sequence[OrderEvent]:
        """Those of the events that would teach the ledger something; nothing is learnt yet."""
        ...

    def strangers(self, account: str, events: Sequence[OrderEvent]) -> Sequence[OrderEvent]:
        """Those of the account's listed orders that no token placed."""
        ...

    def noted(self, account: str) -> Collection[ListedOrder] | None:
        """The strangers that were noted; None if no list of the account was ever taken in."""
        ...

    def note_strangers(
        self,
        account: str,
        new: Iterable[ListedOrder],
        listed: Collection[ListedOrder],
        now_ms: int,
        record: "Record",
    ) -> None:
        """Note these as seen, and the account as watched (durable); those long gone from the list are forgotten."""
        ...

    def note_absent(self, account: str, client_id: str, now_ms: int) -> int:
        """The exchange does not know this id *after* it could still be accepted; how often it has said so,

        answers at least 5 s apart counting once each.
        """
        ...

    def marked(self) -> Sequence[tuple[str, str]]:
        """Account and market id of every market whose price :meth:`mark` should be told, every few seconds."""
        ...

    def mark(self, account: str, prices: Mapping[str, Decimal], now_ms: int) -> None:
        """What the account's markets are worth now; a later question about a loss starts from it."""
        ...

    def count(self, token: Token, kind: str, now_ms: int) -> None:
        """One more ``message``, ``denial``, ``request`` or ``cancel`` (counters; not synced)."""
        ...


class Record(Struct, frozen=True):
    """One audit record: its number in the log and its body."""

    number: int
    body: Mapping[str, Any]


class Need(StrEnum):
    """What a request needs disk room for; the order in which they stop when it runs out."""

    ORDER = "order"
    READ = "read"
    EXIT = "exit"


class Audit(Protocol):
    """The decision log. ``draft`` numbers a record, ``append`` writes exactly that one next."""

    def draft(self, body: Mapping[str, Any]) -> Record:
        """The next record, not yet written. Append it (or nothing) before drafting another."""
        ...

    def append(self, record: Record, sync: bool, need: Need = Need.EXIT) -> None:
        """Write it; with ``sync`` it is on the disk when this returns. Raises Unavailable when it cannot.

        Whatever is no read may use the room that is held back for exits; a read says so by ``need``.
        """
        ...

    def note(self, body: Mapping[str, Any] | Filled, sync: bool = False, need: Need = Need.EXIT) -> None:
        """Draft and append in one, for a record that nothing else refers to."""
        ...

    def room(self, need: Need) -> bool:
        """Whether the disk has room for a request of this kind."""
        ...

    def release_reserve(self) -> None:
        """Give the exits' room to the ledger, which must write now."""
        ...


class Market(Protocol):
    """Instruments and reference prices, with their age."""

    def lists(self, exchange: str, environment: str) -> bool:
        """Whether the exchange's instruments are known: one that is not among them does not exist there."""
        ...

    def instrument(self, exchange: str, environment: str, market_id: str) -> Instrument | None:
        """The instrument as last loaded, or None."""
        ...

    def reference(self, instrument: Instrument, environment: str, max_age_ms: int) -> Reference | None:
        """The fair price, of sources no older than that; None where none is, or where they disagree."""
        ...

    def most_sources(self, instrument: Instrument, environment: str) -> int:
        """How many sources could ever agree on its price: a venue that does not list it never will."""
        ...

    def averages(self, environment: str) -> bool:
        """Whether anybody could ever tell averages and volumes of the markets there."""
        ...

    def last_good(
        self, instrument: Instrument, environment: str, sources: int, older_than_ms: int
    ) -> Reference | None:
        """The last price that so many sources agreed on, once it is no longer fresh; None where none is known."""
        ...

    async def refresh(
        self, exchange: str, environment: str, market_id: str, max_age_ms: int, sources: int = 1
    ) -> None:
        """See to it, if it can be done, that the instrument is known and its price younger than that.

        Other venues are asked only where more than one source is wanted.
        """
        ...


class Policies(Protocol):
    """The policies in force, by name."""

    def find(self, name: str) -> Policy:
        """The policy; one whose file never loaded is the policy that lets its tokens only cancel."""
        ...


class Accounts(Protocol):
    """The accounts' public side."""

    def find(self, name: str) -> Account | None:
        """The account, or None once removed."""
        ...

    def limits(self, name: str) -> AccountLimits | None:
        """The limits over all its tokens, if the settings state any."""
        ...

    def all(self) -> Sequence[Account]:
        """Every account."""
        ...


class Meter(Protocol):
    """Counts for /metrics; no label ever carries a secret."""

    def decided(self, exchange: str, verdict: str, code: str) -> None:
        """One decision: ``allow`` or ``deny`` with its code."""
        ...

    def alert(self, token: str, event: str, text: str) -> None:
        """Tell people what a policy's ``alerts`` name; counted each time, said at most once a minute."""
        ...

    def unrecorded(self) -> None:
        """One request was answered without a record of its own: there are too many of its kind."""
        ...

    def outcome(self, exchange: str, outcome: str) -> None:
        """What became of one call that was sent."""
        ...

    def alarmed(self, alarm: str) -> None:
        """Something that a person must look at."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything the pipeline is given; wired in app.py and in tests."""

    tokens: Tokens
    accounts: Accounts
    policies: Policies
    ledger: Ledger
    audit: Audit
    market: Market
    upstream: Upstream
    lender: Lender
    clock: Clock
    meter: Meter
    random: Callable[[int], bytes]
