"""The private directory of a capture: the addon, its plan, the certificate in force. It goes when the capture goes.

It outlives what cleans /tmp of old files: systemd-tmpfiles passes by a directory that is locked, others go by when a
file was last read.
"""

import fcntl
import json
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

ADDON: Final = Path(__file__).with_name("addon.py")


class Place:
    """Use as a context manager. The addon is copied, so that an upgrade under a running capture changes nothing."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="tradewarden-capture-", ignore_cleanup_errors=True)
        self.path = Path(self._directory.name)
        self._leaves = 0
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with suppress(OSError):  # some network file systems know no locks
            fcntl.flock(self._lock, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def furnish(self, plan: dict[str, Any]) -> None:
        """Put the addon and its plan there."""
        self._write("addon.py", ADDON.read_text())
        self._write("plan.json", json.dumps(plan))

    def put_leaf(self, pem: str) -> Path:
        """Put a certificate with its key there; the one before stays until the next, for it may be in use."""
        self._keep()
        self._leaves += 1
        return self._write(f"leaf-{self._leaves % 2}.pem", pem)

    def _write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    def _keep(self) -> None:
        now = time.time_ns()
        for path in (self.path, *self.path.rglob("*")):
            with suppress(OSError):
                # Another time of change would have mitmproxy load the addon anew, whose end is the capture's.
                os.utime(path, ns=(now, path.stat().st_mtime_ns))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._directory.cleanup()
        os.close(self._lock)
