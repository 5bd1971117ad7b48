"""The power fails as an order leaves. One sync stands before it: what that made durable brings back all the rest."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.audit.log import AuditLog
from gateway.audit.room import Marks, Room
from gateway.audit.segments import SegmentFile
from gateway.audit.verify import verify
from gateway.core.order import OrderStatus
from gateway.ledger.ledger import Ledger
from gateway.ports import Record
from gateway.registry.start import complete_log
from gateway.store.memory import MemoryChange, MemoryStore
from tests.audit.desk import KEY
from tests.audit.desk import Desk as Signer
from tests.stages.gatehouse import Gatehouse, Roomy, named, order_answer

DAY_MS = 86_400_000


class Disk(MemoryStore):
    """A store that knows what of it a power cut would leave: everything up to its last synced transaction."""

    def __init__(self) -> None:
        super().__init__()
        self._synced = self._tables

    @contextmanager
    def transaction(self, record: Record | None = None, synced: bool = True) -> Iterator[MemoryChange]:
        with super().transaction(record, synced) as change:
            yield change
        if synced:
            self._synced = self._tables

    def left(self) -> MemoryStore:
        """The store as the next start finds it."""
        store = MemoryStore()
        store._tables = self._synced
        return store


class Noting(SegmentFile):
    """A segment that knows how much of it is certainly on the disk."""

    def __init__(self, path: Path, create: bool) -> None:
        super().__init__(path, create)
        self.certain = 0

    def sync(self) -> None:
        super().sync()
        self.certain = self.size


@dataclass
class Left:
    """What there was when the power failed: the log's bytes, how many of them are certain, and the store."""

    log: bytes
    certain: int
    store: MemoryStore

    def cuts(self) -> list[int]:
        """Where the log may end: around the end of every line, and here and there within."""
        ends = [at + near for at in range(len(self.log)) if self.log[at] == ord("\n") for near in (0, 1, 2)]
        every = {self.certain, *ends, *range(self.certain, len(self.log), 97)}
        return sorted(cut for cut in every if self.certain <= cut <= len(self.log))

    def holes(self) -> list[bytes]:
        """The log with an earlier page lost and later ones there: zeros behind what is certain, as its beginning is."""
        first = max(self.certain, self.log.index(b"\n") + 1)
        spans = [(at, at + size) for size in (1, 60, 700) for at in range(first, len(self.log) - size, 131)]
        return [self.log[:at] + bytes(end - at) + self.log[end:] for at, end in spans]

    def started(self, place: Path, log_bytes: bytes) -> tuple[Ledger, AuditLog]:
        """The next start, with these bytes of the log."""
        place.mkdir()
        (place / "000000000000.jsonl").write_bytes(log_bytes)
        log = AuditLog(place, lambda: 0, room=Room(place, Marks(0, 0, 0, 0)))
        complete_log(self.store, log)
        return Ledger.open(self.store), log


class Cut(Gatehouse):
    """A gatehouse whose power fails as its last order leaves."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.store: Disk = Disk()
        self.segments: list[Noting] = []
        self.audit = Roomy(
            directory / "log", self.clock.now_ms, sign=Signer.sign, noted=self._noted, open_file=self._opened
        )
        self.audit.append(self.audit.draft({"type": "init"}), sync=False)
        self.start()
        self.left: Left | None = None
        self.exchange.before_write = self._fails
        self.exchange.otherwise = lambda outgoing: order_answer(len(self.exchange.arrived), **named(outgoing))

    def _opened(self, path: Path, create: bool) -> SegmentFile:
        self.segments.append(Noting(path, create))
        return self.segments[-1]

    def _noted(self, number: int, head: str) -> None:
        self.store.logged(number)

    def _fails(self) -> None:
        (segment,) = self.segments
        self.left = Left(segment.path.read_bytes(), segment.certain, self.store.left())


@pytest.fixture
def cut(tmp_path: Path) -> Cut:
    return Cut(tmp_path)


def cut_as_it_leaves(cut: Cut, checkpoint: bool) -> Left:
    """Requests of every kind, perhaps a checkpoint, and then the order in whose first byte the power fails."""
    asyncio.run(cut.place("&newClientOrderId=first"))
    if checkpoint:
        cut.audit.checkpoint()
    asyncio.run(cut.place("&newClientOrderId=second"))
    asyncio.run(cut.ask(cut.request("GET", "/api/v3/account")))
    asyncio.run(cut.place("&newClientOrderId=last"))
    assert cut.left is not None
    return cut.left


def decided(log: AuditLog) -> list[tuple[int, object]]:
    """Numbers of the orders' records, and what they say."""
    return [(entry.number, entry.body) for entry in log.records() if entry.body.get("reserve")]


@pytest.mark.parametrize("checkpoint", [False, True])
def test_reservation_and_record_of_an_order_that_left_are_there_after_a_power_cut(
    cut: Cut, tmp_path: Path, checkpoint: bool
) -> None:
    """Whatever of the log's unsynced end reached the disk, in whatever order; a checkpoint loses nothing either."""
    left = cut_as_it_leaves(cut, checkpoint)
    was = decided(cut.audit)
    assert (left.certain > 0) is checkpoint
    for number, log_bytes in enumerate([*(left.log[:kept] for kept in left.cuts()), *left.holes()]):
        place = tmp_path / f"kept-{number}"
        ledger, log = left.started(place, log_bytes)
        assert decided(log) == was
        working = {row.client_id: row.status for row in ledger.working("main")}
        assert working == {"first": OrderStatus.OPEN, "second": OrderStatus.OPEN, "last": OrderStatus.UNKNOWN}
        assert ledger.usage(cut.bot.id, cut.clock.ms).turnover("USDT", DAY_MS) == 1500
        log.close()
        assert verify(place, KEY.verify_key.encode()).sound


def test_nothing_of_the_log_is_forgotten_before_it_is_on_the_disk(cut: Cut) -> None:
    """Ticks sync the log and forget nothing; a checkpoint's note comes after its sync."""
    asyncio.run(cut.place("&newClientOrderId=first"))
    assert [record.body["type"] for record in cut.store.pending_records()] == ["decision", "outcome"]
    cut.audit.checkpoint()
    (segment,) = cut.segments
    assert segment.certain == segment.size
    cut.clock.ms += 1
    asyncio.run(cut.place("&newClientOrderId=second"))
    assert [record.number for record in cut.store.pending_records()] == [4, 5]


def test_an_order_that_cannot_be_reserved_on_the_disk_does_not_leave(cut: Cut, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(record: Record | None = None, synced: bool = True) -> Iterator[MemoryChange]:
        raise OSError("the disk failed")

    monkeypatch.setattr(cut.store, "transaction", full)
    asyncio.run(cut.place("&newClientOrderId=never"))
    assert cut.exchange.arrived == []
