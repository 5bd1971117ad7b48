"""How ``state.db`` is opened and what SQLite's errors become. Mode 0600, WAL, every commit of money on the disk.

SQLite gives ``-wal`` and ``-shm`` the mode of the file itself, so creating that one at 0600 settles all three.
"""

import os
import sqlite3
import stat
from pathlib import Path
from typing import Final

from gateway.core.errors import Misuse
from gateway.store import Conflict, StoreUnavailable

BUSY_MS: Final = 2000
"""How long a write waits for another process's lock."""

_ALWAYS: Final = (
    f"busy_timeout = {BUSY_MS}",
    "foreign_keys = ON",
    "secure_delete = ON",  # a destroyed box is overwritten, not only unlinked
    "trusted_schema = OFF",
    "cell_size_check = ON",
    "cache_size = -32768",  # KiB
    "temp_store = MEMORY",  # nothing sealed or private in a temporary file
)
_WRITING: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "fullfsync = ON",  # macOS: a plain fsync leaves the data in the drive's cache
    "checkpoint_fullfsync = ON",
)


class translated:  # noqa: N801  it is used as a function
    """SQLite's errors as ours: what is taken already is a Conflict, anything else StoreUnavailable."""

    __slots__ = ()

    def __enter__(self) -> None:
        """Nothing is to be prepared."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.IntegrityError):
            raise Conflict(f"state.db refuses the change: {error}") from error
        if isinstance(error, sqlite3.Error):
            raise StoreUnavailable(f"state.db: {error}") from error


def create(path: Path) -> None:
    """A new empty file of mode 0600. Raises Misuse if there is one."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
    except FileExistsError as error:
        raise Misuse(f"{path} exists", "name a file that does not") from error


def connect(path: Path) -> sqlite3.Connection:
    """Open the existing file for writing. Raises Misuse if others may read it or it is no state at all."""
    return _connect(path, _ALWAYS + _WRITING)


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """Open the existing file beside its writer; every write through this connection fails."""
    return _connect(path, (*_ALWAYS, "query_only = ON"))


def _connect(path: Path, pragmas: tuple[str, ...]) -> sqlite3.Connection:
    _check_mode(path)
    with translated():
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
        try:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
    return connection


def _check_mode(path: Path) -> None:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError as error:
        raise Misuse(f"there is no {path}", "run: tradewarden init") from error
    if mode & 0o077:
        raise Misuse(f"{path} has mode {mode:o}: others may open it", f"run: chmod 600 {path}")
