"""The sealed envelope: passphrase → KEK → DEK → boxes. Pure; randomness is an argument.

Rules: no cryptography of our own, only libsodium's, each key for one purpose. Raw key bytes are never bound to a
name here, and libsodium's exceptions never leave: their frames hold keys, and a traceback may show its locals.
"""

from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b
from hmac import compare_digest
from typing import Final, NoReturn

import nacl.exceptions
from nacl import bindings as sodium

from gateway.core.errors import Misuse, Unavailable
from gateway.core.secret import Secret
from gateway.vault.context import Context
from gateway.vault.errors import Damaged, WrongPassphrase
from gateway.vault.header import DEFAULT, SALT_SIZE, Cost, Header, Keys

Random = Callable[[int], bytes]
"""So many bytes that nobody can guess: ``os.urandom``."""

_KEY: Final = 32
_NONCE: Final = 24
_TAG: Final = 16
_SEALED: Final = b"\x01"
_PUBLIC: Final = b"\x02"
_CHECKPOINT: Final = b"tradewarden audit checkpoint 1\0"


class LockedVault:
    """A vault without its passphrase: it can take secrets in, and let none out."""

    __slots__ = ("_header", "header")

    def __init__(self, header: bytes) -> None:
        """Raises Damaged for a header that is not whole."""
        self._header = Header.parse(header)
        self.header = header

    @property
    def public_key(self) -> bytes:
        """The X25519 key that secrets are sealed to."""
        return self._header.keys.public_key

    @property
    def audit_key(self) -> bytes:
        """The Ed25519 key that audit checkpoints verify with."""
        return self._header.keys.audit_key

    def seal_public(self, context: Context, plaintext: Secret) -> bytes:
        """A box that only the unlocked vault opens. Anyone may make one: it proves nothing about its maker."""
        message = Secret(context.encoded() + plaintext.reveal())
        try:
            return _PUBLIC + sodium.crypto_box_seal(message.reveal(), self.public_key)
        except (nacl.exceptions.CryptoError, nacl.exceptions.RuntimeError):
            pass
        raise Damaged("the vault's header", "its public key is none")

    def unlock(self, passphrase: Secret) -> "Vault":
        """The open vault. Raises WrongPassphrase, Damaged, or Unavailable where the memory is not there."""
        header = self._header
        kek = _derive(passphrase, header.salt, header.cost)
        if not compare_digest(_canary(kek), header.canary):
            raise WrongPassphrase
        dek = _open(_subkey(kek, "wrap"), header.covered, header.wrapped_key)
        if dek is None:
            raise Damaged("the vault's header", "it is not what was sealed with this passphrase")
        return Vault(self, dek)


class Vault:
    """The open vault. Made by :meth:`LockedVault.unlock`; forget it to lock it."""

    __slots__ = ("_dek", "_private", "_rows", "_signer", "locked")

    def __init__(self, locked: LockedVault, dek: Secret) -> None:
        keys = locked._header.keys
        self.locked = locked
        self._dek = dek
        self._rows = _subkey(dek, "rows")
        self._private = _private_half(dek, "box", keys.public_key, keys.sealed_private)
        seed = _private_half(dek, "sign", keys.audit_key, keys.sealed_seed)
        self._signer = Secret(sodium.crypto_sign_seed_keypair(seed.reveal())[1])
        if (_box_public(self._private), _sign_public(seed)) != (keys.public_key, keys.audit_key):
            raise Damaged("the vault's header", "a public key does not belong to its private half")

    def seal(self, context: Context, plaintext: Secret, random: Random) -> bytes:
        """A box under the DEK, bound to its context."""
        return _SEALED + _seal(self._rows, _SEALED + context.encoded(), plaintext, random)

    def open(self, context: Context, box: bytes) -> Secret:
        """What :meth:`seal` was given. Raises Damaged for any other box, or one of another context."""
        plaintext = _open(self._rows, _SEALED + context.encoded(), box[1:]) if box[:1] == _SEALED else None
        if plaintext is None:
            raise Damaged(str(context), "its box was not sealed here, or for something else")
        return plaintext

    def open_public(self, context: Context, box: bytes) -> Secret:
        """What :meth:`LockedVault.seal_public` was given. Raises Damaged for any other box or context."""
        message = self._open_public(box[1:]) if is_public(box) else None
        expected = context.encoded()
        if message is None or not message.reveal().startswith(expected):
            raise Damaged(str(context), "its box was not sealed to this vault, or for something else")
        return Secret(message.reveal()[len(expected) :])

    def _open_public(self, box: bytes) -> Secret | None:
        if len(box) < sodium.crypto_box_SEALBYTES:
            return None
        try:
            return Secret(sodium.crypto_box_seal_open(box, self.locked.public_key, self._private.reveal()))
        except nacl.exceptions.CryptoError:
            return None

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature (64 bytes) that only :func:`verify` accepts: it signs checkpoints, nothing else."""
        return sodium.crypto_sign(_CHECKPOINT + message, self._signer.reveal())[: sodium.crypto_sign_BYTES]

    def subkey(self, purpose: str) -> Secret:
        """A key for one purpose outside boxes, the same for as long as the vault lives."""
        return _subkey(self._dek, f"use {purpose}")

    def rewrap(self, passphrase: Secret, random: Random, cost: Cost = DEFAULT) -> bytes:
        """The header under a new passphrase. The DEK stays: every box opens as before."""
        return _wrap(passphrase, self._dek, self.locked._header.keys, random, cost)

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("a vault is not copied, pickled or serialised")

    __reduce__ = _refuse
    __reduce_ex__ = _refuse


def create(passphrase: Secret, random: Random, cost: Cost = DEFAULT) -> bytes:
    """The header of a new vault. A cheaper ``cost`` is for tests. Raises Misuse for an empty passphrase."""
    dek, private, seed = (Secret(_draw(random, _KEY)) for _ in range(3))
    public_key, audit_key = _box_public(private), _sign_public(seed)
    keys = Keys(
        public_key,
        audit_key,
        _seal(_subkey(dek, "halves"), b"box" + public_key, private, random),
        _seal(_subkey(dek, "halves"), b"sign" + audit_key, seed, random),
    )
    return _wrap(passphrase, dek, keys, random, cost)


def verify(audit_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the vault with this audit key signed the message."""
    if len(audit_key) != _KEY or len(signature) != sodium.crypto_sign_BYTES:
        return False
    try:
        sodium.crypto_sign_open(signature + _CHECKPOINT + message, audit_key)
    except nacl.exceptions.BadSignatureError:
        return False
    return True


