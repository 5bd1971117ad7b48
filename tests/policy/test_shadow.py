"""Shadow: what would be denied passes and is told; what is no opinion of the policy's is never suspended. Alerts."""

from dataclasses import replace

import pytest

from gateway.core.decision import Action, Allow, Deny, DenyCode
from gateway.core.intent import Cancel, Forbidden, Intent, Read, ReadName
from gateway.core.snapshot import Snapshot
from gateway.core.token import TokenState
from gateway.policy.alerts import Alert, alerts_for
from gateway.policy.controls import SETTINGS
from gateway.policy.controls.access import Cancels, Parameters
from gateway.policy.controls.conduct import Conduct
from gateway.policy.controls.price import StaleAfter
from gateway.policy.controls.references import Sources
from gateway.policy.decide import decide
from gateway.policy.document import load
from tests.policy.cases import (
    INSTRUMENT,
    NOW_MS,
    POLICY,
    REFERENCE,
    D,
    FakeUsage,
    call,
    decided,
    failed,
    finding,
    place,
    policy,
    snapshot,
)  # fmt: skip
from tests.policy.test_decide import BrokenUsage

SHADOW = POLICY + "mode: shadow\n"
ORDER = place("buy", "limit", "0.8", price="100")
USED = FakeUsage({"USDT": D(10**9)}, 99, 99, 0, 99, {None: 99}, given={"USDT": D(10**9)}, filled=99, change=D(-99))


def test_limits_are_suspended_and_what_they_found_is_kept() -> None:
    """An order that several limits would deny leaves as it would, with the findings that say so."""
    rules = policy(
        SHADOW.replace("giveaway: 1_000_000 USDT per 24h", "giveaway: 1 USDT per 24h then halt"), order="1 USDT",
        turnover="1 USDT per 24h then halt", open_orders="1", messages="1 per 1s", position="1 USDT each",
        executions="1 per 1h then halt", loss="1 USDT per 24h then reduce_only",
    )  # fmt: skip
    allowed = decided(rules, ORDER, snapshot(usage=USED))
    assert isinstance(allowed, Allow)
    assert {found.rule for found in allowed.suspended} == {
        "limits.order", "limits.turnover", "limits.open_orders", "limits.messages", "limits.position",
        "limits.executions", "limits.loss", "price.giveaway",
    }  # fmt: skip
    assert all(not found.passed and found.action is Action.DENY for found in allowed.suspended)
    assert allowed.reserve is not None
    assert allowed.order == ORDER


@pytest.mark.parametrize(
    ("text", "intent", "rule"),
    [
        (SHADOW.replace("[BTC/USDT]", "[ETH/USDT]"), ORDER, "allow.symbols"),
        (SHADOW.replace("orders: [limit, ", "orders: ["), ORDER, "allow.orders"),
        (SHADOW.replace("limits:", "  sides: [sell]\nlimits:"), ORDER, "allow.sides"),
        (SHADOW.replace("limits:", "  reads: [orders]\nlimits:"), Read(ReadName.BALANCES), "allow.reads"),
        (SHADOW.replace("price:", "price:\n  collar: 1% from reference"), replace(ORDER, price=D(105)), "price.collar"),
        (SHADOW.replace("price:", "price:\n  anchor: 1% from 24h vwap"), ORDER, "price.anchor"),
        (SHADOW + "if_denied: 9 per 1h then halt\n", ORDER, "if_denied"),
        (SHADOW + "liquidity: {volume_24h: at least 1 USDT}\n", ORDER, "liquidity.volume_24h"),
        (SHADOW + 'hours: {from: "00:00", to: "00:01", zone: UTC}\n', ORDER, "hours"),
    ],
)
def test_grants_and_prices_are_suspended(text: str, intent: Intent, rule: str) -> None:
    """Also what an unknown anchor or volume would deny: the order itself has a price."""
    allowed = decided(policy(text), intent, snapshot(usage=FakeUsage(denied=9)))
    assert isinstance(allowed, Allow)
    assert [found.rule for found in allowed.suspended] == [rule]


