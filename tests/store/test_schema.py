"""Migrations: from every released version to the newest, wholly or not at all, and never backwards."""

import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from gateway.core.errors import Misuse
from gateway.core.intent import Side
from gateway.store.schema import MIGRATIONS, migrate, version
from gateway.store.sqlite import SqliteStore
from gateway.store.sqlite_file import connect, create
from tests.store.rows import ACCOUNT, ORDER, RESTRICTION, TOKEN, record

FIXTURES = Path(__file__).parent / "fixtures"


def fresh() -> sqlite3.Connection:
    """An empty database that commits nothing by itself."""
    return sqlite3.connect(":memory:", isolation_level=None)


def tables(connection: sqlite3.Connection) -> list[str]:
    """What there is, as the database itself describes it."""
    return [sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")]


def test_a_file_of_version_1_is_brought_to_the_newest_with_all_that_it_holds(path: Path) -> None:
    create(path)
    old = connect(path)
    old.executescript((FIXTURES / "state-v1.sql").read_text())
    assert version(old) == 1
    old.close()
    store = SqliteStore.open(path)
    assert (store.account("main"), store.token("bot")) == (ACCOUNT, TOKEN)
    none = Decimal(0)
    assert store.order("main", "c1") == structs.replace(
        ORDER, side=Side.BUY, price=none, giveaway=none, given=none, fair=none, fee_rate=none,
        filled_value=ORDER.committed, shadow=False,
    ), "what version 1 did not keep is neutral"  # fmt: skip
    assert (store.restrictions(), store.pending_records()) == ([RESTRICTION], [record(5)])
    assert (store.vault(), store.anchor(), store.checkpoint()) == (b"vault", b"anchor", (4, "head"))
    assert (store.clock(), store.last_record) == (17, 5)
    assert [*store.events("id-1", "turnover", "USDT", 0)] == [*store.account_events("main", "turnover", "USDT", 0)]
    assert [*store.events("id-1", "turnover", "USDT", 0)] == [(17, Decimal(100))], "an account's budget is not refilled"
    store.close()
    migrated = connect(path)
    new = fresh()
    migrate(new)
    assert (version(migrated), tables(migrated)) == (len(MIGRATIONS), tables(new))
    migrated.close()
    new.close()


def test_only_the_steps_that_are_missing_are_applied() -> None:
    connection = fresh()
    steps: Sequence[Sequence[str]] = (("CREATE TABLE a (x)",), ("ALTER TABLE a ADD COLUMN y", "CREATE TABLE b (z)"))
    migrate(connection, steps[:1])
    migrate(connection, steps)
    migrate(connection, steps)
    assert tables(connection) == ["CREATE TABLE a (x, y)", "CREATE TABLE b (z)"]
    assert version(connection) == 2
    connection.close()


def test_a_step_that_fails_leaves_the_file_as_it_was() -> None:
    connection = fresh()
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, (("CREATE TABLE a (x)",), ("CREATE TABLE b (x)", "CREATE TABLE a (x)")))
    assert (tables(connection), version(connection)) == ([], 0)
    connection.close()


def test_a_newer_file_is_refused_and_untouched(path: Path) -> None:
    SqliteStore.create(path).close()
    connection = connect(path)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(Misuse, match="newer program"):
        SqliteStore.open(path)
    assert path.read_bytes() == before
