"""The store without a disk: for tests and rehearsals. It keeps the same contract and forgets everything at the end."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, NoReturn, TypeVar

import msgspec

from gateway.core.decision import Action
from gateway.core.errors import Misuse
from gateway.core.order import OrderRow, OrderStatus, PositionRow
from gateway.core.token import TokenState
from gateway.ports import Record
from gateway.store import AccountRow, Conflict, Restriction, StoreUnavailable, TokenRow

_K = TypeVar("_K")
_R = TypeVar("_R")


class _Event(NamedTuple):
    token_id: str
    account: str
    kind: str
    currency: str
    at_ms: int
    amount: Decimal


class _Price(NamedTuple):
    account: str
    market_id: str
    at_ms: int
    price: Decimal


@dataclass(slots=True)
class _Tables:
    accounts: dict[str, AccountRow] = field(default_factory=dict)
    tokens: dict[str, TokenRow] = field(default_factory=dict)
    orders: dict[tuple[str, str], OrderRow] = field(default_factory=dict)
    restrictions: dict[tuple[str, Action], Restriction] = field(default_factory=dict)
    events: list[_Event] = field(default_factory=list)
    positions: dict[tuple[str, str], PositionRow] = field(default_factory=dict)
    prices: list[_Price] = field(default_factory=list)
    strangers: dict[tuple[str, str, str], int] = field(default_factory=dict)
    outbox: dict[int, bytes] = field(default_factory=dict)
    last_record: int = 0
    clock: int = 0
    vault: bytes | None = None
    anchor: bytes | None = None
    checkpoint: tuple[int, str] | None = None

    def copied(self) -> "_Tables":
        return _Tables(**{f.name: copy(getattr(self, f.name)) for f in fields(self)})


class MemoryChange:
    """One transaction in progress, on a copy of the tables."""

    def __init__(self, tables: _Tables) -> None:
        self._tables = tables

    def put_vault(self, header: bytes) -> None:
        self._tables.vault = header

    def put_anchor(self, anchor: bytes) -> None:
        self._tables.anchor = anchor

    def put_checkpoint(self, number: int, head: str) -> None:
        self._tables.checkpoint = (number, head)

    def put_clock(self, at_ms: int) -> None:
        self._tables.clock = at_ms

    def add_account(self, row: AccountRow) -> None:
        _add(self._tables.accounts, row.name, row)

    def replace_account(self, row: AccountRow) -> None:
        _replace(self._tables.accounts, row.name, row)

    def remove_account(self, name: str) -> None:
        if self._tables.accounts.pop(name, None) is None:
            raise Conflict(f"there is no account {name}")
        strangers = self._tables.strangers
        self._tables.strangers = {key: at for key, at in strangers.items() if key[0] != name}

    def add_token(self, row: TokenRow) -> None:
        self._check(row)
        _add(self._tables.tokens, row.id, row)

    def replace_token(self, row: TokenRow) -> None:
        self._check(row)
        _replace(self._tables.tokens, row.id, row)

    def restrict(self, restriction: Restriction) -> None:
        if restriction.token_id not in self._tables.tokens:
            raise Conflict(f"there is no token {restriction.token_id}")
        self._tables.restrictions[restriction.token_id, restriction.action] = restriction

    def lift(self, token_id: str, action: Action) -> None:
        self._tables.restrictions.pop((token_id, action), None)

    def add_order(self, row: OrderRow) -> None:
        _add(self._tables.orders, (row.account, row.client_id), row)

    def replace_order(self, row: OrderRow) -> None:
        _replace(self._tables.orders, (row.account, row.client_id), row)

    def add_event(
        self, token_id: str, account: str, kind: str, currency: str, at_ms: int, amount: Decimal
    ) -> None:
        self._tables.events.append(_Event(token_id, account, kind, currency, at_ms, amount))

    def prune_events(self, before_ms: int, at_most: int) -> int:
        self._tables.events, pruned = _pruned(self._tables.events, before_ms, at_most)
        return pruned

    def put_position(self, row: PositionRow) -> None:
        self._tables.positions[row.token_id, row.market_id] = row

    def add_price(self, account: str, market_id: str, at_ms: int, price: Decimal) -> None:
        self._tables.prices.append(_Price(account, market_id, at_ms, price))

    def prune_prices(self, before_ms: int, at_most: int) -> int:
        self._tables.prices, pruned = _pruned(self._tables.prices, before_ms, at_most)
        return pruned

    def add_stranger(self, account: str, market_id: str, order_id: str, at_ms: int) -> None:
        self._tables.strangers.setdefault((account, market_id, order_id), at_ms)

    def drop_stranger(self, account: str, market_id: str, order_id: str) -> None:
        self._tables.strangers.pop((account, market_id, order_id), None)

    def _check(self, row: TokenRow) -> None:
        revoked = row.state is TokenState.REVOKED
        if revoked != (row.box is None):
            raise Conflict("a token has a box until it is revoked, and none afterwards")
        live = (t for t in self._tables.tokens.values() if t.state is not TokenState.REVOKED and t.id != row.id)
        if not revoked and any(other.name == row.name for other in live):
            raise Conflict(f"there is a token {row.name}")


class MemoryStore:
    """The contract of :class:`gateway.store.Store`, kept in dicts."""

    def __init__(self) -> None:
        self._tables = _Tables()
        self._logged = 0

    @property
    def last_record(self) -> int:
        return self._tables.last_record

    def vault(self) -> bytes | None:
        return self._tables.vault

    def anchor(self) -> bytes | None:
        return self._tables.anchor

    def checkpoint(self) -> tuple[int, str] | None:
        return self._tables.checkpoint

    def clock(self) -> int:
        return self._tables.clock

    def accounts(self) -> Sequence[AccountRow]:
        return sorted(self._tables.accounts.values(), key=lambda row: row.name)

    def account(self, name: str) -> AccountRow | None:
        return self._tables.accounts.get(name)

    def tokens(self) -> Iterable[TokenRow]:
        return sorted(self._tables.tokens.values(), key=lambda row: (row.name, row.issued_at, row.id))

    def token(self, name: str) -> TokenRow | None:
        rows = [row for row in self._tables.tokens.values() if row.name == name]
        return min(rows, key=lambda row: (row.state is TokenState.REVOKED, -row.issued_at, row.id), default=None)

    def restrictions(self) -> Sequence[Restriction]:
        return [row for _, row in sorted(self._tables.restrictions.items())]

    def order(self, account: str, client_id: str) -> OrderRow | None:
        return self._tables.orders.get((account, client_id))

    def orders_by_id(self, account: str, order_id: str) -> Sequence[OrderRow]:
        rows = (row for row in self._tables.orders.values() if (row.account, row.order_id) == (account, order_id))
        return sorted(rows, key=lambda row: row.client_id)

    def working_orders(self) -> Iterable[OrderRow]:
        return [row for row in self._tables.orders.values() if row.status is not OrderStatus.DONE]

    def events(self, token_id: str, kind: str, currency: str, since_ms: int) -> Iterable[tuple[int, Decimal]]:
        return self._events_of("token_id", token_id, kind, currency, since_ms)

    def account_events(self, account: str, kind: str, currency: str, since_ms: int) -> Iterable[tuple[int, Decimal]]:
        return self._events_of("account", account, kind, currency, since_ms)

    def _events_of(
        self, column: str, name: str, kind: str, currency: str, since_ms: int
    ) -> Iterable[tuple[int, Decimal]]:
        wanted = (name, kind, currency)
        events = (
            event for event in self._tables.events
            if (getattr(event, column), event.kind, event.currency) == wanted and event.at_ms >= since_ms
        )  # fmt: skip
        return sorted((event.at_ms, event.amount) for event in events)

    def positions(self, since_ms: int) -> Iterable[PositionRow]:
        return [row for row in self._tables.positions.values() if row.quantity or row.at >= since_ms]

    def prices(self, account: str, market_id: str, since_ms: int) -> Iterable[tuple[int, Decimal]]:
        told = sorted(row[2:] for row in self._tables.prices if row[:2] == (account, market_id))
        before = [at for at, _ in told if at < since_ms]
        return [(at, price) for at, price in told if at >= max(before, default=since_ms)]

    def strangers(self, account: str) -> Iterable[tuple[str, str, int]]:
        rows = sorted(self._tables.strangers.items())
        return [(market_id, order_id, at) for (known, market_id, order_id), at in rows if known == account]

    def pending_records(self, first: int = 0) -> Sequence[Record]:
        outbox = sorted(self._tables.outbox.items())
        return [Record(number, msgspec.json.decode(body)) for number, body in outbox if number >= first]

    def logged(self, up_to: int) -> None:
        self._logged = max(self._logged, up_to)

    @contextmanager
    def transaction(self, record: Record | None = None, synced: bool = True) -> Iterator[MemoryChange]:
        tables = self._tables.copied()
        if record is not None:
            if record.number <= tables.last_record:
                raise StoreUnavailable(f"the audit log is behind: record {record.number} belongs to an earlier change")
            tables.outbox[record.number] = msgspec.json.encode(record.body)
            tables.last_record = record.number
        yield MemoryChange(tables)
        tables.outbox = {number: body for number, body in tables.outbox.items() if number > self._logged}
        self._tables = tables

    def backup(self, to: Path) -> NoReturn:
        raise Misuse("a store in memory has no backup")

    def close(self) -> None:
        """Nothing to release."""


def _add(rows: dict[_K, _R], key: _K, row: _R) -> None:
    if key in rows:
        raise Conflict(f"{key} is taken")
    rows[key] = row


def _replace(rows: dict[_K, _R], key: _K, row: _R) -> None:
    if key not in rows:
        raise Conflict(f"there is no {key}")
    rows[key] = row


_T = TypeVar("_T", _Event, _Price)


def _pruned(rows: list[_T], before_ms: int, at_most: int) -> tuple[list[_T], int]:
    first, rest = rows[:at_most], rows[at_most:]
    kept = [row for row in first if row.at_ms >= before_ms]
    return kept + rest, len(first) - len(kept)
