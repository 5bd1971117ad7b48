"""What the ledger needs from a store. Whoever keeps it is picked in the app; every write is all or nothing."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Protocol

from gateway.core.order import OrderRow, PositionRow
from gateway.ports import Record


class Change(Protocol):
    """One transaction in progress."""

    def add_order(self, row: OrderRow) -> None:
        """A new order; an error if the account has ever seen its client id."""
        ...

    def replace_order(self, row: OrderRow) -> None:
        """Other contents for the order of that account and client id."""
        ...

    def add_event(
        self, token_id: str, account: str, kind: str, currency: str, at_ms: int, amount: Decimal
    ) -> None:
        """One usage event, of a token and of its account."""
        ...

    def put_position(self, row: PositionRow) -> None:
        """Set the position of that token and market."""
        ...

    def add_price(self, account: str, market_id: str, at_ms: int, price: Decimal) -> None:
        """One price of a market."""
        ...

    def prune_prices(self, before_ms: int, at_most: int) -> int:
        """Delete up to so many of the prices stored first, if they are older; how many there were."""
        ...

    def add_stranger(self, account: str, market_id: str, order_id: str, at_ms: int) -> None:
        """An order that no token placed was listed; without ids: the account is watched from now on."""
        ...

    def drop_stranger(self, account: str, market_id: str, order_id: str) -> None:
        """It is over."""
        ...

    def prune_events(self, before_ms: int, at_most: int) -> int:
        """Delete up to so many of the events stored first, if they are older; how many there were."""
        ...

    def put_clock(self, at_ms: int) -> None:
        """Note the ledger's clock."""
        ...


class Storage(Protocol):
    """Orders, usage events and the ledger's clock. Raises Unavailable, and then nothing has changed."""

    def clock(self) -> int:
        """The ledger's clock in ms; 0 before its first change."""
        ...

    def order(self, account: str, client_id: str) -> OrderRow | None:
        """The order of that client id."""
        ...

    def orders_by_id(self, account: str, order_id: str) -> Sequence[OrderRow]:
        """The orders of that exchange id."""
        ...

    def working_orders(self) -> Iterable[OrderRow]:
        """Every order that is not done."""
        ...

    def events(self, token_id: str, kind: str, currency: str, since_ms: int) -> Iterable[tuple[int, Decimal]]:
        """Time and amount of the token's usage events since then, oldest first."""
        ...

    def account_events(self, account: str, kind: str, currency: str, since_ms: int) -> Iterable[tuple[int, Decimal]]:
        """The same of all its tokens."""
        ...

    def positions(self, since_ms: int) -> Iterable[PositionRow]:
        """Every position that is not zero, or that moved since then."""
        ...

    def prices(self, account: str, market_id: str, since_ms: int) -> Iterable[tuple[int, Decimal]]:
        """Time and price of the market's prices from the last one before then on, oldest first."""
        ...

    def strangers(self, account: str) -> Iterable[tuple[str, str, int]]:
        """Market, id and time of the orders noted by :meth:`Change.add_stranger`."""
        ...

    def transaction(self, record: Record | None = None, synced: bool = True) -> AbstractContextManager[Change]:
        """All or nothing, and on the disk when the block ends unless it is not ``synced``."""
        ...
