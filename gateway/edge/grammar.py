"""The edge's tables: what a head looks like, how large and slow anything may be, and which headers pass.

Law: a head is judged whole, by one pattern that says what is right; the tables of faults only find words for
what the pattern did not match. No parser sees a byte that the pattern has not admitted.
"""

import re
from dataclasses import dataclass, replace
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
    body: int = 64 * KIB
    head_s: float = 10
    body_s: float = 30
    idle_s: float = 120
    tunnel_idle_s: float = 900
    drain_s: float = 30
    linger_s: float = 2
    connections: int = 2048
    per_peer: int = 1024
    tunnels: int = 256
    """Untouched ones, each with a connection at its far end."""
    unread: int = 256 * MIB
    """What waits for all bots together to read it; of large answers there may be many."""

    def within(self, files: int) -> "Limits":
        """The same, but no more connections than half of the files that may be open: the rest is the gateway's own."""
        return replace(self, connections=min(self.connections, files // 2), tunnels=min(self.tunnels, files // 8))


ANSWER_HEAD_LIMIT: Final = 64 * KIB
ANSWER_LIMIT: Final = 32 * MIB
"""Binance's exchangeInfo alone is beyond 10 MiB."""


class Unreadable(Refused):
    """A request that is not HTTP/1.1 as this codec reads it. ``status`` is the answer's; then the connection ends."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(DenyCode.MALFORMED, detail)
        self.status = status


_NAME = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_PATH = rb"/[\x21\x22\x24-\x7e]*+"  # no fragment
_HOST = rb"[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]+)*+"
REQUEST_LINE: Final = re.compile(rb"(?!CONNECT )([A-Z]{1,16}) ()(" + _PATH + rb") HTTP/1\.1\r\n")
ABSOLUTE_LINE: Final = re.compile(
    rb"(?!CONNECT )([A-Z]{1,16}) https?://(" + _HOST + rb"(?::[0-9]{1,5})?)(" + _PATH + rb") HTTP/1\.1\r\n"
)
CONNECT_LINE: Final = re.compile(rb"(CONNECT) ()(" + _HOST + rb":[0-9]{1,5}) HTTP/1\.[01]\r\n")
"""Each: method, authority, target. Clients of Python's http.client still say HTTP/1.0 with CONNECT."""
FIELDS: Final = re.compile(rb"(?:" + _NAME + rb":[\x20-\x7e]*+\r\n)*+\r\n")
REQUEST_HEAD: Final = re.compile(REQUEST_LINE.pattern + FIELDS.pattern)
ANSWER_HEAD: Final = re.compile(
    rb"HTTP/1\.1 ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*+)?\r\n"
    rb"(?:" + _NAME + rb":[\t\x20-\x7e\x80-\xff]*+\r\n)*+\r\n"
)
CONTENT_LENGTH: Final = re.compile(rb"[0-9]{1,12}")
HOST: Final = re.compile(rb"(?:[A-Za-z0-9._\-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")

Header = tuple[bytes, bytes]
"""A header's name in lower case, and its value without white space around it."""


def split(head: bytes) -> list[Header]:
    """The headers of a head that its pattern admitted."""
    headers = []
    for line in head.split(b"\r\n")[1:-2]:
        name, _, value = line.partition(b":")
        headers.append((name.lower(), value.strip(b" \t")))
    return headers


_FAULTS: Final = tuple(
    (re.compile(pattern), detail)
    for pattern, detail in (
        (rb"\A\x16", "this connection speaks plain HTTP, and a TLS handshake came"),
        (rb"\A\r\n", "an empty line stands before the request"),
        (rb"\APRI \* HTTP/2", "HTTP/2 is not spoken here: use HTTP/1.1"),
        (rb"\ACONNECT ", "this port is no proxy: CONNECT goes to the port of listen.forward"),
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


_FORWARD_FAULTS: Final = tuple(
    (re.compile(pattern), detail)
    for pattern, detail in (
        (rb"\ACONNECT ", "CONNECT names a host and a port, as api.binance.com:443"),
        (rb"\A[A-Z]+ /", "this is the forward port, for HTTPS_PROXY: a base URL leads to the port of listen.reverse"),
        (rb"\A[A-Z]+ (?!https?://)", "the target is in no form that a forward proxy reads: CONNECT, or http://host/path"),
        (rb"\A[A-Z]+ https?://[^/ ]*[^A-Za-z0-9._:/ -]", "the host of the target cannot be read"),
    )
)


def fault(head: bytes, forward: bool = False) -> Unreadable:
    """Words for a request head (or the beginning of one) that is not in the grammar."""
    faults = (*_FAULTS[:3], *_FORWARD_FAULTS, *_FAULTS[4:]) if forward else _FAULTS
    return Unreadable(400, next((d for pattern, d in faults if pattern.search(head)), "the request head is malformed"))


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


@lru_cache(maxsize=64)
def members(listed: bytes) -> frozenset[bytes]:
    """The comma-separated members of a header's value, lower-cased."""
    return frozenset([member.strip() for member in listed.lower().split(b",")]) - {b""}
