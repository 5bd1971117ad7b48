"""The embedded store: one SQLite file, one writer, one thread. Every method is synchronous and atomic.

Law: a transaction is on the disk when its block ends (unless it says ``synced=False``), or not there at all. What is
destroyed (a revoked token's box) is overwritten in the file, and the write-ahead log that still held it is emptied.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from gateway.core.errors import Misuse
from gateway.core.order import OrderRow, PositionRow
from gateway.ports import Record
from gateway.store import AccountRow, Restriction, StoreUnavailable, TokenRow
from gateway.store.columns import NAMES, account_row, order_row, position_row, restriction, token_row
from gateway.store.schema import MIGRATIONS, migrate, version
from gateway.store.sqlite_change import Meta, SqliteChange
from gateway.store.sqlite_file import BUSY_MS, connect, connect_for_reading, create, translated

_SELECT: Final = {row: f"SELECT {', '.join(names)}" for row, names in NAMES.items()}
_ACCOUNT: Final = f"{_SELECT[AccountRow]} FROM accounts"
_TOKEN: Final = f"{_SELECT[TokenRow]} FROM tokens"
_ORDER: Final = f"{_SELECT[OrderRow]} FROM orders"
# Named, for SQLite would rather walk the whole account by its primary key, and so would it to sort.
_ORDERS_BY_ID: Final = f"{_ORDER} INDEXED BY orders_order_id WHERE account = ? AND order_id = ?"
_RESTRICTION: Final = f"{_SELECT[Restriction]} FROM restrictions ORDER BY token_id, action"
_EVENTS: Final = """SELECT at, amount FROM usage
    WHERE token_id = ? AND kind = ? AND currency = ? AND at >= ? ORDER BY at"""
_ACCOUNT_EVENTS: Final = _EVENTS.replace("token_id", "account")
# In two halves, for each has an index of its own.
_POSITIONS: Final = f"""{_SELECT[PositionRow]} FROM positions INDEXED BY positions_held WHERE quantity <> '0'
    UNION ALL {_SELECT[PositionRow]} FROM positions WHERE at >= ? AND quantity = '0'"""
_PRICES: Final = """SELECT at, price FROM prices WHERE account = ?1 AND market_id = ?2 AND at >= coalesce(
    (SELECT max(at) FROM prices WHERE account = ?1 AND market_id = ?2 AND at < ?3), ?3) ORDER BY at"""
_STRANGERS: Final = "SELECT market_id, order_id, seen_at FROM strangers WHERE account = ? ORDER BY market_id, order_id"


class SqliteStore:
    """``state.db``. Open it with :meth:`open` (the one writer) or :meth:`open_for_reading`."""

    def __init__(self, connection: sqlite3.Connection, alone: bool = False) -> None:
        self._connection = connection
        self._alone = alone
        self._accounts: dict[str, AccountRow] = {}
        self._logged = self._forgotten = 0
        self._syncs: bool | None = None
        self._lingers = False
        self._last_record = int(self._meta(Meta.LAST_RECORD) or 0)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open for writing, bringing the tables to this program's version. Raises Misuse or StoreUnavailable.

        The caller holds ``serve.lock``. The file must exist: see :meth:`create`.
        """
        connection = connect(path)
        try:
            with translated():
                migrate(connection)
            return cls(connection, alone=True)
        except BaseException:
            connection.close()
            raise

    @classmethod
    def create(cls, path: Path) -> Self:
        """A new, empty store in a new file. Raises Misuse if there is one."""
        create(path)
        return cls.open(path)

    @classmethod
    def open_for_reading(cls, path: Path) -> Self:
        """Open beside a running writer, without any lock. Raises Misuse if its tables are of another version."""
        connection = connect_for_reading(path)
        try:
            with translated():
                if version(connection) != len(MIGRATIONS):
                    raise Misuse("state.db is of another version", "start this version of the gateway once")
            return cls(connection)
        except BaseException:
            connection.close()
            raise

    @property
    def last_record(self) -> int:
        return self._last_record

    def vault(self) -> bytes | None:
        return self._meta(Meta.VAULT)  # type: ignore[no-any-return]

    def anchor(self) -> bytes | None:
        return self._meta(Meta.ANCHOR)  # type: ignore[no-any-return]

    def checkpoint(self) -> tuple[int, str] | None:
        number = self._meta(Meta.CHECKPOINT_NUMBER)
        return None if number is None else (number, self._meta(Meta.CHECKPOINT_HEAD))

    def clock(self) -> int:
        return int(self._meta(Meta.CLOCK) or 0)

    def accounts(self) -> Sequence[AccountRow]:
        return [account_row(columns) for columns in self._rows(f"{_ACCOUNT} ORDER BY name")]

    def account(self, name: str) -> AccountRow | None:
        """Asked for every signature: the one writer remembers the row until something is destroyed."""
        if name in self._accounts:
            return self._accounts[name]
        columns = self._row(f"{_ACCOUNT} WHERE name = ?", name)
        row = None if columns is None else account_row(columns)
        if row is not None and self._alone and not self._connection.in_transaction:
            self._accounts[name] = row
        return row

    def tokens(self) -> Iterable[TokenRow]:
        return map(token_row, self._rows(f"{_TOKEN} ORDER BY name, issued_at, id"))

    def token(self, name: str) -> TokenRow | None:
        columns = self._row(f"{_TOKEN} WHERE name = ? ORDER BY state = 'revoked', issued_at DESC, id LIMIT 1", name)
        return None if columns is None else token_row(columns)

    def restrictions(self) -> Sequence[Restriction]:
        return [restriction(columns) for columns in self._rows(_RESTRICTION)]

    def order(self, account: str, client_id: str) -> OrderRow | None:
        columns = self._row(f"{_ORDER} WHERE account = ? AND client_id = ?", account, client_id)
        return None if columns is None else order_row(columns)

    def orders_by_id(self, account: str, order_id: str) -> Sequence[OrderRow]:
        rows = map(order_row, self._rows(_ORDERS_BY_ID, account, order_id))
        return sorted(rows, key=lambda row: row.client_id)

    def working_orders(self) -> Iterable[OrderRow]:
        return map(order_row, self._rows(f"{_ORDER} WHERE status <> 'done'"))

    def events(self, token_id: str, kind: str, currency: str, since_ms: int) -> Iterable[tuple[int, Decimal]]:
        rows = self._rows(_EVENTS, token_id, kind, currency, since_ms)
        return ((at, Decimal(amount)) for at, amount in rows)

    def account_events(self, account: str, kind: str, currency: str, since_ms: int) -> Iterable[tuple[int, Decimal]]:
        rows = self._rows(_ACCOUNT_EVENTS, account, kind, currency, since_ms)
        return ((at, Decimal(amount)) for at, amount in rows)

    def positions(self, since_ms: int) -> Iterable[PositionRow]:
        return map(position_row, self._rows(_POSITIONS, since_ms))

    def prices(self, account: str, market_id: str, since_ms: int) -> Iterable[tuple[int, Decimal]]:
        rows = self._rows(_PRICES, account, market_id, since_ms)
        return ((at, Decimal(price)) for at, price in rows)

    def strangers(self, account: str) -> Iterable[tuple[str, str, int]]:
        return ((market_id, order_id, at) for market_id, order_id, at in self._rows(_STRANGERS, account))

    def pending_records(self, first: int = 0) -> Sequence[Record]:
        rows = self._rows("SELECT number, body FROM outbox WHERE number >= ? ORDER BY number", first)
        return [Record(number, msgspec.json.decode(body)) for number, body in rows]

    def logged(self, up_to: int) -> None:
        self._logged = max(self._logged, up_to)

    @contextmanager
    def transaction(self, record: Record | None = None, synced: bool = True) -> Iterator[SqliteChange]:
        if record is not None and record.number <= self._last_record:
            raise StoreUnavailable(f"the audit log is behind: record {record.number} belongs to an earlier change")
        with translated(), self._begun(synced) as change:
            yield change
            if record is not None:
                change.keep_record(record)
            if self._logged > self._forgotten:
                change.forget_records(self._logged)
            if change.destroys:
                self._accounts.clear()
        self._forgotten = self._logged
        if record is not None:
            self._last_record = record.number
        self._lingers |= change.destroys
        if self._lingers:
            self._empty_wal()

    def backup(self, to: Path) -> None:
        create(to)
        with translated(), closing(sqlite3.connect(to)) as copy:
            self._connection.backup(copy)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _begun(self, synced: bool) -> Iterator[SqliteChange]:
        connection = self._connection
        if synced is not self._syncs:
            connection.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
            self._syncs = synced
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield SqliteChange(connection)
            connection.execute("COMMIT")
        except BaseException:
            # SQLite may have rolled back by itself (a full disk), and then ROLLBACK would be one more error.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _empty_wal(self) -> None:
        # The change is durable already, so this may not fail it, nor wait for a reader: what is in the way now (a
        # reader, a full disk) is tried again after the next transaction.
        with suppress(sqlite3.OperationalError):
            self._connection.execute("PRAGMA busy_timeout = 0")
            busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._lingers = bool(busy)
        self._connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")

    def _meta(self, key: Meta) -> Any:
        columns = self._row("SELECT value FROM meta WHERE key = ?", key.value)
        return None if columns is None else columns[0]

    def _row(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        """The first row, and no more is asked for."""
        with translated():
            found: tuple[Any, ...] | None = self._connection.execute(statement, values).fetchone()
            return found

    def _rows(self, statement: str, *values: object) -> Iterator[tuple[Any, ...]]:
        with translated():
            yield from self._connection.execute(statement, values)
