"""One TLS connection to an exchange: a handshake, then one request and its answer at a time.

Law: TLS runs here, over a plain transport, so that what the kernel has taken is known to the byte: a request is
one transport.write, and until the transport is empty ``unsent`` is true. A byte that nobody asked for ends the
connection; so does a cancelled, late or doubtful answer. Errors name the host and nothing of the request.
"""

import asyncio
import select
import ssl
from typing import Final, Protocol, cast

from gateway.core.request import Answer
from gateway.edge.answers import AnswerReader
from gateway.edge.tls import decrypted, encrypt
from gateway.ports import NoAnswer, NotSent

ALPN: Final = "http/1.1"
_ENDED: Final = "the exchange closed the connection"
_SOMETHING: Final = select.POLLIN | select.POLLERR | select.POLLHUP


class Keeper(Protocol):
    """Who keeps the line: told when it is free for another request, and when it is gone."""

    def free(self, line: "Line") -> None:
        """The answer came whole, and the line may carry another request."""
        ...

    def gone(self, line: "Line") -> None:
        """The line is closed."""
        ...


class Line(asyncio.Protocol):
    """A connection to one host. ``served`` counts whole answers; ``idle_since`` is loop time."""

    def __init__(self, context: ssl.SSLContext, host: str, keeper: Keeper, loop: asyncio.AbstractEventLoop) -> None:
        self.host = host
        self.owner: str | None = None
        self.served = 0
        self.withdrawn = False
        self.idle_since = loop.time()
        self.deadline = float("inf")
        self.ready: asyncio.Future[None] = loop.create_future()
        self._loop, self._keeper = loop, keeper
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._transport: asyncio.Transport | None = None
        self._poll = select.poll()
        self._answer: asyncio.Future[Answer] | None = None
        self._reader = AnswerReader()

    # -- what the pool asks ---------------------------------------------------------------------------------

    @property
    def closing(self) -> bool:
        """Whether it can carry nothing more."""
        return self._transport is None or self._transport.is_closing()

    @property
    def busy(self) -> bool:
        """Whether a request is on its way."""
        return self._answer is not None

    @property
    def unsent(self) -> bool:
        """Whether bytes of its request are not yet in the kernel's hands."""
        return self._answer is not None and self._transport is not None and self._transport.get_write_buffer_size() > 0

    @property
    def heard(self) -> bool:
        """Whether a byte of the answer to its last request came."""
        return self._reader.begun

    def quiet(self) -> bool:
        """Whether it is open and has nothing to read: no answer, no end, not even in the kernel's buffer."""
        return not self.closing and not self._poll.poll(0)

    def ask(self, wire: bytes, owner: str, deadline: float) -> "asyncio.Future[Answer]":
        """Write the whole request in one go, now. The answer, or NoAnswer."""
        transport = self._transport
        if transport is None or transport.is_closing() or self._answer is not None:
            raise NotSent(f"{self.host}: the connection is not free")
        self._encrypt(wire)
        self._reader, self.owner, self.deadline = AnswerReader(), owner, deadline
        self._answer = answer = self._loop.create_future()
        transport.write(self._outgoing.read())
        return answer

    def now(self) -> float:
        """Loop time."""
        return self._loop.time()

    def withdraw(self) -> None:
        """Abort on its owner's behalf: what it carries is not to be sent again."""
        self.withdrawn = True
        self.abort("withdrawn while it was being sent")

    def abandon(self, answer: "asyncio.Future[Answer]") -> None:
        """Nobody waits for this answer any more. If it is still to come, the line is destroyed."""
        if self._answer is answer:
            self.abort("nobody waits for the answer")

    def abort(self, reason: str) -> None:
        """Destroy it within this step: nothing buffered is written, nothing more is read."""
        self._fail(reason)
        if self._transport is not None:
            self._transport.abort()

    # -- what the loop says ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), _SOMETHING)
        self._shake()

    def data_received(self, received: bytes) -> None:
        self._incoming.write(received)
        if not self.ready.done() and not self._shake():
            return
        plain, end = decrypted(self._tls, self._incoming)
        if plain:
            self._take(plain)
        if end is not None:
            self.abort(_ENDED)
        elif self._outgoing.pending and not self.closing:
            self._flush()

    def eof_received(self) -> None:
        self.abort(_ENDED)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail("the connection broke")
        self._keeper.gone(self)

    # -- inside ---------------------------------------------------------------------------------------------

    def _shake(self) -> bool:
        """One step of the handshake; whether it is done."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except ssl.SSLError as error:
            self._flush()
            self.abort(_words(error))
            return False
        if self._tls.selected_alpn_protocol() not in (None, ALPN):
            self.abort("it chose a protocol that was not offered")
            return False
        self._flush()
        if not self.ready.done():
            self.ready.set_result(None)
        return True

    def _encrypt(self, wire: bytes) -> None:
        try:
            encrypt(self._tls, wire)
        except ssl.SSLError as error:
            self.abort(_words(error))
            raise NotSent(f"{self.host}: {_words(error)}") from None

    def _flush(self) -> None:
        if self._transport is not None and self._outgoing.pending:
            self._transport.write(self._outgoing.read())

    def _take(self, plain: bytes) -> None:
        if self._answer is None:
            return self.abort("it spoke unasked")
        try:
            answer = self._reader.receive(plain)
        except NoAnswer as error:
            return self.abort(str(error))
        if answer is not None:
            self._finish(answer)
        return None

    def _finish(self, answer: Answer) -> None:
        waiter, self._answer, self.owner = self._answer, None, None
        self.deadline = float("inf")
        if waiter is not None and not waiter.done():
            waiter.set_result(answer)
        self.served += 1
        self.idle_since = self._loop.time()
        if self._reader.reusable:
            self._keeper.free(self)
        else:
            self.abort("the answer does not allow another request")

    def _fail(self, reason: str) -> None:
        if not self.ready.done():
            self.ready.set_exception(NotSent(f"{self.host}: {reason}"))
        waiter, self._answer, self.owner = self._answer, None, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(NoAnswer(f"{self.host}: {reason}"))


def _words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not verify ({error.verify_message})"
    return f"TLS failed ({error.reason or 'no reason given'})"
