"""Decision ids: sortable by time, and as random as what they are given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ulid import ulid, ulid_time_ms

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


@pytest.mark.parametrize("text", ["", "0" * 25, "0" * 27, "I" * 26, "u" * 26, "\uff18" * 26])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the kind of ValueError does not matter
        ulid_time_ms(text)
