"""Server-side TLS of the gateway's own: contexts with certificates of the local CAs, or of the operator's files.

Law: no key touches a disk in the clear. OpenSSL takes certificates from files alone, so a leaf's key goes through
one under a password that is drawn for it and kept nowhere. The file is made where the gateway may write for certain:
a service often has no other place.
"""

import contextlib
import os
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization

from gateway.core.errors import Misuse, Unavailable
from gateway.core.secret import Secret
from gateway.vault.authority import Leaf

BOUND: Final = 64
"""More hosts than all exchanges together have."""
ALPN: Final = "http/1.1"
UNFINISHED: Final = ".new"
"""How a hidden file ends that lives for a moment; a backup leaves it out."""

Mint = Callable[[tuple[str, ...]], Leaf]


@dataclass(frozen=True, slots=True)
class _Kept:
    context: ssl.SSLContext
    made_at: float
    renew_at: float

    def serves(self, now: float) -> bool:
        """Also not before its making: a clock that was set back would find the certificate not yet valid."""
        return self.made_at <= now < self.renew_at


class Leaves:
    """Contexts by the names they are for, minted when asked for and anew at half of a certificate's life."""

    def __init__(self, mint: Mint, now: Callable[[], float], folder: Path | None = None, bound: int = BOUND) -> None:
        """``folder``: where files may be made for a moment; the system's place for temporary ones if not said."""
        self._mint = mint
        self._now = now
        self._folder = folder
        self._bound = bound
        self._kept: dict[tuple[str, ...], _Kept] = {}

    def context(self, names: tuple[str, ...]) -> ssl.SSLContext:
        """A context whose certificate is for these names. Raises Misuse for foreign names, Unavailable."""
        now = self._now()
        kept = self._kept.pop(names, None)
        if kept is None or not kept.serves(now):
            leaf = self._mint(names)
            kept = _Kept(_context_of(leaf, self._folder), now, (now + leaf.not_after) / 2)
        self._kept[names] = kept  # at the end: the first is the one not asked for the longest
        if len(self._kept) > self._bound:
            del self._kept[next(iter(self._kept))]
        return kept.context

    def forget(self) -> None:
        """Mint all anew: the CA is another."""
        self._kept.clear()


def own_context(cert: Path, key: Path) -> ssl.SSLContext:
    """A context with the operator's certificate (its whole chain) and key. Raises Misuse that names what is wrong."""
    for path in (cert, key):
        try:
            path.open("rb").close()
        except OSError as failure:
            raise Misuse(f"listen.tls: {path} cannot be read: {failure.strerror}") from None
    context = _server_context()
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except ssl.SSLError as failure:
        hint = "both are PEM files, and the key has no password"
        raise Misuse(f"listen.tls: {_fault(failure, cert, key)}", hint) from None
    return context


def _no_password() -> str:
    """Asked for the key's password, OpenSSL would else prompt on the terminal of a gateway that nobody watches."""
    return ""


def _fault(failure: ssl.SSLError, cert: Path, key: Path) -> str:
    match failure.reason:
        case "KEY_VALUES_MISMATCH" | "KEY_TYPE_MISMATCH":
            return f"{key} is not the key of {cert}"
        case reason:
            return f"{cert} and {key} are no certificate and key ({reason or 'no PEM'})"


def _server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols([ALPN])
    return context


def _context_of(leaf: Leaf, folder: Path | None) -> ssl.SSLContext:
    context = _server_context()
    password = Secret(os.urandom(32).hex())
    try:
        descriptor, path = tempfile.mkstemp(prefix=".leaf-", suffix=UNFINISHED, dir=folder)
    except OSError as failure:
        raise Unavailable(f"there is no place for a temporary file: {failure.strerror}") from failure
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(leaf.chain_pem + _under(password, leaf.key))
        context.load_cert_chain(path, password=password.reveal)
    except OSError as failure:
        raise Unavailable(f"a certificate could not be put in place: {failure.strerror}") from failure
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    return context


def _under(password: Secret, key: Secret) -> bytes:
    sealed = serialization.BestAvailableEncryption(password.reveal())
    private = serialization.load_der_private_key(key.reveal(), None)
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)
