"""Call → the request that leaves, signed with the real key; and the check of the bot's own signature.

What leaves is built from the Call alone: parameters in one order and one spelling, our own timestamp, ``signature``
last; in the query for GET and DELETE, in the form body for POST. Source: REST documentation, "Request security".
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey
from nacl.signing import VerifyKey as Ed25519Key

from gateway.core.decision import DenyCode
from gateway.core.errors import Refused
from gateway.core.intent import Cancel, CancelAll, Place, Public, Read
from gateway.core.request import Call, Outgoing, Proof, Security
from gateway.core.token import Credential, KeyKind, VerifyKey
from gateway.exchanges.binance import orders, wire
from gateway.exchanges.binance.hosts import dialled

WINDOW_US: Final = 5_000_000
"""The longest window that a request of ours asks for, whatever the bot asked."""
_AHEAD_US: Final = 1_000_000
_FORM: Final = ("Content-Type", "application/x-www-form-urlencoded")
_IN_BODY: Final = frozenset({"POST", "PUT"})
_READS: Final = (Public, Read)

_repeated: Final = lru_cache(maxsize=128)(wire.encode)
"""Bots and the gateway repeat their reads; no two orders are the same."""


def sign(call: Call, environment: str, credential: Credential | None, exchange_us: int) -> Outgoing:
    """The request to send. Raises Refused where the environment lacks the endpoint or the key is missing."""
    endpoint = call.endpoint
    host = dialled(endpoint.host, endpoint.path, environment)
    reads_only = isinstance(call.intent, _READS)
    text = (_repeated if reads_only else wire.encode)(parameters(call))
    key_id = None
    if endpoint.security is not Security.NONE:
        if credential is None:
            raise Refused(DenyCode.INTERNAL, f"{endpoint} needs a key")
        key_id = credential.key_id
        if endpoint.security is Security.SIGNED or call.signed:  # a bot may sign where the key alone would do
            text = _signed(text, window_us(call), credential, exchange_us)
    form = endpoint.method in _IN_BODY
    head = _head(call.encodings, key_id, form)
    if form:
        return Outgoing(host, endpoint.method, endpoint.path, head, text.encode("ascii"), reads_only)
    target = f"{endpoint.path}?{text}" if text else endpoint.path
    return Outgoing(host, endpoint.method, target, head, b"", reads_only)


@lru_cache(maxsize=256)
def _head(encodings: str, key_id: str | None, form: bool) -> tuple[tuple[str, str], ...]:
    key = () if key_id is None else (("X-MBX-APIKEY", key_id),)
    return (("Accept-Encoding", encodings), *key, *((_FORM,) if form else ()))


def parameters(call: Call) -> tuple[tuple[str, str], ...]:
    """What the call means, as the exchange's parameters; no timestamp and no signature yet."""
    intent = call.intent
    if not call.endpoint.decoder:
        raise Refused(DenyCode.FORBIDDEN, f"{call.endpoint} is never sent")
    match intent:
        case Read(market_id=str(market_id)):
            return (("symbol", market_id), *call.extras)
        case Read() | Public():
            return call.extras
        case Place():
            return (*orders.place_parameters(intent), *call.extras)
        case Cancel():
            return (*orders.cancel_parameters(intent), *call.extras)
        case CancelAll():
            return (("symbol", intent.market_id), *call.extras)
        case _:
            raise Refused(DenyCode.FORBIDDEN, f"{call.endpoint} is never sent")


def window_us(call: Call) -> int:
    """The window that our request asks for: the bot's, if that is shorter than ours."""
    asked = call.proof.window_us if call.proof is not None and call.signed else WINDOW_US
    return min(asked, WINDOW_US)


def accept_until_us(call: Call, exchange_us: int) -> int:
    """Until when the exchange accepts the request signed at ``exchange_us``: its timestamp plus its window."""
    return exchange_us // 1000 * 1000 + window_us(call)


def _signed(text: str, window: int, credential: Credential, exchange_us: int) -> str:
    text = f"{text}{'&' if text else ''}recvWindow={_milliseconds(window)}&timestamp={exchange_us // 1000}"
    return f"{text}&signature={_signature(text.encode('ascii'), credential)}"


@lru_cache(maxsize=64)
def _milliseconds(window: int) -> str:
    whole, part = divmod(window, 1000)
    return f"{whole}.{part:03d}" if part else f"{whole}"


def _signature(payload: bytes, credential: Credential) -> str:
    if credential.kind is KeyKind.HMAC:
        return hmac.digest(credential.secret.reveal(), payload, "sha256").hex()
    if credential.kind is KeyKind.ED25519:
        return quote(b64encode(SigningKey(credential.secret.reveal()).sign(payload).signature), safe="")
    raise Refused(DenyCode.INTERNAL, f"keys of kind {credential.kind} cannot sign here")


def verify(proof: Proof, key: VerifyKey, exchange_us: int) -> None:
    """Check the bot's signature, then its time by the exchange's own rule. Raises Refused(SIGNATURE or TIMESTAMP)."""
    if proof.signature is None or not _genuine(proof.payload, proof.signature, key):
        raise Refused(DenyCode.SIGNATURE, "Signature for this request is not valid.")
    if proof.signed_at_us >= exchange_us + _AHEAD_US:
        raise Refused(DenyCode.TIMESTAMP, "Timestamp for this request was 1000ms ahead of the server's time.")
    if exchange_us - proof.signed_at_us > proof.window_us:
        raise Refused(DenyCode.TIMESTAMP, "Timestamp for this request is outside of the recvWindow.")


def _genuine(payload: bytes, signature: str, key: VerifyKey) -> bool:
    """Whether the key made this signature. Hex counts in lower case alone, in which ``decode`` hands it on."""
    if key.kind is KeyKind.HMAC:
        expected = hmac.digest(key.material.reveal(), payload, "sha256").hex()
        return signature.isascii() and hmac.compare_digest(expected, signature)
    if key.kind is KeyKind.ED25519:
        return _ed25519(payload, signature, key.material.reveal())
    return False


def _ed25519(payload: bytes, signature: str, public: bytes) -> bool:
    """Only the one canonical base64 spelling of a signature counts: a second would be a second single use."""
    try:
        raw = b64decode(signature, validate=True)
        if b64encode(raw).decode() != signature:
            return False
        Ed25519Key(public).verify(payload, raw)
    except (Base64Error, ValueError, BadSignatureError):
        return False
    return True
