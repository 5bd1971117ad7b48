"""What the SQLite store promises beyond the contract: durability, modes, destruction, and one writer with readers."""

import os
import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.core.errors import Misuse
from gateway.core.token import TokenState
from gateway.store import StoreUnavailable
from gateway.store.sqlite import SqliteStore
from gateway.store.sqlite_file import connect, create
from tests.store.rows import ACCOUNT, ORDER, REVOKED, TOKEN, record


class FailingCommit(sqlite3.Connection):
    """A connection whose disk fails at the last moment."""

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        if sql == "COMMIT":
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, *values)  # type: ignore[arg-type]


def everything_on_disk(folder: Path) -> bytes:
    """The bytes of the file and of its logs."""
    return b"".join(file.read_bytes() for file in folder.iterdir())


def test_what_was_committed_is_there_after_a_crash(sqlite: SqliteStore, path: Path) -> None:
    """Opened anew while the old connection was never closed, as after kill -9."""
    with sqlite.transaction(record(3)) as change:
        change.add_order(ORDER)
    with sqlite.transaction(synced=False) as change:
        change.put_clock(8)
    again = SqliteStore.open(path)
    assert (again.order("main", "c1"), again.clock(), again.last_record) == (ORDER, 8, 3)
    assert again.pending_records() == [record(3)]
    again.close()


def test_money_is_synced_and_counts_are_not(path: Path) -> None:
    SqliteStore.create(path).close()
    statements: list[str] = []
    connection = connect(path)
    connection.set_trace_callback(statements.append)
    store = SqliteStore(connection)
    for synced in (True, False):
        with store.transaction(synced=synced) as change:
            change.put_clock(1)
    store.close()
    levels = [statement for statement in statements if "synchronous" in statement]
    assert levels == ["PRAGMA synchronous = FULL", "PRAGMA synchronous = NORMAL"]


def test_a_remembered_account_is_never_an_old_one(sqlite: SqliteStore, path: Path) -> None:
    """Asked before and after: a new key, one that was rolled back, none; by the writer and by a reader beside it."""
    rotated = replace(ACCOUNT, box=b"the new key")
    reader = SqliteStore.open_for_reading(path)

    def replace_and_fail() -> None:
        with sqlite.transaction() as change:
            change.replace_account(rotated)
            raise ZeroDivisionError

    assert (sqlite.account("main"), reader.account("main")) == (None, None)
    with sqlite.transaction() as change:
        change.add_account(ACCOUNT)
    assert (sqlite.account("main"), reader.account("main")) == (ACCOUNT, ACCOUNT)
    with pytest.raises(ZeroDivisionError):
        replace_and_fail()
    assert (sqlite.account("main"), reader.account("main")) == (ACCOUNT, ACCOUNT)
    with sqlite.transaction() as change:
        change.replace_account(rotated)
    assert (sqlite.account("main"), reader.account("main")) == (rotated, rotated)
    with sqlite.transaction() as change:
        change.remove_account("main")
    assert (sqlite.account("main"), reader.account("main")) == (None, None)
    reader.close()


def test_an_account_that_was_never_added_is_not_remembered(sqlite: SqliteStore) -> None:
    """Seen inside a transaction that failed: afterwards it is not there."""

    def add_and_fail() -> None:
        with sqlite.transaction() as change:
            change.add_account(ACCOUNT)
            assert sqlite.account("main") == ACCOUNT
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        add_and_fail()
    assert sqlite.account("main") is None


def test_nobody_else_may_read_the_file_or_its_logs(sqlite: SqliteStore, path: Path) -> None:
    with sqlite.transaction() as change:
        change.put_clock(1)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}


def test_a_file_that_others_may_read_is_refused(sqlite: SqliteStore, path: Path) -> None:
    path.chmod(0o640)
    with pytest.raises(Misuse, match="chmod 600"):
        SqliteStore.open(path)


def test_no_file_and_a_second_file_are_refused(sqlite: SqliteStore, path: Path) -> None:
    with pytest.raises(Misuse, match="init"):
        SqliteStore.open(path.with_name("none.db"))
    with pytest.raises(Misuse, match="exists"):
        SqliteStore.create(path)


def test_a_file_that_is_no_database_is_unavailable(path: Path) -> None:
    path.write_bytes(b"not a database" * 1000)
    path.chmod(0o600)
    with pytest.raises(StoreUnavailable):
        SqliteStore.open(path)


