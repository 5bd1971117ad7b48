"""A log to write in, and the shortest way to write in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.log import AuditLog
from tests.audit.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk on an empty directory."""
    return Desk(tmp_path / "audit")


@pytest.fixture
def write() -> Callable[..., int]:
    """Appends one unsynced decision per call, a ms apart; its number."""

    def one(desk: Desk, log: AuditLog, **fields: Any) -> int:
        desk.clock.ms += 1
        record = log.draft({"type": "decision", "d": "01KDVC3SM00000000000000000", **fields})
        log.append(record, sync=False)
        return record.number

    return one
