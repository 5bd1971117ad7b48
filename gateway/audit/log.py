"""The audit log as its one writer sees it: draft, append, sync, checkpoint, rotate.

The law: what ``append`` returned from is in the chain (and with ``sync`` on the disk); what it raised from is not.
The next number changes only by an append, and records of the log's own (checkpoints, what was recovered or pruned)
are written before a number is drafted, never between a draft and its append. Both happen in one step of the event
loop, so nothing can come between them. After a failed sync nobody knows what the disk holds: nothing is
appended until the log has been opened again.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from gateway.audit import line as lines
from gateway.audit.line import CHECKPOINT, LOST, PRUNED, Entry, Stamp
from gateway.audit.prune import prunable
from gateway.audit.read import records
from gateway.audit.recover import OpenFile, recover
from gateway.audit.room import FULL, Marks, Room
from gateway.audit.segments import SegmentFile, path_of, sync_directory
from gateway.core.errors import Misuse, Unavailable
from gateway.core.record import Filled
from gateway.ports import Need, Record

SEGMENT_BYTES: Final = 64 << 20
"""When a segment is full. A start reads the end of one, ``prune`` removes them whole."""
STEP_BACK_MS: Final = 1000
"""A clock that went back by more begins a new segment; by less, the record repeats the last time."""
MAX_LOST: Final = 1 << 16
"""More unsynced records than a second can bring: a larger gap is no power loss but another log."""

Sign = Callable[[bytes], bytes]
"""The open vault's signature over a checkpoint."""
Noted = Callable[[int, str], None]
"""Told the number and head of each checkpoint that is on the disk, to keep them elsewhere."""
_Draft = tuple[Record, bytes, int]
"""A record, its encoded part, and when it was drafted."""


