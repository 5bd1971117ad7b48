"""The working orders, indexed for every question a decision asks, so that none depends on how many there are."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from gateway.core.order import OrderRow, OrderStatus
from gateway.ledger.fills import reserved


class Book:
    """Orders that are not done. :meth:`put` is the only change; every index follows from it."""

    def __init__(self, orders: Iterable[OrderRow] = ()) -> None:
        self._orders: dict[tuple[str, str], OrderRow] = {}
        self._of_account: defaultdict[str, dict[str, OrderRow]] = defaultdict(dict)
        self._of_token: defaultdict[tuple[str, str], dict[str, OrderRow]] = defaultdict(dict)
        self._by_order_id: defaultdict[tuple[str, str], dict[str, OrderRow]] = defaultdict(dict)
        self._open: Counter[tuple[str, str | None]] = Counter()
        self._unacknowledged: Counter[tuple[str, str, str]] = Counter()
        self._reserved: Counter[tuple[str, str]] = Counter()
        for order in orders:
            self.put(order)

    def put(self, order: OrderRow) -> None:
        """Take in a new or changed order; one that is done leaves the book."""
        key = (order.account, order.client_id)
        if (before := self._orders.pop(key, None)) is not None:
            self._unlink(before)
            self._count(before, -1)
        if order.status is not OrderStatus.DONE:
            self._orders[key] = order
            self._link(order)
            self._count(order, +1)

    def get(self, account: str, client_id: str) -> OrderRow | None:
        """The working order of that client id."""
        return self._orders.get((account, client_id))

    def by_order_id(self, account: str, order_id: str) -> list[OrderRow]:
        """The working orders of that exchange id, of any instrument."""
        return list(self._by_order_id.get((account, order_id), {}).values())

    def of(self, account: str, token_id: str | None) -> Iterator[OrderRow]:
        """The account's working orders, of one token or of all."""
        if token_id is None:
            return iter(self._of_account.get(account, {}).values())
        return iter(self._of_token.get((account, token_id), {}).values())

    def open_orders(self, token_id: str, market_id: str | None) -> int:
        """How many of the token's orders work, in one instrument or in all."""
        return self._open[token_id, market_id]

    def unacknowledged(self, account: str, token_id: str, market_id: str) -> int:
        """How many of the token's working orders there have no exchange id yet."""
        return self._unacknowledged[account, token_id, market_id]

    def reserved(self, token_id: str, currency: str) -> int:
        """What the token's working orders hold in that currency, in units."""
        return self._reserved[token_id, currency]

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

    def _count(self, order: OrderRow, sign: int) -> None:
        self._open[order.token_id, None] += sign
        self._open[order.token_id, order.market_id] += sign
        self._unacknowledged[order.account, order.token_id, order.market_id] += sign * (order.order_id is None)
        self._reserved[order.token_id, order.currency] += sign * reserved(order)
