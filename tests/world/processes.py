"""Processes under test, and the only ways to wait for them.

Law: every wait is bounded and ends early when the process dies; output goes to files, so that no pipe fills and
canary searches can read all of it; a process is ended by its own id.
"""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self, TypeVar

GRACE_SECONDS = 10
GLANCE_SECONDS = 0.02
Found = TypeVar("Found")


class Died(AssertionError):
    """A process ended that should have lived; the message shows its last words."""


class TooLate(AssertionError):
    """What was waited for did not come in time."""


class Process:
    """A running program whose standard output and error are the files ``NAME.out`` and ``NAME.err``."""

    def __init__(self, name: str, command: Sequence[str], logs: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.out = logs / f"{name}.out"
        self.err = logs / f"{name}.err"
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def until(self, look: Callable[[], Found | None], seconds: float, what: str) -> Found:
        """The first thing ``look`` finds. Raises Died if the process ends before, TooLate after so many seconds."""
        glances = int(seconds / GLANCE_SECONDS)
        for _ in range(glances):
            found = look()
            if found:
                return found
            try:
                self._process.wait(GLANCE_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            raise Died(f"{self.name} ended with {self._process.returncode} before {what}\n{self.last_words()}")
        raise TooLate(f"no {what} from {self.name} within {seconds} s\n{self.last_words()}")

    def ended(self, seconds: float) -> int:
        """Its exit code. Raises TooLate if it still runs after so many seconds."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TooLate(f"{self.name} did not end within {seconds} s\n{self.last_words()}") from None

    def kill(self) -> None:
        """SIGKILL, as a crash does it."""
        self._process.kill()
        self._process.wait(GRACE_SECONDS)

    def interrupt(self, signal_number: int) -> None:
        """Any signal, by id."""
        self._process.send_signal(signal_number)

    def stop(self) -> int:
        """SIGTERM, and SIGKILL if it does not listen; its exit code."""
        self._process.terminate()
        try:
            return self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.returncode

    def last_words(self) -> str:
        """The end of its output, for the message of a failing test."""
        ends = ((path.name, path.read_text(errors="replace")[-4000:]) for path in (self.out, self.err))
        return "\n".join(f"--- {name}\n{end}" for name, end in ends)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.alive:
            self.stop()
