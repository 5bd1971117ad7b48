"""The codec's writing half, without I/O: an answer to a bot's bytes, a request to an exchange's bytes.

Law: framing is ours, whatever the message says; what we send must pass the pattern that we hold others to.
"""

from functools import lru_cache
from http import HTTPStatus
from typing import Final

from gateway.core.request import Answer, Outgoing
from gateway.edge.grammar import ANSWER_HEAD, BODILESS, CODEC_ONLY, PASSED_NAMES, PASSED_PREFIXES, REQUEST_HEAD
from gateway.ports import NotSent

_STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus}

CREDENTIALS_ASKED: Final = 407

_METHODS: Final = {"GET": False, "DELETE": False, "POST": True, "PUT": True}
"""What is ever sent to an exchange, and whether an empty body is announced as such."""


def answer_bytes(answer: Answer, *, last: bool, head_only: bool = False, asks: bool = False) -> bytes:
    """An answer as it goes to the bot, its headers by allowlist.

    ``last``: the connection ends after it. ``head_only``: it answers a HEAD. ``asks``: it asks for credentials, as a
    proxy does. ValueError if it is no answer.
    """
    if not 200 <= answer.status <= 599:
        raise ValueError(f"an answer cannot have the status {answer.status}")
    lines = [_STATUS_LINES.get(answer.status) or b"HTTP/1.1 %d " % answer.status]
    lines += [b": ".join(header) for header in answer.headers if _passes(header[0])]
    if asks:
        lines.append(b'proxy-authenticate: Basic realm="tradewarden"')
    bodiless = answer.status in BODILESS
    if not bodiless:
        lines.append(b"content-length: %d" % len(answer.body))
    if last:
        lines.append(b"connection: close")
    lines.append(b"\r\n")
    head = b"\r\n".join(lines)
    if not ANSWER_HEAD.fullmatch(head) or head.count(b"\n") != len(lines):
        raise ValueError("an answer's header has a byte that no header may have")
    return head if bodiless or head_only else head + answer.body


def request_bytes(outgoing: Outgoing) -> bytes:
    """A request as it goes to the exchange. NotSent, which names no part but the host, if it is not in order."""
    if outgoing.method not in _METHODS or not _in_order(tuple([name for name, _ in outgoing.head])):
        raise NotSent(f"{outgoing.host}: a request with such a method or headers is never sent")
    lines = [f"{outgoing.method} {outgoing.target} HTTP/1.1", f"Host: {outgoing.host}"]
    lines += [f"{name}: {value}" for name, value in outgoing.head]
    if outgoing.body or _METHODS[outgoing.method]:
        lines.append(f"Content-Length: {len(outgoing.body)}")
    lines.append("\r\n")
    head = "\r\n".join(lines).encode("utf-8", "surrogatepass")
    if not REQUEST_HEAD.fullmatch(head) or head.count(b"\n") != len(lines):
        raise NotSent(f"{outgoing.host}: the request built for it is malformed")
    return head + outgoing.body


@lru_cache(maxsize=512)
def _passes(name: bytes) -> bool:
    """Whether an answer's header of this name goes to the bot."""
    return name in PASSED_NAMES or name.startswith(PASSED_PREFIXES)


@lru_cache(maxsize=64)
def _in_order(names: tuple[str, ...]) -> bool:
    """Whether a request may have headers of these names: each once, and none that is the codec's."""
    written = [name.lower().encode("ascii", "replace") for name in names]
    return len(set(written)) == len(written) and CODEC_ONLY.isdisjoint(written)
