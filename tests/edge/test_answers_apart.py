"""Answers against a second parser, and in whatever pieces: what ours says an answer is, h11 says too."""

import contextlib
import time
from collections.abc import Iterable
from typing import NamedTuple

import h11
import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.request import Answer
from gateway.edge import answers
from gateway.edge.answers import AnswerReader
from gateway.edge.grammar import BODILESS, HOP_BY_HOP
from gateway.edge.wire import answer_bytes
from gateway.ports import NoAnswer
from tests.edge.reading import one_by_one


class Theirs(NamedTuple):
    """What h11 reads in some bytes; ``behind`` are those that it leaves."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    trailers: bool
    behind: bytes


def h11_reads(wire: bytes) -> Theirs | None:
    """The first answer in these bytes; None if h11 finds no whole one."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(wire)
    status, headers, body = 0, [], b""
    try:
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                status, headers = event.status_code, [(name, value) for name, value in event.headers]
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif not isinstance(event, h11.InformationalResponse):
                return None
    except h11.ProtocolError:
        return None
    return Theirs(status, headers, body, bool(event.headers), connection.trailing_data[0])


def ours(pieces: Iterable[bytes]) -> tuple[Answer, bool, int] | None:
    """The answer, whether its connection may be used again, and with how many pieces it was whole."""
    reader = AnswerReader()
    for count, piece in enumerate(pieces, 1):
        if (answer := reader.receive(piece)) is not None:
            return answer, reader.reusable, count
    return None


