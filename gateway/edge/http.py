"""The codec's reading half, without I/O: a bot's bytes to requests, an exchange's bytes to one answer.

Law: a message is accepted only if the grammar's pattern and llhttp agree on every part of it and on its last byte.
A request in doubt is Unreadable, an answer in doubt is NoAnswer; either way the connection is over. Requests with a
Transfer-Encoding are refused altogether (no client is known to send one); pipelined requests wait for their turn.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import httptools

from gateway.core.request import Answer, Headers, RawRequest
from gateway.edge.grammar import (
    ANSWER_HEAD,
    ANSWER_HEAD_LIMIT,
    ANSWER_LIMIT,
    BODILESS,
    CONTENT_LENGTH,
    HEAD_END,
    HOP_BY_HOP,
    HOST,
    REFUSED,
    REPEATABLE,
    REQUEST_HEAD,
    REQUEST_LINE,
    Limits,
    Unreadable,
    fault,
    tokens,
)
from gateway.ports import NoAnswer

_LAST_CHUNK: Final = b"0\r\n\r\n"
_SAYS_LENGTH: Final = frozenset((b"content-length", b"transfer-encoding", b"connection"))
_INTERIM_LIMIT: Final = 8


class _Heard:
    """What llhttp says it read: its callbacks, written down. What comes after the message's end is only counted."""

    __slots__ = ("begun", "body", "complete", "headers", "target")

    def __init__(self) -> None:
        self.begun = self.complete = 0
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_url(self, target: bytes) -> None:
        self.target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.complete:
            self.headers.append((name.lower(), value.strip(b" \t")))

    def on_body(self, piece: bytes) -> None:
        if not self.complete:
            self.body.append(piece)

    def on_message_complete(self) -> None:
        self.complete += 1


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What a head says, but for its target. ``last``: no other request follows on this connection."""

    headers: Headers
    length: int
    last: bool


class RequestReader:
    """A bot's bytes as requests, one at a time and in order. After Unreadable it must not be asked again.

    A bot repeats its headers: those that are to the byte the last request's, of the same method, are judged already.
    """

    __slots__ = ("_buffer", "_fields", "_head", "_limits", "_method", "_peer", "_port", "_scanned", "_target",
                 "_verdict")

    def __init__(self, port: str | None, peer: str, limits: Limits) -> None:
        self._port, self._peer, self._limits = port, peer, limits
        self._buffer = bytearray()
        self._scanned = self._head = 0
        self._method = self._target = self._fields = b""
        self._verdict = _Verdict((), 0, False)

    @property
    def begun(self) -> bool:
        """Whether a part of a request waits for its rest."""
        return bool(self._buffer)

    @property
    def in_body(self) -> bool:
        """Whether a head is whole and its body is not."""
        return self._head > 0

    @property
    def last(self) -> bool:
        """Whether the request just read asked that no other follow (Connection: close, or an upgrade)."""
        return self._verdict.last

    def feed(self, received: bytes) -> None:
        """Take bytes in; :meth:`next` reads them."""
        self._buffer += received

    def next(self) -> RawRequest | None:
        """The next whole request, or None until more bytes came. Raises Unreadable."""
        if not self._head and not self._take_head():
            return None
        verdict, begin = self._verdict, self._head
        end = begin + verdict.length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[begin:end])
        del self._buffer[:end]
        self._head = self._scanned = 0
        return RawRequest(self._method, self._target, verdict.headers, body, self._port, self._peer)

    def _take_head(self) -> bool:
        """Whether a whole head is there; it is judged the moment it is."""
        end = self._buffer.find(HEAD_END, self._scanned)
        if end < 0:
            self._scanned = max(0, len(self._buffer) - len(HEAD_END) + 1)
            _check_beginning(self._buffer, self._limits)
            return False
        head = bytes(self._buffer[: end + len(HEAD_END)])
        line = REQUEST_LINE.match(head)
        if line is None or line.end() - 2 > self._limits.request_line or len(head) > self._limits.head:
            _check_sizes(head, self._limits)
            raise fault(head)
        (method, self._target), fields = line.groups(), head[line.end() :]
        if fields != self._fields or method != self._method:
            self._verdict = _judge(head, method, self._target, self._limits)
            self._method, self._fields = method, fields
        self._head = len(head)
        return True


def _judge(head: bytes, method: bytes, target: bytes, limits: Limits) -> _Verdict:
    """Let llhttp read a head of the right shape, and hold its reading against ours."""
    _check_sizes(head, limits)
    if not REQUEST_HEAD.fullmatch(head):
        raise fault(head)
    heard, upgrade = _Heard(), False
    parser = httptools.HttpRequestParser(heard)
    try:
        parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        upgrade = True
    except httptools.HttpParserError:
        _check_headers(_split(head), limits)
        raise fault(head) from None
    fields, length = _check_headers(heard.headers, limits)
    if upgrade and length:
        raise Unreadable(400, "a request for an upgrade has a body")
    if (
        (parser.get_method(), heard.target, heard.headers) != (method, target, _split(head))
        or heard.begun != 1
        or heard.complete != (length == 0)
    ):
        raise Unreadable(400, "two readings of the request differ")
    last = upgrade or (b"connection" in fields and b"close" in tokens(heard.headers, b"connection"))
    return _Verdict(tuple(heard.headers), length, last)


def _header_count(head: bytes) -> int:
    return head.count(b"\r\n") - 2


def _split(head: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of a head of the right shape as we read them."""
    lines = [line.partition(b":") for line in head.split(b"\r\n")[1:-2]]
    return [(name.lower(), value.strip(b" \t")) for name, _, value in lines]


