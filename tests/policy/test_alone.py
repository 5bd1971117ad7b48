"""Where an exchange's own book is the only price: what can never be met there is a final no, and is told beforehand."""

from dataclasses import replace

import pytest

from gateway.core.decision import Deny, DenyCode
from gateway.policy.alone import unmet, warning
from gateway.policy.document import load
from tests.policy.cases import POLICY, REFERENCE, WORTH_80, D, decided, failed, snapshot

ORDER, _ = WORTH_80["limit IOC buy"]
RULES = {
    "price.anchor": POLICY.replace("price:", "price:\n  anchor: 10% from 24h vwap"),
    "liquidity.volume_24h": POLICY + "liquidity:\n  volume_24h: at least 20_000_000 USDT\n",
    "liquidity.share_of_1h": POLICY + "liquidity:\n  share_of_1h: at most 1%\n",
}
TWO = POLICY.replace("  sources: 1 because it is a test\n", "")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("averages", "code"), [(True, DenyCode.UNPRICED), (False, DenyCode.SYMBOL)])
def test_what_nobody_will_ever_tell_is_a_final_no(rule: str, averages: bool, code: DenyCode) -> None:
    """Trying again helps only where somebody may know a moment later."""
    denied = decided(load(RULES[rule], "test"), ORDER, snapshot(averages=averages))
    assert isinstance(denied, Deny)
    assert (denied.rule, denied.code) == (rule, code)
    assert ("by nobody here" in denied.detail) is (code is DenyCode.SYMBOL)


@pytest.mark.parametrize("rule", RULES)
def test_what_is_known_is_judged_wherever_it_came_from(rule: str) -> None:
    """It passes, or is denied for what it is."""
    known = replace(REFERENCE, anchor=REFERENCE.price, volume_24h=D(10**9), volume_1h=D(10**9))
    assert failed(decided(load(RULES[rule], "test"), ORDER, snapshot(reference=known, averages=False))) == set()


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_that_cannot_be_met_is_named(rule: str) -> None:
    """On whatever is not live, and only there."""
    stated = load(RULES[rule], "test")
    assert [list(unmet(stated, where)) for where in ("live", "testnet", "demo")] == [[], [rule], [rule]]


def test_two_sources_are_what_is_asked_for_by_default() -> None:
    """One with its reason is all that there is."""
    assert list(unmet(load(TWO, "test"), "testnet")) == ["price.sources"]
    assert unmet(load(POLICY, "test"), "testnet") == {}
    assert warning(load(POLICY, "test"), "testnet") is None


def test_a_policy_that_places_no_orders_asks_for_nothing() -> None:
    """Reads need no price."""
    assert unmet(load("version: 1\nallow:\n  reads: all\n", "reader"), "testnet") == {}


def test_the_warning_says_what_to_write() -> None:
    """In a copy: the policy for live accounts stays what it is."""
    told = warning(load(TWO, "grid"), "testnet")
    assert told == (
        "on testnet nobody but the exchange itself tells a price: price.sources will deny every order",
        "in a copy of grid.yaml say under price: `sources: 1 because it is a rehearsal`",
    )
