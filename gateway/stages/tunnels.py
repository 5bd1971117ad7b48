"""Whose an untouched tunnel is: a token's, by its id and secret as a proxy's Basic credentials.

Law: only who holds a live token's secret is led on. Kinds of tokens whose secret the gateway does not know cannot.
"""

from base64 import b64decode
from binascii import Error
from hmac import compare_digest
from typing import Final

from gateway.core.token import KeyKind, TokenState
from gateway.ports import Tokens

_MOST: Final = 1024
_LIVE: Final = (TokenState.ACTIVE, TokenState.REDUCE_ONLY)


def owner(tokens: Tokens, now_ms: int, credentials: bytes | None, peer: str) -> str | None:
    """The id of the token that these are the credentials of (the header's value), or None. ``peer``: an address."""
    token_id, secret = _basic(credentials)
    token = tokens.find(token_id)
    if token is None or not lives(tokens, now_ms, token_id) or not token.admits(peer):
        return None
    if token.key.kind is not KeyKind.HMAC or not compare_digest(token.key.material.reveal(), secret):
        return None
    return token.id


def lives(tokens: Tokens, now_ms: int, token_id: str) -> bool:
    """Whether the token may be led on: it is neither paused, revoked nor expired."""
    token = tokens.find(token_id)
    return token is not None and token.state in _LIVE and not token.expired(now_ms)


def _basic(credentials: bytes | None) -> tuple[str, bytes]:
    """Name and password; empty ones for anything that is none."""
    scheme, _, text = (credentials or b"").partition(b" ")
    if scheme.lower() != b"basic" or len(text) > _MOST:
        return "", b""
    try:
        name, _, password = b64decode(text.strip(), validate=True).partition(b":")
        return name.decode("ascii"), password
    except (Error, UnicodeDecodeError):
        return "", b""
