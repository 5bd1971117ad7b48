"""Any interleaving of tokens, answers, losses, repeats, crashes and clock steps, against a model with fractions.

The model knows what the exchange really did and what the ledger was told. A token reserves only what its usage says
is left, as the pipeline does; then committed + reserved ≤ limit must hold at every step, on the ledger's own clock.
"""

import tempfile
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from gateway.core.order import OrderEvent
from gateway.ledger.ledger import Ledger
from gateway.store.sqlite import SqliteStore
from tests.ledger.orders import ACCOUNT, MARKET, Story, fill, token

LIMIT = 1000
WINDOW = 60_000
TOKENS = ("a", "b")


@dataclass
class Modelled:
    """One order: what was reserved, what the exchange did, what the ledger was told, and what must be committed."""

    client_id: str
    token: str
    value: int
    quantity: int
    order_id: str | None = None
    filled: int = 0
    paid: int = 0
    ended: bool = False
    told: int = 0
    committed: Fraction = Fraction(0)
    over: bool = False
    commits: list[tuple[int, Fraction]] = field(default_factory=list)

    def reserved(self) -> Fraction:
        """What it still holds."""
        return Fraction(0) if self.over else Fraction(self.value * (self.quantity - self.told), self.quantity)

    def hear(self, event: OrderEvent, at: int) -> bool:
        """What the event must teach; whether it teaches anything."""
        filled, before = int(event.filled), (self.told, self.committed, self.over)
        if filled > self.told:
            cost = min(Fraction(event.filled_value), Fraction(self.value * filled, self.quantity))
            if cost > self.committed:
                self.commits.append((at, cost - self.committed))
                self.committed = cost
            self.told = filled
        self.over = self.over or event.final or self.told == self.quantity
        return before != (self.told, self.committed, self.over)


