"""Raw request → Call. Each request is read here once; whatever could be read in two ways is refused.

The path must be a row of the table, byte for byte. Parameters obey ``wire``'s grammar, no name twice, across query and
body. On a call that changes state every parameter is known by name and value; on a read, unknown ones go along, spelt
anew. A row without a decoder becomes a Forbidden intent, with whatever proof it carried.

Bots repeat their reads but for signature and timestamp, so these two are taken out of the bytes first. What the rest
means follows from the row and these bytes alone, and of a GET is remembered. What changes state is read anew each time.
"""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

from msgspec import Struct

from gateway.core.decision import DenyCode
from gateway.core.errors import Refused
from gateway.core.intent import Forbidden, Intent, Public, Read, ReadName
from gateway.core.request import Call, Endpoint, Headers, Proof, RawRequest, Security
from gateway.exchanges.binance import orders, wire
from gateway.exchanges.binance.hosts import HOSTS, product
from gateway.exchanges.catalogue import Catalogue, load, refusal

CATALOGUE: Final[Catalogue] = load("gateway.exchanges.binance")

_METHODS: Final = {b"GET": "GET", b"POST": "POST", b"PUT": "PUT", b"DELETE": "DELETE"}
_PATH: Final = re.compile(rb"(?:/[A-Za-z0-9_-]+)+")
_LONG: Final = re.compile(r"[^/]{40}")
"""No path has such a segment; a secret in the wrong place would be one, and is not said back."""
_TOKEN_ID: Final = re.compile(rb"[A-Za-z0-9_-]{1,128}")
_FORM: Final = re.compile(rb"application/(?:x-www-form-urlencoded|json)(?: *; *charset=utf-8)?", re.IGNORECASE)
"""hummingbot labels its forms as JSON. What follows is read as a form alone, and no JSON text is one."""
_HEX_LENGTH: Final = 64
"""No signature but an HMAC in hex is so long."""
_TIMESTAMP: Final = re.compile(r"[1-9][0-9]{12}(?:[0-9]{3})?", re.ASCII)
_WINDOW: Final = re.compile(r"(0|[1-9][0-9]{0,4})(?:\.([0-9]{1,3}))?", re.ASCII)
_WINDOW_US: Final = 5_000_000
_WINDOW_MOST_US: Final = 60_000_000
_ONCE: Final = frozenset({b"x-mbx-apikey", b"content-type", b"x-mbx-time-unit"})
_CODINGS: Final = ("gzip", "deflate", "br")
_TAKEN: Final = frozenset({"signature", "timestamp"})

LEARNED_FROM: Final = frozenset({"place", "test", "cancel", "cancel_all", "query_order", "open_orders", "all_orders"})
"""Decoders whose answers the ledger reads; these answers must come uncompressed."""

Decoded = tuple[Intent, tuple[tuple[str, str], ...], frozenset[str]]


class _Head(Struct, frozen=True):
    """What the headers say. ``token_id``: None without one, empty if it has the form of none."""

    token_id: str | None
    encodings: str
    form: bool


class _Stamp(Struct, frozen=True):
    """What no two requests share, and the bytes that the bot signed."""

    signature: str | None
    timestamp: str | None
    payload: bytes


class _Meaning(Struct, frozen=True):
    """What the parameters without their stamp say. ``window`` counts, and is judged, only beside a signature."""

    intent: Intent
    extras: tuple[tuple[str, str], ...]
    needs_grant: frozenset[str]
    window: str | None


