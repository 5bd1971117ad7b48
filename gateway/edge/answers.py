"""The codec's second half, without I/O: an exchange's bytes to the answer of one request.

Law: an answer whose end cannot be told from its own bytes is NoAnswer. A whole one counts even if something comes
after it, but then its connection is not used again; llhttp skips stray line ends in silence, so they are counted here.
"""

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
    tokens,
)
from gateway.edge.heard import Heard, header_count
from gateway.ports import NoAnswer

_LAST_CHUNK: Final = b"0\r\n\r\n"
_SAYS_LENGTH: Final = frozenset((b"content-length", b"transfer-encoding", b"connection"))
_INTERIM_LIMIT: Final = 8


class AnswerReader:
    """An exchange's bytes as the answer to one request.

    ``begun``: a byte of it came. ``reusable`` (once the answer is whole): nothing speaks against another
    request on the same connection.
    """

    __slots__ = ("_buffer", "_chunked", "_heard", "_in_head", "_interim", "_left", "_named", "_parser", "_received",
                 "_status", "_tail", "begun", "reusable")

    def __init__(self) -> None:
        self._heard = Heard()
        self._parser = httptools.HttpResponseParser(self._heard)
        self._buffer = b""
        self._status = self._received = self._interim = self._left = self._in_head = 0
        self._chunked = self.begun = False
        self._tail = b""
        self._named: frozenset[bytes] = frozenset()
        self.reusable = True

    def receive(self, received: bytes) -> Answer | None:
        """Take bytes in; the answer once it is whole. Raises NoAnswer if it never can be."""
        self.begun = True
        self._received += len(received)
        if self._received > ANSWER_LIMIT:
            raise NoAnswer(f"the answer is longer than {ANSWER_LIMIT} bytes")
        if self._status:
            return self._read_body(received)
        self._buffer += received
        while not self._status:
            end = self._buffer.find(HEAD_END) + len(HEAD_END)
            if end < len(HEAD_END) and len(self._buffer) <= ANSWER_HEAD_LIMIT:
                return None
            if not len(HEAD_END) <= end <= ANSWER_HEAD_LIMIT:
                raise NoAnswer(f"the answer's head is longer than {ANSWER_HEAD_LIMIT} bytes")
            head, self._buffer = self._buffer[:end], self._buffer[end:]
            self._read_head(head)
        return self._read_body(self._buffer)

    def _read_head(self, head: bytes) -> None:
        shape = ANSWER_HEAD.fullmatch(head)
        if shape is None:
            raise NoAnswer("the answer's head is malformed")
        status = int(shape[1])
        if status < 200:
            return self._skip_interim(status)
        self._feed(head)
        self._status, self._in_head = status, len(self._heard.headers)
        if self._in_head != header_count(head):
            raise NoAnswer("the answer's head is malformed")
        self._frame(status)
        return None

    def _skip_interim(self, status: int) -> None:
        self._interim += 1
        if status == 101 or self._interim > _INTERIM_LIMIT:
            raise NoAnswer(f"an answer with the status {status} was not asked for")

    def _frame(self, status: int) -> None:
        """How the body ends: by length, by chunks, or there is none. Not by the connection's end."""
        said = [header for header in self._heard.headers if header[0] in _SAYS_LENGTH]
        lengths = [value for name, value in said if name == b"content-length"]
        codings = [value.lower() for name, value in said if name == b"transfer-encoding"]
        self._named = tokens(said, b"connection")
        self.reusable = b"close" not in self._named
        if status in BODILESS:
            return
        if codings == [b"chunked"] and not lengths:
            self._chunked = True
        elif len(lengths) == 1 and not codings and CONTENT_LENGTH.fullmatch(lengths[0]):
            self._left = int(lengths[0])
            if self._left > ANSWER_LIMIT:
                raise NoAnswer(f"the answer is longer than {ANSWER_LIMIT} bytes")
        else:
            raise NoAnswer("the answer's length cannot be told")

    def _feed(self, received: bytes) -> None:
        try:
            self._parser.feed_data(received)
        except httptools.HttpParserError:
            if not self._heard.complete:
                raise NoAnswer("the answer is malformed") from None
            self.reusable = False

    def _read_body(self, received: bytes) -> Answer | None:
        if received:
            self._left -= len(received)
            if self._chunked:
                self._tail = (self._tail + received[-len(_LAST_CHUNK) :])[-len(_LAST_CHUNK) :]
            self._feed(received)
        return self._whole() if self._heard.complete else None

    def _whole(self) -> Answer:
        """llhttp has seen the end; whether a byte came after it is counted here (it skips stray line ends)."""
        heard = self._heard
        headers = heard.headers[: self._in_head]
        trailers = len(heard.headers) > self._in_head
        more = self._tail != _LAST_CHUNK if self._chunked else self._left != 0
        if more or trailers or heard.begun > 1 or heard.complete > 1:
            self.reusable = False
        named = self._named
        kept = tuple([h for h in headers if h[0] not in HOP_BY_HOP and h[0] not in named])
        return Answer(self._status, kept, heard.body[0] if len(heard.body) == 1 else b"".join(heard.body))
