"""What the process and the home owe the secrets in them. Fails closed: a guard that cannot be put up stops the start.

Rules: no core dump, no debugger, nothing made readable for others; a home that others can look into is refused with
the very command that mends it, and never mended silently.
"""

import contextlib
import ctypes
import os
import pwd
import resource
import shlex
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.core.errors import Misuse

UMASK: Final = 0o077
DIRECTORY_MODE: Final = 0o700
FILE_MODE: Final = 0o600
MOST_FILES: Final = 65_536
"""More than is ever open; a container's limit may be a thousand million, and children close that many one by one."""
_PR_SET_DUMPABLE: Final = 4
_PT_DENY_ATTACH: Final = 31


def harden() -> int:
    """No core dumps, no memory to be read by others' processes, umask 077. The umask as it was before.

    Raises Misuse where it cannot be done.
    """
    before = os.umask(UMASK)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "darwin":
        _demand(libc.ptrace(_PT_DENY_ATTACH, 0, 0, 0) == 0, "debuggers")
    else:
        _demand(libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, "memory dumps")
    return before


def open_files() -> int:
    """Raise the number of files that may be open as far as the system allows; what it is then. Never lowers it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # macOS has a lower bound of its own that it does not tell.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_FILES if soft == resource.RLIM_INFINITY else soft


def _demand(done: bool, what: str) -> None:
    if not done:
        reason = os.strerror(ctypes.get_errno())
        raise Misuse(f"the system does not let {what} be turned off: {reason}", "the keys would not be safe here")


def check_home(home: Path) -> None:
    """Whether only its owner can look into the home: directories 0700, files 0600, at any depth, all ours.

    Links count as what they point to. Raises Misuse with the command that mends it.
    """
    if not home.is_dir():
        raise Misuse(f"there is no home at {home}", "make one with: tradewarden init")
    _own(home)
    try:
        looser = list(_looser(home))
    except OSError as error:
        raise Misuse(f"the home cannot be looked through: {error}") from error
    if looser:
        raise Misuse(_complaint(looser), f"run: {_mend(home, looser)}")


def _own(home: Path) -> None:
    """A home is its owner's: whoever else runs the command, root too, would leave files there that lock him out."""
    owner = home.stat().st_uid
    if owner != os.geteuid():
        name = _name_of(owner)
        raise Misuse(f"{home} belongs to the user {name}", f"run this as that user: sudo -u {name} tradewarden …")


def _name_of(owner: int) -> str:
    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        return f"#{owner}"


_Path = tuple[Path, os.stat_result]


def _looser(home: Path) -> Iterator[_Path]:
    return (found for found in _walk(home) if _foreign(found[1]) or _mode(found[1]) & ~_allowed(found[1]))


def _walk(home: Path) -> Iterator[_Path]:
    """The home and all in it, each once, whatever links say."""
    waiting, seen = [home], set[tuple[int, int]]()
    while waiting:
        path = waiting.pop()
        status = _status(path)
        if status is None or (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        yield path, status
        if stat.S_ISDIR(status.st_mode):
            waiting += sorted(path.iterdir(), reverse=True)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None  # a journal that a running gateway has just removed, or a link to nothing


def _foreign(status: os.stat_result) -> bool:
    return status.st_uid != os.geteuid()


def _mode(status: os.stat_result) -> int:
    return stat.S_IMODE(status.st_mode)


def _allowed(status: os.stat_result) -> int:
    return DIRECTORY_MODE if stat.S_ISDIR(status.st_mode) else FILE_MODE


def _complaint(looser: list[_Path]) -> str:
    path, status = looser[0]
    more = f" (and {len(looser) - 1} more)" if len(looser) > 1 else ""
    if _foreign(status):
        return f"{path}{more} belongs to another user"
    return f"{path}{more} has mode {_mode(status):04o}, which is looser than {_allowed(status):04o}"


def _mend(home: Path, looser: list[_Path]) -> str:
    where = shlex.quote(str(home))
    if any(_foreign(status) for _, status in looser):
        return f"chown -R {os.geteuid()} {where}"
    if len(looser) == 1:
        path, status = looser[0]
        return f"chmod {_allowed(status):o} {shlex.quote(str(path))}"
    return f"find -L {where} -type d -exec chmod 700 {{}} + -o -exec chmod 600 {{}} +"
