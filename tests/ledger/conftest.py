"""A ledger over each kind of store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ledger.ledger import Ledger
from gateway.store import Store
from gateway.store.memory import MemoryStore
from gateway.store.sqlite import SqliteStore
from tests.ledger.orders import Story


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A new store of each kind."""
    store: Store = SqliteStore.create(tmp_path / "state.db") if request.param == "sqlite" else MemoryStore()
    yield store
    store.close()


@pytest.fixture
def story(store: Store) -> Story:
    """A new ledger to tell a story with."""
    return Story(Ledger.open(store))
