"""Whose usage is counted: every token's own, and that of all tokens of an account together."""

from functools import lru_cache
from typing import NamedTuple


class Holder(NamedTuple):
    """A token by its id, or an account by its name; the two never meet in one key."""

    name: str
    is_account: bool = False


@lru_cache(maxsize=4096)
def holders(token_id: str, account: str) -> tuple[Holder, Holder]:
    """Both that a token's order or request counts for."""
    return Holder(token_id), Holder(account, is_account=True)
