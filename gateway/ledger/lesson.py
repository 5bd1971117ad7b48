"""What one answer teaches about the orders it speaks of. Nothing is changed here: the ledger stores what was learnt."""

from collections.abc import Iterator, Sequence

from gateway.core.order import OrderEvent, OrderRow
from gateway.ledger.book import Book
from gateway.ledger.fills import learn, named
from gateway.ledger.storage import Storage


class Lesson:
    """One answer's events, heard one after the other; it may speak of an order several times and by both its ids.

    ``present`` are the client ids of the orders that the exchange does know.
    """

    def __init__(self, account: str, book: Book, storage: Storage) -> None:
        self._account = account
        self._book = book
        self._storage = storage
        self.present: set[str] = set()
        self._before: dict[str, OrderRow] = {}
        self._after: dict[str, OrderRow] = {}
        self._by_order_id: dict[tuple[str, str], OrderRow] = {}

    def hear(self, events: Sequence[OrderEvent]) -> None:
        """Learn from events; those of orders that the ledger does not know are passed over."""
        for event in events:
            before = self.row(event)
            if before is not None and not event.absent:
                self.present.add(before.client_id)
                self._take(before, learn(before, event))

    def learnt(self) -> list[tuple[OrderRow, OrderRow]]:
        """The orders that are other than they were: before and after."""
        return [(self._before[key], after) for key, after in self._after.items() if after != self._before[key]]

    def row(self, event: OrderEvent) -> OrderRow | None:
        """The order that the event speaks of, as it is known by now; None if no token placed it."""
        return next((row for row in self._candidates(event) if named(row, event)), None)

    def _take(self, before: OrderRow, after: OrderRow) -> None:
        self._before.setdefault(before.client_id, before)
        self._after[after.client_id] = after
        if after.order_id is not None:
            self._by_order_id[after.market_id, after.order_id] = after

    def _candidates(self, event: OrderEvent) -> Iterator[OrderRow]:
        for row in self._stored(event):
            yield self._after.get(row.client_id, row)
        if event.order_id is not None and (heard := self._by_order_id.get((event.market_id, event.order_id))):
            yield heard

    def _stored(self, event: OrderEvent) -> Iterator[OrderRow]:
        """The rows of its exchange id; only where there is none, that of its client id, which names can borrow."""
        for rows in (self._book.by_order_id, self._storage.orders_by_id) if event.order_id is not None else ():
            same = [row for row in rows(self._account, event.order_id or "") if row.market_id == event.market_id]
            if same:
                yield from same
                return
        if event.client_id is not None and (row := self._by_client_id(event.client_id)) is not None:
            yield row

    def _by_client_id(self, client_id: str) -> OrderRow | None:
        return self._book.get(self._account, client_id) or self._storage.order(self._account, client_id)
