"""TLS without I/O: bytes of the wire in, plain bytes out, and back; here the side towards bots.

Law: what is not a clean handshake and clean records ends the connection. A layer is laid on what is below it, the
wire or another layer (TLS to a proxy, and in it a tunnel's own); nothing of it is ever written but through these.
"""

import contextlib
import ssl
from collections.abc import Callable
from typing import Final

_RECORD: Final = 16 * 1024
"""A TLS record's largest payload: a read makes a buffer of the size it asks for, and large ones are dear."""
_SLICE: Final = 4 * 1024
"""What is read in one go: records that say nothing cost far more time than bytes."""
_SILENT: Final = 20 * 1024
"""A record's largest size and some: so many bytes in a row say something, or are a flood."""
_OVERHEAD: Final = 30
_WASTED: Final = 256 * 1024
"""What a connection may send in its life beyond what its plain bytes need, were each in a record of its own."""
_UNASKED: Final = 1024
"""How much TLS may answer of itself to one slice, once the handshake is done."""
TLS_BEGINS: Final = 0x16
"""The first byte of a handshake; no HTTP request begins with it."""

Names = Callable[[str | None], bool]


def decrypted(tls: ssl.SSLObject, incoming: ssl.MemoryBIO) -> tuple[bytes, ssl.SSLError | None]:
    """What the bytes so far say, and why nothing can follow: SSLZeroReturnError is the other side's farewell."""
    pieces: list[bytes] = []
    end: ssl.SSLError | None = None
    try:
        while end is None and (incoming.pending or tls.pending()):
            pieces.append(tls.read(_RECORD))
            end = None if pieces[-1] else ssl.SSLZeroReturnError()
    except ssl.SSLWantReadError:
        pass  # a record is not whole yet, or carried nothing for us
    except ssl.SSLError as error:
        end = error
    return b"".join(pieces), end


def encrypt(tls: ssl.SSLObject, plain: bytes) -> None:
    """Put all of it into records. Raises ssl.SSLError."""
    written = 0
    while written < len(plain):
        written += tls.write(memoryview(plain)[written:] if written else plain)


class TlsSide:
    """The server's side of one TLS connection. ``shaken``: the handshake is done; ``ended``: the client closed it."""

    __slots__ = ("_incoming", "_outgoing", "_silent", "_tls", "_wasted", "ended", "shaken")

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.shaken = self.ended = False
        self._silent = self._wasted = 0

    def receive(self, received: bytes) -> bytes:
        """The plain bytes that these complete; after the client's end, none. Raises ssl.SSLError, also for a flood

        of records that say nothing; what is pending then is the alert.
        """
        if len(received) <= _SLICE:
            return self._read(received)
        return b"".join([self._read(received[at : at + _SLICE]) for at in range(0, len(received), _SLICE)])

    def _read(self, received: bytes) -> bytes:
        if self.ended:
            return b""
        self._incoming.write(received)
        if not self.shaken and not self._shake():
            self._weigh(len(received), 0)
            return b""
        plain, end = decrypted(self._tls, self._incoming)
        if end is not None and not isinstance(end, ssl.SSLZeroReturnError):
            raise end
        self.ended = end is not None
        self._weigh(len(received), len(plain))
        return plain

    def _weigh(self, received: int, plain: int) -> None:
        """Hold what came against what it said."""
        self._silent += received
        if plain:
            self._wasted += max(0, self._silent - _OVERHEAD * plain)
            self._silent = 0
        answered = self._outgoing.pending if self.shaken and self._silent > _UNASKED else 0
        if self._silent > _SILENT or self._wasted > _WASTED or answered > _UNASKED:
            raise ssl.SSLError(1, "a flood of records that say nothing")

    def send(self, plain: bytes) -> bytes:
        """The bytes for the wire that say this. Raises ssl.SSLError."""
        encrypt(self._tls, plain)
        return self._outgoing.read()

    def pending(self) -> bytes:
        """What TLS itself has to say: handshakes, tickets, alerts."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def close(self) -> bytes:
        """The bytes that say that nothing more follows."""
        with contextlib.suppress(ssl.SSLError):  # it waits for the client's farewell; ours is written by then
            self._tls.unwrap()
        return self.pending()

    def _shake(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.shaken = True
        return True


class Wrapping:
    """The layers between the wire and the requests: none, one, or two (TLS to the proxy and, in it, a tunnel's)."""

    __slots__ = ("layers",)

    def __init__(self) -> None:
        self.layers: list[TlsSide] = []

    @property
    def shaking(self) -> bool:
        """Whether a handshake is going on."""
        return bool(self.layers) and not self.layers[-1].shaken

    @property
    def ended(self) -> bool:
        """Whether the client has closed a layer."""
        return any(layer.ended for layer in self.layers)

    def add(self, context: ssl.SSLContext) -> None:
        """Whatever comes next is TLS by this context, within what is there."""
        self.layers.append(TlsSide(context))

    def receive(self, received: bytes, begin: int = 0) -> bytes:
        """The plain bytes within. ``begin`` passes over outer layers that have read them already."""
        for layer in self.layers[begin:]:
            received = layer.receive(received)
        return received

    def send(self, plain: bytes) -> bytes:
        """The bytes for the wire that say this, with whatever TLS has to say before."""
        for layer in reversed(self.layers):
            plain = layer.send(plain) if plain else layer.pending()
        return plain

    def close(self) -> bytes:
        """The bytes for the wire that end every layer, the innermost first."""
        said = b""
        for layer in reversed(self.layers):
            with contextlib.suppress(ssl.SSLError):  # an outer layer that is broken carries nothing more
                said = layer.send(said) if said else b""
            said += layer.close()
        return said


def only(context: ssl.SSLContext, admits: Names) -> ssl.SSLContext:
    """The context, which from now on shakes hands only with who names a server that is admitted.

    OpenSSL asks for the name once in a session: one of TLS 1.2 that is resumed goes by the name it began with.
    """

    def check(side: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> int | None:
        return None if admits(name) else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context.sni_callback = check
    return context
