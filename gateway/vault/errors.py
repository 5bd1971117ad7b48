"""What can be wrong with a vault. Each of these stops the command; none of them is ever worked around.

    Misuse
    ├── WrongPassphrase   the header is whole, and this passphrase does not open it
    └── Damaged           the header or a box is not what this vault once wrote
"""

from gateway.core.errors import Misuse


class WrongPassphrase(Misuse):
    """The header is whole and the passphrase does not open it."""

    def __init__(self) -> None:
        super().__init__("the passphrase is wrong", "nothing was opened; try again")


class Damaged(Misuse):
    """Bytes of the vault were changed, cut, or belong to something else. ``what`` names them."""

    def __init__(self, what: str, why: str, hint: str = "restore the home from a backup") -> None:
        super().__init__(f"{what} cannot be trusted: {why}", hint)
