"""One run of a capture: mitmproxy begins, is given newer certificates, and ends with the command.

The two speak over a socket pair that is mitmproxy's standard input. Its end is the end of both: whichever dies, even
by SIGKILL, the other notices.
"""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from gateway.admin.capture.place import Place
from gateway.admin.capture.program import command, variables
from gateway.admin.control import Silent, ask
from gateway.admin.terminal import say
from gateway.core.errors import Misuse
from gateway.home import Home
from gateway.registry.certs import TUNNELS, CertsFolder

READY_WITHIN_S: Final = 60.0
LOOK_EVERY_S: Final = 2.0
GRACE_S: Final = 10.0
_READY: Final = b"ready\n"


@dataclass(frozen=True, slots=True)
class Way:
    """How traffic is led here: mitmproxy's mode, the words for when it is, and what raises Misuse once it is not."""

    mode: str
    words: str
    confirm: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Lent:
    """A certificate from the gateway, and what tells that it is time for another."""

    path: Path
    renew_at: float
    ca: bytes


class Lender:
    """Fetches certificates from the running gateway."""

    def __init__(self, home: Home, place: Place) -> None:
        self._home, self._place = home, place

    def fetch(self) -> Lent:
        """A new one. Raises Misuse, also where no gateway runs."""
        ca = self._ca()
        try:
            told: dict[str, Any] = ask(self._home, "capture.certificate", {})
        except Silent:
            hint = "start it with `tradewarden serve`, then try again"
            raise Misuse(f"no gateway runs on {self._home.path}, which must mint the certificates", hint) from None
        now = time.time()
        return Lent(self._place.put_leaf(told["pem"]), (now + float(told["not_after"])) / 2, ca)

    def is_due(self, lent: Lent) -> bool:
        """Whether it is in the second half of its life, or the CA is another."""
        return time.time() >= lent.renew_at or self._ca() != lent.ca

    def _ca(self) -> bytes:
        seen = CertsFolder(self._home.certs).seen(TUNNELS)
        return seen.pem if seen else b""


def run(home: Home, place: Place, program: Path, way: Way) -> int:
    """Capture until told to stop; the exit code. Raises Misuse."""
    lender = Lender(home, place)
    ours, theirs = socket.socketpair()
    with ours, _passing_signals() as running:
        with theirs:
            lent = lender.fetch()
            words = command(program, way.mode, place.path, lent.path)
            child = subprocess.Popen(
                words, stdin=theirs.fileno(), stdout=sys.stderr, cwd=home.path, env=variables(place.path)
            )
        running.append(child)
        try:
            if _begins(ours):
                way.confirm()
                say(way.words)
                _keep_going(ours, child, way, lender, lent)
        finally:
            ours.close()
            code = _end(child)
    return code if code >= 0 else 128 - code


def _begins(ours: socket.socket) -> bool:
    ours.settimeout(READY_WITHIN_S)
    try:
        return ours.recv(len(_READY)) == _READY
    except TimeoutError:
        raise Misuse(f"mitmproxy was not ready within {READY_WITHIN_S:g} s", "see its words above") from None


def _keep_going(
    ours: socket.socket, child: subprocess.Popen[bytes], way: Way, lender: Lender, lent: Lent
) -> None:
    """Until either side ends. Raises Misuse where nothing is led here any more."""
    ours.settimeout(LOOK_EVERY_S)
    while child.poll() is None:
        try:
            if not ours.recv(1):
                return
        except TimeoutError:
            way.confirm()
            lent = _renewed(ours, lender, lent)


def _renewed(ours: socket.socket, lender: Lender, lent: Lent) -> Lent:
    """The certificate in force: another one if that was due and could be had. It is tried again at the next look."""
    if not lender.is_due(lent):
        return lent
    try:
        newer = lender.fetch()
        ours.sendall(f"{newer.path}\n".encode())
    except (Misuse, OSError) as failure:
        say(f"warning: no newer certificate yet: {failure}")
        return lent
    return newer


def _end(child: subprocess.Popen[bytes]) -> int:
    try:
        return child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


@contextmanager
def _passing_signals() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Signals to this process are its child's, once it stands in the list; its end is then ours."""
    running: list[subprocess.Popen[bytes]] = []

    def passed(number: int, _: FrameType | None) -> None:
        if not running:
            raise SystemExit(128 + number)
        running[0].send_signal(number)

    before = {number: signal.signal(number, passed) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield running
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
