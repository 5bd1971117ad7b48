"""How rows look to a person, and reading them beside a running gateway: no lock, no vault, no heavy import."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from gateway.core.token import Account, TokenState
from gateway.home import Home
from gateway.registry.masking import masked
from gateway.store import AccountRow, TokenRow
from gateway.store.sqlite import SqliteStore

View = dict[str, Any]


def when(at_ms: int | None) -> str | None:
    """A time in UTC, ISO 8601, to the second."""
    return None if at_ms is None else datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def account(seen: Account | AccountRow) -> View:
    """An account; of the real key only the beginning of its id."""
    key_id = seen.key_id if seen.key_id.endswith("…") else masked(seen.key_id)
    return {
        "name": seen.name,
        "exchange": seen.exchange,
        "environment": seen.environment,
        "key_id": key_id,
        "kind": seen.kind.value,
        "added": when(seen.added_at),
    }


def token(row: TokenRow, now_ms: int) -> View:
    """A token as its row says; the secret half is nowhere."""
    expired = row.expires_at is not None and now_ms >= row.expires_at and row.state is not TokenState.REVOKED
    return {
        "name": row.name,
        "apiKey": row.id,
        "state": "expired" if expired else row.state.value,
        "exchange": row.exchange,
        "account": row.account,
        "policy": row.policy,
        "kind": row.kind.value,
        "issued": when(row.issued_at),
        "expires": when(row.expires_at),
        "addresses": list(row.addresses),
    }


def tokens(rows: Iterable[TokenRow], now_ms: int) -> list[View]:
    """All of them."""
    return [token(row, now_ms) for row in rows]


def accounts(home: Home) -> list[View]:
    """All accounts."""
    store = SqliteStore.open_for_reading(home.state)
    try:
        return [account(row) for row in store.accounts()]
    finally:
        store.close()


def all_tokens(home: Home) -> list[View]:
    """All tokens, revoked ones included."""
    store = SqliteStore.open_for_reading(home.state)
    try:
        return tokens(store.tokens(), time.time_ns() // 1_000_000)
    finally:
        store.close()