def is_public(box: bytes) -> bool:
    """Whether the box claims to be sealed to the public key: made without the passphrase, by anyone."""
    return box[:1] == _PUBLIC


def _wrap(passphrase: Secret, dek: Secret, keys: Keys, random: Random, cost: Cost) -> bytes:
    if not passphrase.reveal():
        raise Misuse("a vault needs a passphrase", "an empty one protects nothing")
    salt = _draw(random, SALT_SIZE)
    kek = _derive(passphrase, salt, cost)
    header = Header(cost, salt, _canary(kek), keys)
    wrapped = _seal(_subkey(kek, "wrap"), header.covered, dek, random)
    return replace(header, wrapped_key=wrapped).encoded()


def _derive(passphrase: Secret, salt: bytes, cost: Cost) -> Secret:
    try:
        return Secret(
            sodium.crypto_pwhash_alg(
                _KEY, passphrase.reveal(), salt, cost.passes, cost.memory_kib << 10,
                sodium.crypto_pwhash_ALG_ARGON2ID13,
            )
        )
    except nacl.exceptions.RuntimeError:
        pass
    raise Unavailable(f"the passphrase needs {cost.memory_kib >> 10} MiB of memory to check, and they are not free")


def _canary(kek: Secret) -> bytes:
    return _subkey(kek, "canary").reveal()


def _subkey(key: Secret, purpose: str) -> Secret:
    return Secret(blake2b(purpose.encode(), digest_size=_KEY, key=key.reveal(), person=b"tw subkey").digest())


def _private_half(dek: Secret, use: str, public: bytes, sealed: bytes) -> Secret:
    half = _open(_subkey(dek, "halves"), use.encode() + public, sealed)
    if half is None:
        raise Damaged("the vault's header", "a private half does not open")
    return half


def _box_public(private: Secret) -> bytes:
    return sodium.crypto_scalarmult_base(private.reveal())


def _sign_public(seed: Secret) -> bytes:
    return sodium.crypto_sign_seed_keypair(seed.reveal())[0]


def _seal(key: Secret, bound: bytes, plaintext: Secret, random: Random) -> bytes:
    nonce = _draw(random, _NONCE)
    return nonce + sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext.reveal(), bound, nonce, key.reveal())


def _open(key: Secret, bound: bytes, box: bytes) -> Secret | None:
    if len(box) < _NONCE + _TAG:
        return None
    try:
        return Secret(
            sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(box[_NONCE:], bound, box[:_NONCE], key.reveal())
        )
    except nacl.exceptions.CryptoError:
        return None


def _draw(random: Random, size: int) -> bytes:
    drawn = random(size)
    if len(drawn) != size:
        raise ValueError(f"the source of randomness gave {len(drawn)} bytes instead of {size}")
    return drawn
