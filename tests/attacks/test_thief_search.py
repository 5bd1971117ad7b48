"""A thief who searches never takes more than the printed drain, and takes most of it, so that the bound is no idle one.

More seeds, and the report beside weaker policies: ``python benchmarks/drain.py 1000``.
"""

from decimal import Decimal
from pathlib import Path

import pytest

from gateway.policy.blast import blast_radius
from gateway.policy.controls.budgets import Giveaway
from gateway.policy.controls.references import Collar
from gateway.policy.document import Policy, load
from tests.attacks.searching import NO_WITHDRAWALS, PER_ORDER_CAP, Found, search

POLICIES = Path(__file__).parents[2] / "policies"
TRADING = ["dca", "freqtrade-spot", "grid", "market-making"]
SEEDS = 20
STOPS = "[limit, post_only, market, stop, stop_limit, take_profit, take_profit_limit]"


def text(name: str) -> str:
    return (POLICIES / f"{name}.yaml").read_text()


def bound(policy: Policy) -> Decimal:
    drain = blast_radius(policy).drain
    assert drain is not None
    return drain.amount


def worst(policy: Policy, seeds: int = SEEDS) -> Found:
    return max((search(policy, seed) for seed in range(seeds)), key=lambda found: found.taken)


@pytest.mark.parametrize("name", TRADING)
def test_the_best_that_a_thief_finds_is_within_the_drain(name: str) -> None:
    """Within any window of the policy he takes at most the number printed, and more than 60 % of it."""
    policy = load(text(name), name)
    found = worst(policy)
    assert found.taken <= bound(policy), found.moves
    assert found.taken > bound(policy) * Decimal("0.6")


def test_with_every_kind_of_order_he_takes_no_more() -> None:
    """Stops that his own prints set off are no way around the bound."""
    policy = load(text("freqtrade-spot").replace("[limit, market]", STOPS), "stops")
    assert policy.orders > load(text("freqtrade-spot"), "fewer").orders
    found = worst(policy)
    assert bound(policy) * Decimal("0.6") < found.taken <= bound(policy), found.moves


def test_a_token_that_only_reads_gives_him_nothing() -> None:
    """Whatever he sends is refused, and costs nothing."""
    found = worst(load(text("read-only"), "read-only"), 3)
    assert (found.orders, found.taken, found.lost) == (0, 0, 0)


@pytest.mark.parametrize("name", TRADING)
def test_without_giveaway_and_collar_he_takes_far_more(name: str) -> None:
    """The same thief at the same policy without the two controls behind the number: the test above can fail."""
    kept = [line for line in text(name).splitlines() if not line.lstrip().startswith(("collar:", "giveaway:", "loss:"))]
    lifted = ["  giveaway: unlimited because the control is taken away" if line == "price:" else "" for line in kept]
    policy = load("\n".join(f"{line}\n{more}" for line, more in zip(kept, lifted, strict=True)), name)
    assert policy.find(Collar) is None
    assert str(policy.find(Giveaway).limit).startswith("unlimited")  # type: ignore[union-attr]
    assert worst(policy, 6).taken > 5 * bound(load(text(name), name))


def test_without_withdrawals_alone_he_takes_all_the_same() -> None:
    """Forbidding withdrawals bounds nothing, and a limit on each order hardly more."""
    free, capped = worst(load(NO_WITHDRAWALS, "free"), 8), worst(load(PER_ORDER_CAP, "capped"), 8)
    assert free.taken > 100_000
    assert 2_000 < capped.taken < free.taken


def test_the_same_seed_finds_the_same() -> None:
    """What a seed found can be played again."""
    policy = load(text("grid"), "grid")
    assert search(policy, 7, 3) == search(policy, 7, 3)
