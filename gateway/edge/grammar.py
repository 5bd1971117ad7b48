"""The edge's tables: what a head looks like, how large and slow anything may be, and which headers pass.

Law: a head is judged whole, by one pattern that says what is right; the tables of faults only find words for
what the pattern did not match. No parser sees a byte that the pattern has not admitted.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.core.decision import DenyCode
from gateway.core.errors import Refused

KIB: Final = 1024
MIB: Final = 1024 * KIB
HEAD_END: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a bot may send and how long it may take. Sizes in bytes, times in seconds."""

    request_line: int = 8 * KIB
    head: int = 32 * KIB
    headers: int = 100
    body: int = MIB
    head_s: float = 10
    body_s: float = 30
    idle_s: float = 120
    drain_s: float = 30
    linger_s: float = 2
    connections: int = 2048
    per_peer: int = 1024


ANSWER_HEAD_LIMIT: Final = 64 * KIB
ANSWER_LIMIT: Final = 64 * MIB
"""Binance's exchangeInfo alone is beyond 10 MiB."""


class Unreadable(Refused):
    """A request that is not HTTP/1.1 as this codec reads it. ``status`` is the answer's; then the connection ends."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(DenyCode.MALFORMED, detail)
        self.status = status


_NAME = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_LINE = rb"(?!CONNECT )([A-Z]{1,16}) (/[\x21\x22\x24-\x7e]*+) HTTP/1\.1\r\n"  # origin-form only, and no fragment
_FIELDS = rb"(?:" + _NAME + rb":[\x20-\x7e]*+\r\n)*+\r\n"
REQUEST_LINE: Final = re.compile(_LINE)
REQUEST_HEAD: Final = re.compile(_LINE + _FIELDS)
ANSWER_HEAD: Final = re.compile(
    rb"HTTP/1\.1 ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*+)?\r\n"
    rb"(?:" + _NAME + rb":[\t\x20-\x7e\x80-\xff]*+\r\n)*+\r\n"
)
CONTENT_LENGTH: Final = re.compile(rb"[0-9]{1,12}")
HOST: Final = re.compile(rb"(?:[A-Za-z0-9._\-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")

_FAULTS: Final = tuple(
    (re.compile(pattern), detail)
    for pattern, detail in (
        (rb"\A\x16", "this port speaks plain HTTP, and a TLS handshake came"),
        (rb"\A\r\n", "an empty line stands before the request"),
        (rb"\APRI \* HTTP/2", "HTTP/2 is not spoken here: use HTTP/1.1"),
        (rb"\ACONNECT ", "this port is no tunnel: CONNECT is not spoken here"),
        (rb"(?<!\r)\n", "a line ends in a bare line feed"),
        (rb"\r(?!\n)", "a carriage return stands alone"),
        (rb"\A(?![A-Z]{1,16} )", "the request line does not begin with a method"),
        (rb"\A[A-Z]+ [^ \r]*\r\n|\A[^\r]+ HTTP/(?!1\.1\r)", "only HTTP/1.1 is spoken here"),
        (rb"\A[A-Z]+ [^/ \r]*://", "the target is in absolute-form: send path and query only"),
        (rb"\A[A-Z]+ \* ", "the target is an asterisk: send path and query"),
        (rb"\A[A-Z]+ (?!/)", "the target does not begin with a slash"),
        (rb"\A[A-Z]+ [^ \r]*#", "the target has a fragment"),
        (rb"\A[A-Z]+ [^ \r]*[^\x21-\x7e \r]", "the target has a byte that is not printable ASCII"),
        (rb"\r\n[ \t]", "a header is folded over two lines"),
        (rb"\r\n[^:\r]*[ \t]:", "white space stands before a header's colon"),
        (rb"\r\n:", "a header has no name"),
        (rb"\r\n[^:\r]+\r\n", "a header has no colon"),
        (rb"[^\x20-\x7e\r\n]", "a header has a byte that is not printable ASCII"),
    )
)


def fault(head: bytes) -> Unreadable:
    """Words for a request head (or the beginning of one) that REQUEST_HEAD did not match."""
    return Unreadable(400, next((d for pattern, d in _FAULTS if pattern.search(head)), "the request head is malformed"))


REPEATABLE: Final = frozenset((b"accept", b"accept-encoding", b"accept-language", b"cache-control", b"pragma"))
"""The only request headers that may stand twice: lists by definition, and nothing here reads them."""

REFUSED: Final = {
    b"transfer-encoding": (411, "a request's body comes with Content-Length, not chunked"),
    b"content-encoding": (415, "a request's body comes without Content-Encoding"),
    b"expect": (417, "Expect is not served: send the body with the head"),
    b"trailer": (400, "a request has no trailers"),
}
"""Request headers that end the connection, with the status and words of the refusal."""

PASSED_NAMES: Final = frozenset((b"content-type", b"content-encoding", b"retry-after", b"warning"))
PASSED_PREFIXES: Final = (b"x-mbx-", b"x-sapi-", b"x-tradewarden-")
"""The answer's headers that go to the bot; whatever else the exchange sent stays here."""

HOP_BY_HOP: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te", b"trailer", b"transfer-encoding",
     b"upgrade")
)
CODEC_ONLY: Final = HOP_BY_HOP | {b"host", b"content-length", b"expect", b"proxy-authorization"}
"""Headers of a request to an exchange that nobody but the codec may write."""

BODILESS: Final = frozenset((204, 304))


def tokens(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> frozenset[bytes]:
    """The comma-separated members of all headers of that name, lower-cased."""
    return _members(b",".join([value for key, value in headers if key == name]))


@lru_cache(maxsize=64)
def _members(listed: bytes) -> frozenset[bytes]:
    return frozenset([member.strip() for member in listed.lower().split(b",")]) - {b""}
