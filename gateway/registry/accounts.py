"""The accounts that the gateway serves, in memory."""

from collections.abc import Mapping

from gateway.core.token import Account
from gateway.policy.account import AccountLimits


class AccountBook:
    """The Accounts of ports."""

    def __init__(self, accounts: list[Account], limits: Mapping[str, AccountLimits]) -> None:
        self._accounts = {account.name: account for account in accounts}
        self._limits = limits

    def find(self, name: str) -> Account | None:
        """The account, or None once removed."""
        return self._accounts.get(name)

    def limits(self, name: str) -> AccountLimits | None:
        """The limits over all its tokens, if the settings state any."""
        return self._limits.get(name)

    def put(self, account: Account) -> None:
        """A new account, or a new key of one."""
        self._accounts[account.name] = account

    def drop(self, name: str) -> None:
        """Forget a removed account."""
        self._accounts.pop(name, None)

    def all(self) -> list[Account]:
        """Every account."""
        return list(self._accounts.values())