def going_on(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Those that speak neither of the connection nor of the framing, worked out in another way than ours."""
    named = {one.strip().lower() for name, value in headers if name == b"connection" for one in value.split(b",")}
    return [(name, value) for name, value in headers if name not in HOP_BY_HOP | named | {b"content-length"}]


_HEADERS = st.lists(
    st.sampled_from(
        [b"A: b", b"Set-Cookie: a=b", b"Set-Cookie: c=d", b"X-MBX-UUID:u", b"X-Hop: 1", b"Empty:", b"Keep-Alive: 5",
         b"Spaced: \t a b \t ", b"Obs: \xe9", b"Connection: keep-alive", b"Connection: x-hop, Keep-Alive",
         b"cONNECTION: Close", b"Upgrade: h2c", b"Content-Type: application/json", b"Trailer: X"]
    ),
    max_size=6,
)  # fmt: skip
_BEHIND = st.sampled_from([b"", b"", b"x", b"\r\n", b"0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
_INTERIM = st.sampled_from([b"", b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"])


@st.composite
def _wires(draw: st.DrawFn) -> bytes:
    """An answer of any framing with anything behind it."""
    headers, status = draw(_HEADERS), draw(st.sampled_from([200, 200, 400, 204, 304, 503]))
    body = draw(st.one_of(st.binary(max_size=20), st.sampled_from([b"\r\n", b"0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(body)))
        chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:at], body[at:]) if piece]
        headers.append(b"Transfer-Encoding: chunked")
        body = b"".join(chunks) + b"0\r\n" + draw(st.sampled_from([b"", b"", b"", b"X: y\r\n"])) + b"\r\n"
    else:
        headers.append(b"Content-Length: %d" % len(body))
    head = b"\r\n".join([b"HTTP/1.1 %d Said" % status, *draw(st.permutations(headers)), b"\r\n"])
    return draw(_INTERIM) + head + (b"" if status in (204, 304) else body) + draw(_BEHIND)


@settings(max_examples=300, deadline=None)
@given(_wires())
def test_cut_anywhere_an_answer_is_what_h11_reads(wire: bytes) -> None:
    """Status, headers, body and end are h11's, cut at any point; a byte behind the end in the same read ends reuse."""
    theirs = h11_reads(wire)
    assert theirs is not None
    end = len(wire) - len(theirs.behind)
    closes = any(name == b"connection" and b"close" in value.lower() for name, value in theirs.headers)
    odd = theirs.status in BODILESS and b"transfer-encoding" in dict(theirs.headers)
    for at in range(len(wire) + 1):
        read = ours([wire[:at], wire[at:]])
        assert read is not None
        answer, reusable, count = read
        assert (answer.status, list(answer.headers)) == (theirs.status, going_on(theirs.headers))
        assert answer.body == theirs.body
        assert count == (1 if at >= end else 2)
        ends = end == (at if count == 1 else len(wire))
        assert reusable == (not closes and not odd and not theirs.trailers and ends)


@settings(max_examples=300, deadline=None)
@given(_wires(), st.lists(st.integers(1, 9), max_size=30))
def test_in_any_pieces_it_is_the_same_answer(wire: bytes, sizes: list[int]) -> None:
    """Many pieces say what one says, but for the bytes behind that have not come yet."""
    pieces, rest = [], wire
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    whole, cut = ours([wire]), ours([*filter(None, pieces), rest])
    assert whole is not None
    assert cut is not None
    assert cut[0] == whole[0]
    assert cut[1] >= whole[1]


_PLAIN = (
    b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 12\r\nConnection: keep-alive\r\nX: y\r\n\r\n",
    b"{}" * 6,
)
_CHUNKED = (
    b"HTTP/1.1 200 OK\r\nConnection: x\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n",
    b"c\r\n" + b"{}" * 6 + b"\r\n0\r\n\r\n",
)
_PUT = st.sampled_from(
    [b"", *(bytes([one]) for one in b" \r\n\t\x00:;,aZ0129/\x80\x7f"), b"\r\n", b"\r\nContent-Length: 3",
     b"\r\nTransfer-Encoding: chunked", b"\r\nConnection: close"]
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.sampled_from([_PLAIN, _CHUNKED]), st.integers(0, 200), st.integers(0, 2), _PUT)
def test_what_is_read_of_a_damaged_head_h11_reads_alike(
    answer: tuple[bytes, bytes], at: int, gone: int, put: bytes
) -> None:
    """A head that was changed anywhere is no answer, or one that h11 reads to the same end."""
    head, body = answer
    wire = head[: at % len(head)] + put + head[at % len(head) + gone :] + body
    try:
        read = ours([wire])
    except NoAnswer:
        return
    if read is None:
        return
    theirs = h11_reads(wire)
    assert theirs is not None
    said, reusable, _ = read
    assert (said.status, list(said.headers), said.body) == (theirs.status, going_on(theirs.headers), theirs.body)
    assert not (reusable and theirs.behind)


class _Deaf(httptools.HttpResponseParser):  # type: ignore[misc]
    """llhttp, as if it had not heard a header."""

    def feed_data(self, data: bytes) -> None:
        super().feed_data(data.replace(b"X: y\r\n", b""))


class _Hasty(httptools.HttpResponseParser):  # type: ignore[misc]
    """llhttp, as if it saw no body where chunks follow."""

    def feed_data(self, data: bytes) -> None:
        super().feed_data(data.replace(b" 200 ", b" 304 "))


@pytest.mark.parametrize("status", [b"204", b"304"])
@pytest.mark.parametrize(
    "said", [b"Content-Length: 5\r\nContent-Length: 5", b"Content-Length: +5", b"Content-Length: 0x5",
             b"Transfer-Encoding: chunked", b"Content-Length: 5\r\nTransfer-Encoding: chunked"]
)  # fmt: skip
def test_an_answer_without_a_body_that_says_odd_things_of_one_is_the_last(status: bytes, said: bytes) -> None:
    """It is whole, but what would come late may be that body."""
    for framing, reusable in ((said, False), (b"Content-Length: 5", True), (b"X: y", True)):
        reader = AnswerReader()
        answer = reader.receive(b"HTTP/1.1 %b Said\r\n%b\r\n\r\n" % (status, framing))
        assert answer is not None
        assert (answer.body, reader.reusable) == (b"", reusable)


@pytest.mark.parametrize("parser", [_Deaf, _Hasty])
def test_two_readings_that_differ_are_no_answer(monkeypatch: pytest.MonkeyPatch, parser: type) -> None:
    """Who reads the chunks must have read the head as we did; where we count the body, nobody else reads it."""
    assert ours([b"".join(_CHUNKED)]) is not None
    monkeypatch.setattr(answers.httptools, "HttpResponseParser", parser)
    with pytest.raises(NoAnswer, match="differ"):
        ours([b"".join(_CHUNKED)])
    assert ours([b"".join(_PLAIN)]) is not None


@pytest.mark.parametrize("filling", [b"a", b"a:\r\n", b"a: b\r\n", b"\r\n", b"\r", b"HTTP/1.1 100\r\n"])
def test_a_trickled_head_costs_little(filling: bytes) -> None:
    """A head of the largest size that comes byte by byte is read again and again by no pattern."""
    pieces = one_by_one(b"HTTP/1.1 200 OK\r\n" + filling * (60_000 // len(filling)))
    began = time.process_time()
    with contextlib.suppress(NoAnswer):
        assert ours(pieces) is None
    assert time.process_time() - began < 0.5


# -- out to the bot ---------------------------------------------------------------------------------------------------

_NAMES = st.one_of(
    st.sampled_from([b"content-type", b"retry-after", b"warning", b"x-mbx-used-weight", b"set-cookie", b"connection"]),
    st.binary(max_size=4).map(lambda rest: b"x-mbx-" + rest.lower().replace(b":", b"")),
)
_VALUES = st.one_of(st.binary(max_size=6), st.text(st.characters(min_codepoint=33, max_codepoint=126)).map(str.encode))


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from([200, 204, 304, 400, 520]), st.lists(st.tuples(_NAMES, _VALUES), max_size=4),
    st.binary(max_size=30), st.booleans(),
)  # fmt: skip
def test_what_goes_to_the_bot_is_one_answer(
    status: int, headers: list[tuple[bytes, bytes]], body: bytes, last: bool
) -> None:
    """Whatever is put into it, an answer that goes out is exactly one, with the table's headers and that body."""
    try:
        wire = answer_bytes(Answer(status, tuple(headers), body), last=last)
    except ValueError:
        return
    theirs, bodiless = h11_reads(wire), status in (204, 304)
    assert theirs is not None
    assert (theirs.status, theirs.body, theirs.behind) == (status, b"" if bodiless else body, b"")
    passed = [(name, value.strip(b" \t")) for name, value in headers if name not in (b"set-cookie", b"connection")]
    own = [b"content-length"] * (not bodiless) + [b"connection"] * last
    assert theirs.headers[: len(passed)] == passed
    assert [name for name, _ in theirs.headers[len(passed) :]] == own
