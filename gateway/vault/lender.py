"""Lends real keys, each for one ``with``. No opened credential outlives its loan.

Between loans a key that was lent lies here masked: XORed with a random pad of its own length. Its box is opened again
only when it is another one. Whoever can read this process's memory has the pad, as they would have the vault's key;
the mask keeps the key in clear out of whatever shows a part of it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NoReturn

from gateway.core.errors import Unavailable
from gateway.core.secret import Secret
from gateway.core.token import Credential, KeyKind
from gateway.vault.envelope import Random, Vault
from gateway.vault.errors import Damaged
from gateway.vault.rows import open_credential

BoxOf = Callable[[str], bytes | None]
"""An account's sealed box by its name, as the state has it now; None if there is no such account."""


class VaultLender:
    """The Lender of ports, locked until :meth:`unlock`. It asks ``box_of`` at every loan: a rotation counts at once."""

    def __init__(self, box_of: BoxOf, random: Random, vault: Vault | None = None) -> None:
        self._box_of = box_of
        self._random = random
        self._vault = vault
        self._kept: dict[str, _Kept] = {}

    def unlock(self, vault: Vault) -> None:
        """Lend from this vault from now on."""
        self._kept.clear()
        self._vault = vault

    def lock(self) -> None:
        """Lend no more. Loans under way end with their ``with``."""
        self._kept.clear()
        self._vault = None

    def forget(self, account: str) -> None:
        """The account was removed or has another key: what is kept of it goes."""
        self._kept.pop(account, None)

    def lend(self, account: str) -> AbstractContextManager[Credential]:
        """The account's credential. Raises Unavailable: locked, no such account, or a box that does not open."""
        box, kept = self._box_of(account), self._kept.get(account)
        if kept is None or kept.box != box:
            kept = self._open(account, box)
        return kept

    def _open(self, account: str, box: bytes | None) -> "_Kept":
        self._kept.pop(account, None)
        if self._vault is None:
            raise Unavailable("the vault is locked")
        if box is None:
            raise Unavailable(f"account {account!r} is gone")
        try:
            opened = open_credential(self._vault, account, box)[1]
        except Damaged as error:
            raise Unavailable(f"account {account!r} cannot be used: {error}") from error
        return self._kept.setdefault(account, _Kept(box, opened, self._random))


class _Kept:
    """What was in a box, its secrets masked; for a ``with`` they are not."""

    __slots__ = ("_key_id", "_kind", "_passphrase", "_secret", "box")

    def __init__(self, box: bytes, opened: Credential, random: Random) -> None:
        self.box = box
        self._key_id: str = opened.key_id
        self._kind: KeyKind = opened.kind
        self._secret = _Masked(opened.secret, random)
        self._passphrase = None if opened.passphrase is None else _Masked(opened.passphrase, random)

    def __enter__(self) -> Credential:
        passphrase = None if self._passphrase is None else self._passphrase.clear()
        return Credential(self._key_id, self._kind, self._secret.clear(), passphrase)

    def __exit__(self, *_: object) -> None:
        """What was lent is the borrower's alone, and gone with it."""


class _Masked:
    """A secret beside its pad, as numbers."""

    __slots__ = ("_masked", "_pad", "_size")

    def __init__(self, secret: Secret, random: Random) -> None:
        self._size = len(secret.reveal())
        self._pad = int.from_bytes(random(self._size))
        self._masked = int.from_bytes(secret.reveal()) ^ self._pad

    def clear(self) -> Secret:
        return Secret((self._masked ^ self._pad).to_bytes(self._size))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not copied, pickled or serialised")
