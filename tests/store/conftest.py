"""Every backend behind the one contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store import Store
from gateway.store.memory import MemoryStore
from gateway.store.sqlite import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where ``state.db`` is, or will be."""
    return tmp_path / "state.db"


@pytest.fixture
def sqlite(path: Path) -> Iterator[SqliteStore]:
    """A new SQLite store."""
    store = SqliteStore.create(path)
    yield store
    store.close()


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest) -> Store:
    """A new store of each kind."""
    return request.getfixturevalue("sqlite") if request.param == "sqlite" else MemoryStore()
