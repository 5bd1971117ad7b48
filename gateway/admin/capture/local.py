"""mitmproxy's local mode: which processes are captured, and what the system must have for it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gateway.admin.family import family
from gateway.core.errors import Misuse

_SPEC: Final = re.compile(r"[A-Za-z0-9._/ +-]{1,200}", re.ASCII)
_UNIFIED: Final = Path("/sys/fs/cgroup/cgroup.controllers")
FIRST_S: Final = 15.0
"""How long mitmproxy's redirector may take to settle in."""
LATER_S: Final = 3.0
_PROBE: Final = Path(__file__).with_name("probe.py")


class Probe:
    """The process that tells whether the capture works."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._patience_s = FIRST_S

    @property
    def pid(self) -> int:
        """Its id, which the capture names too."""
        return self._process.pid

    def confirm(self) -> None:
        """Raises Misuse if nothing is captured."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{self._patience_s}\n")
        self._process.stdin.flush()
        if not self._process.stdout.readline():
            hint = "its words stand above; the bots now go their own way: stop them, or use --mode socks5"
            raise Misuse("mitmproxy's redirector does not work: nothing is captured", hint)
        self._patience_s = LATER_S


@contextmanager
def probing() -> Iterator[Probe]:
    """A probe, until the capture ends."""
    words = [sys.executable, "-I", str(_PROBE)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Probe(process)
        finally:
            process.kill()


def mode_of(specs: list[str], gateway: str, probe: int) -> str:
    """mitmproxy's mode for these processes and the probe. The gateway, by its process id, is never captured."""
    for spec in specs:
        if not _SPEC.fullmatch(spec):
            raise Misuse(f"{spec[:80]!r} names no process", "give a process id, or a part of the program's name")
    return "local:" + ",".join([*specs, str(probe), *(f"!{pid}" for pid in family(gateway))])


def require() -> None:
    """Raises Misuse that says what this machine lacks. On others than Linux mitmproxy itself says it."""
    if sys.platform != "linux":
        return
    if shutil.which("sudo") is None:
        hint = "install it and let this user run mitmproxy-linux-redirector with it, or use --mode socks5"
        raise Misuse("local mode has mitmproxy start its redirector with sudo, which is not there", hint)
    if not _UNIFIED.exists():
        hint = "boot with systemd.unified_cgroup_hierarchy=1, or use --mode socks5"
        raise Misuse("local mode needs the cgroup v2 hierarchy at /sys/fs/cgroup, and another is mounted there", hint)
