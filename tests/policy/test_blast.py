"""The blast radius: what it says in this version, and when it says unbounded."""

import pytest

from gateway.policy.blast import blast_radius
from gateway.policy.document import load
from tests.policy.cases import policy


def test_the_turnover_bounds_both_drain_and_exposure() -> None:
    """No collar yet: all that is traded within a window can be lost."""
    radius = blast_radius(policy(turnover="50_000.50 USDT per 7d"))
    bound = {"amount": "50000.5", "currency": "USDT", "per": "7d"}
    assert radius.document() == {"drain": bound, "exposure": bound}
    assert str(radius).startswith("drain: at most 50000.5 USDT per 7d, plus fees\nexposure: at most")


def test_a_lifted_turnover_is_unbounded() -> None:
    """None, never a large number."""
    radius = blast_radius(policy(turnover="unlimited because of a test"))
    assert radius.document() == {"drain": None, "exposure": None}
    assert str(radius) == "drain: unbounded\nexposure: unbounded"


@pytest.mark.parametrize("text", ["version: 1\n", "version: 1\nlimits:\n  turnover: 5 USDT per 1h\n"])
def test_a_policy_without_orders_can_lose_nothing(text: str) -> None:
    """Zero, in no currency."""
    nothing = {"amount": "0", "currency": None, "per": None}
    assert blast_radius(load(text, "x")).document() == {"drain": nothing, "exposure": nothing}
