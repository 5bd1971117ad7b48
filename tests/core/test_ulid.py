"""Decision ids: sortable by time, and as random as what they are given."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ulid import Ulids, ulid, ulid_time_ms

TIMES = st.integers(0, (1 << 48) - 1)
ENTROPY = st.binary(min_size=10, max_size=10)


def test_the_published_alphabet_and_length() -> None:
    """Source: the ULID specification's canonical form; its largest value is 7ZZZ…"""
    assert ulid(0, bytes(10)) == "0" * 26
    assert ulid((1 << 48) - 1, b"\xff" * 10) == "7" + "Z" * 25


@given(TIMES, ENTROPY)
def test_the_time_comes_back(now_ms: int, entropy: bytes) -> None:
    assert ulid_time_ms(ulid(now_ms, entropy)) == now_ms


@given(TIMES, TIMES, ENTROPY, ENTROPY)
def test_ids_sort_by_time(first: int, second: int, one: bytes, other: bytes) -> None:
    if first < second:
        assert ulid(first, one) < ulid(second, other)


@given(TIMES, ENTROPY, ENTROPY)
def test_different_entropy_makes_different_ids(now_ms: int, one: bytes, other: bytes) -> None:
    assert (ulid(now_ms, one) == ulid(now_ms, other)) == (one == other)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.binary(min_size=10, max_size=10))
def test_ids_one_after_the_other_sort_as_they_were_made(steps: list[int], entropy: bytes) -> None:
    """In one ms, too, and the time comes back from each."""
    ids, times = Ulids(lambda size: entropy[:size]), list(accumulate(steps))
    made = [ids(now_ms) for now_ms in times]
    assert made == sorted(set(made))
    assert [ulid_time_ms(one) for one in made] == times


def test_of_one_ms_only_the_first_is_drawn() -> None:
    drawn = iter([b"\xff" * 10, bytes(10)])
    ids = Ulids(lambda _: next(drawn))
    first, second = ids(5), ids(5)
    assert first < second
    assert first[:22] == second[:22]
    assert ids(6) == ulid(6, bytes(10))


def test_a_ms_with_more_ids_than_the_tail_holds_is_drawn_anew() -> None:
    drawn = iter([b"\xff" * 10, bytes(10)])
    ids = Ulids(lambda _: next(drawn))
    made = {ids(5) for _ in range((1 << 19) + 2)}
    assert len(made) == (1 << 19) + 2
    assert ulid(5, bytes(10)) in made


@pytest.mark.parametrize("text", ["", "0" * 25, "0" * 27, "I" * 26, "u" * 26, "\uff18" * 26])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the kind of ValueError does not matter
        ulid_time_ms(text)
