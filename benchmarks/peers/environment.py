"""mitmproxy lives in an environment of its own, made once from its pins and kept in the cache.

Version 12 needs Python 3.12; where none is found, the last version for 3.11 stands in. Which one ran is printed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

PINS = Path(__file__).parents[2] / "constraints" / "clients" / "mitmproxy.txt"
NEWEST_FIRST = ("python3.13", "python3.12")


def mitmdump() -> Path:
    """The program, installed first where the cache does not have it. Raises CalledProcessError if pip fails."""
    interpreter = newest_python()
    material = PINS.read_bytes() + interpreter.encode()
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = base / "tradewarden-benchmarks" / f"mitmproxy-{hashlib.sha256(material).hexdigest()[:16]}"
    if not (place / "complete").exists():
        print(f"installing mitmproxy into {place} (the first time takes a minute)", file=sys.stderr)
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([interpreter, "-m", "venv", str(place)], check=True)
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        subprocess.run([*pip, "-r", str(PINS)], check=True)
        (place / "complete").touch()
    return place / "bin" / "mitmdump"


def newest_python() -> str:
    """A Python 3.13 or 3.12 that works, on the path or beside others (pyenv); else the one that runs this."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    places = (root / "versions", Path(sys.base_prefix).parent)
    kept = [
        str(path) for name in NEWEST_FIRST for place in places
        for path in sorted(place.glob(f"*/bin/{name}"), reverse=True)
    ]  # fmt: skip
    return next((found for found in (*NEWEST_FIRST, *kept) if works(found)), sys.executable)


def works(python: str) -> bool:
    """Whether it runs and can make environments (a version manager's shims exist without running)."""
    try:
        subprocess.run([python, "-c", "import venv, ensurepip, ssl"], capture_output=True, check=True, cwd="/")
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def versions(program: Path) -> str:
    """What ran: mitmproxy's version, and its Python's."""
    ask = "import sys, mitmproxy.version as m; print(f'mitmproxy {m.VERSION} on Python {sys.version.split()[0]}')"
    python = program.with_name("python")
    return subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