NEVER: list[tuple[Intent, Snapshot, str]] = [
    (Forbidden("no"), snapshot(), "forbidden"),
    (ORDER, snapshot(state=TokenState.PAUSED), "state"),
    (ORDER, snapshot(state=TokenState.REDUCE_ONLY), "state"),
    (ORDER, snapshot(state=TokenState.REVOKED), "state"),
    (ORDER, snapshot(reference=None), "price.stale_after"),
    (ORDER, snapshot(reference=replace(REFERENCE, at_ms=NOW_MS - 3_001)), "price.stale_after"),
    (ORDER, snapshot(reference=replace(REFERENCE, sources=0)), "price.sources"),
    (ORDER, snapshot(instrument=None), "price.stale_after"),
    (ORDER, snapshot(instrument=replace(INSTRUMENT, lot=D(0))), "price"),
    (place("sell", "stop", "1", trailing_bips=9), snapshot(), "price"),
    (Cancel("BTCUSDT", "1", None), snapshot(cancels_foreign=True), "allow.cancel"),
    (ORDER, snapshot(usage=BrokenUsage()), "limits.turnover"),
]


@pytest.mark.parametrize(("intent", "world", "rule"), NEVER)
def test_what_is_never_suspended_denies(intent: Intent, world: Snapshot, rule: str) -> None:
    """And is the reason told, though a suspended limit failed too."""
    denied = decided(policy(SHADOW, order="1 USDT then halt"), intent, world)
    assert isinstance(denied, Deny)
    assert denied.rule == rule
    assert rule in failed(denied)
    assert all(found.action is Action.DENY for found in denied.failed)


def test_parameters_are_never_suspended() -> None:
    """An unknown parameter has no meaning that anyone judged."""
    denied = decide(policy(SHADOW), call(ORDER, needs_grant=frozenset({"strategyId"})), snapshot())
    assert isinstance(denied, Deny)
    assert denied.code is DenyCode.PARAMETER


def test_a_market_order_that_nothing_protects_stays_denied() -> None:
    """price.market: deny is suspended, and the order still has no price."""
    denied = decided(policy(SHADOW.replace("protect 25%", "deny")), place("buy", "market", "1"))
    assert isinstance(denied, Deny)
    assert denied.rule == "price"
    assert finding(denied, "price.market").suspended


def test_what_is_not_suspended_is_a_list_of_names() -> None:
    """A new setting is suspended unless somebody thought of it."""
    exempt = {Cancels, Parameters, StaleAfter, Sources}
    assert {setting for setting in SETTINGS if not setting.suspends} == exempt


def test_in_force_nothing_is_suspended() -> None:
    """mode: enforce, stated or not."""
    for text in (POLICY, POLICY + "mode: enforce\n"):
        denied = decided(policy(text, order="1 USDT"), ORDER)
        assert failed(denied) == {"limits.order"}
        assert not finding(denied, "limits.order").suspended
        assert not policy(text).shadow
    assert policy(SHADOW).shadow


ALERTS = POLICY + "alerts: [denied, halted, new_ip, large 80 USDT]\n"


def test_alerts_are_those_that_are_listed() -> None:
    """A denial, what a failing limit sets, a new address, an order of at least so much; and nothing unasked."""
    halted = decided(policy(ALERTS, turnover="1 USDT per 24h then halt"), ORDER)
    told = alerts_for(policy(ALERTS), halted, "192.0.2.1")
    assert [alert.event for alert in told] == ["denied", "halted", "new_ip"]
    assert told[1].text.startswith("limits.turnover sets halt: ")
    assert told[2] == Alert("new_ip", "first heard from 192.0.2.1")
    assert alerts_for(policy(), halted, "192.0.2.1") == ()
    only = policy(POLICY + "alerts: [halted]\n")
    assert [alert.event for alert in alerts_for(only, halted)] == ["halted"]
    assert alerts_for(only, decided(policy(order="1 USDT"), ORDER)) == ()


@pytest.mark.parametrize(("quantity", "told"), [("0.8", True), ("0.799", False)])
def test_a_large_order_is_one_of_at_least_the_amount(quantity: str, told: bool) -> None:
    """At its worst price, in the same currency, and only where it leaves."""
    allowed = decided(policy(ALERTS), place("buy", "limit", quantity, price="100"))
    alerts = alerts_for(policy(ALERTS), allowed)
    assert alerts == ((Alert("large", "an order worth up to 80 USDT"),) if told else ())
    in_euros = load("version: 1\nalerts: [large 1 EUR]\n", "x")
    assert alerts_for(in_euros, allowed) == ()


def test_conduct_has_no_say() -> None:
    """mode, if_silent and alerts deny nothing, and say what they are for."""
    rules = policy(ALERTS + "if_silent: 90s then cancel_orders\n")
    assert rules.silent_after_ms == 90_000
    assert policy().silent_after_ms is None
    allowed = decided(rules, ORDER)
    assert isinstance(allowed, Allow)
    assert not {found.rule for found in allowed.findings} & {one.rule for one in SETTINGS if issubclass(one, Conduct)}
