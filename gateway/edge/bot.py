"""One bot's connection: bytes to requests, requests to the one handler, answers back.

Law: one request is in flight at a time; what comes meanwhile waits in a buffer of one read, and then reading stops.
Who hangs up loses the answer, never the request: its task is the listener's, and nothing here cancels it. A request
that cannot be read is answered once, and the connection ends. TLS is told by the first byte; CONNECT to an exchange
lays one more layer of it over the same connection and begins anew, so that what comes then is read as ever.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

from gateway.core.errors import GatewayError
from gateway.core.request import RawRequest
from gateway.edge.door import Door
from gateway.edge.forward import ESTABLISHED, Guard, Lead, destination, refusal
from gateway.edge.grammar import Unreadable
from gateway.edge.http import RequestReader
from gateway.edge.stage import BODY, DRAIN, END, HANDLER, HEAD, NEVER, REQUEST, TUNNEL, Stage, patience
from gateway.edge.tls import TLS_BEGINS, Wrapping
from gateway.edge.tunnel import Far
from gateway.edge.wire import CREDENTIALS_ASKED, answer_bytes

if TYPE_CHECKING:
    from gateway.edge.listener import Listener

LOOPBACK: Final = "127.0.0.1"
"""The peer of who comes by a unix socket, which has no address: a process of this machine."""

Heeds = Callable[[socket.socket], bool]
"""Whether the process at the other end of a unix socket is heard at all."""


class BotConnection(asyncio.Protocol):
    """A ports.Connection. ``deadline`` is when the present stage must have ended, in loop time."""

    def __init__(
        self, listener: "Listener", door: Door, loop: asyncio.AbstractEventLoop, heeds: Heeds | None = None
    ) -> None:
        self.owner: str | None = None
        self.peer = ""
        self.deadline = NEVER
        self._listener, self._door, self._loop, self._heeds = listener, door, loop, heeds
        self._seconds = patience(listener.limits)
        self._stage = REQUEST
        self._wrapping = Wrapping()
        self._far: Far | None = None
        self._leading: asyncio.Task[None] | None = None
        self._new = True
        self._last = self._paused = self._full = False

    # -- what the listener asks -----------------------------------------------------------------------------

    @property
    def unread(self) -> int:
        """Bytes that wait for the bot to read them."""
        return self._transport.get_write_buffer_size() + (self._far.unread if self._far is not None else 0)

    @property
    def expendable(self) -> tuple[bool, float] | None:
        """In which order it gives way to another: what waits for a first byte goes first, longest waits before others.

        None for one that stays: it is a token's, or a request of it is in work.
        """
        if self.owner is not None or self._stage not in (REQUEST, HEAD, BODY):
            return None
        return self._stage is not REQUEST, self.deadline

    def finish(self) -> None:
        """Close, after the answer to the request in flight if there is one."""
        self._last = True
        if self._stage in (REQUEST, HEAD, BODY, TUNNEL):
            self._close()

    def expire(self) -> None:
        """The stage's time is over."""
        if self._stage in (HEAD, BODY) and not self._wrapping.shaking:
            self._refuse(Unreadable(408, f"the request stayed incomplete for {self._seconds[self._stage]:g} s"))
        else:
            self.abort()

    def abort(self) -> None:
        """Destroy the connection within this step: nothing more is read or written."""
        self._stage, self._last = END, True
        self._transport.abort()
        self._leave()

    # -- what the loop says ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peername = transport.get_extra_info("peername")
        self.peer = str(peername[0]) if peername else LOOPBACK
        self._reader = RequestReader(self._door, self.peer, self._listener.limits)
        self._enter(REQUEST)
        heeded = self._heeds is None or self._heeds(transport.get_extra_info("socket"))
        if not (heeded and self._listener.admit(self)):
            self.abort()

    def data_received(self, received: bytes) -> None:
        if self._stage is END:
            return
        if self._new and not self._begins(received[0]):
            return
        if self._wrapping.layers:
            self._unwrap(received, 0)
        else:
            self._take(received)

    def eof_received(self) -> bool:
        """A bot that shut only its sending side still gets the answer to the request in flight."""
        self._last = True
        if self._far is not None:
            self._far.say_end()
            self._go_on()
        return self._stage in (HANDLER, DRAIN, TUNNEL)

    def pause_writing(self) -> None:
        self._full = True
        if self._far is not None:
            self._far.hold(True)

    def resume_writing(self) -> None:
        self._full = False
        if self._far is not None:
            self._far.hold(False)
        if self._stage is DRAIN:
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        self._stage, self._last, self.deadline = END, True, NEVER
        self._leave()
        self._listener.discard(self)

    # -- the far end of an untouched tunnel (tunnel.Near) ---------------------------------------------------------

    def tell(self, received: bytes) -> None:
        """Bytes for the bot."""
        if self._stage is TUNNEL:
            self._go_on()
            self._send(received)

    def tell_end(self) -> None:
        """No more bytes for the bot."""
        self._close()

    def hold(self, held: bool) -> None:
        """Read no more from the bot for now, or again."""
        if held:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # -- TLS, where there is any ----------------------------------------------------------------------------

    def _begins(self, first: int) -> bool:
        """The first byte tells whether the client begins with TLS; whether it goes on."""
        self._new = False
        guard = self._listener.guard
        if guard is not None and first == TLS_BEGINS:
            return self._shakes(guard)
        if not self._door.loopback:
            self._refuse(Unreadable(400, "only TLS is spoken at an address that other machines reach: use https"))
        return self._door.loopback

    def _shakes(self, guard: Guard) -> bool:
        try:
            self._wrapping.add(guard.own_context())
        except GatewayError as failure:
            self._listener.unshaken(self._door, str(failure))
            self.abort()
            return False
        self._enter(HEAD)
        return True

    def _unwrap(self, received: bytes, begin: int) -> None:
        try:
            plain = self._wrapping.receive(received, begin)
        except ssl.SSLError as error:
            self._listener.unshaken(self._door, getattr(error, "reason", None) or str(error))
            self._flush()
            self._close()
            return
        self._flush()
        if plain:
            self._take(plain)
        elif self._stage is HEAD and not self._wrapping.shaking:
            self._await_rest()
        if self._wrapping.ended and self._open:
            self._transport.pause_reading()
            if not self.eof_received():
                self._close()

    @property
    def _open(self) -> bool:
        return self._stage is not END

    def _flush(self) -> None:
        if pending := self._wrapping.send(b""):
            self._transport.write(pending)

    def _send(self, wire: bytes) -> None:
        self._transport.write(self._wrapping.send(wire) if self._wrapping.layers else wire)

    # -- requests and their answers -----------------------------------------------------------------------------

    def _take(self, received: bytes) -> None:
        if self._stage is END:
            return
        if self._far is not None:
            self._go_on()
            self._far.say(received)
            return
        self._reader.feed(received)
        if self._stage in (HANDLER, DRAIN):
            self._paused = True
            self._transport.pause_reading()
        else:
            self._advance()

    def _enter(self, stage: Stage) -> None:
        self._stage = stage
        self.deadline = self._loop.time() + self._seconds[stage]

    def _advance(self) -> None:
        """Begin the next request if it is whole."""
        try:
            raw = self._reader.next()
            if raw is None:
                self._await_rest()
                return
            if raw.method == b"CONNECT":
                self._connect(raw)
                return
        except Unreadable as refused:
            self._refuse(refused)
            return
        self._last = self._last or self._reader.last
        self._stage, self.deadline = HANDLER, NEVER
        self._listener.begin(self, self._loop.create_task(self._serve(raw)))

    def _await_rest(self) -> None:
        stage = BODY if self._reader.in_body else HEAD if self._reader.begun else REQUEST
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
            self._listener.end(self)  # first: the answer may begin the next request
            self._answered(wire)

    def _answered(self, wire: bytes | None) -> None:
        """Send the answer, if somebody still waits for it; for want of one the connection breaks: "unknown"."""
        if self._stage is not HANDLER:
            return
        if wire is None:
            self.abort()
            return
        self._send(wire)
        if self._full and not self._last:
            self._enter(DRAIN)
        else:
            self._next()
        if self._full:
            self._listener.relieve()

    def _next(self) -> None:
        if self._last:
            self._close()
            return
        self._enter(REQUEST)
        if self._reader.begun:
            self._advance()
        if self._stage in (REQUEST, HEAD, BODY):  # nothing whole is left: only then is there room for one more read
            self._resume()

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _close(self) -> None:
        """Close once what was written has gone out."""
        self._stage = END
        self.deadline = self._loop.time() + self._seconds[DRAIN]
        if self._wrapping.layers:
            self._transport.write(self._wrapping.close())
        self._transport.close()

    def _refuse(self, refused: Unreadable) -> None:
        """Answer, and close when the bot has: closing over bytes not yet read would reset the answer away."""
        self._last = True
        self._resume()
        self._enter(END)
        answer = self._listener.refuse(self._door, refused)
        self._send(answer_bytes(answer, last=True, asks=refused.status == CREDENTIALS_ASKED))
        if self._wrapping.layers:
            self._transport.write(self._wrapping.close())
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    # -- CONNECT --------------------------------------------------------------------------------------------------

    def _connect(self, raw: RawRequest) -> None:
        """Lead where it asks to be led. Raises Unreadable."""
        host, number = destination(raw)
        lead = self._listener.lead(host, number)
        if lead is Lead.EXCHANGE:
            self._end_here(host, number)
            return
        self._listener.tunnel_owner(raw, self, self._door)
        if lead is Lead.NOWHERE:
            raise refusal(host, number)
        self._listener.count_tunnel(self)
        self._stage, self.deadline = HANDLER, NEVER
        self._leading = self._loop.create_task(self._lead_on(raw, host, number))
        self._listener.begin(self, self._leading)

    def _end_here(self, host: str, number: int) -> None:
        """The tunnel ends in this process: what follows is TLS in the exchange's name, and in it requests."""
        assert self._listener.guard is not None
        try:
            context = self._listener.guard.tunnel_context(host)
        except GatewayError as failure:
            raise Unreadable(503, str(failure)) from None
        early = self._reader.rest()
        self._send(ESTABLISHED)
        self._wrapping.add(context)
        self._door = self._door.within(host, number)
        self._reader = RequestReader(self._door, self.peer, self._listener.limits)
        self._enter(HEAD)
        if early:
            self._unwrap(early, len(self._wrapping.layers) - 1)

    async def _lead_on(self, raw: RawRequest, host: str, number: int) -> None:
        """Open an untouched tunnel, or say why not. Cancelled when the bot is gone: nobody else waits for it."""
        far: Far | None = None
        try:
            far = await self._listener.reach(host, number)
            self._join(far, self._listener.tunnel_owner(raw, self, self._door), host, number)
        except Unreadable as refused:
            if self._stage is HANDLER:
                self._refuse(refused)
        except Exception as error:
            self._loop.call_exception_handler({"message": "a tunnel could not be opened", "exception": error})
            self.abort()
        finally:
            self._leading = None
            if far is not None and self._far is not far:
                far.abort()
            self._listener.end(self)

    def _join(self, far: Far, owner: str | None, host: str, number: int) -> None:
        """The token, if one was needed, was asked for again in this step: whoever is revoked meanwhile gets none."""
        if self._stage is not HANDLER:
            return
        if self._last:
            self._close()
            return
        self._listener.opened(host, number, owner)
        self.owner, self._far = self.owner or owner, far
        self._enter(TUNNEL)
        self._send(ESTABLISHED)
        self._resume()
        far.hold(self._full)
        far.join(self)
        if early := self._reader.rest():
            far.say(early)

    def _go_on(self) -> None:
        """Something was said; where the bot has ended its side, the other is not given as long."""
        self._enter(TUNNEL)
        if self._last:
            self.deadline = self._loop.time() + self._seconds[DRAIN]

    def _leave(self) -> None:
        """Nobody is here any more for whom a tunnel would be."""
        if self._leading is not None:
            self._leading.cancel()
        if self._far is not None:
            self._far.abort()
