"""The lines to one host: who is idle, who waits, who is being opened.

Law: a line is either idle, or its one taker's, or gone. Whoever waits is served in order; a line that becomes free
goes to the first that waits, never past it. Nobody waits longer than ``patience``, and no more than ``bound`` lines
are open or opening at once.
"""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass
from typing import Final

from gateway.edge.dial import Dialler
from gateway.edge.line import Line
from gateway.ports import NotSent

_CHOICES: Final = 3
"""How many lines that break at once a send looks at."""


@dataclass(frozen=True, slots=True, eq=False)
class _Wait:
    """One send that has no line yet. ``fresh``: it will not take one that has served before."""

    owner: str
    fresh: bool
    line: "asyncio.Future[Line]"


class Pool:
    """Lines to one host (a line's Keeper)."""

    def __init__(self, host: str, dialler: Dialler, context: ssl.SSLContext, patience: float, bound: int) -> None:
        self.host, self._context = host, context
        self._dialler, self._patience, self._bound = dialler, patience, bound
        self._lines: set[Line] = set()
        self._idle: list[Line] = []
        self._waits: deque[_Wait] = deque()
        self._dials: set[asyncio.Task[None]] = set()

    def take(self) -> Line | None:
        """An idle line with nothing to read, the most recently used first; None if there is none."""
        while self._idle:
            line = self._idle.pop()
            if line.quiet():
                return line
            line.abort("it had something to read while idle")
        return None

    async def wait(self, owner: str, *, fresh: bool) -> Line:
        """The next line that is free or new. Raises NotSent."""
        try:
            async with asyncio.timeout(self._patience):
                for again in range(_CHOICES):
                    line = await self._queue(_Wait(owner, fresh, asyncio.get_running_loop().create_future()), again > 0)
                    if line.quiet() if line.served else not line.closing:
                        return line
                    line.abort("it had something to read when it was passed on")
        except TimeoutError:
            raise NotSent(f"{self.host}: no connection became free in time") from None
        raise NotSent(f"{self.host}: its connections break as soon as they are open")

    async def _queue(self, wait: _Wait, first: bool) -> Line:
        """Wait in line; ``first`` keeps the place of one whose turn it was."""
        if first:
            self._waits.appendleft(wait)
        else:
            self._waits.append(wait)
        self._dial_for_waits()
        try:
            return await wait.line
        except asyncio.CancelledError:
            if wait.line.done() and not wait.line.cancelled() and wait.line.exception() is None:
                self.free(wait.line.result())
            raise
        finally:
            self._waits.remove(wait)

    def busy(self) -> int:
        """How many lines carry a request."""
        return sum(line.busy for line in self._lines)

    def warm(self) -> None:
        """Open a line if there is none idle."""
        if not self._idle and not self._dials and len(self._lines) < self._bound:
            self._dial()

    def free(self, line: Line) -> None:
        """The line may carry another request: it goes to the first that waits, else it is idle."""
        if line.closing:
            return
        for wait in self._waits:
            if not wait.line.done() and not (wait.fresh and line.served):
                wait.line.set_result(line)
                return
        self._idle.append(line)

    def gone(self, line: Line) -> None:
        """The line is closed: its place is free."""
        self._lines.discard(line)
        if line in self._idle:
            self._idle.remove(line)
        self._dial_for_waits()

    def abort_unsent(self, owner: str) -> int:
        """End the owner's waits, and destroy the lines that still hold bytes of its requests; how many."""
        waits = [wait for wait in self._waits if wait.owner == owner and not wait.line.done()]
        for wait in waits:
            _end(wait, NotSent(f"{self.host}: withdrawn before it was sent"))
        lines = [line for line in self._lines if line.owner == owner and line.unsent]
        for line in lines:
            line.withdraw()
        return len(waits) + len(lines)

    def sweep(self, now: float, idle_s: float) -> None:
        """End answers that are late, and lines that were idle for longer than ``idle_s``."""
        for line in tuple(self._lines):
            if now >= line.deadline:
                line.abort("no answer came in time")
        for line in [line for line in self._idle if now - line.idle_since >= idle_s]:
            self._idle.remove(line)
            line.abort("idle for too long")

    async def close(self) -> None:
        """Destroy every line and end every wait."""
        for wait in self._waits:
            _end(wait, NotSent(f"{self.host}: the gateway is stopping"))
        for line in tuple(self._lines):
            line.abort("the gateway is stopping")
        for dial in self._dials:
            dial.cancel()
        if self._dials:
            await asyncio.wait(tuple(self._dials))

    def _dial_for_waits(self) -> None:
        wanted = sum(not wait.line.done() for wait in self._waits) - len(self._dials)
        room = self._bound - len(self._lines) - len(self._dials)
        for _ in range(min(wanted, room)):
            self._dial()

    def _dial(self) -> None:
        task = asyncio.get_running_loop().create_task(self._open())
        self._dials.add(task)
        task.add_done_callback(self._dialled)

    def _dialled(self, dial: asyncio.Task[None]) -> None:
        self._dials.discard(dial)
        self._dial_for_waits()

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            line = await self._dialler.dial(self.host, lambda: Line(self._context, self.host, self, loop))
            if line.closing:
                raise NotSent(f"{self.host}: the connection broke as soon as it was open")
        except NotSent as error:
            return self._fail_first(error)
        self._lines.add(line)
        self.free(line)
        return None

    def _fail_first(self, error: NotSent) -> None:
        for wait in self._waits:
            if not wait.line.done():
                _end(wait, error)
                return


def _end(wait: _Wait, error: NotSent) -> None:
    if not wait.line.done():
        wait.line.set_exception(error)
