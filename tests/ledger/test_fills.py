"""The law of the reservation: committed + reserved ≤ value, whatever is heard, in whatever order and how often."""

from decimal import Decimal, localcontext
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gateway.core.intent import Side
from gateway.core.money import EXACT
from gateway.core.order import OrderEvent, OrderRow, OrderStatus
from gateway.ledger.fills import learn, named, reserved, reserved_giveaway, says_nothing, surprising
from gateway.ledger.units import amount, units
from tests.ledger.orders import fill

ORDER = OrderRow(
    "c1", None, "bot", "main", "BTCUSDT", Decimal(4), Decimal(1000), "USDT", Decimal(0), Decimal(0),
    OrderStatus.SENT, 1, 2, Side.BUY, Decimal(250), Decimal(0), Decimal(0), Decimal(0), Decimal(0),
)  # fmt: skip
AMOUNTS = st.decimals(0, 10**6, places=8)
EVENTS = st.builds(
    OrderEvent, st.just("BTCUSDT"), st.just("c1"), st.sampled_from([None, "77"]), AMOUNTS, AMOUNTS, st.booleans(),
    st.booleans(),
)  # fmt: skip
POSITIVE = st.decimals("0.00000001", 10**6, places=8)
FEES = st.decimals(0, "0.01", places=6)


def ordered(side: Side, limit: Decimal, quantity: Decimal, fair: Decimal, fee_rate: Decimal) -> OrderRow:
    """An order as it is reserved: its value and its giveaway are the worst that its limit lets happen."""
    with localcontext(EXACT):
        value = quantity * (limit if side is Side.BUY else max(limit, fair))
        beyond = limit - fair if side is Side.BUY else fair - limit
        giveaway = amount(units(max(Decimal(0), beyond) * quantity + fee_rate * value))
        value = amount(units(value))
    return structs.replace(
        ORDER, side=side, price=limit, quantity=quantity, value=value, giveaway=giveaway, fair=fair, fee_rate=fee_rate
    )


ORDERS = st.builds(ordered, st.sampled_from(Side), POSITIVE, POSITIVE, POSITIVE, FEES)


@given(ORDERS, st.lists(EVENTS, max_size=12))
def test_no_story_uses_more_than_was_reserved(order: OrderRow, events: list[OrderEvent]) -> None:
    """And what is committed and filled only ever grows."""
    states = [order]
    for event in events:
        states.append(learn(states[-1], event))
    for state in states:
        assert 0 <= units(state.committed) + reserved(state) <= units(order.value)
        assert 0 <= units(state.given) + reserved_giveaway(state) <= units(order.giveaway)
        assert 0 <= state.filled <= order.quantity
    for before, after in pairwise(states):
        assert before.committed <= after.committed
        assert before.given <= after.given
        assert before.filled <= after.filled


@given(ORDERS, st.lists(EVENTS, max_size=6))
def test_repeating_what_was_heard_changes_nothing(order: OrderRow, events: list[OrderEvent]) -> None:
    for event in events:
        order = learn(order, event)
        assert learn(order, event) == order


@given(ORDERS, st.lists(EVENTS, max_size=6), EVENTS)
def test_what_is_passed_over_at_a_glance_would_have_changed_nothing(
    order: OrderRow, events: list[OrderEvent], last: OrderEvent
) -> None:
    for event in events:
        order = learn(order, structs.replace(event, order_id="77"))
    for event in (*events, last):
        if says_nothing(order, event):
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


