"""API keys: who signs with what, and what each key may do. Throw-away by nature: nothing here is kept secret."""

import secrets
import string
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from .core.account import Account

ALPHABET = string.ascii_letters + string.digits

DEFAULT_PERMISSIONS = {
    "enableReading": True,
    "enableSpotAndMarginTrading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "permitsUniversalTransfer": False,
    "enableMargin": False,
    "enableFutures": False,
    "enableVanillaOptions": False,
    "enablePortfolioMarginTrading": False,
    "enableFixApiTrade": False,
    "enableFixReadOnly": True,
}
ALL_PERMISSIONS = dict.fromkeys(DEFAULT_PERMISSIONS, True)


@dataclass(slots=True, eq=False)
class Key:
    """One API key of one account: an HMAC secret or an Ed25519 public key."""

    name: str
    account: Account
    created: int
    secret: str | None = None
    public_key: Ed25519PublicKey | None = None
    permissions: dict[str, bool] = field(default_factory=lambda: dict(DEFAULT_PERMISSIONS))
    addresses: frozenset[str] = frozenset()


def new_text(length: int = 64) -> str:
    """Random letters and digits, the shape of Binance's keys and secrets."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def ed25519_from_pem(pem: str) -> Ed25519PublicKey:
    """The public half of an Ed25519 key."""
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 public key")  # noqa: TRY004  a wrong value, not a wrong type
    return key
