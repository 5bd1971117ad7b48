"""Writes to ``state.db``: one transaction's statements. It is begun, committed and rolled back in ``sqlite.py``."""

import sqlite3
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import msgspec

from gateway.core.decision import Action
from gateway.core.money import plain
from gateway.core.order import OrderRow, PositionRow
from gateway.ports import Record
from gateway.store import AccountRow, Conflict, Restriction, TokenRow
from gateway.store.columns import NAMES, Row, columns_of


class Meta(StrEnum):
    """The keys of the table of single values."""

    VAULT = "vault"
    ANCHOR = "anchor"
    CHECKPOINT_NUMBER = "checkpoint_number"
    CHECKPOINT_HEAD = "checkpoint_head"
    LAST_RECORD = "last_record"
    CLOCK = "clock"


_KEYS: Final = {
    AccountRow: ("accounts", ("name",)),
    TokenRow: ("tokens", ("id",)),
    OrderRow: ("orders", ("account", "client_id")),
    Restriction: ("restrictions", ("token_id", "action")),
    PositionRow: ("positions", ("token_id", "market_id")),
}


def _insert(kind: type[Row], verb: str = "INSERT") -> str:
    names = NAMES[kind]
    return f"{verb} INTO {_KEYS[kind][0]} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


def _update(kind: type[Row]) -> str:
    table, keys = _KEYS[kind]
    # Without the keys, for a row whose key is set is moved in every index.
    columns = ", ".join(f"{name} = ?{n}" for n, name in enumerate(NAMES[kind], 1) if name not in keys)
    where = " AND ".join(f"{key} = ?{NAMES[kind].index(key) + 1}" for key in keys)
    return f"UPDATE {table} SET {columns} WHERE {where}"  # noqa: S608  every name is one of our own


_INSERT: Final = {kind: _insert(kind) for kind in _KEYS}
_UPDATE: Final = {kind: _update(kind) for kind in _KEYS}
_RESTRICT: Final = _insert(Restriction, "INSERT OR REPLACE")
_PUT_POSITION: Final = _insert(PositionRow, "INSERT OR REPLACE")
_PRUNE: Final = {
    table: f"""DELETE FROM {table} WHERE id IN
        (SELECT id FROM (SELECT id, at FROM {table} ORDER BY id LIMIT ?2) WHERE at < ?1)"""  # noqa: S608  our own names
    for table in ("usage", "prices")
}


class SqliteChange:
    """One transaction in progress. ``destroys``: contents were overwritten that must not linger in the WAL."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.destroys = False

    def put_vault(self, header: bytes) -> None:
        self._put(Meta.VAULT, header)
        self.destroys = True

    def put_anchor(self, anchor: bytes) -> None:
        self._put(Meta.ANCHOR, anchor)

    def put_checkpoint(self, number: int, head: str) -> None:
        self._put(Meta.CHECKPOINT_NUMBER, number)
        self._put(Meta.CHECKPOINT_HEAD, head)

    def put_clock(self, at_ms: int) -> None:
        self._put(Meta.CLOCK, at_ms)

    def add_account(self, row: AccountRow) -> None:
        self._run(_INSERT[AccountRow], columns_of(row))

    def replace_account(self, row: AccountRow) -> None:
        self._replace(row)
        self.destroys = True

    def remove_account(self, name: str) -> None:
        self._one(self._run("DELETE FROM accounts WHERE name = ?", (name,)), f"account {name}")
        self._run("DELETE FROM strangers WHERE account = ?", (name,))
        self.destroys = True

    def add_token(self, row: TokenRow) -> None:
        self._run(_INSERT[TokenRow], columns_of(row))

    def replace_token(self, row: TokenRow) -> None:
        self._replace(row)
        self.destroys = True

    def restrict(self, restriction: Restriction) -> None:
        self._run(_RESTRICT, columns_of(restriction))

    def lift(self, token_id: str, action: Action) -> None:
        self._run("DELETE FROM restrictions WHERE token_id = ? AND action = ?", (token_id, action))

    def add_order(self, row: OrderRow) -> None:
        self._run(_INSERT[OrderRow], columns_of(row))

    def replace_order(self, row: OrderRow) -> None:
        self._replace(row)

    def add_event(
        self, token_id: str, account: str, kind: str, currency: str, at_ms: int, amount: Decimal
    ) -> None:
        self._run(
            "INSERT INTO usage (token_id, account, kind, currency, at, amount) VALUES (?, ?, ?, ?, ?, ?)",
            (token_id, account, kind, currency, at_ms, plain(amount)),
        )

    def prune_events(self, before_ms: int, at_most: int) -> int:
        return self._run(_PRUNE["usage"], (before_ms, at_most))

    def put_position(self, row: PositionRow) -> None:
        self._run(_PUT_POSITION, columns_of(row))

    def add_price(self, account: str, market_id: str, at_ms: int, price: Decimal) -> None:
        self._run(
            "INSERT INTO prices (account, market_id, at, price) VALUES (?, ?, ?, ?)",
            (account, market_id, at_ms, plain(price)),
        )

    def prune_prices(self, before_ms: int, at_most: int) -> int:
        return self._run(_PRUNE["prices"], (before_ms, at_most))

    def add_stranger(self, account: str, market_id: str, order_id: str, at_ms: int) -> None:
        self._run(
            "INSERT OR IGNORE INTO strangers (account, market_id, order_id, seen_at) VALUES (?, ?, ?, ?)",
            (account, market_id, order_id, at_ms),
        )

    def drop_stranger(self, account: str, market_id: str, order_id: str) -> None:
        self._run(
            "DELETE FROM strangers WHERE account = ? AND market_id = ? AND order_id = ?",
            (account, market_id, order_id),
        )

    def keep_record(self, record: Record) -> None:
        """Store the audit record and its number beside the change that it belongs to."""
        body = msgspec.json.encode(record.body).decode()
        self._run("INSERT INTO outbox (number, body) VALUES (?, ?)", (record.number, body))
        self._put(Meta.LAST_RECORD, record.number)

    def forget_records(self, up_to: int) -> None:
        """Delete the copies of records that the log holds."""
        self._run("DELETE FROM outbox WHERE number <= ?", (up_to,))

    def _put(self, key: Meta, value: bytes | str | int) -> None:
        self._run(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key.value, value),
        )

    def _replace(self, row: Row) -> None:
        table, keys = _KEYS[type(row)]
        named = ", ".join(str(getattr(row, key)) for key in keys)
        self._one(self._run(_UPDATE[type(row)], columns_of(row)), f"row {named} of {table}")

    def _one(self, changed: int, named: str) -> None:
        if changed != 1:
            raise Conflict(f"there is no {named}")

    def _run(self, statement: str, columns: tuple[Any, ...]) -> int:
        return self._connection.execute(statement, columns).rowcount