def test_a_reader_sees_what_is_committed_and_writes_nothing(sqlite: SqliteStore, path: Path) -> None:
    reader = SqliteStore.open_for_reading(path)
    with sqlite.transaction() as change:
        change.add_token(TOKEN)
        assert reader.token("bot") is None
    assert reader.token("bot") == TOKEN
    with pytest.raises(StoreUnavailable), reader.transaction() as change:
        change.put_clock(1)
    reader.close()


def test_a_reader_opens_a_file_that_nobody_has_open(path: Path) -> None:
    SqliteStore.create(path).close()
    reader = SqliteStore.open_for_reading(path)
    assert [*reader.tokens()] == []
    reader.close()


def test_a_reader_does_not_migrate(path: Path) -> None:
    create(path)
    with pytest.raises(Misuse, match="version"):
        SqliteStore.open_for_reading(path)


@pytest.mark.parametrize(
    "last", [REVOKED, replace(TOKEN, state=TokenState.PAUSED, box=b"sealed again")], ids=["revoked", "paused"]
)
def test_a_replaced_box_is_nowhere_on_the_disk(sqlite: SqliteStore, path: Path, last: object) -> None:
    secret = os.urandom(64)
    with sqlite.transaction() as change:
        change.add_token(replace(TOKEN, box=secret))
    assert secret in everything_on_disk(path.parent)
    with sqlite.transaction() as change:
        change.replace_token(last)  # type: ignore[arg-type]
    assert secret not in everything_on_disk(path.parent)


def test_a_removed_account_is_nowhere_on_the_disk(sqlite: SqliteStore, path: Path) -> None:
    secret = os.urandom(64)
    with sqlite.transaction() as change:
        change.add_account(replace(ACCOUNT, box=secret))
    with sqlite.transaction() as change:
        change.remove_account("main")
    assert secret not in everything_on_disk(path.parent)


def test_a_reader_in_the_way_delays_the_destruction_but_not_the_revocation(sqlite: SqliteStore, path: Path) -> None:
    secret = os.urandom(64)
    with sqlite.transaction() as change:
        change.add_token(replace(TOKEN, box=secret))
    reader = connect(path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM tokens").fetchone()
    with sqlite.transaction() as change:
        change.replace_token(REVOKED)
    assert sqlite.token("bot") == REVOKED
    assert secret in everything_on_disk(path.parent)
    reader.close()
    with sqlite.transaction() as change:
        change.put_clock(1)
    assert secret not in everything_on_disk(path.parent)


def test_a_full_disk_changes_nothing_and_is_retryable(path: Path) -> None:
    SqliteStore.create(path).close()
    connection = connect(path)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    store = SqliteStore(connection)

    def add_much() -> None:
        with store.transaction(record(1)) as change:
            change.put_clock(1)
            change.add_account(replace(ACCOUNT, box=b"x" * 100_000))

    with pytest.raises(StoreUnavailable, match="full"):
        add_much()
    assert (store.clock(), store.last_record, [*store.accounts()]) == (0, 0, [])
    connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
    add_much()
    assert store.last_record == 1
    store.close()


def test_a_commit_that_fails_changes_nothing(path: Path) -> None:
    SqliteStore.create(path).close()
    store = SqliteStore(sqlite3.connect(path, isolation_level=None, factory=FailingCommit))
    with pytest.raises(StoreUnavailable), store.transaction(record(1)) as change:
        change.put_clock(1)
    assert (store.clock(), store.last_record) == (0, 0)
    store.close()


def test_a_backup_is_a_whole_store_of_its_own(sqlite: SqliteStore, path: Path) -> None:
    """Taken while the store is open and unclosed; private; later changes do not reach it."""
    with sqlite.transaction(record(1)) as change:
        change.add_token(TOKEN)
        change.add_order(ORDER)
    copy = path.with_name("backup.db")
    sqlite.backup(copy)
    with sqlite.transaction(record(2)) as change:
        change.replace_token(REVOKED)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    restored = SqliteStore.open(copy)
    assert (restored.token("bot"), restored.order("main", "c1"), restored.last_record) == (TOKEN, ORDER, 1)
    restored.close()
    with pytest.raises(Misuse, match="exists"):
        sqlite.backup(copy)
