"""Where the demo plays: a temporary directory, processes, the real command line, and the voice that tells it."""

import json
import os
import random
import secrets
import shlex
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import IO, Any, Final

from rich.console import Console
from rich.text import Text

from gateway.core.errors import GatewayError

WITHIN_S: Final = 60.0
"""How long any one step may take."""
GLANCE_S: Final = 0.05
LOWEST_PORT, HIGHEST_PORT = 12_000, 32_000
"""Below the range that outgoing connections take their ports from: a port stays free between the look and its use."""

NO_PROXY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class StoryBroken(GatewayError):
    """Something did not go as the story says."""


def demand(holds: bool, otherwise: str) -> None:
    """Raises StoryBroken with these words unless it holds."""
    if not holds:
        raise StoryBroken(f"the story broke: {otherwise.strip()}")


class Actor:
    """A process of the story. ``errors`` is the file that it complains into."""

    def __init__(self, name: str, process: subprocess.Popen[str], errors: Path) -> None:
        self.name = name
        self._process = process
        self._errors = errors
        self._said: SimpleQueue[str] = SimpleQueue()
        Thread(target=self._listen, args=(process.stdout,), daemon=True).start()

    def _listen(self, stream: IO[str]) -> None:
        for line in stream:
            self._said.put(line)
        self._said.put("")

    def tell(self, document: Any) -> None:
        """One JSON line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(document) + "\n")
        self._process.stdin.flush()

    def says(self) -> dict[str, Any]:
        """Its next line, which is JSON. Raises StoryBroken if it ends or stays silent."""
        try:
            line = self._said.get(timeout=WITHIN_S)
        except Empty:
            line = ""
        demand(line != "", f"{self.name} fell silent\n{self.last_words()}")
        said: dict[str, Any] = json.loads(line)
        return said

    def glance(self) -> None:
        """Wait a moment for it. Raises StoryBroken if it has ended."""
        try:
            self._process.wait(GLANCE_S)
        except subprocess.TimeoutExpired:
            return
        demand(False, f"{self.name} ended with {self._process.returncode}\n{self.last_words()}")

    def last_words(self) -> str:
        """The end of what it complained."""
        return self._errors.read_text(errors="replace")[-2000:]

    def end(self) -> None:
        """SIGTERM, and SIGKILL if it does not listen."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)


class Stage:
    """Makes the home's surroundings; ``ending`` ends every process, last begun first."""

    def __init__(self, place: Path, ending: ExitStack) -> None:
        self.place = place
        self.home = place / "home"
        self._ending = ending
        self._console = Console(highlight=False, soft_wrap=True)
        self._bare = {name: value for name, value in os.environ.items() if not _leads_astray(name)}
        _write(place / "passphrase", secrets.token_urlsafe(16))
        self._ours = {
            "TRADEWARDEN_HOME": str(self.home),
            "TRADEWARDEN_PASSPHRASE_FILE": str(place / "passphrase"),
        }

    def write(self, name: str, text: str) -> None:
        """A file of the home."""
        _write(self.home / name, text)

    def chapter(self, text: str) -> None:
        """A headline."""
        self._console.print(Text(f"\n{text}", "bold cyan"))

    def line(self, text: str, style: str = "") -> None:
        """One line of the story."""
        self._console.print(Text(f"  {text}", style))

    def command(self, *words: str, stdin: str = "") -> str:
        """Run ``tradewarden words…`` as a person would; what it printed. Raises StoryBroken if it fails."""
        self.line(f"$ tradewarden {shlex.join(words)}", "bold")
        done = subprocess.run(
            _tradewarden(words), input=stdin, env=self._bare | self._ours, cwd=self.place,
            capture_output=True, text=True, timeout=WITHIN_S, check=False,
        )  # fmt: skip
        demand(done.returncode == 0, f"it ended with {done.returncode}: {done.stderr or done.stdout}")
        for told in done.stderr.splitlines():
            self.line(told, "yellow")
        return done.stdout.rstrip()

    def start(self, name: str, *words: str) -> Actor:
        """``tradewarden words…`` as a process that lives until the story ends."""
        return self._start(name, _tradewarden(words), self._bare | self._ours)

    def start_script(self, name: str, script: Path) -> Actor:
        """A Python script that knows nothing of the home."""
        return self._start(name, [sys.executable, str(script)], self._bare)

    def _start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Actor:
        errors = self.place / f"{name}.err"
        with errors.open("w") as complaints:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints,
                env=environment, cwd=self.place, text=True,
            )  # fmt: skip
        actor = Actor(name, process, errors)
        self._ending.callback(actor.end)
        return actor


def _write(path: Path, text: str) -> None:
    path.touch(0o600)
    path.write_text(text)


def until_ready(actor: Actor, url: str) -> None:
    """Wait until the URL answers 200. Raises StoryBroken if the process ends or the time is over."""
    deadline = monotonic() + WITHIN_S
    while monotonic() < deadline:
        try:
            with NO_PROXY.open(url, timeout=WITHIN_S):
                return
        except (urllib.error.URLError, OSError):
            actor.glance()
    demand(False, f"{actor.name} was not ready in time\n{actor.last_words()}")


def ask(url: str, **arguments: Any) -> Any:
    """One of the simulated exchange's controls."""
    with NO_PROXY.open(url, json.dumps(arguments).encode(), timeout=WITHIN_S) as answer:
        return json.load(answer)


def free_ports(count: int) -> list[int]:
    """So many ports of the loopback that nobody listens on."""
    candidates = random.sample(range(LOWEST_PORT, HIGHEST_PORT), 200)
    found = list(islice(filter(_is_free, candidates), count))
    demand(len(found) == count, "no free ports on the loopback")
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _tradewarden(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "gateway.admin.cli", *words]


def _leads_astray(name: str) -> bool:
    """A proxy of the person's would take the bot elsewhere; a home of theirs is not the demo's."""
    return name.lower().endswith("_proxy") or name.startswith("TRADEWARDEN_")
