"""Is this request signed, now, by a known key? Strict, and from the bytes as they came.

The payload is the raw query followed by the raw body, with nothing between them, less the `signature` pair.
On /api it must already be percent-encoded: a raw character that no URL may hold makes the signature wrong.
"""

import base64
import binascii
import hashlib
import hmac
import re
from urllib.parse import unquote_to_bytes

from cryptography.exceptions import InvalidSignature

from ..keys import Key
from .errors import error
from .parameters import Parameters

_UNENCODED = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,;=:@/?%]")
_WINDOW = re.compile(r"[0-9]{1,5}(\.[0-9]{1,3})?", re.ASCII)
_TIMESTAMP = re.compile(r"[0-9]{1,19}", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
LONGEST_WINDOW = 60_000_000
DEFAULT_WINDOW = 5_000_000
AHEAD = 1_000_000
MICROSECONDS_FROM = 10**15


def find_key(keys: dict[str, Key], header: str | None, peer: str) -> Key:
    """The key that the header names, if it may be used from that address."""
    if not header or not _KEY.fullmatch(header):
        raise error("BAD_KEY_FORMAT")
    key = keys.get(header)
    if key is None or (key.addresses and peer not in key.addresses):
        raise error("REJECTED_KEY")
    return key


def check_time(parameters: Parameters, now: int) -> None:
    """The timestamp (ms or µs) must lie in the window; `now` is in microseconds."""
    stamp_text = parameters.need("timestamp")
    if not _TIMESTAMP.fullmatch(stamp_text):
        raise error("ILLEGAL", "timestamp", "^[0-9]{1,20}$")
    stamp = int(stamp_text)
    if stamp < MICROSECONDS_FROM:
        stamp *= 1000
    window = _window(parameters.get("recvWindow"))
    if stamp >= now + AHEAD:
        raise error("EARLY_TIMESTAMP")
    if now - stamp > window:
        raise error("STALE_TIMESTAMP")


def _window(text: str | None) -> int:
    if text is None:
        return DEFAULT_WINDOW
    if not _WINDOW.fullmatch(text):
        raise error("ILLEGAL", "recvWindow", r"^[0-9]{1,5}(\.[0-9]{1,3})?$")
    whole, _, fraction = text.partition(".")
    window = int(whole) * 1000 + int(fraction.ljust(3, "0") or 0)
    if window > LONGEST_WINDOW:
        raise error("WINDOW_TOO_LARGE")
    return window


def check_signature(key: Key, query: str, body: str, *, must_be_encoded: bool) -> None:
    """Verifies the signature over the raw text; the pair may stand anywhere in either part."""
    rest, signature = _take_signature(query)
    body_rest, body_signature = _take_signature(body)
    signature = signature if signature is not None else body_signature
    if not signature:
        raise error("MISSING", "signature")
    payload = rest + body_rest
    if must_be_encoded and _UNENCODED.search(payload):
        raise error("BAD_SIGNATURE")
    verify = _hmac_matches if key.secret is not None else _ed25519_matches
    if not verify(key, payload.encode("latin-1"), signature):
        raise error("BAD_SIGNATURE")


def _take_signature(text: str) -> tuple[str, str | None]:
    if "signature=" not in text:
        return text, None
    rest, signature = [], None
    for pair in text.split("&"):
        if pair.startswith("signature="):
            signature = pair[len("signature=") :]
        else:
            rest.append(pair)
    return "&".join(rest), signature


def _hmac_matches(key: Key, payload: bytes, signature: str) -> bool:
    expected = hmac.new((key.secret or "").encode(), payload, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), unquote_to_bytes(signature).lower())


def _ed25519_matches(key: Key, payload: bytes, signature: str) -> bool:
    if key.public_key is None or "+" in signature:  # a raw plus is a space: it had to be escaped
        return False
    try:
        raw = base64.b64decode(unquote_to_bytes(signature), validate=True)
        key.public_key.verify(raw, payload)
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True