def _check_sizes(head: bytes | bytearray, limits: Limits) -> None:
    line = head.find(b"\r\n")
    if (len(head) if line < 0 else line) > limits.request_line:
        raise Unreadable(414, f"the request line is longer than {limits.request_line} bytes")
    if len(head) > limits.head:
        raise Unreadable(431, f"the request head is longer than {limits.head} bytes")
    if head.count(b"\r\n") > limits.headers + 2:
        raise Unreadable(431, f"the request has more than {limits.headers} headers")


def _check_beginning(beginning: bytearray, limits: Limits) -> None:
    """An unfinished head that can never become right is refused now, not when its time is over."""
    if not beginning:
        return
    if not 0x41 <= beginning[0] <= 0x5A or beginning.count(b"\n") != beginning.count(b"\r\n"):
        raise fault(bytes(beginning))
    _check_sizes(beginning, limits)


def _check_headers(headers: list[tuple[bytes, bytes]], limits: Limits) -> tuple[dict[bytes, bytes], int]:
    """The headers by name, and the body's length."""
    fields = dict(headers)
    if len(fields) != len(headers):
        _check_repeats(headers)
    if not fields.keys().isdisjoint(REFUSED):
        raise _refused(fields)
    if not HOST.fullmatch(fields.get(b"host", b"")):
        raise Unreadable(400, "the request has no Host, or one that is no host")
    length = fields.get(b"content-length", b"0")
    if not CONTENT_LENGTH.fullmatch(length):
        raise Unreadable(400, "Content-Length is not a number")
    if int(length) > limits.body:
        raise Unreadable(413, f"the body is longer than {limits.body} bytes")
    return fields, int(length)


def _check_repeats(headers: Iterable[tuple[bytes, bytes]]) -> None:
    seen: set[bytes] = set()
    for name, _ in headers:
        if name in seen and name not in REPEATABLE:
            raise Unreadable(400, f"the header {name.decode('ascii')} stands twice")
        seen.add(name)


def _refused(fields: dict[bytes, bytes]) -> Unreadable:
    if b"transfer-encoding" in fields and b"content-length" in fields:
        return Unreadable(400, "the request has both Content-Length and Transfer-Encoding")
    return Unreadable(*next(refusal for name, refusal in REFUSED.items() if name in fields))


class AnswerReader:
    """An exchange's bytes as the answer to one request.

    ``begun``: a byte of it came. ``reusable`` (once the answer is whole): nothing speaks against another
    request on the same connection.
    """

    __slots__ = ("_buffer", "_chunked", "_heard", "_in_head", "_interim", "_left", "_named", "_parser", "_received",
                 "_status", "_tail", "begun", "reusable")

    def __init__(self) -> None:
        self._heard = _Heard()
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
        if self._in_head != _header_count(head):
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
