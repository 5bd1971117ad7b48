"""Opening the log after whatever happened: where the chain ends, with what a crash left half-written cut away.

The law: a record that the chain leads to is never removed, nor anything up to the last checkpoint, which was on the
disk when it counted. What follows the chain's end in the last segment goes: a power cut may leave a hole there, and
whole lines behind it. So does a last segment that never got its first record. The cut is itself recorded, by the log's
next record of its own; what the ledger holds of it is then written again.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.audit.line import CHECKPOINT, GENESIS, MAX_LINE, RECOVERED, Entry, head_after, read
from gateway.audit.segments import (
    Segment,
    SegmentFile,
    backward,
    forward,
    last_entry,
    path_of,
    segments,
    sync_directory,
)
from gateway.core.errors import Misuse

OpenFile = Callable[[Path, bool], SegmentFile]
"""Opens a segment for appending; the flag says that it must not exist yet."""


@dataclass(frozen=True, slots=True)
class End:
    """Where the chain ends: the file to append to, the last record in it or None in a new log, and what was cut."""

    file: SegmentFile
    last: Entry | None
    cuts: tuple[dict[str, Any], ...] = ()

    @property
    def next(self) -> int:
        """The number of the record to come."""
        return self.last.number + 1 if self.last else 0

    @property
    def head(self) -> str:
        """The hash of the last line."""
        return self.last.head if self.last else GENESIS_HEAD


GENESIS_HEAD: Final = head_after(GENESIS)


def recover(directory: Path, open_file: OpenFile) -> End:
    """The end of the log in this directory, which must exist. Raises Misuse for a log that cannot be continued."""
    found = segments(directory)
    cuts = []
    if len(found) > 1 and _is_stillborn(found[-1]):
        stillborn = found.pop()
        cuts += _cut(stillborn.path, 0)
        stillborn.path.unlink()
    if not found:
        file = open_file(path_of(directory, 0), True)
        sync_directory(directory)
        return End(file, None)
    return _end_of(found[-1], open_file, cuts)


def _end_of(segment: Segment, open_file: OpenFile, cuts: list[dict[str, Any]]) -> End:
    last, end = _chain_end(segment)
    if last is None and (segment.first > 0 or not _is_stillborn(segment)):
        raise Misuse(
            f"the audit log cannot be continued: {segment.path.name} holds no whole record",
            "run `tradewarden audit verify`, then move the log away or restore it",
        )
    cuts += _cut(segment.path, end)
    file = open_file(segment.path, False)
    if file.size > end:
        file.cut(end)
        file.sync()
    return End(file, last, tuple(cuts))


def _chain_end(segment: Segment) -> tuple[Entry | None, int]:
    """The last record that those since the last checkpoint lead to, and where it ends; as ``last_entry`` says it."""
    last, end = _checkpoint(segment.path)
    for offset, line in forward(segment.path, end):
        entry = read(line)
        if entry is None or not _follows(entry, last, segment):
            break
        last, end = entry, offset + len(line)
    return last, end


def _follows(entry: Entry, last: Entry | None, segment: Segment) -> bool:
    if last is None:
        return entry.number == segment.first
    return (entry.number, entry.prev) == (last.number + 1, last.head)


def _checkpoint(path: Path) -> tuple[Entry | None, int]:
    """The last checkpoint of a segment, and where it ends (0 without one)."""
    for offset, line in backward(path):
        entry = read(line)
        if entry is not None and entry.type == CHECKPOINT:
            return entry, offset + len(line)
    return None, 0


def _is_stillborn(segment: Segment) -> bool:
    """It holds less than its first line, and no more than a torn one."""
    return segment.path.stat().st_size <= MAX_LINE and last_entry(segment.path)[0] is None


def _cut(path: Path, end: int) -> list[dict[str, Any]]:
    """What will be said of the bytes after ``end``: where they stood, how many, and their hash; nothing if none."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        file.seek(end)
        while block := file.read(MAX_LINE):
            digest.update(block)
            size += len(block)
    if not size:
        return []
    return [{"type": RECOVERED, "segment": path.name, "offset": end, "bytes": size, "sha256": digest.hexdigest()}]
