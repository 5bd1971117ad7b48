"""Where everything of one installation lives, and who may write there: one process at a time."""

import errno
import fcntl
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.core.errors import Misuse

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def checked_name(name: str, what: str) -> str:
    """A name for an account, token or policy. Raises Misuse for one that would be trouble in a path or a log."""
    if not NAME.fullmatch(name):
        raise Misuse(f"{name[:80]!r} is no name for {what}", "use letters, digits, '.', '_' and '-', at most 64")
    return name


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of one installation."""

    path: Path

    @classmethod
    def find(cls, option: Path | None) -> "Home":
        """``--home``, else ``$TRADEWARDEN_HOME``, else ``~/.tradewarden``."""
        named = option or os.environ.get("TRADEWARDEN_HOME") or Path.home() / ".tradewarden"
        return cls(Path(named).expanduser().absolute())

    @property
    def settings(self) -> Path:
        """gateway.yaml."""
        return self.path / "gateway.yaml"

    @property
    def policies(self) -> Path:
        """The directory of policies."""
        return self.path / "policies"

    @property
    def state(self) -> Path:
        """state.db."""
        return self.path / "state.db"

    @property
    def audit(self) -> Path:
        """The directory of the audit log."""
        return self.path / "audit"

    @property
    def certs(self) -> Path:
        """The directory of the local CAs."""
        return self.path / "certs"

    @property
    def socket(self) -> Path:
        """The running gateway's control socket."""
        return self.path / "control.sock"

    @property
    def capture(self) -> Path:
        """Where `tradewarden capture` hands requests to the running gateway."""
        return self.path / "capture.sock"

    @property
    def lock(self) -> Path:
        """Held by the one writer; says its process id."""
        return self.path / "serve.lock"

    @property
    def metrics_token(self) -> Path:
        """The bearer token of /metrics."""
        return self.path / "metrics.token"

    def require(self) -> None:
        """Raises Misuse if there is no installation here."""
        if not self.state.exists():
            raise Misuse(f"there is no tradewarden home in {self.path}", "`tradewarden init` makes one")


class WriterLock:
    """The right to write in a home. Held until the process ends or ``release``."""

    def __init__(self, home: Home) -> None:
        """Raises Busy if another process holds it."""
        self._fd = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as failure:
            os.close(self._fd)
            if failure.errno in (errno.EAGAIN, errno.EACCES):
                raise Busy(holder(home)) from None
            raise
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another process write."""
        os.close(self._fd)


class Busy(Misuse):
    """Another process is the writer, and it does not answer on the control socket."""

    def __init__(self, pid: str) -> None:
        super().__init__(
            f"process {pid} holds this home and does not answer",
            "wait for it, or look at it and end it if it hangs",
        )


def holder(home: Home) -> str:
    """The process id that the lock file names."""
    try:
        return home.lock.read_text().strip() or "unknown"
    except OSError:
        return "unknown"
