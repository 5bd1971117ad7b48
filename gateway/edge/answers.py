"""The codec's second half, without I/O: an exchange's bytes to the answer of one request.

Law: an answer whose end cannot be told from its own bytes is NoAnswer. A whole one counts even if something comes
after it, but then its connection is not used again. A head is admitted by the grammar's pattern and read where that
divides it; nobody reads these bytes after us, with whom to disagree. A body's announced bytes are counted; chunks are
llhttp's to read, its reading of their head must be ours, and what stands behind the last one is looked at here, for it
skips stray line ends in silence.
"""

from functools import lru_cache
from typing import Final

import httptools

from gateway.core.request import Answer
from gateway.edge.grammar import (
    ANSWER_HEAD,
    ANSWER_HEAD_LIMIT,
    ANSWER_LIMIT,
    BODILESS,
    CONTENT_LENGTH,
    HEAD_END,
    HOP_BY_HOP,
    Header,
    members,
    split,
)
from gateway.edge.heard import Heard
from gateway.ports import NoAnswer

_LAST_CHUNK: Final = b"0\r\n\r\n"
_INTERIM_LIMIT: Final = 8
_FRAMING: Final = HOP_BY_HOP | {b"content-length"}
"""The headers that speak of the connection and of where the answer ends; they go no further."""


class AnswerReader:
    """An exchange's bytes as the answer to one request.

    ``reusable`` (once the answer is whole): nothing speaks against another request on the same connection.
    """

    __slots__ = ("_body", "_buffer", "_chunks", "_headers", "_interim", "_left", "_received", "_status", "reusable")

    def __init__(self) -> None:
        self._buffer = b""
        self._status = self._received = self._interim = self._left = 0
        self._headers: list[Header] = []
        self._body: list[bytes] = []
        self._chunks: _Chunks | None = None
        self.reusable = True

    @property
    def begun(self) -> bool:
        """Whether a byte of it came."""
        return self._received > 0

    def receive(self, received: bytes) -> Answer | None:
        """Take bytes in; the answer once it is whole. Raises NoAnswer if it never can be."""
        self._received += len(received)
        if self._received > ANSWER_LIMIT:
            raise _too_long()
        if self._status:
            return self._read_body(received)
        waited = len(self._buffer)
        self._buffer += received
        if waited and self._buffer.find(HEAD_END, max(0, waited - len(HEAD_END) + 1)) < 0:
            self._check_unfinished()  # only that: in a trickle the pattern would begin anew with every byte
            return None
        return self._read_heads()

    def _read_heads(self) -> Answer | None:
        while head := ANSWER_HEAD.match(self._buffer):
            self._buffer = self._buffer[head.end() :]
            if head.end() > ANSWER_HEAD_LIMIT:
                raise _head_too_long()
            status = int(head[1])
            if status >= 200:
                self._begin_body(status, head[0])
                return self._read_body(self._buffer)
            self._skip_interim(status)
        if HEAD_END in self._buffer:
            raise NoAnswer("the answer's head is malformed")
        self._check_unfinished()
        return None

    def _check_unfinished(self) -> None:
        if len(self._buffer) > ANSWER_HEAD_LIMIT:
            raise _head_too_long()

    def _begin_body(self, status: int, head: bytes) -> None:
        length = self._length(status, head)
        self._status = status
        if length is None:
            self._chunks = _Chunks(head)
        else:
            self._left = length

    def _skip_interim(self, status: int) -> None:
        self._interim += 1
        if status == 101 or self._interim > _INTERIM_LIMIT:
            raise NoAnswer(f"an answer with the status {status} was not asked for")

    def _length(self, status: int, head: bytes) -> int | None:
        """How many bytes follow the head; None: chunks. A body that ends with the connection is none."""
        self._headers, framing = _parted(head)
        if listed := _options(framing.get(b"connection", b"")):
            self.reusable = b"close" not in listed
            self._headers = [header for header in self._headers if header[0] not in listed]
        length, coding = framing.get(b"content-length"), framing.get(b"transfer-encoding")
        if status in BODILESS:
            clear = coding is None and (length is None or CONTENT_LENGTH.fullmatch(length) is not None)
            self.reusable = self.reusable and clear
            return 0
        if length is None and coding is not None and coding.lower() == b"chunked":
            return None
        if length is None or coding is not None or not CONTENT_LENGTH.fullmatch(length):
            raise NoAnswer("the answer's length cannot be told")
        announced = int(length)
        if announced > ANSWER_LIMIT:
            raise _too_long()
        return announced

    def _read_body(self, received: bytes) -> Answer | None:
        body = self._counted(received) if self._chunks is None else self._chunked(self._chunks, received)
        return None if body is None else Answer(self._status, tuple(self._headers), body)

    def _counted(self, received: bytes) -> bytes | None:
        self._body.append(received)
        self._left -= len(received)
        if self._left > 0:
            return None
        self.reusable = self.reusable and not self._left
        body = b"".join(self._body)
        return body[: len(body) + self._left]

    def _chunked(self, chunks: "_Chunks", received: bytes) -> bytes | None:
        body = chunks.receive(received)
        self.reusable = self.reusable and chunks.clean
        return body


class _Chunks:
    """A body in chunks, as llhttp reads it. ``clean``: nothing came but chunks, the last one as short as can be."""

    __slots__ = ("_heard", "_in_head", "_parser", "_tail", "clean")

    def __init__(self, head: bytes) -> None:
        headers = split(head)
        self._heard = Heard()
        self._parser = httptools.HttpResponseParser(self._heard)
        self._in_head = len(headers)
        self._tail = b""
        self.clean = True
        self._feed(head)
        if self._heard.headers != headers or self._heard.complete:
            raise NoAnswer("two readings of the answer differ")

    def receive(self, received: bytes) -> bytes | None:
        """The body once it is whole."""
        heard = self._heard
        self._tail = (self._tail + received[-len(_LAST_CHUNK) :])[-len(_LAST_CHUNK) :]
        self._feed(received)
        if not heard.complete:
            return None
        trailers = len(heard.headers) > self._in_head
        if self._tail != _LAST_CHUNK or trailers or heard.begun > 1 or heard.complete > 1:
            self.clean = False
        return b"".join(heard.body)

    def _feed(self, received: bytes) -> None:
        try:
            self._parser.feed_data(received)
        except httptools.HttpParserError:
            if not self._heard.complete:
                raise NoAnswer("the answer is malformed") from None
            self.clean = False


def _parted(head: bytes) -> tuple[list[Header], dict[bytes, bytes]]:
    """What goes on, and what is said of the framing. Said twice it is a list (RFC 9110, 5.3): no length, no coding."""
    kept: list[Header] = []
    framing: dict[bytes, bytes] = {}
    for name, value in split(head):
        if name not in _FRAMING:
            kept.append((name, value))
        elif name not in framing:
            framing[name] = value
        else:
            framing[name] += b"," + value
    return kept, framing


@lru_cache(maxsize=64)
def _options(connection: bytes) -> frozenset[bytes]:
    """Which headers a Connection header binds to this hop, and ``close``; what it always binds is left out."""
    return members(connection) - HOP_BY_HOP


def _too_long() -> NoAnswer:
    return NoAnswer(f"the answer is longer than {ANSWER_LIMIT} bytes")


def _head_too_long() -> NoAnswer:
    return NoAnswer(f"the answer's head is longer than {ANSWER_HEAD_LIMIT} bytes")
