"""Answers in and messages out: framing is judged strictly on the way in, and is ours on the way out."""

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.request import Answer, Outgoing
from gateway.edge import answers
from gateway.edge.answers import AnswerReader
from gateway.edge.grammar import ANSWER_HEAD_LIMIT
from gateway.edge.wire import answer_bytes, request_bytes
from gateway.ports import NoAnswer, NotSent
from tests.edge.reading import one_by_one, read

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

# name: (bytes, body, whether the connection may be used again)
WHOLE = {
    "by length": (OK + b"Content-Length: 2\r\n\r\n{}", b"{}", True),
    "of length zero": (OK + b"Content-Length: 0\r\n\r\n", b"", True),
    "in chunks": (CHUNKED + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", b"{}", True),
    "in chunks with leading zeros": (CHUNKED + b"002\r\n{}\r\n000\r\n\r\n", b"{}", True),
    "chunks that look like an end": (CHUNKED + b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n", True),
    "without a body": (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b"", True),
    "after 100": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\n{}", b"{}", True),
    "after 103": (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\n{}", b"{}", True),
    "without a reason": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}", b"{}", True),
    "that closes": (OK + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}", b"{}", False),
    "that closes, in chunks": (OK + b"Connection: Close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"", False),
    "with a byte too many": (OK + b"Content-Length: 2\r\n\r\n{}x", b"{}", False),
    "with a line end too many": (OK + b"Content-Length: 2\r\n\r\n{}\r\n", b"{}", False),
    "with another answer behind": (2 * (OK + b"Content-Length: 2\r\n\r\n{}"), b"{}", False),
    "in chunks, with another answer behind": (2 * (CHUNKED + b"2\r\n{}\r\n0\r\n\r\n"), b"{}", False),
    "in chunks, with a byte too many": (CHUNKED + b"0\r\n\r\nx", b"", False),
    "in chunks, with a line end too many": (CHUNKED + b"2\r\n{}\r\n0\r\n\r\n\r\n", b"{}", False),
    "in chunks, with another end behind": (CHUNKED + b"0\r\n\r\n0\r\n\r\n", b"", False),
    "in chunks, with trailers": (CHUNKED + b"2\r\n{}\r\n0\r\nX: y\r\n\r\n", b"{}", False),
    "in chunks, with trailers like an end": (CHUNKED + b"2\r\n{}\r\n0\r\nX: 0\r\n\r\n", b"{}", False),
    "without a body, and one came": (b"HTTP/1.1 204 No Content\r\n\r\nx", b"", False),
}
DOUBTFUL = {
    "ends with the connection": OK + b"\r\n{}",
    "has chunks and a length": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
    "has two lengths": OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "has no number for a length": OK + b"Content-Length: 2, 2\r\n\r\n{}",
    "has another coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "has two codings": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "switches protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    "is HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "is HTTP/2": b"HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "is no HTTP": b"<html>\r\n\r\n",
    "folds a header": OK + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
    "has a bare line feed": OK + b"X: a\nContent-Length: 2\r\n\r\n{}",
    "has white space before a colon": OK + b"Content-Length : 2\r\n\r\n{}",
    "has a status of four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}",
    "has a chunk size that is none": CHUNKED + b"x\r\n",
    "has a chunk with a bare line feed": CHUNKED + b"2\n{}\r\n0\r\n\r\n",
    "has a chunk longer than it says": CHUNKED + b"1\r\n{}\r\n0\r\n\r\n",
    "has a negative chunk": CHUNKED + b"-1\r\n",
    "announces too much": OK + b"Content-Length: 67108865\r\n\r\n",
    "has a head without end": OK + b"X: " + b"a" * (64 * 1024),
    "hints for ever": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 9,
}


@pytest.mark.parametrize(("wire", "body", "reusable"), WHOLE.values(), ids=WHOLE)
def test_a_whole_answer(wire: bytes, body: bytes, reusable: bool) -> None:
    """A framed answer is read to its end; its connection is used again only if nothing speaks against it."""
    reader = AnswerReader()
    answer = reader.receive(wire)
    assert answer is not None
    assert (answer.body, reader.reusable) == (body, reusable)


@pytest.mark.parametrize(("wire", "body", "reusable"), [w for w in WHOLE.values() if w[2]], ids=str)
def test_a_whole_answer_in_pieces(wire: bytes, body: bytes, reusable: bool) -> None:
    """Byte by byte the answer is whole at its last byte, not before."""
    reader = AnswerReader()
    said = [reader.receive(piece) for piece in one_by_one(wire)]
    assert said[:-1] == [None] * (len(wire) - 1)
    assert said[-1] is not None
    assert (said[-1].body, reader.reusable) == (body, reusable)


@pytest.mark.parametrize("wire", DOUBTFUL.values(), ids=DOUBTFUL)
def test_a_doubtful_answer_is_none(wire: bytes) -> None:
    """An answer whose end or meaning two readers could see differently is no answer."""
    with pytest.raises(NoAnswer):
        AnswerReader().receive(wire)


def test_an_answer_beyond_the_limit_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks announce no total: what came is counted."""
    monkeypatch.setattr(answers, "ANSWER_LIMIT", 100)
    reader = AnswerReader()
    reader.receive(CHUNKED)
    with pytest.raises(NoAnswer):
        reader.receive(b"40\r\n" + b"a" * 64 + b"\r\n")


def test_hop_by_hop_headers_stay_behind() -> None:
    """Neither the connection's own headers, nor those it names, nor the length are part of the answer."""
    hops = b"Connection: keep-alive, X-Hop\r\nKeep-Alive: 5\r\nX-Hop: 1\r\n"
    wire = OK + hops + b"X-MBX-UUID: u\r\nContent-Length: 0\r\n\r\n"
    answer = AnswerReader().receive(wire)
    assert answer is not None
    assert answer.headers == ((b"x-mbx-uuid", b"u"),)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.integers(1, 50))
def test_chunks_mean_what_h11_says(bodies: list[bytes], size: int) -> None:
    """A chunked answer, cut anywhere, has the body that h11 reads."""
    wire = CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(body), body) for body in bodies) + b"0\r\n\r\n"
    reader, answer = AnswerReader(), None
    for at in range(0, len(wire), size):
        assert answer is None
        answer = reader.receive(wire[at : at + size])
    assert answer is not None
    assert reader.reusable
    assert answer.body == _h11_body(wire) == b"".join(bodies)


