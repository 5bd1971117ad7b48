"""The working orders, indexed for every question a decision asks, so that none depends on how many there are."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from gateway.core.intent import Side
from gateway.core.order import OrderEvent, OrderRow, OrderStatus
from gateway.ledger.fills import Held, held
from gateway.ledger.holders import Holder, holders


class Working:
    """Sums over a holder's working orders; amounts in units, by currency, market, or market and side."""

    __slots__ = ("giveaway", "orders", "orders_in", "quantity", "value")

    def __init__(self) -> None:
        self.orders = 0
        self.orders_in: Counter[str] = Counter()
        self.value: Counter[str] = Counter()
        self.giveaway: Counter[str] = Counter()
        self.quantity: Counter[tuple[str, Side]] = Counter()

    def add(self, order: OrderRow, holds: Held, sign: int) -> None:
        """Take the order in (+1) or out (-1)."""
        self.orders += sign
        self.orders_in[order.market_id] += sign
        self.value[order.currency] += sign * holds.value
        self.giveaway[order.currency] += sign * holds.giveaway
        self.quantity[order.market_id, order.side] += sign * holds.quantity


_NOTHING = Working()


class Book:
    """Orders that are not done. :meth:`put` is the only change; every index follows from it."""

    def __init__(self, orders: Iterable[OrderRow] = ()) -> None:
        self._orders: dict[tuple[str, str], OrderRow] = {}
        self._held: dict[tuple[str, str], Held] = {}
        self._of_account: defaultdict[str, dict[str, OrderRow]] = defaultdict(dict)
        self._of_token: defaultdict[tuple[str, str], dict[str, OrderRow]] = defaultdict(dict)
        self._by_order_id: defaultdict[tuple[str, str], dict[str, OrderRow]] = defaultdict(dict)
        self._unacknowledged: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._sums: defaultdict[Holder, Working] = defaultdict(Working)
        for order in orders:
            self.put(order)

    def put(self, order: OrderRow) -> None:
        """Take in a new or changed order; one that is done leaves the book."""
        key = (order.account, order.client_id)
        if (before := self._orders.pop(key, None)) is not None:
            self._unlink(before)
            self._count(before, self._held.pop(key), -1)
        if order.status is not OrderStatus.DONE:
            self._orders[key] = order
            self._link(order)
            self._held[key] = holds = held(order)
            self._count(order, holds, +1)

    def get(self, account: str, client_id: str) -> OrderRow | None:
        """The working order of that client id."""
        return self._orders.get((account, client_id))

    def by_order_id(self, account: str, order_id: str) -> list[OrderRow]:
        """The working orders of that exchange id, of any instrument."""
        return list(self._by_order_id.get((account, order_id), {}).values())

    def named(self, account: str, event: OrderEvent) -> OrderRow | None:
        """The working order of the event's exchange id; cheap, for lists are long and say little that is new."""
        rows = self._by_order_id.get((account, event.order_id or ""))
        return next((row for row in rows.values() if row.market_id == event.market_id), None) if rows else None

    def of(self, account: str, token_id: str | None) -> Iterator[OrderRow]:
        """The account's working orders, of one token or of all."""
        if token_id is None:
            return iter(self._of_account.get(account, {}).values())
        return iter(self._of_token.get((account, token_id), {}).values())

    def working(self, holder: Holder) -> Working:
        """The sums over the holder's working orders; not to be changed."""
        return self._sums.get(holder, _NOTHING)

    def tokens(self) -> list[tuple[str, str]]:
        """Account and id of every token that has working orders."""
        return [key for key, orders in self._of_token.items() if orders]

    def accounts(self) -> list[str]:
        """Every account that has working orders."""
        return [account for account, orders in self._of_account.items() if orders]

    def unacknowledged(self, account: str, market_id: str) -> list[str]:
        """The tokens of whose working orders there one has no exchange id yet."""
        return list(self._unacknowledged.get((account, market_id), ()))

    def __iter__(self) -> Iterator[OrderRow]:
        """Every working order."""
        return iter(self._orders.values())

    def _link(self, order: OrderRow) -> None:
        self._of_account[order.account][order.client_id] = order
        self._of_token[order.account, order.token_id][order.client_id] = order
        if order.order_id is not None:
            self._by_order_id[order.account, order.order_id][order.client_id] = order

    def _unlink(self, order: OrderRow) -> None:
        del self._of_account[order.account][order.client_id]
        del self._of_token[order.account, order.token_id][order.client_id]
        if order.order_id is not None:
            key = (order.account, order.order_id)
            del self._by_order_id[key][order.client_id]
            if not self._by_order_id[key]:
                del self._by_order_id[key]

    def _count(self, order: OrderRow, holds: Held, sign: int) -> None:
        if order.order_id is None:
            waiting = self._unacknowledged[order.account, order.market_id]
            waiting[order.token_id] += sign
            if not waiting[order.token_id]:
                del waiting[order.token_id]
        for holder in holders(order.token_id, order.account):
            self._sums[holder].add(order, holds, sign)
