"""Orders that no token placed: a person's, an older program's, or a thief's who has the real key.

An account is watched from its first list on: what stands there then was there before. Whatever turns up later is new
once, and noted, so that a restart alarms nobody twice.
"""

from collections.abc import Collection, Iterable
from typing import Final

from gateway.ledger.storage import Storage
from gateway.ports import ListedOrder, Record

KEEP_MS: Final = 24 * 3_600_000
"""How long an order that is gone from the list stays noted: a list may come from a copy that lags behind."""

_WATCHED: Final[ListedOrder] = ("", "")


class Strangers:
    """What is noted of each account. Nothing is kept in memory: it is asked about once a minute."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def noted(self, account: str) -> Collection[ListedOrder] | None:
        """The noted orders; None if the account's first list was not taken in yet."""
        noted = self._of(account)
        return noted.keys() - {_WATCHED} if _WATCHED in noted else None

    def note(self, account: str, new: Iterable[ListedOrder], listed: Collection[ListedOrder], now_ms: int,
             record: Record) -> None:  # fmt: skip
        """Note these as seen, and forget those that were noted long ago and are ``listed`` no more."""
        noted = self._of(account)
        gone = [order for order, at in noted.items() if now_ms - at > KEEP_MS and order not in listed]
        with self._storage.transaction(record) as change:
            for order in gone:
                if order != _WATCHED:
                    change.drop_stranger(account, *order)
            for order in (_WATCHED, *new):
                change.add_stranger(account, *order, now_ms)

    def _of(self, account: str) -> dict[ListedOrder, int]:
        return {(market_id, order_id): at for market_id, order_id, at in self._storage.strangers(account)}