def decode(raw: RawRequest, host: str | None, target: bytes) -> Call:
    """The call this request makes at ``host`` (None: the path decides). Raises Refused."""
    path, _, query = target.partition(b"?")
    head = _head(raw.headers)
    endpoint = _endpoint(raw.method, host, path)
    environment = None if host is None else HOSTS[host]
    if not endpoint.decoder:
        code, why = refusal(endpoint)
        refused = Forbidden(why, ever=code is not DenyCode.FORBIDDEN)
        return Call(endpoint, refused, (), _proof_if_any(endpoint, head, query, raw.body), environment)
    if raw.body:
        _check_body(raw.method, head)
    stamp, text = _apart(query, raw.body)
    understand = _remembered if raw.method == b"GET" else _meaning
    meaning = understand(endpoint.decoder, endpoint.read, text)
    proof = _proof(endpoint, head, stamp, meaning.window)
    encodings = "identity" if endpoint.decoder in LEARNED_FROM else head.encodings
    return Call(endpoint, meaning.intent, meaning.extras, proof, environment, encodings, meaning.needs_grant)


@lru_cache(maxsize=64)
def _head(headers: Headers) -> _Head:
    """A bot's headers are the same for many requests."""
    fields = dict(headers)
    if len(fields) != len(headers):
        names = [name for name, _ in headers if name in _ONCE]
        if len(names) != len(set(names)):
            raise Refused(DenyCode.MALFORMED, "a header that may stand once stands twice")
    if b"upgrade" in fields:
        raise Refused(DenyCode.UNSUPPORTED, "WebSocket connections are not served by this version")
    if b"content-encoding" in fields:
        raise Refused(DenyCode.MALFORMED, "a request body may not be compressed")
    if b"x-mbx-sbe" in fields:
        raise Refused(DenyCode.PARAMETER, "header X-MBX-SBE (binary answers) is not supported; leave it out")
    if fields.get(b"x-mbx-time-unit", b"MILLISECOND").upper() != b"MILLISECOND":
        raise Refused(DenyCode.PARAMETER, "header X-MBX-TIME-UNIT may only be MILLISECOND")
    return _Head(
        _token_id(fields.get(b"x-mbx-apikey")), _encodings(fields.get(b"accept-encoding", b"")),
        _FORM.fullmatch(fields.get(b"content-type", b"")) is not None,
    )


def _token_id(key: bytes | None) -> str | None:
    if key is None:
        return None
    return key.decode("ascii") if _TOKEN_ID.fullmatch(key) else ""


def _encodings(header: bytes) -> str:
    """The content codings that may be passed on, in one spelling."""
    asked = {part.strip() for part in header.decode("latin-1").lower().split(",")}
    return ", ".join(coding for coding in _CODINGS if coding in asked) or "identity"


@lru_cache(maxsize=256)
def _endpoint(method: bytes, host: str | None, path: bytes) -> Endpoint:
    """The row. What is refused is not remembered, so a stranger's paths push nothing out."""
    if not _PATH.fullmatch(path):
        raise Refused(DenyCode.MALFORMED, "the path is not in its one canonical spelling")
    text = path.decode("ascii")
    verb, named = _METHODS.get(method), product(host, text)
    endpoint = CATALOGUE.find(verb, named, text) if verb and named else None
    if endpoint is None:
        name = f"{method[:10].decode('latin-1')} {text[:100] if _LONG.search(text) is None else 'this path'}"
        raise Refused(DenyCode.UNKNOWN_ENDPOINT, f"{name} is not in the catalogue")
    return endpoint


def _check_body(method: bytes, head: _Head) -> None:
    if method == b"GET":
        raise Refused(DenyCode.MALFORMED, "a GET request has no body")
    if not head.form:
        raise Refused(DenyCode.MALFORMED, "a body must be application/x-www-form-urlencoded")


def _apart(query: bytes, body: bytes) -> tuple[_Stamp, bytes]:
    """The stamp, and the parameters without it. A second signature or timestamp stays, and ``_sent`` finds it."""
    query, body = wire.marked(query), wire.marked(body)
    signature, query = wire.taken(query, "signature")
    if signature is None:
        signature, body = wire.taken(body, "signature")
    timestamp, text = wire.taken(query + body, "timestamp")
    return _Stamp(signature, timestamp, query[1:] + body[1:]), text


def _sent(text: bytes) -> dict[str, str]:
    return wire.once(wire.parse(text), _TAKEN)


