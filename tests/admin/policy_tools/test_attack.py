"""``policy attack``: every attack ends, does what it can, and costs no more than was printed."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.admin.policy_tools.attack import ATTACKS, play
from gateway.policy.document import load

POLICIES = Path(__file__).parents[3] / "policies"
STARTERS = sorted(path.stem for path in POLICIES.glob("*.yaml") if not path.stem.endswith(".test"))
TRADING = [name for name in STARTERS if name != "read-only"]
BOTH_SIDES = [name for name in TRADING if name != "dca"]
NAMES = [
    "VIA", "SYS", "DMG", "AXS", "sell-wall", "walk-the-price", "order flood", "fees", "triggers", "child orders",
    "amend-up", "odd numbers", "duplicate keys", "STP=TRANSFER", "withdraw",
]  # fmt: skip
DRAINS = ["DMG", "AXS", "sell-wall", "walk-the-price", "order flood"]
TRICKS = ["child orders", "odd numbers", "duplicate keys", "STP=TRANSFER", "withdraw"]
STOPS = "[limit, stop, stop_limit, take_profit, take_profit_limit]"

Report = Mapping[str, Any]


def text(name: str) -> str:
    return (POLICIES / f"{name}.yaml").read_text()


@pytest.fixture(scope="module")
def reports() -> dict[str, Report]:
    """Every attack under every starter policy."""
    return {name: play(load(text(name), name)) for name in STARTERS}


def row(report: Report, attack: str) -> Mapping[str, Any]:
    return next(one for one in report["attacks"] if one["attack"] == attack)


def loss(report: Report, attack: str) -> Decimal:
    return Decimal(row(report, attack)["loss"].split()[0])


def test_the_attacks_are_those_that_history_and_parsers_taught() -> None:
    """None was forgotten."""
    assert list(ATTACKS) == NAMES


@pytest.mark.parametrize("name", STARTERS)
def test_no_attack_takes_more_than_the_drain(reports: dict[str, Report], name: str) -> None:
    """Under every starter policy the verdict is good, and every single loss within the number."""
    report = reports[name]
    drain = Decimal(report["blast_radius"]["drain"]["amount"])
    assert (report["ok"], report["exceeded_by"]) == (True, [])
    assert all(loss(report, attack) <= drain for attack in NAMES)


@pytest.mark.parametrize("name", STARTERS)
def test_every_attack_sends_and_says_what_refused_it(reports: dict[str, Report], name: str) -> None:
    """What was sent was let through or refused, and refusals name their rule."""
    for one in reports[name]["attacks"]:
        assert 0 < one["sent"] == one["passed"] + sum(one["refused_by"].values())


@pytest.mark.parametrize("name", TRADING)
@pytest.mark.parametrize("attack", DRAINS)
def test_drains_trade_and_lose(reports: dict[str, Report], name: str, attack: str) -> None:
    """An attack that nothing lets through tests nothing."""
    assert row(reports[name], attack)["passed"] > 0
    assert loss(reports[name], attack) > 0


@pytest.mark.parametrize("name", TRADING)
def test_the_worst_attack_comes_near_the_drain(reports: dict[str, Report], name: str) -> None:
    """The number is no larger than it must be: at least nine tenths of it can be taken."""
    report = reports[name]
    drain = Decimal(report["blast_radius"]["drain"]["amount"])
    assert max(loss(report, attack) for attack in DRAINS) > drain * Decimal("0.9")


@pytest.mark.parametrize("name", BOTH_SIDES)
def test_selling_and_fees_cost_where_sales_are_allowed(reports: dict[str, Report], name: str) -> None:
    """VIA sells, SYS trades at the edge, and fees alone cost something."""
    assert all(loss(reports[name], attack) > 0 for attack in ("VIA", "SYS", "fees"))


def test_what_cannot_sell_loses_nothing_by_selling(reports: dict[str, Report]) -> None:
    """Under dca VIA finds no side and no other market: that is why it passes nothing."""
    refused = row(reports["dca"], "VIA")
    assert refused["passed"] == 0
    assert "allow.sides" in refused["refused_by"]


@pytest.mark.parametrize("name", TRADING)
def test_triggers_are_refused_where_the_policy_allows_none(reports: dict[str, Report], name: str) -> None:
    """No starter policy allows stops, and that alone refuses them."""
    assert set(row(reports[name], "triggers")["refused_by"]) == {"allow.orders"}


def test_triggers_pass_and_lose_where_they_are_allowed() -> None:
    """Set off by the thief's prints they fill at their limits, within the same bound."""
    report = play(load(text("freqtrade-spot").replace("[limit, market]", STOPS), "stops"))
    assert row(report, "triggers")["passed"] > 0
    assert 0 < loss(report, "triggers") <= 100
    assert report["ok"]


@pytest.mark.parametrize("name", STARTERS)
@pytest.mark.parametrize("attack", TRICKS)
def test_tricks_neither_pass_nor_cost(reports: dict[str, Report], name: str, attack: str) -> None:
    """Requests that mean two things, and doors that lead value out, are refused whatever the policy."""
    assert row(reports[name], attack)["passed"] == 0
    assert loss(reports[name], attack) == 0


@pytest.mark.parametrize("name", TRADING)
def test_amending_up_passes_only_the_small_order(reports: dict[str, Report], name: str) -> None:
    """The order and its cancel pass; what would make it larger does not."""
    told = row(reports[name], "amend-up")
    assert (told["passed"], loss(reports[name], "amend-up")) == (2, 0)
    assert told["refused_by"] == {"forbidden": 3}


def test_reading_alone_passes_and_loses_nothing(reports: dict[str, Report]) -> None:
    """A token that only looks: every attack ends, and none gets through."""
    report = reports["read-only"]
    assert sum(one["passed"] for one in report["attacks"]) == 0
    assert report["verdict"] == "worst loss 0 USDT; drain: nothing: it places no orders"


def test_the_verdict_holds_the_worst_loss_beside_the_bound(reports: dict[str, Report]) -> None:
    """Both numbers in one line."""
    report = reports["grid"]
    most = max(loss(report, attack) for attack in NAMES)
    assert report["verdict"] == f"worst loss {most} USDT; drain: at most 50 USDT per 24h"


def test_weaker_limits_lose_more(reports: dict[str, Report]) -> None:
    """Ten times the giveaway, or a collar and a giveaway taken away: the same attacks cost more."""
    wider = play(load(text("grid").replace("50 USDT per 24h then halt", "500 USDT per 24h then halt"), "wider"))
    without = text("grid").replace("50 USDT per 24h then halt", "unlimited because this is a test")
    free = play(load("\n".join(line for line in without.splitlines() if "collar:" not in line), "free"))
    lost = [max(loss(report, attack) for attack in NAMES) for report in (reports["grid"], wider, free)]
    assert lost[0] < lost[1] < lost[2]


def test_a_policy_without_a_bound_says_so() -> None:
    """One source is nothing to measure by: no attack exceeds what is not bounded, and the verdict says why."""
    lone = text("grid").replace("price:", "price:\n  sources: 1 because this is a test")
    report = play(load(lone, "lone"))
    assert report["blast_radius"]["drain"] is None
    assert report["ok"]
    assert "drain: not bounded (price.sources is 1" in report["verdict"]
