"""The store's contract: what is durable, and what each backend must keep. The same tests run against all of them.

Law: reads are plain methods; every write happens inside ``with store.transaction(record) as change`` and is applied
wholly or not at all. A change of state takes its audit record into the same transaction, so that a crash leaves the
log behind the store and never ahead; start completes the log from ``pending_records``.

    Unavailable
    └── StoreUnavailable   the disk is full, the file is locked or damaged; nothing of the transaction was applied
    Misuse
    └── Conflict           a name, id or number that is taken already, or a row that must exist and does not
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from gateway.core.decision import Action
from gateway.core.errors import Misuse, Unavailable
from gateway.core.order import OrderRow, PositionRow
from gateway.core.token import KeyKind, TokenState
from gateway.ports import Record


class StoreUnavailable(Unavailable):
    """The store cannot do it now; what it held before is unchanged."""


class Conflict(Misuse):
    """A name, id or number that is taken already, or a row that must exist and does not."""


@dataclass(frozen=True, slots=True)
class AccountRow:
    """A sealed real key. ``box`` is the truth; the plain columns are for listing. ``added_at`` is ms."""

    name: str
    exchange: str
    environment: str
    key_id: str
    kind: KeyKind
    added_at: int
    box: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A sealed token. ``box`` is the truth (None once revoked). Times are ms; ``expires_at`` None = never."""

    name: str
    id: str
    exchange: str
    account: str
    policy: str
    kind: KeyKind
    state: TokenState
    generation: int
    issued_at: int
    expires_at: int | None
    addresses: tuple[str, ...]
    box: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Restriction:
    """What a control's action took from a token, one per token and action; ``until_ms`` None = a person resumes."""

    token_id: str
    action: Action
    until_ms: int | None
    reason: str


class Change(Protocol):
    """One transaction in progress. Its methods raise Conflict or StoreUnavailable, and then all of it is undone."""

    def put_vault(self, header: bytes) -> None:
        """Replace the vault's header."""
        ...

    def put_anchor(self, anchor: bytes) -> None:
        """Replace the audit log's anchor."""
        ...

    def put_checkpoint(self, number: int, head: str) -> None:
        """Note the newest audit checkpoint."""
        ...

    def put_clock(self, at_ms: int) -> None:
        """Note the ledger's clock."""
        ...

    def add_account(self, row: AccountRow) -> None:
        """A new account; Conflict if the name is taken."""
        ...

    def replace_account(self, row: AccountRow) -> None:
        """Other contents for the account of that name; Conflict if there is none. The old box is destroyed."""
        ...

    def remove_account(self, name: str) -> None:
        """Forget the account, its strangers too, and destroy its box; Conflict if there is none."""
        ...

    def add_token(self, row: TokenRow) -> None:
        """A new token; Conflict if its id, or its name among tokens not revoked, is taken."""
        ...

    def replace_token(self, row: TokenRow) -> None:
        """Other contents for the token of that id; Conflict if there is none. The old box is destroyed."""
        ...

    def restrict(self, restriction: Restriction) -> None:
        """Set or replace the restriction of that token and action; Conflict if there is no such token."""
        ...

    def lift(self, token_id: str, action: Action) -> None:
        """Remove that restriction, if there is one."""
        ...

    def add_order(self, row: OrderRow) -> None:
        """A new order; Conflict if the account has ever seen its client id."""
        ...

    def replace_order(self, row: OrderRow) -> None:
        """Other contents for the order of that account and client id; Conflict if there is none."""
        ...

    def add_event(
        self, token_id: str, account: str, kind: str, currency: str, at_ms: int, amount: Decimal
    ) -> None:
        """One usage event; ``currency`` is empty for those that count, and a market's id for the kind ``base``."""
        ...

    def put_position(self, row: PositionRow) -> None:
        """Set the position of that token and market."""
        ...

    def add_price(self, account: str, market_id: str, at_ms: int, price: Decimal) -> None:
        """What a market was worth at a time."""
        ...

    def prune_prices(self, before_ms: int, at_most: int) -> int:
        """Delete up to so many of the prices stored first, if they are older; how many there were."""
        ...

    def add_stranger(self, account: str, market_id: str, order_id: str, at_ms: int) -> None:
        """An order that no token placed was listed; without ids: the account is watched from now on."""
        ...

    def drop_stranger(self, account: str, market_id: str, order_id: str) -> None:
        """Forget it, if it is there."""
        ...

    def prune_events(self, before_ms: int, at_most: int) -> int:
        """Delete up to so many of the events stored first, if they are older; how many there were."""
        ...


class Store(Protocol):
    """Accounts, tokens, orders, usage and the records that belong to their changes."""

    @property
    def last_record(self) -> int:
        """The highest audit record number that any transaction has named; 0 before the first."""
        ...

    def vault(self) -> bytes | None:
        """The vault's header, if there is a vault."""
        ...

    def anchor(self) -> bytes | None:
        """The audit log's anchor."""
        ...

    def checkpoint(self) -> tuple[int, str] | None:
        """The newest audit checkpoint: record number and head."""
        ...

    def clock(self) -> int:
        """The ledger's clock in ms; 0 before its first change."""
        ...

    def accounts(self) -> Sequence[AccountRow]:
        """All accounts by name."""
        ...

    def account(self, name: str) -> AccountRow | None:
        """The account of that name."""
        ...

    def tokens(self) -> Iterable[TokenRow]:
        """All tokens by name, revoked ones included."""
        ...

    def token(self, name: str) -> TokenRow | None:
        """The token of that name that is not revoked, else the one issued last."""
        ...

    def restrictions(self) -> Sequence[Restriction]:
        """All restrictions, those whose time is over included."""
        ...

    def order(self, account: str, client_id: str) -> OrderRow | None:
        """The order of that client id."""
        ...

    def orders_by_id(self, account: str, order_id: str) -> Sequence[OrderRow]:
        """The orders of that exchange id (it may be unique within one instrument only)."""
        ...

    def working_orders(self) -> Iterable[OrderRow]:
        """Every order that is not done."""
        ...

    def events(self, token_id: str, kind: str, currency: str, since_ms: int) -> Iterable[tuple[int, Decimal]]:
        """Time and amount of the usage events at or after ``since_ms``, oldest first."""
        ...

    def account_events(self, account: str, kind: str, currency: str, since_ms: int) -> Iterable[tuple[int, Decimal]]:
        """The same of all tokens of the account."""
        ...

    def positions(self, since_ms: int) -> Iterable[PositionRow]:
        """Every position that is not zero, or that moved at or after ``since_ms``."""
        ...

    def prices(self, account: str, market_id: str, since_ms: int) -> Iterable[tuple[int, Decimal]]:
        """Time and price of the market's prices from the last one before ``since_ms`` on, oldest first."""
        ...

    def strangers(self, account: str) -> Iterable[tuple[str, str, int]]:
        """Market, id and time of the account's orders that no token placed; the first without ids if it is watched."""
        ...

    def pending_records(self, first: int = 0) -> Sequence[Record]:
        """The audit records from that number on that the log may not hold yet, in order."""
        ...

    def logged(self, up_to: int) -> None:
        """The log holds these records on the disk; a later transaction forgets their copies here."""
        ...

    def transaction(self, record: Record | None = None, synced: bool = True) -> AbstractContextManager[Change]:
        """All or nothing. ``record`` must have a number above ``last_record``, else Conflict.

        ``synced``: it is on the disk when the block ends; otherwise a power cut may lose it, a killed process not.
        """
        ...

    def backup(self, to: Path) -> None:
        """A consistent copy in a new file of mode 0600. Misuse if the file exists."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...
