"""Disk room (promise 9): new orders stop first, reads next, and exits keep room that was allocated beforehand.

    free on the home's filesystem      orders   reads   exits
    64 MiB and more, reserve whole       ✓        ✓       ✓
    32 MiB and more                      ✗        ✓       ✓
    less                                 ✗        ✗       ✓  out of the 16 MiB of the reserve, a step at a time

The reserve is a file whose blocks are really there. It is filled again once 80 MiB are free, so that filling it
does not itself stop the orders.
"""

import errno
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.core.errors import Unavailable
from gateway.ports import Need

MIB: Final = 1 << 20
BLOCK: Final = 512
"""The unit of ``st_blocks``, whatever the filesystem's own blocks are."""
CACHE_NS: Final = 200_000_000
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What a write says when only room is missing."""
_CANNOT_ALLOCATE: Final = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})


@dataclass(frozen=True, slots=True)
class Marks:
    """Bytes. ``order`` and ``read`` must be free for such a request; ``reserve`` is held for exits.

    ``exit`` is what an exit needs where there is no reserve; ``step`` is how much of it is given back at once.
    """

    order: int = 64 * MIB
    read: int = 32 * MIB
    reserve: int = 16 * MIB
    exit: int = 1 * MIB
    step: int = 1 * MIB


class Reserve:
    """The file of allocated blocks. ``held`` bytes of it are there; it is ``whole`` when that is all of them."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self.held = _allocated(path, size)

    @property
    def whole(self) -> bool:
        """Whether everything that exits may need is there."""
        return self.held >= self._size

    def fill(self) -> bool:
        """Allocate what is missing; False, and nothing changed, if there is no room. Raises Unavailable otherwise."""
        try:
            return self._fill()
        except OSError as failure:
            raise Unavailable(f"no disk room can be held back for exits: {failure.strerror}") from failure

    def _fill(self) -> bool:
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            _allocate(handle, self.held, self._size)
            os.fsync(handle)
        except OSError as failure:
            os.ftruncate(handle, self.held)
            if failure.errno not in FULL:
                raise
            return False
        finally:
            os.close(handle)
        self.held = self._size
        return True

    def give_back(self, step: int) -> bool:
        """Free one more step of it; False if there was nothing left. Raises Unavailable if it cannot be freed."""
        if self.held == 0:
            return False
        left = max(self.held - step, 0)
        try:
            if left:
                os.truncate(self._path, left)
            else:
                self._path.unlink()
        except FileNotFoundError:
            self.held = 0
            return False
        except OSError as failure:
            raise Unavailable(f"the disk room for exits cannot be freed: {failure.strerror}") from failure
        self.held = left
        return True


def _allocated(path: Path, size: int) -> int:
    """How much of the file can be counted on: one with holes holds nothing back."""
    if not path.exists():
        return 0
    found = path.lstat()
    return min(found.st_size, size) if found.st_blocks * BLOCK >= found.st_size else 0


def _allocate(handle: int, start: int, size: int) -> None:
    """Real blocks from ``start`` to ``size``."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(handle, start, size - start)
        except OSError as failure:
            if failure.errno not in _CANNOT_ALLOCATE:
                raise
    if os.fstat(handle).st_blocks * BLOCK < size:
        write_blocks(handle, start, size)


def write_blocks(handle: int, start: int, size: int) -> None:
    """The same without the system call's help. Not zeros: a compressing filesystem would keep no room for those."""
    block = os.urandom(MIB)
    while start < size:
        start += os.pwrite(handle, block[: size - start], start)


def free_bytes(directory: Path) -> int:
    """What an ordinary user could still write on the directory's filesystem."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize


class Room:
    """Answers whether there is room, cheaply: the filesystem is asked at most every 200 ms."""

    def __init__(
        self,
        directory: Path,
        marks: Marks,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self._directory = directory
        self._marks = marks
        self._monotonic_ns = monotonic_ns
        self._ask = free
        self._least = {Need.ORDER: marks.order, Need.READ: marks.read, Need.EXIT: marks.exit}
        self._free = self._ask_at = 0
        self._reserve = Reserve(directory / "reserve", marks.reserve)

    def allows(self, need: Need) -> bool:
        """Whether a request of this kind has room."""
        if need is Need.EXIT and self._reserve.held > 0:
            return True
        if need is Need.ORDER and not self._reserve.whole:
            return False
        now = self._monotonic_ns()
        if now >= self._ask_at:
            self._free, self._ask_at = self._ask(self._directory), now + CACHE_NS
        return self._free >= self._least[need]

    def tend(self) -> None:
        """Fill the reserve if it is not whole and there is room for it again. Called every second or so.

        Raises Unavailable if it cannot be filled for any other reason than room.
        """
        if self._reserve.whole:
            return
        if self._ask(self._directory) > self._marks.order + self._marks.reserve:
            self._reserve.fill()
        self._ask_at = 0

    def give_back(self) -> bool:
        """Free one step of the reserve for an exit; False if nothing is left of it."""
        return self._reserve.give_back(self._marks.step)

    def give_all_back(self) -> None:
        """Free the whole reserve."""
        self._reserve.give_back(self._marks.reserve)
