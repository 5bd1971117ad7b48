"""The law of the reservation: committed + reserved ≤ value, whatever is heard, in whatever order and how often."""

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.order import OrderEvent, OrderRow, OrderStatus
from gateway.ledger.fills import learn, named, reserved
from gateway.ledger.units import units
from tests.ledger.orders import fill

ORDER = OrderRow(
    "c1", None, "bot", "main", "BTCUSDT", Decimal(4), Decimal(1000), "USDT", Decimal(0), Decimal(0),
    OrderStatus.SENT, 1, 2,
)  # fmt: skip
AMOUNTS = st.decimals(0, 10**6, places=8)
EVENTS = st.builds(
    OrderEvent, st.just("BTCUSDT"), st.just("c1"), st.sampled_from([None, "77"]), AMOUNTS, AMOUNTS, st.booleans(),
    st.booleans(),
)  # fmt: skip
ORDERS = st.builds(
    lambda value, quantity: replace(ORDER, value=value, quantity=quantity),
    AMOUNTS, st.decimals("0.00000001", 10**6, places=8),
)  # fmt: skip


@given(ORDERS, st.lists(EVENTS, max_size=12))
def test_no_story_uses_more_than_was_reserved(order: OrderRow, events: list[OrderEvent]) -> None:
    """And what is committed and filled only ever grows."""
    states = [order]
    for event in events:
        states.append(learn(states[-1], event))
    for state in states:
        assert 0 <= units(state.committed) + reserved(state) <= units(order.value)
        assert 0 <= state.filled <= order.quantity
    for before, after in pairwise(states):
        assert before.committed <= after.committed
        assert before.filled <= after.filled


@given(ORDERS, st.lists(EVENTS, max_size=6))
def test_repeating_what_was_heard_changes_nothing(order: OrderRow, events: list[OrderEvent]) -> None:
    for event in events:
        order = learn(order, event)
        assert learn(order, event) == order


@given(st.lists(st.integers(0, 40), max_size=8), st.randoms(use_true_random=False))
def test_a_true_story_ends_the_same_in_every_order(fills: list[int], random: object) -> None:
    """Fills as an exchange makes them, at no more than the reserved price, heard in any order."""
    told = [fill(filled=str(Decimal(n) / 10), value=str(n * 20), order_id="77") for n in sorted(fills)]
    shuffled = list(told)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    straight = mixed = ORDER
    for event in told:
        straight = learn(straight, event)
    for event in shuffled:
        mixed = learn(mixed, event)
    assert mixed == straight


@pytest.mark.parametrize(
    ("heard", "committed", "held"),
    [
        ([fill()], "0", "1000"),
        ([fill(filled="1", value="200")], "200", "750"),
        ([fill(filled="1", value="900")], "250", "750"),
        ([fill(filled="1", value="0")], "250", "750"),
        ([fill(filled="1", value="200"), fill(filled="1", value="0")], "200", "750"),
        ([fill(filled="1", value="200"), fill(filled="1", value="210")], "210", "750"),
        ([fill(filled="2", value="400"), fill(filled="1", value="250")], "400", "500"),
        ([fill(filled="1", value="200", final=True)], "200", "0"),
        ([fill(filled="4", value="800")], "800", "0"),
        ([fill(filled="9", value="9000")], "1000", "0"),
        ([fill(final=True), fill(filled="1", value="200", final=True)], "200", "0"),
        ([fill(absent=True, filled="4", value="800", final=True)], "0", "1000"),
    ],
    ids=[
        "open", "part", "no dearer than reserved", "without a price its share", "a price known stays",
        "a price corrected upwards", "late", "cancelled", "filled is over", "overfilled", "a fill after the end",
        "absence teaches nothing",
    ],
)  # fmt: skip
def test_what_is_committed_and_what_is_held(heard: list[OrderEvent], committed: str, held: str) -> None:
    order = ORDER
    for event in heard:
        order = learn(order, event)
    assert (order.committed, reserved(order)) == (Decimal(committed), units(Decimal(held)))


def test_an_order_released_as_never_accepted_works_again_when_the_exchange_names_it() -> None:
    released = replace(ORDER, status=OrderStatus.DONE)
    found = learn(released, fill(order_id="77"))
    assert (found.status, reserved(found)) == (OrderStatus.OPEN, units(ORDER.value))


def test_an_order_that_the_exchange_ended_stays_ended() -> None:
    """An older answer, read late, does not open it again."""
    ended = learn(ORDER, fill(order_id="77", final=True))
    assert learn(ended, fill(order_id="77")) == ended


@pytest.mark.parametrize(
    ("known", "event", "same"),
    [
        (None, fill("c1", order_id="77"), True),
        (None, fill("c1"), True),
        (None, fill("c2", order_id="77"), False),
        ("77", fill(None, order_id="77"), True),
        ("77", fill("other", order_id="77"), True),
        ("77", fill("c1"), True),
        ("77", fill("c1", order_id="78"), False),
        ("77", fill("c1", order_id="77", market="ETHUSDT"), False),
        (None, fill(None), False),
    ],
)
def test_whose_event_it_is(known: str | None, event: OrderEvent, same: bool) -> None:
    """By the exchange's id where both know it, else by the client's; always within one instrument."""
    assert named(replace(ORDER, order_id=known), event) is same
