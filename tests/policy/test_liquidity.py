"""Liquidity: both sides of each edge, for every kind of order; volume that is not known denies."""

from dataclasses import replace

import pytest

from gateway.core.decision import Allow, Deny, DenyCode
from gateway.core.intent import Cancel, Read, ReadName
from tests.policy.cases import POLICY, REFERENCE, WORTH_80, D, FakeUsage, decided, failed, finding, policy, snapshot

ORDER, LARGER = WORTH_80["limit IOC buy"]
FLOOR = policy(POLICY + "liquidity:\n  volume_24h: at least 20_000_000 USDT\n")
SHARE = policy(POLICY + "liquidity:\n  share_of_1h: at most 1%\n")


@pytest.mark.parametrize("name", WORTH_80)
@pytest.mark.parametrize(("volume", "passes"), [("20000000", True), ("19999999.99", False)])
def test_an_instrument_trades_at_least_so_much(name: str, volume: str, passes: bool) -> None:
    """liquidity.volume_24h."""
    decision = decided(FLOOR, WORTH_80[name][0], snapshot(reference=replace(REFERENCE, volume_24h=D(volume))))
    assert failed(decision) == (set() if passes else {"liquidity.volume_24h"})
    if isinstance(decision, Deny):
        assert (decision.code, decision.detail) == (DenyCode.LIMIT, "BTC/USDT traded 19999999.99 USDT in 24 hours")


@pytest.mark.parametrize("name", WORTH_80)
def test_an_order_is_a_small_part_of_the_hour(name: str) -> None:
    """liquidity.share_of_1h: the order's worst value with what the token traded or holds within the hour."""
    order, larger = WORTH_80[name]
    world = snapshot(reference=replace(REFERENCE, volume_1h=D(10_000)), usage=FakeUsage(used={"USDT": D(20)}))
    assert isinstance(decided(SHARE, order, world), Allow)
    denied = decided(SHARE, larger, world)
    assert failed(denied) == {"liquidity.share_of_1h"}
    assert finding(denied, "liquidity.share_of_1h").limit == "at most 1%: 100 USDT"


@pytest.mark.parametrize("unknown", [None, D("NaN"), D("Infinity")])
@pytest.mark.parametrize("name", ["volume_24h", "share_of_1h"])
def test_a_volume_that_is_not_known_denies(name: str, unknown: object) -> None:
    """Nobody knows how thin the market is."""
    rules = FLOOR if name == "volume_24h" else SHARE
    world = snapshot(reference=replace(REFERENCE, volume_24h=unknown, volume_1h=unknown))
    denied = decided(rules, ORDER, world)
    assert isinstance(denied, Deny)
    assert (denied.code, denied.rule) == (DenyCode.UNPRICED, f"liquidity.{name}")


def test_a_volume_in_another_currency_denies() -> None:
    """Never converted."""
    text = POLICY.replace("USDT per", "EUR per").replace("order: 1_000_000 USDT", "order: 1_000_000 EUR")
    rules = policy(text + "liquidity:\n  volume_24h: at least 1 EUR\n")
    denied = decided(rules, ORDER, snapshot(reference=replace(REFERENCE, volume_24h=D(10**9))))
    assert finding(denied, "liquidity.volume_24h").detail == "liquidity.volume_24h is in EUR, the order in USDT"


def test_reads_and_cancels_need_no_liquidity() -> None:
    """Exits stay open."""
    for rules in (FLOOR, SHARE):
        for intent in (Cancel("BTCUSDT", "1", None), Read(ReadName.BALANCES)):
            assert isinstance(decided(rules, intent), Allow)