def _h11_body(wire: bytes) -> bytes:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(wire)
    body = b""
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        assert event is not h11.NEED_DATA
        body += bytes(event.data) if isinstance(event, h11.Data) else b""
    return body


# -- out to the bot ---------------------------------------------------------------------------------------------------

HEADERS = (
    (b"content-type", b"application/json"), (b"content-encoding", b"gzip"), (b"retry-after", b"3"),
    (b"x-mbx-used-weight-1m", b"4"), (b"x-sapi-used-ip-weight-1m", b"1"), (b"x-tradewarden-decision", b"d1"),
    (b"set-cookie", b"a=b"), (b"alt-svc", b"h3"), (b"strict-transport-security", b"max-age=1"), (b"server", b"nginx"),
    (b"content-length", b"999"), (b"date", b"now"), (b"transfer-encoding", b"chunked"), (b"connection", b"close"),
)  # fmt: skip


def test_headers_to_the_bot_go_by_allowlist() -> None:
    """Only the table's headers go out, and the length is ours."""
    wire = answer_bytes(Answer(200, HEADERS, b"{}"), last=False)
    head, _, body = wire.partition(b"\r\n\r\n")
    names = [line.partition(b":")[0] for line in head.split(b"\r\n")[1:]]
    assert names == [name for name, _ in HEADERS[:6]] + [b"content-length"]
    assert head.endswith(b"content-length: 2")
    assert body == b"{}"


