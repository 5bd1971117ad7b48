"""The tables of ``state.db``, as a list of migrations. A step, once released, is never edited: append another.

``PRAGMA user_version`` counts the steps a file has had. All that are missing are applied in one transaction.
Money and quantities are TEXT in the one grammar of numbers; times are ms (``_us``: µs) since the epoch.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from gateway.core.errors import Misuse

_FIRST: Final = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TABLE accounts (
        name TEXT PRIMARY KEY, exchange TEXT NOT NULL, environment TEXT NOT NULL, key_id TEXT NOT NULL,
        kind TEXT NOT NULL, added_at INTEGER NOT NULL, box BLOB NOT NULL) STRICT""",
    # A revoked token has no box, whatever a bug elsewhere may try.
    """CREATE TABLE tokens (
        name TEXT NOT NULL, id TEXT PRIMARY KEY, exchange TEXT NOT NULL, account TEXT NOT NULL, policy TEXT NOT NULL,
        kind TEXT NOT NULL, state TEXT NOT NULL, generation INTEGER NOT NULL, issued_at INTEGER NOT NULL,
        expires_at INTEGER, addresses TEXT NOT NULL, box BLOB,
        CHECK ((box IS NULL) = (state = 'revoked'))) STRICT""",
    "CREATE UNIQUE INDEX tokens_live_name ON tokens (name) WHERE state <> 'revoked'",
    "CREATE INDEX tokens_name ON tokens (name)",
    """CREATE TABLE restrictions (
        token_id TEXT NOT NULL REFERENCES tokens (id), action TEXT NOT NULL, until_ms INTEGER, reason TEXT NOT NULL,
        PRIMARY KEY (token_id, action)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE orders (
        client_id TEXT NOT NULL, order_id TEXT, token_id TEXT NOT NULL, account TEXT NOT NULL, market_id TEXT NOT NULL,
        quantity TEXT NOT NULL, value TEXT NOT NULL, currency TEXT NOT NULL, filled TEXT NOT NULL,
        committed TEXT NOT NULL, status TEXT NOT NULL, placed_at INTEGER NOT NULL, accept_until_us INTEGER NOT NULL,
        PRIMARY KEY (account, client_id)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX orders_order_id ON orders (account, order_id) WHERE order_id IS NOT NULL",
    "CREATE INDEX orders_working ON orders (status) WHERE status <> 'done'",
    """CREATE TABLE usage (
        id INTEGER PRIMARY KEY, token_id TEXT NOT NULL, kind TEXT NOT NULL, currency TEXT NOT NULL,
        at INTEGER NOT NULL, amount TEXT NOT NULL) STRICT""",
    "CREATE INDEX usage_token ON usage (token_id, kind, currency, at, amount)",
    "CREATE TABLE outbox (number INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT",
)

_SECOND: Final = (
    # An order of version 1 counts as a purchase of which nothing is charged: its side was not kept.
    *(
        f"ALTER TABLE orders ADD COLUMN {column}"
        for column in (
            "side TEXT NOT NULL DEFAULT 'buy'", "price TEXT NOT NULL DEFAULT '0'",
            "giveaway TEXT NOT NULL DEFAULT '0'", "given TEXT NOT NULL DEFAULT '0'", "fair TEXT NOT NULL DEFAULT '0'",
            "fee_rate TEXT NOT NULL DEFAULT '0'", "filled_value TEXT NOT NULL DEFAULT '0'",
            "shadow INTEGER NOT NULL DEFAULT 0",
        )
    ),
    "UPDATE orders SET filled_value = committed",
    "ALTER TABLE usage ADD COLUMN account TEXT NOT NULL DEFAULT ''",
    "UPDATE usage SET account = coalesce((SELECT account FROM tokens WHERE tokens.id = usage.token_id), '')",
    "CREATE INDEX usage_account ON usage (account, kind, currency, at, amount)",
    """CREATE TABLE positions (
        token_id TEXT NOT NULL, market_id TEXT NOT NULL, account TEXT NOT NULL, currency TEXT NOT NULL,
        quantity TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (token_id, market_id)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX positions_held ON positions (token_id) WHERE quantity <> '0'",
    "CREATE INDEX positions_at ON positions (at)",
    """CREATE TABLE prices (
        id INTEGER PRIMARY KEY, account TEXT NOT NULL, market_id TEXT NOT NULL, at INTEGER NOT NULL,
        price TEXT NOT NULL) STRICT""",
    "CREATE INDEX prices_market ON prices (account, market_id, at, price)",
    # Orders that no token placed, as they were listed; the row without ids says since when the account is watched.
    """CREATE TABLE strangers (
        account TEXT NOT NULL, market_id TEXT NOT NULL, order_id TEXT NOT NULL, seen_at INTEGER NOT NULL,
        PRIMARY KEY (account, market_id, order_id)) STRICT, WITHOUT ROWID""",
)

MIGRATIONS: Final[Sequence[Sequence[str]]] = (_FIRST, _SECOND)


def migrate(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring the file to the newest version, wholly or not at all. Raises Misuse if it is newer than this program."""
    if version(connection) == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        _apply(connection, migrations)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def version(connection: sqlite3.Connection) -> int:
    """How many migrations the file has had."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _apply(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]]) -> None:
    # Asked again under the write lock: another process may have migrated meanwhile.
    had = version(connection)
    if had > len(migrations):
        raise Misuse(
            f"state.db has version {had} and this program knows {len(migrations)}",
            "use the newer program that wrote it, or restore a backup",
        )
    for step in migrations[had:]:
        for statement in step:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(migrations)}")
