"""Any interleaving of tokens, answers, losses, repeats, crashes and clock steps, against a model with fractions.

The model knows what the exchange really did and what the ledger was told. A token reserves only what its usage and its
account's say is left, as the pipeline does; then committed + reserved ≤ limit must hold at every step, on the ledger's
own clock, for turnover and giveaway, for each token and for the account.
"""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from gateway.core.intent import Side
from gateway.core.order import OrderEvent
from gateway.core.snapshot import Usage
from gateway.ledger.ledger import Ledger
from gateway.store.sqlite import SqliteStore
from tests.ledger.orders import ACCOUNT, MARKET, Story, fill, token

LIMIT, GIVEAWAY = 1000, 60
ALL_LIMIT, ALL_GIVEAWAY = 1500, 90
"""Of the account, over both tokens."""
WINDOW = 60_000
TOKENS = ("a", "b")
FEE = Fraction(1, 100)


@dataclass
class Modelled:
    """One order: its terms, what the exchange did, what the ledger was told, and what must be committed."""

    client_id: str
    token: str
    side: Side
    limit: int
    fair: int
    quantity: int
    order_id: str | None = None
    filled: int = 0
    paid: int = 0
    ended: bool = False
    told: int = 0
    told_paid: int = 0
    committed: Fraction = Fraction(0)
    given: Fraction = Fraction(0)
    over: bool = False
    commits: list[tuple[int, Fraction, Fraction]] = field(default_factory=list)

    @property
    def value(self) -> int:
        """What is reserved of the turnover: a sale counts at the fair price if that is higher."""
        return self.quantity * (self.limit if self.side is Side.BUY else max(self.limit, self.fair))

    @property
    def giveaway(self) -> Fraction:
        """What is reserved of the giveaway: everything at the limit, with the highest fee."""
        return max(self.loss(self.quantity, self.quantity * self.limit), Fraction(0)) + FEE * self.value

    def loss(self, quantity: int, paid: int) -> Fraction:
        """What so much, traded for that, loses against the fair price; below zero for a gain."""
        loss = paid - self.fair * quantity
        return Fraction(loss if self.side is Side.BUY else -loss)

    def share(self, whole: Fraction | int, filled: int) -> Fraction:
        """The part of a reservation that fills have taken."""
        return Fraction(whole) * filled / self.quantity

    def reserved(self, whole: Fraction | int) -> Fraction:
        """What it still holds."""
        return Fraction(0) if self.over else whole - self.share(whole, self.told)

    def hear(self, event: OrderEvent, at: int) -> bool:
        """What the event must teach; whether it teaches anything."""
        filled, paid, before = int(event.filled), int(event.filled_value), (self.told, self.over)
        if filled > self.told:
            cost = min(Fraction(paid), self.share(self.value, filled))
            more = paid - self.told_paid
            charge = max(self.loss(filled - self.told, more), Fraction(0)) + FEE * more
            given = min(self.share(self.giveaway, filled), self.given + charge)
            self.commits.append((at, max(cost - self.committed, Fraction(0)), given - self.given))
            self.committed, self.given = max(cost, self.committed), given
            self.told, self.told_paid = filled, paid
        self.over = self.over or event.final or self.told == self.quantity
        return before != (self.told, self.over)


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

    def usages(self) -> Iterable[tuple[Usage, tuple[str, ...]]]:
        """What the ledger says of each token, and of the account; and whose orders that must be."""
        for who in TOKENS:
            yield self.story.ledger.usage(who, self.story.now), (who,)
        yield self.story.ledger.account_usage(ACCOUNT, self.story.now), TOKENS

    def has_room(self, order: Modelled) -> bool:
        """Whether both the token's and the account's limits would let it pass."""
        told = dict(zip(("a", "b", "all"), (usage for usage, _ in self.usages()), strict=True))
        return all(
            told[name].turnover("USDT", WINDOW) + order.value <= limit
            and Fraction(told[name].giveaway("USDT", WINDOW)) + order.giveaway <= giveaway
            for name, limit, giveaway in ((order.token, LIMIT, GIVEAWAY), ("all", ALL_LIMIT, ALL_GIVEAWAY))
        )

    @rule(
        target=orders, who=st.sampled_from(TOKENS), side=st.sampled_from(Side), limit=st.integers(1, 60),
        fair=st.integers(1, 60), quantity=st.sampled_from([1, 2, 4, 5, 10]),
    )  # fmt: skip
    def reserve(self, who: str, side: Side, limit: int, fair: int, quantity: int) -> Modelled | None:
        """An order, sent only if the budgets that the ledger reports have room for it."""
        order = Modelled(f"c{len(self.model)}", who, side, limit, fair, quantity)
        if not self.has_room(order):
            return None
        self.story.reserve(
            order.client_id, str(order.value), str(quantity), who=token(who), side=side, price=str(limit),
            giveaway=decimal(order.giveaway), fair=str(fair), fee_rate=decimal(FEE),
        )  # fmt: skip
        self.model[order.client_id] = order
        self.clock = max(self.clock, self.story.now)
        return order

    @rule(target=events, order=orders, part=st.integers(0, 10), better=st.integers(0, 100), ends=st.booleans())
    def trade(self, order: Modelled | None, part: int, better: int, ends: bool) -> OrderEvent | None:
        """The exchange accepts, fills (never worse than the limit) or ends the order; nobody has heard of it yet."""
        if order is None or (order.over and order.order_id is None):
            return None
        order.order_id = order.order_id or f"x{order.client_id}"
        if not order.ended:
            more = min(part, order.quantity - order.filled)
            order.filled += more
            order.paid += more * (max(1, order.limit - better) if order.side is Side.BUY else order.limit + better)
            order.ended = ends or order.filled == order.quantity
        return fill(order.client_id, str(order.filled), str(order.paid), final=order.ended, order_id=order.order_id)

    @rule(heard=st.lists(events, min_size=1, max_size=4), by_id=st.booleans())
    def hear(self, heard: list[OrderEvent | None], by_id: bool) -> None:
        """Answers arrive: late, repeated, reordered, several at once."""
        told = [event for event in heard if event is not None]
        at = max(self.clock, self.story.now)
        taught = [self.model[str(event.client_id)].hear(event, at) for event in told]
        changed = self.story.settle(*told)
        if changed:
            self.clock = at
        assert changed or not any(taught)

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
        for names, limit, giveaway in ((("a",), LIMIT, GIVEAWAY), (("b",), LIMIT, GIVEAWAY)):
            assert self.turnover(names, self.clock, WINDOW) <= limit
            assert self.given(names, self.clock, WINDOW) <= giveaway
        assert self.turnover(TOKENS, self.clock, WINDOW) <= ALL_LIMIT
        assert self.given(TOKENS, self.clock, WINDOW) <= ALL_GIVEAWAY

    @invariant()
    def what_is_reported_is_what_was_used(self) -> None:
        """Never less than the exact sum, and no more than a window longer by a sixtieth would hold."""
        at, longer = max(self.clock, self.story.now), WINDOW + WINDOW // 60
        for usage, names in self.usages():
            turnover, given = Fraction(usage.turnover("USDT", WINDOW)), Fraction(usage.giveaway("USDT", WINDOW))
            assert self.turnover(names, at, WINDOW) <= turnover <= self.turnover(names, self.story.now, longer)
            assert self.given(names, at, WINDOW) <= given <= self.given(names, self.story.now, longer)

    @invariant()
    def no_order_uses_more_than_was_reserved_for_it_nor_less_than_it_lost(self) -> None:
        """What it really gave away, fees included, improvements against them, was charged in full."""
        for row in self.story.ledger.working(ACCOUNT):
            order = self.model[row.client_id]
            assert Fraction(row.given) == order.given
            assert order.given + order.reserved(order.giveaway) <= order.giveaway
        for order in self.model.values():
            assert order.loss(order.told, order.told_paid) + FEE * order.told_paid <= order.given

    @invariant()
    def a_position_is_the_sum_of_its_fills(self) -> None:
        """Buys minus sells of each token, and of all tokens for the account; and what may still come is counted."""
        for usage, names in self.usages():
            own = [order for order in self.model.values() if order.token in names]
            signed = (order.told if order.side is Side.BUY else -order.told for order in own)
            assert usage.position(MARKET) == sum(signed)
            for side in Side:
                left = sum(order.quantity - order.told for order in own if order.side is side and not order.over)
                assert usage.working_quantity(MARKET, side) == left
            assert usage.executions(30 * WINDOW) <= sum(order.told > 0 for order in own)

    @invariant()
    def open_orders_are_those_not_over(self) -> None:
        """In the count, and in the list."""
        for usage, names in self.usages():
            working = {order.client_id for order in self.model.values() if order.token in names and not order.over}
            assert usage.open_orders(None) == usage.open_orders(MARKET) == len(working)
        for who in TOKENS:
            working = {order.client_id for order in self.model.values() if order.token == who and not order.over}
            assert {row.client_id for row in self.story.ledger.working(ACCOUNT, who)} == working

    @invariant()
    def the_clock_is_the_latest_time_at_which_money_moved(self) -> None:
        """In memory and on the disk."""
        assert self.story.ledger.clock == self.store.clock() == self.clock

    @invariant()
    def nothing_was_a_surprise(self) -> None:
        """As the exchange never fills what it rejected here, and late answers say less than is known."""
        assert self.story.ledger.surprises == 0

    def turnover(self, names: tuple[str, ...], now: int, window: int) -> Fraction:
        """Committed within the window and reserved, exactly."""
        own = [order for order in self.model.values() if order.token in names]
        committed = sum(value for order in own for at, value, _ in order.commits if now - at < window)
        return committed + sum((order.reserved(order.value) for order in own), Fraction(0))

    def given(self, names: tuple[str, ...], now: int, window: int) -> Fraction:
        """The same of the giveaway."""
        own = [order for order in self.model.values() if order.token in names]
        committed = sum(given for order in own for at, _, given in order.commits if now - at < window)
        return committed + sum((order.reserved(order.giveaway) for order in own), Fraction(0))


class TestLedgers(Ledgers.TestCase):
    """Runs the machine."""

    settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def decimal(number: Fraction) -> str:
    """A fraction of the model as text; its denominators divide powers of ten."""
    return str(Decimal(number.numerator) / Decimal(number.denominator))


def test_decimals_of_the_model_are_exact() -> None:
    """Its quantities and its fee divide within 18 decimals; else it could not ask for equality."""
    for quantity in (1, 2, 4, 5, 10):
        assert Fraction(Decimal(1) / Decimal(quantity)) == Fraction(1, quantity)
    assert Fraction(decimal(FEE)) == FEE
