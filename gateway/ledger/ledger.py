"""Reserve → settle / release. One thread, no awaits: whatever a method does, it does in one turn.

Law: what is counted is stored first and taken into memory only after the commit, so a failure changes neither. The
ledger's clock is the latest time at which money moved; it never steps back, not even across a restart.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, Self

from msgspec import structs

from gateway.core.decision import DenyCode, Reserve
from gateway.core.errors import Misuse, Refused, Unavailable
from gateway.core.intent import Place, Side
from gateway.core.money import EXACT
from gateway.core.order import OrderEvent, OrderRow, OrderStatus
from gateway.core.token import Token
from gateway.ledger.absences import Absences
from gateway.ledger.book import Book
from gateway.ledger.chores import KEEP_MS, Chores
from gateway.ledger.fills import charge, says_nothing, surprising
from gateway.ledger.flows import AMOUNTS, Flow, Kind, flows
from gateway.ledger.holders import Holder
from gateway.ledger.lesson import Lesson
from gateway.ledger.marks import Market, Marks
from gateway.ledger.positions import Positions
from gateway.ledger.storage import Change, Storage
from gateway.ledger.strangers import Strangers
from gateway.ledger.units import amount, units
from gateway.ledger.usage import Books, Counts, UsageAt
from gateway.ports import ListedOrder, Record

_ZERO: Final = Decimal(0)
_KINDS: Final = {kind.value: kind for kind in Kind}


class Ledger:
    """The orders and the usage of all tokens; see :class:`gateway.ports.Ledger`.

    ``clock`` is the ledger's clock in ms. ``surprises`` counts what the exchange told and cannot be (a fill after a
    release, a fill worse than its limit): each is a hint that an answer was misread.
    """

    def __init__(self, storage: Storage, orders: Iterable[OrderRow]) -> None:
        self._storage = storage
        self._book = Book(orders)
        self._counts = Counts(storage)
        self._absences = Absences()
        self.clock = storage.clock()
        self._positions = Positions(storage.positions(self.clock - KEEP_MS))
        self._marks = Marks(storage)
        self._strangers = Strangers(storage)
        self._chores = Chores(storage, self._counts, self._marks)
        self._books = Books(self._counts, self._book, self._positions, self._marks)
        self.surprises = 0

    @classmethod
    def open(cls, storage: Storage) -> Self:
        """Take up what is stored. Orders that were on their way are *unknown* now: no answer will come any more."""
        return cls(storage, map(_taken_up, storage.working_orders()))

    def usage(self, token_id: str, now_ms: int) -> UsageAt:
        """What the token has used, for the controls."""
        return UsageAt(Holder(token_id), now_ms, self.clock, self._books)

    def account_usage(self, account: str, now_ms: int) -> UsageAt:
        """The same over all tokens that the account ever had."""
        return UsageAt(Holder(account, is_account=True), now_ms, self.clock, self._books)

    def knows(self, account: str, client_id: str) -> bool:
        """Whether the account's ledger has ever seen this client order id."""
        return self._order(account, client_id) is not None

    def reserve(
        self, token: Token, order: Place, reserve: Reserve, now_ms: int, accept_until_us: int, record: Record
    ) -> None:
        """Take the order in as *sent*, counting its message. Raises Refused for a known client id, or Unavailable."""
        row = _sent(token, order, reserve, now_ms, accept_until_us)
        at = max(now_ms, self.clock)
        try:
            with self._storage.transaction(record) as change:
                change.add_order(row)
                change.add_event(row.token_id, row.account, Kind.MESSAGE, "", now_ms, Decimal(1))
                change.put_clock(at)
        except (Misuse, Unavailable):
            if self.knows(row.account, row.client_id):
                raise Refused(DenyCode.DUPLICATE, "this client order id was used before") from None
            raise
        self.clock = at
        self._book.put(row)
        self._counts.add(row.token_id, row.account, Kind.MESSAGE, "", now_ms, 1)

    def release(self, account: str, client_id: str, now_ms: int, record: Record | None) -> None:
        """A definite reject, or an unknown that the exchange never accepted: what is reserved goes back."""
        before = self._known(account, client_id)
        self._apply([(before, structs.replace(before, status=OrderStatus.DONE))], now_ms, record)

    def unknown(
        self, account: str, client_id: str, now_ms: int, record: Record, order_id: str | None = None
    ) -> None:
        """No answer came, or one that tells no more than its id: stays reserved until reconciled.

        An order of which more is known stays as it is.
        """
        before = self._known(account, client_id)
        if before.status is OrderStatus.SENT:
            after = structs.replace(before, status=OrderStatus.UNKNOWN, order_id=order_id)
            self._apply([(before, after)], now_ms, record)

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

    def unacknowledged(self, account: str, market_id: str) -> Collection[str]:
        """Ids of the tokens that have a working order there whose exchange id is not known."""
        return self._book.unacknowledged(account, market_id)

    def working(self, account: str, token_id: str | None = None, market_id: str | None = None) -> Sequence[OrderRow]:
        """Orders that are not done."""
        return [row for row in self._book.of(account, token_id) if market_id in (None, row.market_id)]

    def working_accounts(self) -> Sequence[str]:
        """Every account that has orders that are not done."""
        return self._book.accounts()

    def working_tokens(self) -> Sequence[tuple[str, str]]:
        """Account and id of every token that has such orders."""
        return self._book.tokens()

    def news(self, account: str, events: Sequence[OrderEvent]) -> Sequence[OrderEvent]:
        """Those of the events that would teach the ledger something; nothing is learnt yet."""
        return [event for event in events if self._teaches(account, event)]

    def strangers(self, account: str, events: Sequence[OrderEvent]) -> Sequence[OrderEvent]:
        """Those of the account's listed orders that no token placed."""
        return [
            event for event in events
            if self._book.named(account, event) is None
            and Lesson(account, self._book, self._storage).row(event) is None
        ]  # fmt: skip

    def noted(self, account: str) -> Collection[ListedOrder] | None:
        """The strangers that were noted; None if no list of the account was ever taken in."""
        return self._strangers.noted(account)

    def note_strangers(
        self, account: str, new: Iterable[ListedOrder], listed: Collection[ListedOrder], now_ms: int, record: Record
    ) -> None:
        """Note these as seen, and the account as watched; those long gone from the list are forgotten."""
        self._strangers.note(account, new, listed, now_ms, record)

    def unresolved(self) -> Sequence[OrderRow]:
        """Every order whose outcome is unknown, of all accounts."""
        return [row for row in self._book if row.status is OrderStatus.UNKNOWN]

    def count(self, token: Token, kind: str, now_ms: int) -> None:
        """One more ``message`` (of a denied order), ``denial``, ``request`` or ``cancel``; :meth:`tick` stores it."""
        self._counts.count(token.id, token.account, _KINDS[kind], now_ms)

    def marked(self) -> Sequence[tuple[str, str]]:
        """Account and market id of every market whose price :meth:`mark` should be told, every few seconds."""
        return [market for market in self._marks.wanted() if self._positions.is_held(*market)]

    def mark(self, account: str, prices: Mapping[str, Decimal], now_ms: int) -> None:
        """What the account's markets are worth now; a later question about a loss starts from it."""
        for market_id, price in prices.items():
            self._marks.note(Market(account, market_id), now_ms, price)

    def tick(self, now_ms: int) -> None:
        """Store what is only counted yet and prune what is too old, when it is time. Raises Unavailable (try again)."""
        self._chores.tick(now_ms, self.clock)

    def close(self) -> None:
        """Store what is only counted yet."""
        self._chores.finish(self.clock)

    def _apply(self, orders: Iterable[tuple[OrderRow, OrderRow]], now_ms: int, record: Record | None) -> bool:
        changed = [(before, after) for before, after in orders if after != before]
        if not changed:
            return False
        flowed = [flows(before, after) for before, after in changed]
        at = max(now_ms, self.clock)
        # Not synced: a power cut puts it back to what was reserved, which is the safe side, and it is asked for again.
        with self._storage.transaction(record, synced=False) as change:
            for (_, after), told in zip(changed, flowed, strict=True):
                _store(change, after, told, at)
            for position in (moved := self._positions.moved(changed, at)):
                change.put_position(position)
            change.put_clock(at)
        self.clock = at
        for (before, after), told in zip(changed, flowed, strict=True):
            self._take_in(before, after, told, at)
        for position in moved:
            self._positions.put(position)
        return True

    def _take_in(self, before: OrderRow, after: OrderRow, told: Sequence[Flow], at: int) -> None:
        self._book.put(after)
        for flow in told:
            self._counts.add(after.token_id, after.account, flow.kind, flow.unit, at, flow.number)
        self.surprises += surprising(before, after)
        if after.status is OrderStatus.DONE:
            self._absences.forget(after.account, after.client_id)

    def _teaches(self, account: str, event: OrderEvent) -> bool:
        if (row := self._book.named(account, event)) is not None and says_nothing(row, event):
            return False
        lesson = Lesson(account, self._book, self._storage)
        lesson.hear([event])
        return bool(lesson.learnt())

    def _order(self, account: str, client_id: str) -> OrderRow | None:
        return self._book.get(account, client_id) or self._storage.order(account, client_id)

    def _known(self, account: str, client_id: str) -> OrderRow:
        order = self._order(account, client_id)
        if order is None:
            raise KeyError(f"the ledger has no order {client_id} of {account}")
        return order


