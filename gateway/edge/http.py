"""The codec's first half, without I/O: a bot's bytes to requests.

Law: a request is accepted only if the grammar's pattern and llhttp agree on every part of it and on where its body
begins; at the first doubt it is Unreadable, and the connection is over. Requests with a Transfer-Encoding are refused
altogether (no client is known to send one), so that a body's end is a number; pipelined requests wait for their turn.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import httptools

from gateway.core.request import Headers, RawRequest
from gateway.edge.door import Door
from gateway.edge.grammar import (
    ABSOLUTE_LINE,
    CONNECT_LINE,
    CONTENT_LENGTH,
    FIELDS,
    HEAD_END,
    HOST,
    KIB,
    REFUSED,
    REPEATABLE,
    REQUEST_LINE,
    Limits,
    Unreadable,
    fault,
    members,
    split,
)
from gateway.edge.heard import Heard

_REMEMBERED: Final = 8
_REPEATED: Final = 2 * KIB
"""What a connection remembers, at most: so many heads, none of them longer."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What a head says, but for its target. ``last``: no other request follows on this connection."""

    headers: Headers
    host: bytes
    length: int
    last: bool


class RequestReader:
    """A bot's bytes as requests, one at a time and in order. After Unreadable it must not be asked again.

    A bot repeats its headers: those that are to the byte an earlier request's, of the same method, are judged already.
    """

    __slots__ = ("_buffer", "_door", "_head", "_host", "_judged", "_limits", "_lines", "_method", "_peer", "_port",
                 "_scanned", "_target", "_verdict")

    def __init__(self, door: Door, peer: str, limits: Limits) -> None:
        self._door, self._port, self._peer, self._limits = door, door.exchange, peer, limits
        self._lines = (ABSOLUTE_LINE, CONNECT_LINE) if door.forward else (REQUEST_LINE,)
        self._host: str | None = None
        self._buffer = b""
        self._scanned = self._head = 0
        self._method = self._target = b""
        self._verdict = _Verdict((), b"", 0, False)
        self._judged: dict[tuple[bytes, bytes], _Verdict] = {}

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
        body, self._buffer = self._buffer[begin:end], self._buffer[end:]
        self._head = self._scanned = 0
        return RawRequest(self._method, self._target, verdict.headers, body, self._port, self._peer, self._host)

    def rest(self) -> bytes:
        """The bytes behind the last request, which are not this reader's to read: they belong to a tunnel."""
        rest, self._buffer = self._buffer, b""
        return rest

    def _take_head(self) -> bool:
        """Whether a whole head is there; it is judged the moment it is."""
        end = self._buffer.find(HEAD_END, self._scanned) + len(HEAD_END)
        if end < len(HEAD_END):
            self._scanned = max(0, len(self._buffer) - len(HEAD_END) + 1)
            _check_beginning(self._buffer, self._limits)
            return False
        line = self._line()
        if line is None or line.end() - 2 > self._limits.request_line or end > self._limits.head:
            _check_sizes(self._buffer[:end], self._limits)
            raise fault(self._buffer[:end], self._door.forward)
        self._method, authority, self._target = line.groups()
        fields = self._buffer[line.end() : end]
        self._verdict = self._judged.get((self._method, fields)) or self._newly_judged(self._buffer[:end], fields)
        self._host = self._door.lead(authority, self._verdict.host)
        self._head = end
        return True

    def _line(self) -> re.Match[bytes] | None:
        """The request line, if it has one of the shapes that this door lets in."""
        for shape in self._lines:
            if line := shape.match(self._buffer):
                return line
        return None

    def _newly_judged(self, head: bytes, fields: bytes) -> _Verdict:
        """Its verdict, remembered beside the last few: a bot alternates between reading, placing and cancelling."""
        verdict = _judge(head, fields, self._limits)
        if len(self._judged) >= _REMEMBERED:
            self._judged.clear()
        if len(fields) <= _REPEATED:
            self._judged[self._method, fields] = verdict
        return verdict


def _judge(head: bytes, fields: bytes, limits: Limits) -> _Verdict:
    """Let llhttp read a head of the right shape, and hold its reading against ours."""
    _check_sizes(head, limits)
    if not FIELDS.fullmatch(fields):
        raise fault(head)
    heard, upgrade = Heard(), False
    parser = httptools.HttpRequestParser(heard)
    try:
        parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        upgrade = True
    except httptools.HttpParserError:
        _check_headers(split(head), limits)
        raise fault(head) from None
    method, target, _ = head.split(b" ", 2)
    found, length = _check_headers(heard.headers, limits, optional_host=method == b"CONNECT")
    if upgrade and length:
        raise Unreadable(400, "a request for an upgrade has a body")
    if (
        (parser.get_method(), heard.target, heard.headers) != (method, target, split(head))
        or heard.begun != 1
        or heard.complete != (length == 0)
    ):
        raise Unreadable(400, "two readings of the request differ")
    last = upgrade or b"close" in members(found.get(b"connection", b""))
    return _Verdict(tuple(heard.headers), found.get(b"host", b""), length, last)


def _check_sizes(head: bytes, limits: Limits) -> None:
    line = head.find(b"\r\n")
    if (len(head) if line < 0 else line) > limits.request_line:
        raise Unreadable(414, f"the request line is longer than {limits.request_line} bytes")
    if len(head) > limits.head:
        raise Unreadable(431, f"the request head is longer than {limits.head} bytes")
    if head.count(b"\r\n") > limits.headers + 2:
        raise Unreadable(431, f"the request has more than {limits.headers} headers")


def _check_beginning(beginning: bytes, limits: Limits) -> None:
    """An unfinished head that can never become right is refused now, not when its time is over."""
    if not beginning:
        return
    if not 0x41 <= beginning[0] <= 0x5A or beginning.count(b"\n") != beginning.count(b"\r\n"):
        raise fault(beginning)
    _check_sizes(beginning, limits)


def _check_headers(
    headers: list[tuple[bytes, bytes]], limits: Limits, optional_host: bool = False
) -> tuple[dict[bytes, bytes], int]:
    """The headers by name, and the body's length."""
    fields = dict(headers)
    if len(fields) != len(headers):
        _check_repeats(headers)
    if not fields.keys().isdisjoint(REFUSED):
        raise _refused(fields)
    host = fields.get(b"host")
    if not (host is None and optional_host) and not HOST.fullmatch(host or b""):
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
