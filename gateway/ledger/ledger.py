"""Reserve → settle / release. One thread, no awaits: whatever a method does, it does in one turn.

Law: what is counted is stored first and taken into memory only after the commit, so a failure changes neither. The
ledger's clock is the latest time at which money moved; it never steps back, not even across a restart.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final, Self

from gateway.core.decision import DenyCode, Reserve
from gateway.core.errors import Refused
from gateway.core.intent import Place
from gateway.core.order import OrderEvent, OrderRow, OrderStatus
from gateway.core.token import Token
from gateway.ledger.absences import Absences
from gateway.ledger.book import Book
from gateway.ledger.lesson import Lesson
from gateway.ledger.storage import Change, Storage
from gateway.ledger.units import amount, units
from gateway.ledger.usage import Counts, Kind, UsageAt
from gateway.ledger.windows import LONGEST_MS
from gateway.ports import Record

WRITE_EVERY_MS: Final = 1_000
"""How often counts that no money depends on are stored; a crash forgets at most these."""

PRUNE_EVERY_MS: Final = 60_000
AT_ONCE: Final = 256
"""How many rows one tick stores, and how many it prunes, at most: no chore holds up a decision for long."""

KEEP_MS: Final = LONGEST_MS + 24 * 3_600_000
"""Usage events are kept for the longest window, the roundings, and a day to spare."""

_ZERO: Final = Decimal(0)


class Ledger:
    """The orders and the usage of all tokens; see :class:`gateway.ports.Ledger`.

    ``clock`` is the ledger's clock in ms. ``surprises`` counts events that taught something new about an order that
    was over (a fill after a release): each is a hint that an answer was misread.
    """

    def __init__(self, storage: Storage, orders: Iterable[OrderRow]) -> None:
        self._storage = storage
        self._book = Book(orders)
        self._counts = Counts(storage)
        self._absences = Absences()
        self._write_at = self._prune_at = 0
        self.clock = storage.clock()
        self.surprises = 0

    @classmethod
    def open(cls, storage: Storage) -> Self:
        """Take up what is stored. Orders that were on their way are *unknown* now: no answer will come any more."""
        return cls(storage, map(_taken_up, storage.working_orders()))

    def usage(self, token_id: str, now_ms: int) -> UsageAt:
        """What the token has used, for the controls."""
        return UsageAt(token_id, now_ms, self.clock, self._counts, self._book)

    def knows(self, account: str, client_id: str) -> bool:
        """Whether the account's ledger has ever seen this client order id."""
        return self._order(account, client_id) is not None

    def reserve(
        self, token: Token, order: Place, reserve: Reserve, now_ms: int, accept_until_us: int, record: Record
    ) -> None:
        """Take the order in as *sent*, counting its message. Raises Refused for a known client id, or Unavailable."""
        row = _sent(token, order, reserve, now_ms, accept_until_us)
        if self.knows(row.account, row.client_id):
            raise Refused(DenyCode.DUPLICATE, f"the client order id {row.client_id} was used before")
        at = max(now_ms, self.clock)
        with self._storage.transaction(record) as change:
            change.add_order(row)
            change.add_event(row.token_id, Kind.MESSAGE, "", now_ms, Decimal(1))
            change.put_clock(at)
        self.clock = at
        self._book.put(row)
        self._counts.add(row.token_id, Kind.MESSAGE, "", now_ms, 1)

    def release(self, account: str, client_id: str, now_ms: int, record: Record) -> None:
        """A definite reject, or an unknown that the exchange never accepted: what is reserved goes back."""
        before = self._known(account, client_id)
        self._apply([(before, replace(before, status=OrderStatus.DONE))], now_ms, record)

    def unknown(self, account: str, client_id: str, now_ms: int, record: Record) -> None:
        """No answer came: stays reserved until reconciled. An order of which more is known stays as it is."""
        before = self._known(account, client_id)
        if before.status is OrderStatus.SENT:
            self._apply([(before, replace(before, status=OrderStatus.UNKNOWN))], now_ms, record)

    def settle(self, account: str, events: Sequence[OrderEvent], now_ms: int, record: Record | None) -> bool:
        """Learn from an answer; events of orders that are not ours are passed over. Whether anything changed."""
        lesson = Lesson(account, self._book, self._storage)
        lesson.hear(events)
        for client_id in lesson.present:
            self._absences.forget(account, client_id)
        return self._apply(lesson.learnt(), now_ms, record)

    def note_absent(self, account: str, client_id: str, now_ms: int) -> int:
        """Note that the exchange does not know this order; how many independent answers have said so in a row."""
        if self._book.get(account, client_id) is None:
            return 0
        return self._absences.note(account, client_id, now_ms)

    def owner(self, account: str, market_id: str, order_id: str | None, client_id: str | None) -> tuple[str, ...]:
        """The token ids that placed the named order(s) there; empty where the ledger does not know them."""
        rows: list[OrderRow] = []
        if order_id is not None:
            rows += self._book.by_order_id(account, order_id)
            rows += self._storage.orders_by_id(account, order_id)
        if client_id is not None and (row := self._order(account, client_id)) is not None:
            rows.append(row)
        return tuple(dict.fromkeys(row.token_id for row in rows if row.market_id == market_id))

    def has_unacknowledged(self, account: str, token_ids: Sequence[str], market_id: str) -> bool:
        """Whether one of these tokens has a working order there whose exchange id is not known."""
        return any(self._book.unacknowledged(account, token_id, market_id) for token_id in token_ids)

    def working(self, account: str, token_id: str | None = None, market_id: str | None = None) -> Sequence[OrderRow]:
        """Orders that are not done."""
        return [row for row in self._book.of(account, token_id) if market_id in (None, row.market_id)]

    def unresolved(self) -> Sequence[OrderRow]:
        """Every order whose outcome is unknown, of all accounts."""
        return [row for row in self._book if row.status is OrderStatus.UNKNOWN]

    def count(self, token_id: str, kind: str, now_ms: int) -> None:
        """One more ``message`` (of a denied order), ``denial``, ``request`` or ``cancel``; :meth:`tick` stores it."""
        self._counts.count(token_id, Kind(kind), now_ms)

    def tick(self, now_ms: int) -> None:
        """Store counts and prune old events, when it is time; cheap otherwise. Raises Unavailable (try again)."""
        writes = self._counts.unwritten() and _due(now_ms, self._write_at, WRITE_EVERY_MS)
        if writes or _due(now_ms, self._prune_at, PRUNE_EVERY_MS):
            self._write(now_ms)

    def close(self) -> None:
        """Store what is only counted yet."""
        while self._counts.unwritten():
            self._write(self._write_at)

    def _write(self, now_ms: int) -> None:
        with self._storage.transaction(synced=False) as change:
            written = self._counts.write(change, AT_ONCE)
            pruned = change.prune_events(min(now_ms, self.clock) - KEEP_MS, AT_ONCE)
        self._counts.written(written)
        self._write_at = now_ms - WRITE_EVERY_MS if len(written) == AT_ONCE else now_ms
        self._prune_at = now_ms - PRUNE_EVERY_MS if pruned == AT_ONCE else now_ms

    def _apply(self, orders: Iterable[tuple[OrderRow, OrderRow]], now_ms: int, record: Record | None) -> bool:
        changed = [(before, after) for before, after in orders if after != before]
        if not changed:
            return False
        at = max(now_ms, self.clock)
        # Not synced: a power cut puts it back to what was reserved, which is the safe side, and it is asked for again.
        with self._storage.transaction(record, synced=False) as change:
            for before, after in changed:
                _store(change, before, after, at)
            change.put_clock(at)
        self.clock = at
        for before, after in changed:
            self._take_in(before, after, at)
        return True

    def _take_in(self, before: OrderRow, after: OrderRow, at: int) -> None:
        self._book.put(after)
        self._counts.add(after.token_id, Kind.TURNOVER, after.currency, at, units(after.committed - before.committed))
        self.surprises += before.status is OrderStatus.DONE
        if after.status is OrderStatus.DONE:
            self._absences.forget(after.account, after.client_id)

    def _order(self, account: str, client_id: str) -> OrderRow | None:
        return self._book.get(account, client_id) or self._storage.order(account, client_id)

    def _known(self, account: str, client_id: str) -> OrderRow:
        order = self._order(account, client_id)
        if order is None:
            raise KeyError(f"the ledger has no order {client_id} of {account}")
        return order


def _taken_up(order: OrderRow) -> OrderRow:
    return replace(order, status=OrderStatus.UNKNOWN) if order.status is OrderStatus.SENT else order


def _store(change: Change, before: OrderRow, after: OrderRow, at: int) -> None:
    change.replace_order(after)
    if after.committed > before.committed:
        committed = after.committed - before.committed
        change.add_event(after.token_id, Kind.TURNOVER, after.currency, at, committed)


def _sent(token: Token, order: Place, reserve: Reserve, now_ms: int, accept_until_us: int) -> OrderRow:
    if order.client_id is None or reserve.quantity <= 0 or reserve.value.amount < 0:
        raise ValueError("an order is reserved with its client id, a quantity above zero and a value not below it")
    return OrderRow(
        order.client_id, None, token.id, token.account, order.market_id, reserve.quantity,
        amount(units(reserve.value.amount)), reserve.value.currency, _ZERO, _ZERO,
        OrderStatus.SENT, now_ms, accept_until_us,
    )  # fmt: skip


def _due(now_ms: int, last_ms: int, every_ms: int) -> bool:
    # Either way: a clock that was set back must not stop it until the old time comes round again.
    return abs(now_ms - last_ms) >= every_ms
