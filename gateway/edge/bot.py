"""One bot's connection: bytes to requests, requests to the one handler, answers back.

Law: one request is in flight at a time; what comes meanwhile waits in a buffer of one read, and then reading stops.
Who hangs up loses the answer, never the request: its task is the listener's, and nothing here cancels it. A request
that cannot be read is answered once, and the connection ends. TLS by its first byte and CONNECT would branch off in
``data_received``, before the reader; today the grammar refuses both.
"""

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Final, cast

from gateway.core.request import RawRequest
from gateway.edge.grammar import Unreadable
from gateway.edge.http import RequestReader
from gateway.edge.wire import answer_bytes

if TYPE_CHECKING:
    from gateway.edge.listener import Listener

NEVER: Final = float("inf")


class Stage(Enum):
    """What a connection is waiting for; each has its own deadline, set once when it begins."""

    REQUEST = "the first byte of a request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"
    HANDLER = "an answer to give"
    DRAIN = "the bot to read its answer"
    END = "the bot to close, after the last answer"


class BotConnection(asyncio.Protocol):
    """A ports.Connection. ``deadline`` is when the present stage must have ended, in loop time."""

    def __init__(self, listener: "Listener", port: str | None, loop: asyncio.AbstractEventLoop) -> None:
        self.owner: str | None = None
        self.peer = ""
        self.deadline = NEVER
        self._listener, self._port, self._loop = listener, port, loop
        limits = listener.limits
        self._seconds = {
            Stage.REQUEST: limits.idle_s,
            Stage.HEAD: limits.head_s,
            Stage.BODY: limits.body_s,
            Stage.HANDLER: NEVER,
            Stage.DRAIN: limits.drain_s,
            Stage.END: limits.linger_s,
        }
        self._stage = Stage.REQUEST
        self._last = self._paused = self._full = False

    # -- what the listener asks -----------------------------------------------------------------------------

    def finish(self) -> None:
        """Close, after the answer to the request in flight if there is one."""
        self._last = True
        if self._stage in (Stage.REQUEST, Stage.HEAD, Stage.BODY):
            self._close()

    def expire(self) -> None:
        """The stage's time is over."""
        if self._stage in (Stage.HEAD, Stage.BODY):
            self._refuse(Unreadable(408, f"the request stayed incomplete for {self._seconds[self._stage]:g} s"))
        else:
            self.abort()

    def abort(self) -> None:
        """Destroy the connection within this step: nothing more is read or written."""
        self._stage, self._last = Stage.END, True
        self._transport.abort()

    # -- what the loop says ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peername = transport.get_extra_info("peername")
        self.peer = str(peername[0]) if peername else ""
        self._reader = RequestReader(self._port, self.peer, self._listener.limits)
        self._enter(Stage.REQUEST)
        if not self._listener.admit(self):
            self.abort()

    def data_received(self, received: bytes) -> None:
        if self._stage is Stage.END:
            return
        self._reader.feed(received)
        if self._stage in (Stage.HANDLER, Stage.DRAIN):
            self._paused = True
            self._transport.pause_reading()
        else:
            self._advance()

    def eof_received(self) -> bool:
        """A bot that shut only its sending side still gets the answer to the request in flight."""
        self._last = True
        return self._stage in (Stage.HANDLER, Stage.DRAIN)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        if self._stage is Stage.DRAIN:
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        self._stage, self._last, self.deadline = Stage.END, True, NEVER
        self._listener.discard(self)

    # -- inside ---------------------------------------------------------------------------------------------

    def _enter(self, stage: Stage) -> None:
        self._stage = stage
        self.deadline = self._loop.time() + self._seconds[stage]

    def _advance(self) -> None:
        """Begin the next request if it is whole."""
        try:
            raw = self._reader.next()
        except Unreadable as refusal:
            self._refuse(refusal)
            return
        if raw is None:
            self._await_rest()
            return
        self._last = self._last or self._reader.last
        self._stage, self.deadline = Stage.HANDLER, NEVER
        self._listener.begin(self, self._loop.create_task(self._serve(raw)))

    def _await_rest(self) -> None:
        stage = Stage.BODY if self._reader.in_body else Stage.HEAD if self._reader.begun else Stage.REQUEST
        if stage is not self._stage:
            self._enter(stage)

    async def _serve(self, raw: RawRequest) -> None:
        wire: bytes | None = None
        try:
            answer = await self._listener.handle(raw, self)
            wire = answer_bytes(answer, last=self._last, head_only=raw.method == b"HEAD")
        except Exception as error:
            self._loop.call_exception_handler({"message": "a request's handler failed", "exception": error})
        finally:
            self._answered(wire)
            self._listener.end(self)

    def _answered(self, wire: bytes | None) -> None:
        """Send the answer, if somebody still waits for it; for want of one the connection breaks: "unknown"."""
        if self._stage is not Stage.HANDLER:
            return
        if wire is None:
            self.abort()
            return
        self._transport.write(wire)
        if self._full and not self._last:
            self._enter(Stage.DRAIN)
        else:
            self._next()

    def _next(self) -> None:
        if self._last:
            self._close()
            return
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        self._enter(Stage.REQUEST)
        self._advance()

    def _close(self) -> None:
        """Close once what was written has gone out."""
        self._stage = Stage.END
        self.deadline = self._loop.time() + self._seconds[Stage.DRAIN]
        self._transport.close()

    def _refuse(self, refusal: Unreadable) -> None:
        """Answer, and close when the bot has: closing over bytes not yet read would reset the answer away."""
        self._last = True
        self._enter(Stage.END)
        self._transport.write(answer_bytes(self._listener.refuse(self._port, refusal), last=True))
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()