@pytest.mark.parametrize(
    ("answer", "last", "head_only", "wire"),
    [
        (
            Answer(403, (), b"no"), True, False,
            b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno",
        ),
        (Answer(200, (), b"no"), False, True, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"),
        (Answer(204, (), b""), False, False, b"HTTP/1.1 204 No Content\r\n\r\n"),
        (Answer(304, (), b""), False, False, b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        (Answer(520, (), b"x"), False, False, b"HTTP/1.1 520 \r\ncontent-length: 1\r\n\r\nx"),
    ],
    ids=["last", "to a HEAD", "204", "304", "a status without a name"],
)
def test_answers_on_the_wire(answer: Answer, last: bool, head_only: bool, wire: bytes) -> None:
    assert answer_bytes(answer, last=last, head_only=head_only) == wire


@pytest.mark.parametrize("value", [b"a\r\nSet-Cookie: b", b"a\nb", b"a\x00", b"a\r\n\r\nHTTP/1.1 200 OK\r\n"])
def test_no_header_splits_an_answer(value: bytes) -> None:
    with pytest.raises(ValueError, match="header"):
        answer_bytes(Answer(200, ((b"x-tradewarden-decision", value),), b""), last=False)


@pytest.mark.parametrize("status", [0, 100, 101, 199, 600])
def test_a_status_that_is_no_answers(status: int) -> None:
    with pytest.raises(ValueError, match="status"):
        answer_bytes(Answer(status, (), b""), last=False)


# -- out to the exchange ----------------------------------------------------------------------------------------------


def _outgoing(**changes: object) -> Outgoing:
    parts: dict[str, object] = {
        "host": "api.binance.com", "method": "GET", "target": "/api/v3/order?a=b", "head": (("X-MBX-APIKEY", "k"),),
        "body": b"", "reads_only": False,
    }  # fmt: skip
    return Outgoing(**(parts | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "tail"),
    [
        ({}, b"\r\n"),
        ({"method": "DELETE"}, b"\r\n"),
        ({"method": "POST"}, b"Content-Length: 0\r\n\r\n"),
        ({"method": "PUT"}, b"Content-Length: 0\r\n\r\n"),
        ({"method": "DELETE", "body": b"a=1"}, b"Content-Length: 3\r\n\r\na=1"),
    ],
    ids=str,
)
def test_requests_on_the_wire(changes: dict[str, object], tail: bytes) -> None:
    """Host and length are ours, in every method that is sent."""
    outgoing = _outgoing(**changes)
    start = f"{outgoing.method} /api/v3/order?a=b HTTP/1.1\r\nHost: api.binance.com\r\nX-MBX-APIKEY: k\r\n"
    assert request_bytes(outgoing) == start.encode() + tail


SECRET = "7e54a895a5261c07"
BROKEN = {
    "a target with a line end": {"target": f"/a?signature={SECRET}\r\nX: y"},
    "a target with a space": {"target": f"/a?signature={SECRET} "},
    "a target with a fragment": {"target": f"/a?signature={SECRET}#"},
    "a target beyond ASCII": {"target": f"/a?signature={SECRET}é"},
    "a target with a surrogate": {"target": f"/a?signature={SECRET}\ud800"},
    "a target that is absolute": {"target": f"https://evil/?signature={SECRET}"},
    "a value with a line end": {"head": (("X-MBX-APIKEY", f"{SECRET}\r\nX: y"),)},
    "a name with a line end": {"head": ((f"X: {SECRET}\r\nX", "y"),)},
    "an empty name": {"head": (("", SECRET),)},
    "a second Host": {"head": (("host", SECRET),)},
    "a length of its own": {"head": (("Content-Length", "3"),)},
    "a coding of its own": {"head": (("transfer-encoding", "chunked"),)},
    "a connection of its own": {"head": (("Connection", "close"),)},
    "a header twice": {"head": (("X-MBX-APIKEY", SECRET), ("x-mbx-apikey", SECRET))},
    "a method that is never sent": {"method": "CONNECT"},
    "HEAD": {"method": "HEAD"},
}


@pytest.mark.parametrize("changes", BROKEN.values(), ids=BROKEN)
def test_a_broken_request_is_not_sent(changes: dict[str, object]) -> None:
    """A request that would mean something else on the wire is not sent, and the error quotes none of it."""
    with pytest.raises(NotSent) as raised:
        request_bytes(_outgoing(**changes))
    assert SECRET not in str(raised.value)


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=20),
    st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=3),
    st.binary(max_size=20),
)
def test_what_we_send_is_one_request(target: str, head: list[tuple[str, str]], body: bytes) -> None:
    """Whatever is put into it, a request that leaves is exactly one, with that target and that body."""
    outgoing = _outgoing(target="/" + target, head=tuple(head), body=body, method="POST")
    try:
        wire = request_bytes(outgoing)
    except NotSent:
        return
    said = read([wire])
    assert [(request.target, request.body) for request in said.requests] == [(outgoing.target.encode(), body)]
    assert len(said.requests[0].headers) == len(head) + 2


@pytest.mark.parametrize("cut", [0, 1, 40])
def test_a_head_beyond_the_limit_is_no_answer(cut: int) -> None:
    """In one piece or in two."""
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: %b\r\n\r\n"
    fits = head % (b"x" * (ANSWER_HEAD_LIMIT - len(head) + 2))
    assert len(fits) == ANSWER_HEAD_LIMIT
    assert AnswerReader().receive(fits) is not None
    reader, long = AnswerReader(), fits.replace(b"x: ", b"xx: ")
    reader.receive(long[:cut])
    with pytest.raises(NoAnswer, match="head is longer"):
        reader.receive(long[cut:])
