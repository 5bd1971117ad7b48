"""A context names one thing: no two have the same bytes, and none is another's beginning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Misuse
from gateway.vault.context import Context

NAMES = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(["", "a", "aa", "\0", "\x01a", "é"])
CONTEXTS = st.builds(Context, NAMES, NAMES, NAMES, st.integers(0, 3) | st.integers(0, (1 << 32) - 1))


@given(CONTEXTS, CONTEXTS)
def test_different_contexts_have_different_bytes(one: Context, other: Context) -> None:
    """Injective and prefix-free, so that what follows a context cannot be taken for a part of it."""
    assert (one == other) == (one.encoded() == other.encoded())
    assert one == other or not one.encoded().startswith(other.encoded())


def test_letters_may_not_wander_from_one_part_to_the_next() -> None:
    """The confusion that plain concatenation would allow."""
    parts = [("ab", "c", "d"), ("a", "bc", "d"), ("a", "b", "cd"), ("", "abc", "d"), ("abcd", "", "")]
    assert len({Context(*part).encoded() for part in parts}) == len(parts)


@pytest.mark.parametrize(
    "context",
    [
        Context("token", "x" * 65536, "row"),
        Context("token", "\ud800", "row"),
        Context("token", "a", "row", -1),
        Context("token", "a", "row", 1 << 32),
    ],
    ids=["too long", "no text", "below zero", "too large"],
)
def test_what_has_no_form_is_refused(context: Context) -> None:
    """A name that cannot be written is a person's error, not a crash."""
    with pytest.raises(Misuse):
        context.encoded()
