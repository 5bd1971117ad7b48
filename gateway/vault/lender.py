"""Lends real keys, each for one ``with``. Keeps sealed boxes' openers only: no opened credential outlives its loan.

A box is opened for every loan (about 10 µs): a cache of opened keys would save less than one signature costs.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from gateway.core.errors import Unavailable
from gateway.core.token import Credential
from gateway.vault.envelope import Vault
from gateway.vault.errors import Damaged
from gateway.vault.rows import open_credential

BoxOf = Callable[[str], bytes | None]
"""An account's sealed box by its name, as the state has it now; None if there is no such account."""


class VaultLender:
    """The Lender of ports, locked until :meth:`unlock`. It asks ``box_of`` at every loan: a rotation counts at once."""

    def __init__(self, box_of: BoxOf, vault: Vault | None = None) -> None:
        self._box_of = box_of
        self._vault = vault

    def unlock(self, vault: Vault) -> None:
        """Lend from this vault from now on."""
        self._vault = vault

    def lock(self) -> None:
        """Lend no more. Loans under way end with their ``with``."""
        self._vault = None

    def lend(self, account: str) -> AbstractContextManager[Credential]:
        """The account's credential. Raises Unavailable: locked, no such account, or a box that does not open."""
        return nullcontext(self._open(account))

    def _open(self, account: str) -> Credential:
        if self._vault is None:
            raise Unavailable("the vault is locked")
        box = self._box_of(account)
        if box is None:
            raise Unavailable(f"account {account!r} is gone")
        try:
            return open_credential(self._vault, account, box)[1]
        except Damaged as error:
            raise Unavailable(f"account {account!r} cannot be used: {error}") from error
