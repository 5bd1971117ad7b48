"""What shows that a row was removed or an older one put back: a digest of all rows, sealed with the log's head.

A box proves that the vault once wrote it, not that it is the latest. Start computes the digest of the rows as they
stand, follows what the log says happened since the anchor, and compares.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final, Self

from gateway.core.errors import Misuse
from gateway.core.secret import Secret
from gateway.core.token import Token, TokenState
from gateway.vault.context import Context, prefixed
from gateway.vault.envelope import Random, Vault
from gateway.vault.errors import Damaged

_SIZE: Final = 32
_MODULUS: Final = 1 << (8 * _SIZE)
_GENERATION: Final = struct.Struct(">Q")
_ANCHOR: Final = struct.Struct(f">Q{_SIZE}s{_SIZE}sQ")
_CONTEXT: Final = Context("audit log", "tradewarden", "anchor")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a token stands; known of revoked ones too, whose box is gone."""

    name: str
    id: str
    generation: int
    state: TokenState

    @classmethod
    def of(cls, token: Token) -> Self:
        """The standing of a token whose box is open."""
        return cls(token.name, token.id, token.generation, token.state)

    def encoded(self) -> bytes:
        """Injective. Raises Misuse for a generation that no token can have."""
        if not 0 <= self.generation < 1 << 63:
            raise Misuse(f"token {self.name!r} has an impossible generation")
        return prefixed(self.name, self.id, self.state) + _GENERATION.pack(self.generation)


@dataclass(frozen=True, slots=True)
class TokensDigest:
    """One number for a set of standings, whatever their order; who lacks the vault can compute none.

    Sum modulo 2**256 of a keyed hash of each. Names are unique, so that no standing is in it twice.
    """

    key: Secret
    total: int = 0

    @classmethod
    def over(cls, vault: Vault, standings: Iterable[Standing] = ()) -> Self:
        """The digest of these standings, revoked ones included."""
        digest = cls(vault.subkey("tokens digest"))
        for standing in standings:
            digest = digest.add(standing)
        return digest

    def add(self, standing: Standing) -> Self:
        """With this one more."""
        return replace(self, total=(self.total + self._hash(standing)) % _MODULUS)

    def remove(self, standing: Standing) -> Self:
        """Without this one, which must have been added."""
        return replace(self, total=(self.total - self._hash(standing)) % _MODULUS)

    def encoded(self) -> bytes:
        """32 bytes; equal for equal sets."""
        return self.total.to_bytes(_SIZE)

    def _hash(self, standing: Standing) -> int:
        keyed = blake2b(standing.encoded(), digest_size=_SIZE, key=self.key.reveal(), person=b"tw standing")
        return int.from_bytes(keyed.digest())


@dataclass(frozen=True, slots=True)
class Anchor:
    """Log and state at one moment: number and hash (32 bytes) of the log's last record, and the digest of all rows.

    ``through`` is the last record whose change is in the digest: the change that the anchor was sealed with may
    still be on its way into the log, so it is ``record`` or a later one.
    """

    record: int
    head: bytes
    tokens: bytes
    through: int


def seal_anchor(vault: Vault, anchor: Anchor, random: Random) -> bytes:
    """The anchor's box. Raises Misuse for an anchor of another shape."""
    if not (0 <= anchor.record <= anchor.through < 1 << 63 and len(anchor.head) == len(anchor.tokens) == _SIZE):
        raise Misuse("an anchor is two records' numbers and two hashes of 32 bytes")
    packed = _ANCHOR.pack(anchor.record, anchor.head, anchor.tokens, anchor.through)
    return vault.seal(_CONTEXT, Secret(packed), random)


def open_anchor(vault: Vault, box: bytes) -> Anchor:
    """The anchor. Raises Damaged for any box but an anchor of this vault."""
    plaintext = vault.open(_CONTEXT, box).reveal()
    if len(plaintext) != _ANCHOR.size:
        raise Damaged(str(_CONTEXT), "it has another shape")
    return Anchor(*_ANCHOR.unpack(plaintext))
