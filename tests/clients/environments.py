"""Each real client lives in an environment of its own, made once from its pinned constraints and kept in the cache.

Law: an environment is named by everything that went into it (client, constraints, interpreter), so it is never
changed, only made or used. Two test processes may ask at once: a file lock lets one of them make it, and the mark
that it is whole is written last, so that what a killed run left behind is thrown away.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONSTRAINTS = Path(__file__).parents[2] / "constraints" / "clients"
INSTALL_SECONDS = 900


class InstallFailed(Exception):
    """pip could not make the environment; the message ends with what it printed last."""


def python(client: str) -> Path:
    """The interpreter of the client's environment, made first where the cache does not have it.

    Raises InstallFailed if pip does not succeed.
    """
    constraints = CONSTRAINTS / f"{client}.txt"
    place = _cache() / f"{client}-{_fingerprint(constraints)}"
    interpreter = place / "bin" / "python"
    if not _mark(place).exists():
        with _locked(place.with_suffix(".lock")):
            if not _mark(place).exists():
                _make(place, interpreter, constraints)
                _mark(place).touch()
    return interpreter


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tradewarden-tests"


def _fingerprint(constraints: Path) -> str:
    """Two interpreters never share an environment, hence the executable's path beside the pins."""
    material = constraints.read_bytes() + f"{sys.version}{sys.base_prefix}".encode()
    return hashlib.sha256(material).hexdigest()[:16]


def _mark(place: Path) -> Path:
    return place / "complete"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(place: Path, interpreter: Path, constraints: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    _run(sys.executable, "-m", "venv", str(place))
    options = ("--quiet", "--no-deps", "--require-hashes")
    _run(str(interpreter), "-m", "pip", "install", *options, "-r", str(constraints))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    if done.returncode != 0:
        raise InstallFailed(f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
