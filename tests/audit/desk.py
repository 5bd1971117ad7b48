"""A log to write in, with a clock, a key and a disk that do as they are told."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from gateway.audit.log import AuditLog
from gateway.audit.room import Marks, Room
from gateway.audit.segments import SegmentFile
from gateway.audit.verify import Report, verify

KEY = SigningKey(b"\x07" * 32)
START_MS = 1_767_225_600_000


class Clock:
    """Wall clock in ms, moved by hand."""

    def __init__(self) -> None:
        self.ms = START_MS

    def __call__(self) -> int:
        return self.ms


class Disk:
    """A disk with so many bytes left, whose syncs are counted and can be made to fail."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.full_while: Callable[[], bool] = lambda: False
        self.syncs = 0
        self.broken_sync = False
        self.broken_cut = 0
        self.full = errno.ENOSPC

    def open(self, path: Path, create: bool) -> SegmentFile:
        return _File(path, create, self)


class _File(SegmentFile):
    def __init__(self, path: Path, create: bool, disk: Disk) -> None:
        super().__init__(path, create)
        self._disk = disk

    def write(self, handle: int, piece: bytes) -> int:
        left = self._disk.left
        if left == 0 or self._disk.full_while():
            raise OSError(self._disk.full, "no room")
        taken = os.write(handle, piece[:left])
        if left is not None:
            self._disk.left = left - taken
        return taken

    def cut(self, size: int) -> None:
        if self._disk.broken_cut:
            self._disk.left = None  # whoever tries again finds room, and half a line
            raise OSError(self._disk.broken_cut, "cannot be cut")
        super().cut(size)

    def sync(self) -> None:
        if self._disk.broken_sync:
            raise OSError(errno.EIO, "input/output error")
        self._disk.syncs += 1
        super().sync()


class Desk:
    """Everything a test needs to write one log and look at it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = Clock()
        self.disk = Disk()
        self.noted: list[tuple[int, str]] = []

    @staticmethod
    def sign(message: bytes) -> bytes:
        """As the vault signs checkpoints."""
        return KEY.sign(b"tradewarden audit checkpoint 1\0" + message).signature

    def open(self, locked: bool = False, marks: Marks | None = None, **more: Any) -> AuditLog:
        """The log, opened; without disk marks of its own it holds nothing back."""
        more.setdefault("room", Room(self.directory, marks or Marks(0, 0, 0, 0)))
        sign = None if locked else self.sign
        noted = self._note
        return AuditLog(self.directory, self.clock, sign=sign, noted=noted, open_file=self.disk.open, **more)

    def _note(self, number: int, head: str) -> None:
        self.noted.append((number, head))

    def verify(self, **more: Any) -> Report:
        """The log, checked with its key."""
        return verify(self.directory, KEY.verify_key.encode(), **more)

    def segments(self) -> list[str]:
        """The names of the segments."""
        return sorted(path.name for path in self.directory.glob("*.jsonl"))

    def bytes(self, name: str = "000000000000.jsonl") -> bytes:
        """A segment's bytes."""
        return (self.directory / name).read_bytes()