def _taken_up(order: OrderRow) -> OrderRow:
    return structs.replace(order, status=OrderStatus.UNKNOWN) if order.status is OrderStatus.SENT else order


def _store(change: Change, after: OrderRow, told: Sequence[Flow], at: int) -> None:
    change.replace_order(after)
    for flow in told:
        total = amount(flow.number) if flow.kind in AMOUNTS else Decimal(flow.number)
        change.add_event(after.token_id, after.account, flow.kind, flow.unit, at, total)


def _sent(token: Token, order: Place, reserve: Reserve, now_ms: int, accept_until_us: int) -> OrderRow:
    if order.client_id is None or order.price is None or reserve.quantity <= 0 or reserve.value.amount < 0:
        raise ValueError("an order is reserved with its client id, its limit, its quantity and a value not below zero")
    fair, giveaway = _charged(order.side, order.price, reserve)
    return OrderRow(
        order.client_id, None, token.id, token.account, order.market_id, reserve.quantity,
        amount(units(reserve.value.amount)), reserve.value.currency, _ZERO, _ZERO,
        OrderStatus.SENT, now_ms, accept_until_us, order.side, order.price, giveaway, _ZERO, fair, reserve.fee_rate,
    )  # fmt: skip


def _charged(side: Side, limit: Decimal, reserve: Reserve) -> tuple[Decimal, Decimal]:
    """The fair price and the reserved giveaway; both zero where nothing is charged."""
    if reserve.giveaway is None or reserve.fair is None:
        return _ZERO, _ZERO
    at_limit = EXACT.multiply(limit, reserve.quantity)
    worst = charge(side, reserve.fair, reserve.fee_rate, reserve.quantity, at_limit)
    if reserve.giveaway.amount < worst or reserve.giveaway.currency != reserve.value.currency:
        raise ValueError("a giveaway is reserved in the quote, and for the worst that the limit lets happen")
    return reserve.fair, amount(units(reserve.giveaway.amount))
