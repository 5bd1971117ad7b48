"""The token: what a bot holds, and what the gateway knows of it."""

import ipaddress
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec import Struct

from gateway.core.secret import Secret


class TokenState(StrEnum):
    """``paused`` = cancels and reads only. ``revoked`` is final. Expiry is a time, not a state."""

    ACTIVE = "active"
    REDUCE_ONLY = "reduce_only"
    PAUSED = "paused"
    REVOKED = "revoked"


class KeyKind(StrEnum):
    """How a key signs."""

    HMAC = "hmac"
    ED25519 = "ed25519"
    RSA = "rsa"
    ECDSA = "ecdsa"


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """What checks a token's signatures: the shared secret (hmac) or the raw public key (other kinds)."""

    kind: KeyKind
    material: Secret = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A token as its sealed row says it is. Times are ms since the epoch; ``expires_at`` None = never.

    ``generation`` rises with every change of what the token may do; work begun under an older one is dropped.
    """

    name: str
    id: str
    exchange: str
    account: str
    policy: str
    key: VerifyKey
    state: TokenState
    generation: int
    issued_at: int
    expires_at: int | None
    addresses: tuple[str, ...]

    def expired(self, now_ms: int) -> bool:
        """Whether its lifetime is over at ``now_ms`` of the local clock."""
        return self.expires_at is not None and now_ms >= self.expires_at

    def admits(self, peer: str) -> bool:
        """Whether a request may come from this IP address; no list admits every address."""
        if not self.addresses:
            return True
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(address in ipaddress.ip_network(network) for network in self.addresses)


@dataclass(frozen=True, slots=True)
class Account:
    """A sealed real key's public side. ``environment`` picks the exchange's hosts."""

    name: str
    exchange: str
    environment: str
    key_id: str
    kind: KeyKind
    added_at: int


class Credential(Struct, frozen=True):
    """A real key, opened. Lives only inside one ``with lender.lend(…)``."""

    key_id: str
    kind: KeyKind
    secret: Secret
    passphrase: Secret | None = None
