"""A host that asks to be left alone is, for as long as it says, within reason."""

import pytest

from gateway.core.patience import BANNED_MS, LONGEST_MS, SHORTEST_MS, USUAL_MS, Patience


@pytest.mark.parametrize(
    ("status", "said", "wait_ms"),
    [
        (429, "7", 7_000), (418, " 120 ", 120_000), (503, "3", 3_000),
        (429, None, USUAL_MS), (429, "", USUAL_MS), (429, "soon", USUAL_MS), (429, "-1", USUAL_MS),
        (429, "Wed, 21 Oct 2026 07:28:00 GMT", USUAL_MS), (429, "\u0667", USUAL_MS), (429, "9" * 30, USUAL_MS),
        (418, None, BANNED_MS), (429, "0", SHORTEST_MS), (418, "999999999", LONGEST_MS[418]),
        (429, "999999999", LONGEST_MS[429]), (503, "999999999", LONGEST_MS[503]),
    ],
)  # fmt: skip
def test_it_waits_as_long_as_it_was_told(status: int, said: str | None, wait_ms: int) -> None:
    patience = Patience()
    assert patience.heard("a", status, said, 1_000)
    assert patience.left_ms("a", 1_000) == wait_ms
    assert patience.left_ms("a", 999 + wait_ms) == 1
    assert patience.left_ms("a", 1_000 + wait_ms) == 0


@pytest.mark.parametrize(
    ("status", "said"),
    [(200, None), (200, "5"), (302, "5"), (503, None), (500, "soon"), (403, None), (400, "2"), (404, "9")],
)
def test_other_answers_ask_for_nothing(status: int, said: str | None) -> None:
    patience = Patience()
    assert not patience.heard("a", status, said, 0)
    assert patience.left_ms("a", 0) == 0


def test_each_host_has_its_own_and_a_shorter_wait_shortens_nothing() -> None:
    patience = Patience()
    patience.heard("a", 418, "100", 0)
    patience.heard("a", 429, "1", 0)
    assert (patience.left_ms("a", 0), patience.left_ms("b", 0)) == (100_000, 0)
