"""A ledger's storage that nobody keeps: for replays and rehearsals. It is never shared, so no change is ever undone."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

from gateway.core.order import OrderRow, OrderStatus, PositionRow
from gateway.ports import Record


class Scratch:
    """The Storage of the ledger, in place; its own Change."""

    def __init__(self) -> None:
        self._orders: dict[tuple[str, str], OrderRow] = {}
        self._by_order_id: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._events: defaultdict[tuple[str, str, str], list[tuple[int, Decimal]]] = defaultdict(list)
        self._positions: dict[tuple[str, str], PositionRow] = {}
        self._prices: defaultdict[tuple[str, str], list[tuple[int, Decimal]]] = defaultdict(list)
        self._strangers: dict[tuple[str, str, str], int] = {}
        self._clock = 0

    # -- what the ledger reads ----------------------------------------------------------------------------------

    def clock(self) -> int:
        return self._clock

    def order(self, account: str, client_id: str) -> OrderRow | None:
        return self._orders.get((account, client_id))

    def orders_by_id(self, account: str, order_id: str) -> Sequence[OrderRow]:
        return [self._orders[account, client_id] for client_id in self._by_order_id.get((account, order_id), ())]

    def working_orders(self) -> Iterable[OrderRow]:
        return [row for row in self._orders.values() if row.status is not OrderStatus.DONE]

    def events(self, token_id: str, kind: str, currency: str, since_ms: int) -> Iterable[tuple[int, Decimal]]:
        return [event for event in self._events.get((token_id, kind, currency), ()) if event[0] >= since_ms]

    def account_events(self, account: str, kind: str, currency: str, since_ms: int) -> Iterable[tuple[int, Decimal]]:
        return self.events(f"account {account}", kind, currency, since_ms)

    def positions(self, since_ms: int) -> Iterable[PositionRow]:
        return list(self._positions.values())

    def prices(self, account: str, market_id: str, since_ms: int) -> Iterable[tuple[int, Decimal]]:
        return [price for price in self._prices.get((account, market_id), ()) if price[0] >= since_ms]

    def strangers(self, account: str) -> Iterable[tuple[str, str, int]]:
        return [(market, order, at) for (name, market, order), at in self._strangers.items() if name == account]

    @contextmanager
    def transaction(self, record: Record | None = None, synced: bool = True) -> Iterator["Scratch"]:
        yield self

    # -- what it writes -----------------------------------------------------------------------------------------

    def add_order(self, row: OrderRow) -> None:
        self._orders[row.account, row.client_id] = row

    def replace_order(self, row: OrderRow) -> None:
        before = self._orders[row.account, row.client_id]
        if row.order_id is not None and before.order_id is None:
            self._by_order_id[row.account, row.order_id].append(row.client_id)
        self._orders[row.account, row.client_id] = row

    def add_event(self, token_id: str, account: str, kind: str, currency: str, at_ms: int, amount: Decimal) -> None:
        self._events[token_id, kind, currency].append((at_ms, amount))
        self._events[f"account {account}", kind, currency].append((at_ms, amount))

    def put_position(self, row: PositionRow) -> None:
        self._positions[row.token_id, row.market_id] = row

    def add_price(self, account: str, market_id: str, at_ms: int, price: Decimal) -> None:
        self._prices[account, market_id].append((at_ms, price))

    def prune_prices(self, before_ms: int, at_most: int) -> int:
        return 0

    def add_stranger(self, account: str, market_id: str, order_id: str, at_ms: int) -> None:
        self._strangers[account, market_id, order_id] = at_ms

    def drop_stranger(self, account: str, market_id: str, order_id: str) -> None:
        self._strangers.pop((account, market_id, order_id), None)

    def prune_events(self, before_ms: int, at_most: int) -> int:
        return 0

    def put_clock(self, at_ms: int) -> None:
        self._clock = at_ms