@given(ORDERS, st.lists(st.tuples(st.integers(1, 9), st.integers(0, 1000)), min_size=1, max_size=6), st.integers(1, 6))
def test_what_true_fills_lose_is_charged_in_full(order: OrderRow, parts: list[tuple[int, int]], told: int) -> None:
    """Fills no worse than the limit, told one by one or several at a time: the charge covers loss and fee, net of any

    improvement; told one by one it covers each part's own loss. So the bound holds whatever answers get lost.
    """
    whole = sum(part for part, _ in parts)
    filled = value = lost = Decimal(0)
    with localcontext(EXACT):
        for number, (part, better) in enumerate(parts, 1):
            quantity = amount(units(order.quantity * part) // whole)
            scale = Decimal(1000 - better) if order.side is Side.BUY else Decimal(1000 + better)
            more = amount(units(order.price * scale / 1000 * quantity)) if order.side is Side.SELL else (
                order.price * scale / 1000 * quantity)  # fmt: skip
            filled, value = filled + quantity, value + more
            loss = more - order.fair * quantity if order.side is Side.BUY else order.fair * quantity - more
            lost += loss + order.fee_rate * more
            if number % told == 0 or number == len(parts):
                order = learn(order, OrderEvent("BTCUSDT", "c1", "77", filled, value, final=False))
        assert lost <= order.given + Decimal("1e-15")


def cheap_sale(**changes: object) -> OrderRow:
    """A sale of 4 at 90 or better while 100 is fair, at a fee of 1 %: 40 may be lost, and 4 paid."""
    return structs.replace(ordered(Side.SELL, Decimal(90), Decimal(4), Decimal(100), Decimal("0.01")), **changes)


def dear_purchase() -> OrderRow:
    """A purchase of 4 at 110 or better while 100 is fair, at a fee of 1 %: 40 may be lost, and 4.40 paid."""
    return ordered(Side.BUY, Decimal(110), Decimal(4), Decimal(100), Decimal("0.01"))


@pytest.mark.parametrize(
    ("order", "heard", "given", "held"),
    [
        (dear_purchase(), [fill()], "0", "44.4"),
        (dear_purchase(), [fill(filled="1", value="110")], "11.1", "33.3"),
        (dear_purchase(), [fill(filled="1", value="105")], "6.05", "33.3"),
        (dear_purchase(), [fill(filled="1", value="90")], "0.9", "33.3"),
        (dear_purchase(), [fill(filled="1", value="110"), fill(filled="2", value="200")], "12", "22.2"),
        (dear_purchase(), [fill(filled="1", value="105"), fill(filled="1", value="105")], "6.05", "33.3"),
        (dear_purchase(), [fill(filled="2", value="210"), fill(filled="1", value="110")], "12.1", "22.2"),
        (dear_purchase(), [fill(filled="1", value="0")], "11.1", "33.3"),
        (dear_purchase(), [fill(filled="1", value="0"), fill(filled="1", value="105")], "11.1", "33.3"),
        (dear_purchase(), [fill(filled="1", value="105"), fill(filled="1", value="106")], "7.06", "33.3"),
        (dear_purchase(), [fill(filled="1", value="500")], "11.1", "33.3"),
        (dear_purchase(), [fill(filled="1", value="105", final=True)], "6.05", "0"),
        (dear_purchase(), [fill(final=True)], "0", "0"),
        (dear_purchase(), [fill(filled="9", value="900")], "44.4", "0"),
        (dear_purchase(), [fill(filled="9", value="400")], "44.4", "0"),
        (cheap_sale(), [fill(filled="1", value="0")], "11", "33"),
        (cheap_sale(), [fill(filled="1", value="90")], "10.9", "33"),
        (cheap_sale(), [fill(filled="1", value="100")], "1", "33"),
        (cheap_sale(), [fill(filled="1", value="2000")], "11", "33"),
        (cheap_sale(), [fill(filled="1", value="95"), fill(filled="1", value="94")], "6.95", "33"),
        (cheap_sale(), [fill(filled="1", value="1")], "11", "33"),
        (cheap_sale(giveaway=Decimal(0)), [fill(filled="4", value="360")], "0", "0"),
    ],
    ids=[
        "nothing filled", "at the limit", "inside the limit", "better than fair pays its fee", "parts are not netted",
        "repeated", "late", "without a price the whole share", "a price learnt later gives nothing back",
        "a price corrected upwards", "worse than the limit no more than the share", "cancelled after a part",
        "cancelled", "overfilled", "overfilled and cheap", "a sale without a price", "a sale at its limit",
        "a sale at the fair price", "a sale far above it", "a sale corrected downwards", "a sale worse than its limit",
        "nothing reserved, nothing charged",
    ],
)  # fmt: skip
def test_what_is_given_away_and_what_is_held_of_it(
    order: OrderRow, heard: list[OrderEvent], given: str, held: str
) -> None:
    for event in heard:
        order = learn(order, event)
    assert (order.given, reserved_giveaway(order)) == (Decimal(given), units(Decimal(held)))


@pytest.mark.parametrize(
    ("order", "filled", "value", "surprise"),
    [
        (dear_purchase(), "1", "110", False),
        (dear_purchase(), "1", "110.00000001", False),
        (dear_purchase(), "1", "111", True),
        (cheap_sale(), "1", "90", False),
        (cheap_sale(), "1", "89.99999999", False),
        (cheap_sale(), "1", "89", True),
        (structs.replace(dear_purchase(), status=OrderStatus.DONE, order_id="77"), "1", "100", True),
        (structs.replace(dear_purchase(), price=Decimal(0)), "1", "1000", False),
    ],
)
def test_a_fill_worse_than_the_limit_or_after_the_end_is_a_surprise(
    order: OrderRow, filled: str, value: str, surprise: bool
) -> None:
    """By more than an exchange's rounding; an order of which no limit is known cannot surprise."""
    assert surprising(order, learn(order, fill(filled=filled, value=value, order_id="77"))) is surprise


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
    released = structs.replace(ORDER, status=OrderStatus.DONE)
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
    assert named(structs.replace(ORDER, order_id=known), event) is same