def _meaning(decoder: str, read: ReadName | None, text: bytes) -> _Meaning:
    sent = _sent(text)
    window = sent.pop("recvWindow", None)
    return _Meaning(*_DECODERS[decoder](sent, read), window)


_remembered: Final = lru_cache(maxsize=512)(_meaning)


def _proof(endpoint: Endpoint, head: _Head, stamp: _Stamp, window: str | None) -> Proof | None:
    signature, timestamp = stamp.signature, stamp.timestamp
    if head.token_id is None and signature is None and endpoint.security is Security.NONE:
        return None
    if not head.token_id:
        raise Refused(DenyCode.TOKEN, "API-key format invalid (header X-MBX-APIKEY)")
    if signature is None and endpoint.security is not Security.SIGNED:
        return Proof(head.token_id, b"", None, 0, 0)
    if not signature or not timestamp:
        missing = "timestamp" if signature else "signature"
        raise Refused(DenyCode.PARAMETER, f"Mandatory parameter '{missing}' was not sent")
    canonical = signature.lower() if len(signature) == _HEX_LENGTH else signature
    return Proof(head.token_id, stamp.payload, canonical, _signed_at_us(timestamp), _window_us(window))


def _proof_if_any(endpoint: Endpoint, head: _Head, query: bytes, body: bytes) -> Proof | None:
    """The proof on a request that is refused in any case: it says whose request it was, if that can be told."""
    try:
        stamp, text = _apart(query, body)
        return _proof(endpoint, head, stamp, _sent(text).get("recvWindow"))
    except Refused:
        return None


def _signed_at_us(text: str) -> int:
    if not _TIMESTAMP.fullmatch(text):
        raise Refused(DenyCode.PARAMETER, "parameter 'timestamp' must be 13 digits (ms) or 16 digits (µs)")
    return int(text) if len(text) == 16 else int(text) * 1000


@lru_cache(maxsize=64)
def _window_us(text: str | None) -> int:
    if text is None:
        return _WINDOW_US
    match = _WINDOW.fullmatch(text)
    window = int(match[1]) * 1000 + int((match[2] or "").ljust(3, "0")) if match else _WINDOW_MOST_US + 1
    if window > _WINDOW_MOST_US:
        raise Refused(DenyCode.PARAMETER, "parameter 'recvWindow' must be at most 60000 ms, with at most 3 decimals")
    return window


def _public(sent: dict[str, str], read: ReadName | None) -> Decoded:
    return Public(), tuple(sent.items()), frozenset()


def _read(sent: dict[str, str], read: ReadName | None) -> Decoded:
    assert read is not None
    named = sent.pop("symbol", None)
    market_id = None if named is None else orders.symbol(named)
    return Read(read, market_id), tuple(sent.items()), frozenset()


def _place(sent: dict[str, str], read: ReadName | None, *, test: bool) -> Decoded:
    extras = orders.extras(sent, orders.TEST_EXTRAS if test else orders.EXTRAS, orders.PLACE_NAMES)
    return orders.place(sent, test), extras, orders.GRANTED_BY_NAME.intersection(sent)


def _cancel(sent: dict[str, str], read: ReadName | None) -> Decoded:
    return orders.cancel(sent), orders.extras(sent, orders.CANCEL_EXTRAS, orders.CANCEL_NAMES), frozenset()


def _cancel_all(sent: dict[str, str], read: ReadName | None) -> Decoded:
    return orders.cancel_all(sent), orders.extras(sent, {}, orders.CANCEL_ALL_NAMES), frozenset()


_DECODERS: Final[dict[str, Callable[[dict[str, str], ReadName | None], Decoded]]] = {
    "public": _public, "read": _read, "query_order": _read, "open_orders": _read, "all_orders": _read,
    "place": partial(_place, test=False), "test": partial(_place, test=True),
    "cancel": _cancel, "cancel_all": _cancel_all,
}

if unreadable := sorted({row.decoder for row in CATALOGUE if row.decoder} - _DECODERS.keys()):
    raise ValueError(f"decoders named in the table that do not exist: {unreadable}")
