"""Keys in Binance's own formats: tokens that clients take for real ones, and real ones as their owners have them."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from string import ascii_letters, digits
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from nacl.signing import SigningKey

from gateway.core.errors import Misuse
from gateway.core.secret import Secret
from gateway.core.token import Credential, KeyKind, VerifyKey
from gateway.exchanges.exchange import Minted

Random = Callable[[int], bytes]

_LETTERS: Final = ascii_letters + digits
_FAIR: Final = 256 - 256 % len(_LETTERS)
_PKCS8: Final = bytes.fromhex("302e020100300506032b657004220420")
"""What stands before the 32-byte seed of an Ed25519 key in PKCS#8 (RFC 8410, section 7)."""


def mint(kind: KeyKind, random: Random) -> Minted:
    """A new token: 64 letters and digits, and a secret of the same form or an Ed25519 key as PEM text."""
    if kind is KeyKind.HMAC:
        secret = _text(64, random)
        return Minted(_text(64, random), secret, VerifyKey(kind, Secret(secret)))
    if kind is KeyKind.ED25519:
        seed = random(32)
        return Minted(_text(64, random), _pem(seed), VerifyKey(kind, Secret(bytes(SigningKey(seed).verify_key))))
    raise Misuse(f"tokens of kind {kind} are not supported for Binance yet", "use hmac or ed25519")


def client_id(random: Random) -> str:
    """A client order id of ours: ``tw-`` and 26 letters and digits."""
    return f"tw-{_text(26, random)}"


def _text(length: int, random: Random) -> str:
    """Letters and digits, each as likely as any other."""
    found = ""
    while len(found) < length:
        found += "".join(_LETTERS[byte % len(_LETTERS)] for byte in random(length) if byte < _FAIR)
    return found[:length]


def _pem(seed: bytes) -> str:
    return f"-----BEGIN PRIVATE KEY-----\n{b64encode(_PKCS8 + seed).decode()}\n-----END PRIVATE KEY-----\n"


def credential(document: Mapping[str, str]) -> Credential:
    """A real key: ``apiKey`` with an HMAC ``secret``, or with an Ed25519 PEM in ``secret`` or ``privateKey``.

    Raises Misuse; its message never holds a part of the key.
    """
    key_id = document.get("apiKey", "").strip()
    given = [text for text in (document.get("secret", "").strip(), document.get("privateKey", "").strip()) if text]
    if not key_id.isascii() or not key_id.isalnum():
        raise Misuse("apiKey is missing or is not made of letters and digits", "copy it from the exchange's API page")
    if len(given) != 1:
        raise Misuse("exactly one of secret and privateKey is needed", "leave the other one out")
    if "PRIVATE KEY" in given[0]:
        return Credential(key_id, KeyKind.ED25519, Secret(_seed(given[0])))
    if document.get("privateKey", "").strip():
        raise Misuse("privateKey is not a PEM private key", "it begins with -----BEGIN PRIVATE KEY-----")
    if not given[0].isascii() or not given[0].isprintable() or " " in given[0]:
        raise Misuse("secret is neither an HMAC secret nor a PEM private key", "copy it once more, whole")
    return Credential(key_id, KeyKind.HMAC, Secret(given[0]))


def _seed(pem: str) -> bytes:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        hint = "it must be PKCS#8, unencrypted, with its line breaks"
        raise Misuse("the PEM private key cannot be read", hint) from None
    if isinstance(key, Ed25519PrivateKey):
        return key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    if isinstance(key, RSAPrivateKey):
        raise Misuse("RSA keys are not supported yet", "create an Ed25519 or HMAC key at the exchange")
    raise Misuse("the private key is not an Ed25519 key", "create an Ed25519 or HMAC key at the exchange")
