"""The giveaway: what every kind of order may lose at the worst, and that the budget holds to the last digit."""

from dataclasses import replace

import pytest

from gateway.core.decision import Action, Allow, Deny, DenyCode
from gateway.core.intent import Cancel, Read, ReadName
from gateway.core.money import Money
from gateway.core.snapshot import Reference
from tests.policy.cases import (
    INSTRUMENT,
    NOW_MS,
    POLICY,
    WORTH_80,
    D,
    FakeUsage,
    decided,
    failed,
    finding,
    place,
    policy,
    snapshot,
)  # fmt: skip

GIVEN = {
    "limit buy above the reference": "60",
    "limit sell below the reference": "99.992",
    "market buy": "36",
    "market sell": "40",
    "market buy by quote": "36",
    "market sell by quote": "40",
    "stop buy": "60",
    "stop sell": "52",
    "stop-limit buy": "60",
    "stop-limit sell": "99.2",
    "take-profit-limit sell": "25",
    "trailing stop-limit sell": "28",
    "trailing stop-limit buy": "60",
    "trailing kind with a limit": "28",
}
"""Beyond 20 of fees, which all of them cost: limit against 100, times the quantity. Others give away the fee alone."""


def budget(text: str) -> str:
    return POLICY.replace("giveaway: 1_000_000 USDT per 24h", f"giveaway: {text}")


@pytest.mark.parametrize("name", WORTH_80)
def test_the_giveaway_may_reach_its_limit_and_no_more(name: str) -> None:
    """price.giveaway counts what was given and held, and the order's worst; it is reserved exactly."""
    order, _ = WORTH_80[name]
    worst = D(GIVEN.get(name, "20"))
    rules = policy(budget("1_000 USDT per 24h then halt"))
    allowed = decided(rules, order, snapshot(usage=FakeUsage(given={"USDT": 1000 - worst})))
    assert isinstance(allowed, Allow)
    assert allowed.reserve is not None
    assert allowed.reserve.giveaway == Money(worst, "USDT")
    assert (allowed.reserve.fair, allowed.reserve.fee_rate) == (D(100), D("0.25"))
    used = 1000 - worst + D("0.000000000000000001")
    denied = decided(rules, order, snapshot(usage=FakeUsage(given={"USDT": used})))
    assert failed(denied) == {"price.giveaway"}
    assert isinstance(denied, Deny)
    broken = finding(denied, "price.giveaway")
    assert (denied.code, broken.action, broken.action_ms) == (DenyCode.LIMIT, Action.HALT, 0)


@pytest.mark.parametrize(
    ("side", "price", "worst"), [("buy", "100", "27"), ("sell", "100", "27.5"), ("buy", "98", "24.5")]
)
def test_of_two_sources_the_less_favourable_is_charged_against(side: str, price: str, worst: str) -> None:
    """A thief who owns the other one does not halve his charge. A sell's fee is on what it counts at: 102."""
    reference = Reference(D(100), NOW_MS, "two", buy=D(98), sell=D(102), sources=2)
    allowed = decided(policy(), place(side, "limit", "1", price=price), snapshot(reference=reference))
    assert isinstance(allowed, Allow)
    assert allowed.reserve is not None
    assert allowed.reserve.fair == (D(98) if side == "buy" else D(102))
    assert allowed.reserve.giveaway == Money(D(worst), "USDT")


def test_a_rebate_is_no_income() -> None:
    """Fees below zero count as none, in the charge and in the rate."""
    world = snapshot(instrument=replace(INSTRUMENT, max_fee=D("-0.1")))
    allowed = decided(policy(), place("buy", "limit", "1", price="101"), world)
    assert isinstance(allowed, Allow)
    assert allowed.reserve is not None
    assert (allowed.reserve.giveaway, allowed.reserve.fee_rate) == (Money(D(1), "USDT"), D(0))


def test_a_lifted_giveaway_still_reserves_what_it_counts() -> None:
    """So that a limit that is put in force later knows what is out there."""
    allowed = decided(policy(budget("unlimited because of a test")), place("buy", "limit", "1", price="200"))
    assert isinstance(allowed, Allow)
    assert allowed.reserve is not None
    assert allowed.reserve.giveaway == Money(D(150), "USDT")
    assert finding(allowed, "price.giveaway").limit == "unlimited because of a test"


def test_reads_and_cancels_give_nothing_away() -> None:
    """An exhausted budget stops orders only."""
    world = snapshot(usage=FakeUsage(given={"USDT": D(10**9)}))
    for intent in (Cancel("BTCUSDT", "1", None), Read(ReadName.BALANCES)):
        assert isinstance(decided(policy(budget("1 USDT per 24h")), intent, world), Allow)
