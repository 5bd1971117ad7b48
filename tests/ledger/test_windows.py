"""Rolling windows: never early, late by a sixtieth at the most, in bounded space, and not moved by reading."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger.windows import Window
from gateway.policy.grammar import MAX_WINDOW_MS

LENGTHS = st.one_of(st.integers(500, 20_000), st.integers(500, MAX_WINDOW_MS))


@st.composite
def stories(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]], int]:
    """A window's length, events by time, and a later time to look at it."""
    length = draw(LENGTHS)
    gaps = draw(st.lists(st.tuples(st.integers(0, length // 2), st.integers(1, 9)), max_size=40))
    at, events = draw(st.integers(0, 2**45)), []
    for gap, amount in gaps:
        at += gap
        events.append((at, amount))
    return length, events, at + draw(st.integers(0, 2 * length))


@given(stories())
def test_an_event_leaves_never_early_and_late_by_a_sixtieth_at_the_most(
    story: tuple[int, list[tuple[int, int]], int],
) -> None:
    length, events, now = story
    window = Window(length)
    for at, amount in events:
        window.add(at, amount)
    exact = sum(amount for at, amount in events if now - at < length)
    latest = sum(amount for at, amount in events if now - at < length + length / 60)
    assert exact <= window.total(now) <= latest


@given(stories())
def test_the_oldest_event_leaves_when_it_says(story: tuple[int, list[tuple[int, int]], int]) -> None:
    length, events, now = story
    window = Window(length)
    for at, amount in events:
        window.add(at, amount)
    leaves = window.oldest_leaves(now)
    if leaves is None:
        assert window.total(now) == 0
    else:
        assert now < leaves
        assert window.total(leaves - 1) == window.total(now) > window.total(leaves)


@given(stories(), st.integers(0, 2**40))
def test_looking_from_the_future_changes_nothing(story: tuple[int, list[tuple[int, int]], int], jump: int) -> None:
    length, events, now = story
    window, untouched = Window(length), Window(length)
    for at, amount in events:
        window.add(at, amount)
        untouched.add(at, amount)
        window.total(at + jump)
    assert window.total(now) == untouched.total(now)


@given(LENGTHS, st.integers(1, 10**6))
def test_an_event_before_the_last_one_stays_no_shorter(length: int, back: int) -> None:
    """A clock set back: the event counts as if it came at the last one's time."""
    window = Window(length)
    window.add(10**12, 1)
    window.add(10**12 - back, 1)
    assert window.total(10**12 + length - 1) == 2


@given(LENGTHS)
def test_a_clock_that_trembles_costs_no_space(length: int) -> None:
    window = Window(length)
    for number in range(600):
        window.add(10**12 + number % 2 * length, 1)
    assert len(window) <= 2


@given(LENGTHS)
def test_space_does_not_depend_on_how_many_events_there_were(length: int) -> None:
    window = Window(length)
    for number in range(600):
        window.add(number * (length // 200), 1)
    assert len(window) <= 2 + length / (length // 60)
