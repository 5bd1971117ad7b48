"""Each real client lives in an environment of its own, made once from its pinned constraints and kept in the cache.

Law: an environment is named by everything that went into it (client, constraints, interpreter), so it is never
changed, only made or used. Two test processes may ask at once: a file lock lets one of them make it, and the mark
that it is whole is written last, so that what a killed run left behind is thrown away.

    NAME.txt          wheels for a Python of its own
    NAME.source.txt   beside it: a source distribution that is unpacked, not built: its Python parts, where building
                      the others would take longer than all tests together
    node/             package.json and package-lock.json, for Node
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
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
    pins, source = CONSTRAINTS / f"{client}.txt", CONSTRAINTS / f"{client}.source.txt"
    material = [pins, source] if source.exists() else [pins]
    place = _whole(client, material, lambda place: _make(place, *material))
    return place / "bin" / "python"


def node_modules() -> Path:
    """The packages for Node, made first where the cache does not have them. Raises InstallFailed."""
    files = [CONSTRAINTS / "node" / name for name in ("package.json", "package-lock.json")]
    return _whole("node", files, lambda place: _make_node(place, files)) / "node_modules"


def _whole(client: str, material: list[Path], make: Callable[[Path], None]) -> Path:
    place = _cache() / f"{client}-{_fingerprint(material)}"
    if not _mark(place).exists():
        with _locked(place.with_suffix(".lock")):
            if not _mark(place).exists():
                shutil.rmtree(place, ignore_errors=True)
                make(place)
                _mark(place).touch()
    return place


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tradewarden-tests"


def _fingerprint(material: list[Path]) -> str:
    """Two interpreters never share an environment, hence the executable's path beside the pins."""
    pins = b"".join(path.read_bytes() for path in material)
    return hashlib.sha256(pins + f"{sys.version}{sys.base_prefix}".encode()).hexdigest()[:16]


def _mark(place: Path) -> Path:
    return place / "complete"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(place: Path, pins: Path, source: Path | None = None) -> None:
    _run(sys.executable, "-m", "venv", str(place))
    pip = (str(place / "bin" / "python"), "-m", "pip")
    _run(*pip, "install", "--quiet", "--no-deps", "--require-hashes", "-r", str(pins))
    if source is not None:
        _unpack(place, pip, source)


def _unpack(place: Path, pip: tuple[str, ...], source: Path) -> None:
    options = ("--quiet", "--no-deps", "--require-hashes", "--no-binary", ":all:", "--no-build-isolation")
    with tempfile.TemporaryDirectory() as folder:
        _run(*pip, "download", *options, "--dest", folder, "-r", str(source))
        [archive] = Path(folder).iterdir()
        with tarfile.open(archive) as whole:
            whole.extractall(folder, filter="data")
        [unpacked] = [path for path in Path(folder).iterdir() if path.is_dir()]
        package = unpacked.name.rpartition("-")[0]
        [packages] = place.glob("lib/python*/site-packages")
        shutil.move(unpacked / package, packages / package)


def _make_node(place: Path, files: list[Path]) -> None:
    place.mkdir(parents=True)
    for file in files:
        shutil.copy(file, place)
    _run("npm", "ci", "--prefix", str(place), "--ignore-scripts", "--no-audit", "--no-fund", "--silent")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    if done.returncode != 0:
        raise InstallFailed(f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
