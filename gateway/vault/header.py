"""The vault's header: one blob, every byte of it accounted for. ``docs/vault-format.md`` is its description.

Law: whatever is not in ``Header.covered`` is either the wrap that authenticates it or the checksum over both.
The checksum has no key: it tells an accident from a wrong passphrase before any passphrase is asked for. What an
attacker changes is found by the wrap, when the vault is unlocked.
"""

import struct
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Self

from gateway.core.errors import Misuse
from gateway.vault.errors import Damaged

MAGIC: Final = b"TWVAULT\0"
VERSION: Final = 1
_COVERED: Final = struct.Struct(">8sBII16s32s32s32s72s72s")
_WRAPPED: Final = 72
_CHECKSUM: Final = 16
SIZE: Final = _COVERED.size + _WRAPPED + _CHECKSUM
SALT_SIZE: Final = 16


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess at the passphrase costs: Argon2id passes over ``memory_kib`` KiB.

    The upper bounds keep a changed header from eating the machine before its change is found.
    """

    passes: int
    memory_kib: int

    def __post_init__(self) -> None:
        if not (1 <= self.passes <= 32 and 8 <= self.memory_kib <= 4 << 20):
            raise Misuse("a vault costs 1 to 32 passes over 8 KiB to 4 GiB")


DEFAULT: Final = Cost(passes=3, memory_kib=256 << 10)
"""About 0.4 s and 256 MiB a guess: 4 times RFC 9106's low-memory advice, and it fits the smallest servers."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What a change of passphrase leaves alone: two public keys, and their private halves under the DEK."""

    public_key: bytes
    audit_key: bytes
    sealed_private: bytes
    sealed_seed: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """The parts of the blob. ``canary`` proves the passphrase; ``wrapped_key`` is the DEK under the KEK."""

    cost: Cost
    salt: bytes
    canary: bytes
    keys: Keys
    wrapped_key: bytes = b""

    @property
    def covered(self) -> bytes:
        """Everything that the wrap authenticates: all of the header before it."""
        keys = self.keys
        return _COVERED.pack(
            MAGIC, VERSION, self.cost.passes, self.cost.memory_kib, self.salt, self.canary,
            keys.public_key, keys.audit_key, keys.sealed_private, keys.sealed_seed,
        )

    def encoded(self) -> bytes:
        """The blob."""
        body = self.covered + self.wrapped_key
        return body + _checksum(body)

    @classmethod
    def parse(cls, blob: bytes) -> Self:
        """The parts of a blob that is whole. Raises Damaged."""
        _check(blob)
        _, _, passes, memory_kib, salt, canary, *keys = _COVERED.unpack_from(blob)
        wrapped = blob[_COVERED.size : _COVERED.size + _WRAPPED]
        return cls(_cost(passes, memory_kib), salt, canary, Keys(*keys), wrapped)


def _cost(passes: int, memory_kib: int) -> Cost:
    try:
        return Cost(passes, memory_kib)
    except Misuse as error:
        raise Damaged("the vault's header", "its cost is out of range") from error


def _check(blob: bytes) -> None:
    if blob[: len(MAGIC)] != MAGIC:
        raise Damaged("the vault's header", "it does not begin like one")
    if blob[len(MAGIC) : len(MAGIC) + 1] != bytes([VERSION]):
        raise Damaged("the vault's header", f"this version of tradewarden reads format {VERSION} only")
    if len(blob) != SIZE:
        raise Damaged("the vault's header", f"it is {len(blob)} bytes long instead of {SIZE}")
    if _checksum(blob[:-_CHECKSUM]) != blob[-_CHECKSUM:]:
        raise Damaged("the vault's header", "its checksum does not match")


def _checksum(body: bytes) -> bytes:
    return blake2b(body, digest_size=_CHECKSUM, person=b"tw header").digest()
