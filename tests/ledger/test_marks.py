"""One price for each sixtieth of a window: the first of each, however many are told; the nearest where one lacks."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger.marks import Ring
from gateway.ledger.windows import begins_ms, bucket_width
from gateway.policy.grammar import MAX_WINDOW_MS

D = Decimal


def ring(*told: tuple[int, int], length: int = 60) -> Ring:
    """A ring with buckets one wide, told these prices."""
    made = Ring(length)
    for at, price in told:
        made.note(at, D(price))
    return made


def test_the_first_price_of_a_bucket_stands() -> None:
    made = Ring(600)
    assert [made.note(at, D(at)) for at in (100, 105, 109, 110)] == [True, False, False, True]
    assert made.around(108) == (100,)


def test_a_gap_is_answered_by_both_its_edges() -> None:
    made = ring((10, 1), (20, 2))
    assert made.around(10) == (1,)
    assert made.around(15) == (1, 2)
    assert made.around(5) == (1,)
    assert made.around(25) == (2,)
    assert Ring(60).around(5) == ()


def test_a_clock_set_back_changes_no_price() -> None:
    made = ring((20, 2), (10, 1))
    assert made.around(10) == (2,)


@given(st.integers(500, MAX_WINDOW_MS), st.integers(1, 400), st.integers(0, 2**45))
def test_told_often_enough_it_always_knows_the_price_when_the_window_began(length: int, steps: int, start: int) -> None:
    made, width = Ring(length), bucket_width(length)
    for number in range(steps):
        now = start + number * width
        made.note(now, D(now))
    if steps * width > length + 2 * width:
        (price,) = made.around(begins_ms(length, now))
        assert 0 <= price - begins_ms(length, now) < width