class AuditLog:
    """The chain in ``<home>/audit``. One process at a time holds it; ``sign`` is None while the vault is locked."""

    def __init__(
        self,
        directory: Path,
        now_ms: Callable[[], int],
        *,
        sign: Sign | None = None,
        noted: Noted | None = None,
        room: Room | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        open_file: OpenFile = SegmentFile,
    ) -> None:
        """Opens the log, or begins it. Raises Misuse for one that cannot be continued."""
        directory.mkdir(mode=0o700, exist_ok=True)
        self.sign = sign
        self._noted = noted
        self._directory = directory
        self._now_ms = now_ms
        self._segment_bytes = segment_bytes
        self._open_file = open_file
        end = recover(directory, open_file)
        self._file = end.file
        self._next = end.next
        self._head = end.head
        self._last_ms = end.last.at_ms if end.last else 0
        self._signed = end.last is None or end.last.type == CHECKPOINT
        self._own = list(end.cuts)
        self._stamp = Stamp()
        self._dirty = False
        self._broken = ""
        self._drafted: _Draft | None = None
        self._room = room or Room(directory, Marks())
        self._room.tend()

    @property
    def next(self) -> int:
        """The number of the record to come."""
        return self._next

    @property
    def head(self) -> str:
        """Hex SHA-256 of the last line: it pins the whole log."""
        return self._head

    def draft(self, body: Mapping[str, Any]) -> Record:
        """The next record, encoded and numbered, not yet written. Append it (or nothing) before drafting another.

        Raises ValueError or TypeError for a body that the log cannot hold.
        """
        encoded, at_ms = lines.encode(body), self._catch_up()
        record = Record(self._next, body)
        self._drafted = record, encoded, at_ms
        return record

    def append(self, record: Record, sync: bool, need: Need = Need.EXIT) -> None:
        """Write it; with ``sync`` it is on the disk when this returns, else within a second (``tick``).

        ``need`` says whose room it may take: the default may use the reserve, orders and reads stop before.
        Raises Unavailable when it cannot be written, ValueError for any number but the next.
        """
        if record.number != self._next:
            raise ValueError(f"audit record {record.number} is not the next one: {self._next} is")
        drafted, self._drafted = self._drafted, None
        if drafted is None or drafted[0] is not record:
            drafted = record, lines.encode(record.body), self._now_ms()
        self._append(drafted[1], sync, need, drafted[2])

    def note(self, body: Mapping[str, Any] | Filled, sync: bool = False, need: Need = Need.EXIT) -> None:
        """Draft and append in one. Raises as they do."""
        encoded, at_ms = lines.encode(body), self._catch_up()
        self._append(encoded, sync, need, at_ms)

    def _append(self, encoded: bytes, sync: bool, need: Need, at_ms: int) -> None:
        if self._broken:
            raise Unavailable(self._broken)
        if need is not Need.EXIT and not self._room.allows(need):
            raise Unavailable("the disk is too full to record this; free some space")
        self._write(encoded, need, at_ms)
        if sync:
            self._sync()

    def complete(self, record: Record) -> None:
        """At start: append a record that the ledger holds and a crash kept from the log, synced, under its own number.

        A power loss may have taken unsynced records before it, which nobody holds: each leaves a ``lost`` in its
        place. Raises Misuse if that were more than can have been lost, Unavailable if the disk is full.
        """
        if record.number - self._next > MAX_LOST:
            raise Misuse(
                f"the audit log ends at record {self._next - 1}, and state.db holds record {record.number}",
                "restore the log that belongs to it",
            )
        while self._next < record.number:
            self._write(lines.encode({"type": LOST}, own=True), Need.EXIT)
        self.append(record, sync=True)

    def room(self, need: Need) -> bool:
        """Whether the disk has room for a request of this kind."""
        return not self._broken and self._room.allows(need)

    def release_reserve(self) -> None:
        """Give the exits' room to whoever else must write now (the ledger). Orders stop until it is back."""
        self._room.give_all_back()

    def tick(self) -> None:
        """Sync what is not, and mend the reserve. Called every second or so; raises Unavailable if it cannot."""
        if self._broken:
            raise Unavailable(self._broken)
        if self._dirty:
            self._sync()
        self._room.tend()

    def checkpoint(self) -> bool:
        """Sign the head, if the vault is open and anything is unsigned; whether it did. Raises Unavailable."""
        self._write_own()
        if self.sign is None or self._signed:
            return False
        self._sign_head(self.sign)
        return True

    def prune(self, now_ms: int, keep_ms: int) -> int:
        """Remove the segments whose last record is older than ``keep_ms``; how many. Raises Unavailable.

        The newest two stay, and so does whatever does not lie behind a checkpoint at a segment's start.
        """
        old = prunable(self._directory, now_ms - keep_ms)
        if not old.segments:
            return 0
        self._write(lines.encode({"type": PRUNED, "first": old.first_kept}, own=True), Need.READ)
        self._sync()
        for segment in old.segments:
            segment.path.unlink()
        sync_directory(self._directory)
        return len(old.segments)

    def records(self, since: int = 0) -> Iterator[Entry]:
        """The records from this number to the end, chain checked; see :func:`gateway.audit.read.records`."""
        return records(self._directory, since)

    def close(self) -> None:
        """Sync and let go of the files."""
        try:
            self.tick()
        finally:
            self._file.close()

    def _catch_up(self) -> int:
        """Write what the log owes of itself; the time. Where the disk is too full, that waits and the bot does not."""
        at_ms = self._now_ms()
        if not self._own and not self._is_over(at_ms):
            return at_ms
        try:
            self._write_own()
            if self._is_over(at_ms):
                self._rotate()
        except Unavailable:
            if self._broken:
                raise
        return at_ms

    def _write_own(self) -> None:
        while self._own:
            self._write(lines.encode(self._own[0], own=True), Need.READ)
            del self._own[0]

    def _is_over(self, now_ms: int) -> bool:
        """Whether the segment is full, or its times would run backwards."""
        return self._file.size >= self._segment_bytes or now_ms < self._last_ms - STEP_BACK_MS

    def _rotate(self) -> None:
        """Begin a segment, with a checkpoint of everything before it if the vault is open."""
        self._sync()
        try:
            file = self._open_file(path_of(self._directory, self._next), True)
        except OSError as failure:
            raise Unavailable(f"the audit log gets no new segment: {failure.strerror}") from failure
        self._file.close()
        self._file, self._last_ms = file, 0
        self._synced(lambda: sync_directory(self._directory))
        if self.sign is not None:
            self._sign_head(self.sign)

    def _sign_head(self, sign: Sign) -> None:
        at = self._time(self._now_ms())
        signature = sign(lines.signed_part(self._next, at, self._head))
        self._write(lines.checkpoint(signature), Need.READ, self._last_ms)
        self._sync()
        self._signed = True
        if self._noted is not None:
            self._noted(self._next - 1, self._head)

    def _time(self, now_ms: int) -> str:
        self._last_ms = max(self._last_ms, now_ms)
        return self._stamp(self._last_ms)

    def _write(self, encoded: bytes, need: Need, at_ms: int | None = None) -> None:
        """One line to the kernel, and only then into the chain."""
        if self._broken:
            raise Unavailable(self._broken)
        at = self._time(self._now_ms() if at_ms is None else at_ms)
        line = lines.line(self._next, at, self._head, encoded)
        try:
            self._file.append(line)
        except OSError as failure:
            self._append_again(line, need, failure)
        self._head = lines.head_after(line)
        self._next += 1
        self._signed = False
        self._dirty = True

    def _append_again(self, line: bytes, need: Need, failure: OSError) -> None:
        """What lacked room and is an exit's gets of the reserve. Raises Unavailable."""
        while not self._file.torn and need is Need.EXIT and failure.errno in FULL and self._room.give_back():
            try:
                return self._file.append(line)
            except OSError as again:
                failure = again
        if self._file.torn:
            self._break(failure)
        raise Unavailable(f"the audit log cannot be written: {failure.strerror}") from failure

    def _sync(self) -> None:
        self._synced(self._file.sync)
        self._dirty = False

    def _synced(self, sync: Callable[[], None]) -> None:
        try:
            sync()
        except OSError as failure:
            self._break(failure)
            raise Unavailable(self._broken) from failure

    def _break(self, failure: OSError) -> None:
        self._broken = f"the audit log failed ({failure.strerror}): see to the disk, then start the gateway again"
