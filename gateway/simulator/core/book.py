"""Price-time priority, and nothing else: a book never changes an order."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Decimal

from .orders import Order, Side


class Ladder:
    """One side of a book: the best price first, and at each price the oldest order first."""

    def __init__(self, side: Side) -> None:
        self._sign = -1 if side == "BUY" else 1
        self._keys: list[Decimal] = []
        self._levels: dict[Decimal, dict[int, Order]] = {}

    def __iter__(self) -> Iterator[Order]:
        for key in self._keys:
            yield from self._levels[key].values()

    @property
    def best(self) -> Order | None:
        """The order that trades next."""
        if not self._keys:
            return None
        return next(iter(self._levels[self._keys[0]].values()))

    def add(self, order: Order) -> None:
        """Queues an order behind the others at its price."""
        key = order.price * self._sign
        level = self._levels.get(key)
        if level is None:
            insort(self._keys, key)
            level = self._levels[key] = {}
        level[order.id] = order

    def remove(self, order: Order) -> None:
        """Takes an order out; one that is not there is no error."""
        key = order.price * self._sign
        level = self._levels.get(key)
        if level is None or level.pop(order.id, None) is None or level:
            return
        del self._levels[key]
        del self._keys[bisect_left(self._keys, key)]

    def requeue(self, order: Order) -> None:
        """Sends an order to the end of its level."""
        self.remove(order)
        self.add(order)

    def levels(self, limit: int) -> list[tuple[Decimal, Decimal]]:
        """Prices and the quantities shown at them, best first."""
        return [
            (key * self._sign, sum((order.visible for order in self._levels[key].values()), Decimal(0)))
            for key in self._keys[:limit]
        ]

    def crosses(self, price: Decimal) -> bool:
        """Whether an order of the other side at this price would trade."""
        return bool(self._keys) and self._keys[0] <= price * self._sign
