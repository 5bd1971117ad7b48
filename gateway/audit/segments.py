"""The log's files: which segments there are, how one is appended to, how lines are read from either end.

The law: a segment is named by its first record's number, is only ever appended to, and holds whole lines only: what a
failed write left behind is cut away at once, what a crash left behind when the log is opened. Reading holds one line
(at most 1 MiB) and one block in memory, however long the log is.
"""

import fcntl
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from gateway.audit.line import MAX_LINE, Entry, read

NAME: Final = re.compile(r"[0-9]{12}\.jsonl", re.ASCII)
BLOCK: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of the log; ``first`` is the number in its name."""

    first: int
    path: Path


def segments(directory: Path) -> list[Segment]:
    """The segments of a log, oldest first. An absent directory is an empty log."""
    if not directory.is_dir():
        return []
    paths = sorted(path for path in directory.iterdir() if NAME.fullmatch(path.name))
    return [Segment(int(path.stem), path) for path in paths]


def path_of(directory: Path, first: int) -> Path:
    """Where the segment that begins with this record number is kept."""
    return directory / f"{first:012}.jsonl"


def holding(found: list[Segment], number: int) -> int:
    """The index of the segment that this record number belongs to; 0 where it is older than all."""
    return max((index for index, segment in enumerate(found) if segment.first <= number), default=0)


class SegmentFile:
    """A segment open for appending. ``size`` counts its whole lines; ``torn`` says that a failed cut left more.

    ``write`` hands bytes to the kernel and says how many it took; it raises OSError if it was none.
    """

    write: Callable[[int, bytes], int] = staticmethod(os.write)

    def __init__(self, path: Path, create: bool = False) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self.path = path
        self.torn = False
        self._fd = os.open(path, flags | (os.O_CREAT | os.O_EXCL if create else 0), 0o600)
        self.size = os.fstat(self._fd).st_size

    def append(self, line: bytes) -> None:
        """Hand the whole line to the kernel, or leave the file as it was and raise OSError."""
        try:
            taken = self.write(self._fd, line)
            while taken < len(line):
                taken += self.write(self._fd, line[taken:])
        except OSError:
            self.torn = True
            self.cut(self.size)
            raise
        self.size += len(line)

    def cut(self, size: int) -> None:
        """Cut the file back to this many bytes."""
        os.ftruncate(self._fd, size)
        self.size = size
        self.torn = False

    def sync(self) -> None:
        """Return when everything appended is on the disk."""
        if sys.platform == "darwin":  # there, fsync stops at the drive's own cache
            fcntl.fcntl(self._fd, fcntl.F_FULLFSYNC)
        else:
            os.fdatasync(self._fd)

    def close(self) -> None:
        """Give the file back; nothing may be appended afterwards."""
        os.close(self._fd)


def sync_directory(directory: Path) -> None:
    """Make created and removed names durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def forward(path: Path, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """The lines of a segment from this byte offset on, with their offsets, oldest first.

    Without its newline comes a last line that is torn, and the first 1 MiB of one that is longer than any record.
    """
    with path.open("rb") as file:
        file.seek(offset)
        while line := file.readline(MAX_LINE):
            yield offset, line
            offset += len(line)
            if not line.endswith(b"\n"):
                offset += _skip_line(file)


def _skip_line(file: BinaryIO) -> int:
    skipped = 0
    while piece := file.readline(MAX_LINE):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped


def backward(path: Path) -> Iterator[tuple[int, bytes]]:
    """The same lines, newest first. Of a line that is longer than any record only its last 1 MiB is kept."""
    with path.open("rb") as file:
        position = file.seek(0, os.SEEK_END)
        carry = b""
        while position > 0:
            step = min(BLOCK, position)
            position -= step
            file.seek(position)
            first, *whole = _lines(file.read(step) + carry)
            offset = position + len(first) + sum(map(len, whole))
            for line in reversed(whole):
                offset -= len(line)
                yield offset, line
            carry = first[-MAX_LINE:]
        if carry:
            yield 0, carry


def _lines(piece: bytes) -> list[bytes]:
    lines = [text + b"\n" for text in piece.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def entries_backward(path: Path) -> Iterator[Entry]:
    """The whole records of a segment, newest first; what is not one is passed over (``verify`` reports it)."""
    return (entry for _, line in backward(path) if (entry := read(line)) is not None)


def first_entry(path: Path) -> Entry | None:
    """The record that a segment begins with, or None if its first line is not a whole one."""
    return next((read(line) for _, line in forward(path)), None)


def last_entry(path: Path) -> tuple[Entry | None, int]:
    """The last whole record of a segment, and the byte offset where it ends (0 without one)."""
    for offset, line in backward(path):
        entry = read(line)
        if entry is not None:
            return entry, offset + len(line)
    return None, 0