class Ledgers(RuleBasedStateMachine):
    """The rules are what may happen to a ledger; the invariants are its promise."""

    orders = Bundle("orders")
    events = Bundle("events")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "state.db"
        self.store = SqliteStore.create(self.path)
        self.story = Story(Ledger.open(self.store))
        self.model: dict[str, Modelled] = {}
        self.clock = 0

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(
        target=orders, who=st.sampled_from(TOKENS), value=st.integers(1, 60).map(lambda n: n * 10),
        quantity=st.sampled_from([1, 2, 4, 5, 10]),
    )  # fmt: skip
    def reserve(self, who: str, value: int, quantity: int) -> Modelled | None:
        """An order, sent only if the budget that the ledger reports has room for it."""
        if self.story.turnover(who, WINDOW) + value > LIMIT:
            return None
        order = Modelled(f"c{len(self.model)}", who, value, quantity)
        self.story.reserve(order.client_id, str(value), str(quantity), who=token(who))
        self.model[order.client_id] = order
        self.clock = max(self.clock, self.story.now)
        return order

    @rule(target=events, order=orders, part=st.integers(0, 10), price=st.integers(0, 120), ends=st.booleans())
    def trade(self, order: Modelled | None, part: int, price: int, ends: bool) -> OrderEvent | None:
        """The exchange accepts, fills or ends the order; nobody has heard of it yet."""
        if order is None or (order.over and order.order_id is None):
            return None
        order.order_id = order.order_id or f"x{order.client_id}"
        if not order.ended:
            more = min(part, order.quantity - order.filled)
            order.filled += more
            order.paid += more * max(1, order.value * price // (100 * order.quantity))
            order.ended = ends or order.filled == order.quantity
        return fill(order.client_id, str(order.filled), str(order.paid), final=order.ended, order_id=order.order_id)

    @rule(heard=st.lists(events, min_size=1, max_size=4), by_id=st.booleans())
    def hear(self, heard: list[OrderEvent | None], by_id: bool) -> None:
        """Answers arrive: late, repeated, reordered, several at once."""
        told = [event for event in heard if event is not None]
        at = max(self.clock, self.story.now)
        before = {event.client_id: self.snapshot(event) for event in told}
        for event in told:
            self.model[str(event.client_id)].hear(event, at)
        changed = self.story.settle(*told)
        if changed:
            self.clock = at
        assert changed or all(self.snapshot(event) == before[event.client_id] for event in told)

    def snapshot(self, event: OrderEvent) -> tuple[int, Fraction, bool]:
        """What the model says was learnt of the event's order."""
        order = self.model[str(event.client_id)]
        return order.told, order.committed, order.over

    @rule(order=orders)
    def lose_the_answer(self, order: Modelled | None) -> None:
        """Nobody knows what became of it."""
        if order is not None and not order.over:
            self.story.unknown(order.client_id)
            self.clock = self.story.ledger.clock

    @rule(order=consumes(orders))
    def reject(self, order: Modelled | None) -> None:
        """The exchange never took it."""
        if order is not None and order.order_id is None and not order.over:
            self.story.release(order.client_id)
            order.over = True
            self.clock = max(self.clock, self.story.now)

    @rule(step=st.one_of(st.integers(0, WINDOW // 3), st.integers(-10 * WINDOW, 10 * WINDOW)))
    def time_passes(self, step: int) -> None:
        """Or is set forward, or back."""
        self.story.now += step

    @rule()
    def crash(self) -> None:
        """The process is gone, without closing anything; another one starts."""
        crashed = self.store
        self.store = SqliteStore.open(self.path)
        crashed.close()
        self.story.ledger = Ledger.open(self.store)

    @rule()
    def tick(self) -> None:
        """The periodic chores."""
        self.story.ledger.tick(self.story.now)

    @invariant()
    def no_budget_is_exceeded_on_the_ledgers_clock(self) -> None:
        """By the model's own exact sums, whatever the ledger says."""
        for who in TOKENS:
            assert self.exact(who, self.clock, WINDOW) <= LIMIT

    @invariant()
    def what_is_reported_is_what_was_used(self) -> None:
        """Never less than the exact sum, and no more than a window longer by a sixtieth would hold."""
        for who in TOKENS:
            reported = Fraction(self.story.turnover(who, WINDOW))
            assert self.exact(who, max(self.clock, self.story.now), WINDOW) <= reported
            assert reported <= self.exact(who, self.story.now, WINDOW + WINDOW // 60)

    @invariant()
    def open_orders_are_those_not_over(self) -> None:
        """In the count, and in the list."""
        for who in TOKENS:
            working = {order.client_id for order in self.model.values() if order.token == who and not order.over}
            assert self.story.open_orders(who) == self.story.open_orders(who, MARKET) == len(working)
            assert {row.client_id for row in self.story.ledger.working(ACCOUNT, who)} == working

    @invariant()
    def the_clock_is_the_latest_time_at_which_money_moved(self) -> None:
        """In memory and on the disk."""
        assert self.story.ledger.clock == self.store.clock() == self.clock

    @invariant()
    def nothing_was_a_surprise(self) -> None:
        """As the exchange never fills what it rejected here, and late answers say less than is known."""
        assert self.story.ledger.surprises == 0

    def exact(self, who: str, now: int, window: int) -> Fraction:
        """Committed within the window and reserved, exactly."""
        orders = [order for order in self.model.values() if order.token == who]
        committed = sum(amount for order in orders for at, amount in order.commits if now - at < window)
        return committed + sum((order.reserved() for order in orders), Fraction(0))


class TestLedgers(Ledgers.TestCase):
    """Runs the machine."""

    settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_decimals_of_the_model_are_exact() -> None:
    """Its quantities divide its values within 18 decimals; else it could not ask for equality."""
    for quantity in (1, 2, 4, 5, 10):
        assert Fraction(Decimal(1) / Decimal(quantity)) == Fraction(1, quantity)
