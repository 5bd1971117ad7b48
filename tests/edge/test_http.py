"""Requests in: what is accepted is accepted whole and unchanged, what is in doubt is refused with the right status."""

import time
from typing import Any

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.request import RawRequest
from gateway.edge.grammar import Limits
from tests.edge.reading import cases, expected, one_by_one, raw, read

REFUSED = dict(cases("refused"))
ACCEPTED = dict(cases("accepted")) | dict(cases("recorded"))
PLAIN = b"GET /api/v3/time HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_refused(case: dict[str, Any]) -> None:
    """Every trick is refused with its own status and words, and nothing of it is taken for a request."""
    said = read([raw(case)])
    assert said.refusal is not None
    assert (said.refusal.status, len(said.requests)) == (case["status"], case["before"])
    assert case["says"] in said.refusal.detail


@pytest.mark.parametrize("case", [c for c in REFUSED.values() if len(c["raw"]) < 1000], ids=lambda c: c["why"])
def test_refused_in_pieces(case: dict[str, Any]) -> None:
    """A trick that comes byte by byte is refused all the same, at the latest at its last byte."""
    said = read(one_by_one(raw(case)))
    assert said.refusal is not None
    assert len(said.requests) == case["before"]


@pytest.mark.parametrize("case", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(case: dict[str, Any]) -> None:
    """What clients send is read to the byte, whole or in pieces, and whether another request may follow is known."""
    for pieces in ([raw(case)], one_by_one(raw(case))):
        said = read(pieces)
        assert said.refusal is None
        assert said.requests == expected(case)
        assert (said.waiting, said.last) == (False, case["last"])


def test_a_refusal_quotes_nothing_of_the_request() -> None:
    """Words of a refusal come from our table (and a repeated header's name), never from values or targets."""
    canary = "7e54a895a5261c07"
    for case in REFUSED.values():
        marked = case["raw"].replace("/api/v3/", f"/api/{canary}/").replace(": ", f": {canary}", 1)
        said = read([marked.encode("latin-1")])
        assert said.refusal is None or canary not in said.refusal.detail


@pytest.mark.parametrize(
    ("size", "status"), [(0, None), (1, 413)], ids=["a body of exactly the limit passes", "one byte more does not"]
)
def test_body_limit(size: int, status: int | None) -> None:
    length = Limits().body + size
    said = read([b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % length, b"x" * length])
    assert (said.refusal.status if said.refusal else None) == status


def test_limits_are_exact() -> None:
    """A request line, a head and a count of headers at their limits pass; one more is refused."""
    limits = Limits(request_line=30, head=60, headers=2)
    line = b"GET /%b HTTP/1.1"
    for target, status in ((b"a" * 16, None), (b"a" * 17, 414)):
        said = read([line % target + b"\r\nHost: a\r\n\r\n"], limits)
        assert (said.refusal.status if said.refusal else None) == status
    for filling, status in ((29, None), (30, 431)):
        head = b"GET / HTTP/1.1\r\nHost: a\r\nX:" + b"a" * filling + b"\r\n\r\n"
        said = read([head], limits)
        assert (len(head) - 60 > 0, said.refusal.status if said.refusal else None) == (status is not None, status)
    said = read([b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\nY: a\r\n\r\n"], Limits(headers=2))
    assert said.refusal is not None
    assert said.refusal.status == 431


@pytest.mark.parametrize("filling", [b" ", b"a", b"A", b":", b"/", b"\t", b"a ", b"\r\n", b"a:\r\n", b"HTTP/", b"://"])
@pytest.mark.parametrize("start", [b"", b"GET ", b"GET /", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX"])
def test_words_for_a_refusal_cost_little(start: bytes, filling: bytes) -> None:
    """A head of the largest size, made to keep patterns busy, is judged in milliseconds: no pattern goes to and fro."""
    head = start + filling * (30_000 // len(filling))
    began = time.process_time()
    read([head], Limits(request_line=40_000, headers=40_000))
    read([head + b"\x00\r\n\r\n"], Limits(request_line=40_000, headers=40_000))
    assert time.process_time() - began < 0.3


def test_repeated_headers_are_judged_by_their_bytes_and_method() -> None:
    """Headers that are the last request's to the byte are judged already; the smallest difference is judged anew."""
    post = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"
    said = read([PLAIN, PLAIN, post, post, PLAIN])
    assert [request.body for request in said.requests] == [b"", b"", b"ab", b"ab", b""]
    for second in (
        post.replace(b"Host", b"Hos\x00"),
        post.replace(b"POST", b"CONNECT"),
        post.replace(b"POST", b"NONE"),
        post.replace(b"POST", b"PO").replace(b"Host", b"ST"),
        post.replace(b"/a", b"/a#"),
        post.replace(b": 2", b": 2\r\nContent-Length: 2"),
    ):
        said = read([post + second])
        assert len(said.requests) == 1
        assert said.refusal is not None


_HEAD = b"POST /a HTTP/1.1\r\nHost: a\r\nAccept: %b\r\nContent-Length: 2\r\n\r\n" % (b"a" * 40)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(_HEAD) - 1), st.sampled_from([*b" \r\n\t\x00:;aZ09#/\x80", None]))
def test_a_second_request_is_judged_as_a_first(at: int, byte: int | None) -> None:
    """One byte changed or gone anywhere in a repeated head: the reader says of it what a new reader says."""
    changed = _HEAD[:at] + (b"" if byte is None else bytes([byte])) + _HEAD[at + 1 :] + b"ab"
    alone, second = read([changed]), read([_HEAD + b"ab", changed])
    assert second.requests[1:] == alone.requests
    assert (second.refusal is None) == (alone.refusal is None)
    assert second.last == alone.last or not alone.requests


# -- against a second parser ------------------------------------------------------------------------------------------

_TOKENS = st.sampled_from(
    [b"GET", b"POST", b"CONNECT", b" ", b"  ", b"/", b"/a?b=c", b"*", b"http://h/", b"#", b"HTTP/1.1", b"HTTP/1.0",
     b"\r\n", b"\n", b"\r", b"\t", b":", b": ", b"Host", b"host: a", b"Host: a\r\n",
     b"Content-Length", b"Content-Length: 3\r\n",
     b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Upgrade: h2c\r\n",
     b"Connection: Upgrade\r\n", b"3", b"0\r\n\r\n", b"abc", b"\x00", b"\x80", b"\r\n\r\n", b"X: y\r\n", b"X: y \r\n"]
)  # fmt: skip
_REQUESTS = st.builds(
    lambda method, target, headers, body: (
        b"%b %b HTTP/1.1\r\nHost: a\r\n%b" % (method, target, b"".join(headers))
        + (b"Content-Length: %d\r\n" % len(body) if body else b"") + b"\r\n" + body
    ),
    st.sampled_from([b"GET", b"POST", b"DELETE", b"PUT", b"HEAD", b"OPTIONS"]),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20).map(lambda t: b"/" + t.encode()),
    st.lists(
        st.sampled_from([b"A: b\r\n", b"B:c\r\n", b"X-E:\r\n", b"Connection: close\r\n", b"Accept: *\r\n"]), max_size=3
    ),
    st.binary(max_size=40),
)
_WIRES = st.one_of(
    st.lists(_TOKENS, max_size=14).map(b"".join),
    st.lists(_REQUESTS, min_size=1, max_size=3).map(b"".join),
    st.builds(
        lambda message, at, junk, cut: message[: at % len(message)] + junk + message[at % len(message) + cut :],
        st.lists(_REQUESTS, min_size=1, max_size=2).map(b"".join),
        st.integers(0, 10**6), _TOKENS, st.integers(0, 3),
    ),
)


def _h11_reads(wire: bytes) -> list[tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes]]:
    """The whole requests that h11 finds, up to its first doubt or the end of the connection."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(wire)
    found: list[tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes]] = []
    request, body = None, b""
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                request, body = event, b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                assert request is not None
                found.append((request.method, request.target, [(n, v) for n, v in request.headers], body))
                connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    return found
                connection.start_next_cycle()
            else:
                return found
    except h11.ProtocolError:
        return found


def _shown(request: RawRequest) -> tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes]:
    return request.method, request.target, list(request.headers), request.body


@settings(max_examples=200, deadline=None)
@given(_WIRES)
def test_what_we_accept_h11_reads_alike(wire: bytes) -> None:
    """Every request of ours is h11's, part for part and in order; what follows a last one is nobody's."""
    said = read([wire])
    theirs = _h11_reads(wire)
    ours = [_shown(request) for request in said.requests]
    assert ours[: len(theirs)] == theirs[: len(ours)]
    if said.refusal is None and not said.waiting and not any(_ends(request) for request in said.requests):
        assert ours == theirs
    assert len(theirs) >= len(ours) or any(_ends(request) for request in said.requests)


def _ends(request: RawRequest) -> bool:
    """Whether h11 stops at this one (close, or an upgrade)."""
    return request.header(b"connection") is not None


@settings(max_examples=150, deadline=None)
@given(_WIRES, st.lists(st.integers(1, 30), max_size=12))
def test_pieces_change_nothing(wire: bytes, sizes: list[int]) -> None:
    """However the bytes are cut, the same requests come out, and the same ones are refused."""
    pieces, rest = [], wire
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    whole, cut = read([wire]), read([*pieces, rest])
    assert cut.requests == whole.requests
    assert (cut.refusal is None) == (whole.refusal is None)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_rubbish_is_refused_or_waits(wire: bytes) -> None:
    """No bytes make the reader fail in any other way than by refusing."""
    read([wire])
