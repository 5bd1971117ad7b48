"""Positions, losses and reductions: what is held with open orders filled, and which way out stays open."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decision import Action, Allow, Deny, DenyCode
from gateway.core.intent import Cancel, Place, Read, ReadName, Side
from gateway.core.token import TokenState
from gateway.policy.document import Policy
from gateway.policy.exits import LAST_GOOD_MS
from tests.policy.cases import (
    NOW_MS,
    POLICY,
    REFERENCE,
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

BTC = "BTCUSDT"
HELD = {"limit buy below the reference": "160", "take-profit-limit buy": "100"}
"""What WORTH_80 is worth as a position, where that is not 80: at the reference, which is above its price."""


def using(position: str = "0", bids: str = "0", offers: str = "0", **more: object) -> FakeUsage:
    """A token that holds, bids for and offers so much of BTC."""
    return FakeUsage(held={BTC: D(position)}, bids={BTC: D(bids)}, offers={BTC: D(offers)}, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("scope", ["each", "in all"])
@pytest.mark.parametrize("name", WORTH_80)
def test_a_position_may_reach_its_limit_and_no_more(name: str, scope: str) -> None:
    """limits.position: bought, or sold without having been bought; at the higher of its price and the reference."""
    order, _ = WORTH_80[name]
    worth = D(HELD.get(name, "80"))
    assert isinstance(decided(policy(position=f"{worth} USDT {scope}"), order), Allow)
    denied = decided(policy(position=f"{worth - D('0.00000001'):f} USDT {scope} then halt"), order)
    assert failed(denied) == {"limits.position"}
    broken = finding(denied, "limits.position")
    assert (broken.code, broken.action, broken.observed) == (DenyCode.LIMIT, Action.HALT, f"{worth} USDT")


@pytest.mark.parametrize(
    ("side", "usage", "worth"),
    [
        ("buy", using("2"), 300),
        ("buy", using("2", bids="3"), 600),
        ("buy", using("2", offers="3"), 300),
        ("buy", using("-2", bids="3"), 200),
        ("sell", using("-2"), 300),
        ("sell", using("-2", offers="3"), 600),
        ("sell", using("2", offers="3"), 200),
        ("sell", using("0.5", bids="9"), 50),
    ],
)
def test_each_counts_own_fills_and_open_orders_of_the_side(side: str, usage: FakeUsage, worth: int) -> None:
    """One BTC at 100 more, in absolute value."""
    order, world = place(side, "limit", "1", price="100"), snapshot(usage=usage)
    assert isinstance(decided(policy(position=f"{worth} USDT each"), order, world), Allow)
    assert failed(decided(policy(position=f"{worth - 1} USDT each"), order, world)) == {"limits.position"}


ETH = FakeUsage(held={BTC: D(1), "ETHUSDT": D(-4)}, bids={"ETHUSDT": D(1)}, offers={"ETHUSDT": D(2), BTC: D(5)})


@pytest.mark.parametrize(("limit", "passes"), [("520", True), ("519.99", False)])
def test_in_all_adds_the_worst_of_every_market(limit: str, passes: bool) -> None:
    """ETH: 6 short at 20; BTC: 4 short by its offers, more than 2 long by this bid, at 100."""
    world = snapshot(usage=ETH, marks={"ETHUSDT": D(20)})
    decision = decided(policy(position=f"{limit} USDT in all"), place("buy", "limit", "1", price="100"), world)
    assert failed(decision) == (set() if passes else {"limits.position"})


def test_in_all_without_a_price_of_what_is_held_denies() -> None:
    """Unknown is not zero; a market where nothing is left needs no price, and `each` asks for none."""
    order = place("buy", "limit", "1", price="100")
    denied = decided(policy(position="9_000 USDT in all"), order, snapshot(usage=ETH))
    assert isinstance(denied, Deny)
    assert (denied.code, denied.rule) == (DenyCode.UNPRICED, "limits.position")
    assert denied.detail == "it holds ETHUSDT, whose price is not known"
    flat = snapshot(usage=FakeUsage(held={"ETHUSDT": D(0)}))
    assert isinstance(decided(policy(position="9_000 USDT in all"), order, flat), Allow)
    assert isinstance(decided(policy(position="9_000 USDT each"), order, snapshot(usage=ETH)), Allow)


def test_only_what_needs_other_prices_asks_for_them() -> None:
    """Policy.needs_marks."""
    assert policy(position="1 USDT in all").needs_marks
    assert policy(loss="1 USDT per 24h").needs_marks
    assert not policy(position="1 USDT each").needs_marks
    assert not policy(position="unlimited because x", loss="unlimited because x").needs_marks
    assert not policy().needs_marks


REDUCTIONS = [
    ("sell", "1", using("1"), True),
    ("sell", "1.001", using("1"), False),
    ("sell", "1", using("3", offers="2"), True),
    ("sell", "1", using("3", offers="2.001"), False),
    ("sell", "1", using("1", bids="5"), True),
    ("sell", "2", using("1", bids="5"), False),
    ("sell", "1", using("0"), False),
    ("sell", "1", using("-5"), False),
    ("buy", "1", using("-1"), True),
    ("buy", "1.001", using("-1"), False),
    ("buy", "1", using("-3", bids="2"), True),
    ("buy", "1", using("-3", bids="2.001"), False),
    ("buy", "1", using("1"), False),
    ("buy", "1", using("0"), False),
]


@pytest.mark.parametrize(("side", "quantity", "usage", "reduces"), REDUCTIONS)
def test_a_reduction_brings_its_own_position_nearer_zero_and_never_past(
    side: str, quantity: str, usage: FakeUsage, reduces: bool
) -> None:
    """With the open orders of its side filled; those of the other side make no room."""
    order = place(side, "limit", quantity, price="100")
    full = snapshot(usage=replace(usage, change=D(-(10**6))))
    passes = set() if reduces else {"limits.position", "limits.loss"}
    assert failed(decided(policy(position="0.01 USDT each", loss="1 USDT per 24h"), order, full)) == passes
    only = snapshot(usage=usage, state=TokenState.REDUCE_ONLY)
    assert failed(decided(policy(), order, only)) == (set() if reduces else {"state"})


@pytest.mark.parametrize("state", [TokenState.PAUSED, TokenState.REVOKED])
def test_a_paused_token_reduces_nothing(state: TokenState) -> None:
    """Cancels and reads only."""
    world = snapshot(usage=using("1"), state=state)
    assert failed(decided(policy(), place("sell", "limit", "1", price="100"), world)) == {"state"}


def test_a_reduction_of_any_kind_passes_while_the_token_only_reduces() -> None:
    """A market order out is one, at the quantity that leaves; it is still charged."""
    world = snapshot(usage=using("1"), state=TokenState.REDUCE_ONLY)
    allowed = decided(policy(), place("sell", "market", quote_quantity="75"), world)
    assert isinstance(allowed, Allow)
    assert allowed.reserve is not None
    assert allowed.reserve.quantity == 1
    assert allowed.reserve.giveaway is not None
    assert allowed.reserve.giveaway.amount == 50
    assert failed(decided(policy(), place("sell", "market", "1.001"), world)) == {"state"}


@pytest.mark.parametrize("rule", ["limits.executions", "if_denied"])
@pytest.mark.parametrize(("action", "passes"), [("reduce_only", True), ("cancel_only", False), ("halt", False)])
def test_what_sets_reduce_only_lets_reductions_pass(rule: str, action: str, passes: bool) -> None:
    """Else the state could never be used; the graver actions let nothing pass."""
    text = f"5 per 1h then {action}"
    rules = policy(executions=text) if rule == "limits.executions" else policy(f"{POLICY}if_denied: {text}\n")
    world = snapshot(usage=using("1", filled=5, denied=5))
    assert failed(decided(rules, place("sell", "limit", "1", price="100"), world)) == (set() if passes else {rule})
    grown = decided(rules, place("buy", "limit", "1", price="100"), world)
    assert failed(grown) == {rule}
    broken = finding(grown, rule)
    assert (broken.action, broken.action_ms) == (Action(action), 0 if action == "halt" else 3_600_000)


@pytest.mark.parametrize("budget", ["limits.turnover", "price.giveaway", "price.collar", "limits.order"])
def test_a_reduction_passes_no_budget_and_no_collar(budget: str) -> None:
    """A thief's reduction is one too."""
    text = POLICY.replace("giveaway: 1_000_000 USDT", "giveaway: 1 USDT") if budget == "price.giveaway" else POLICY
    text += "  collar: 1% from reference\n" if budget == "price.collar" else ""
    limits = {"limits.turnover": {"turnover": "1 USDT per 24h"}, "limits.order": {"order": "1 USDT"}}.get(budget, {})
    order = place("sell", "limit", "1", price="90")
    assert failed(decided(policy(text, **limits), order, snapshot(usage=using("1")))) == {budget}


@pytest.mark.parametrize(("change", "passes"), [("-249.99", True), ("-250", False), ("-251", False), ("9", True)])
@pytest.mark.parametrize(("action", "ms"), [("reduce_only", 86_400_000), ("cancel_only", 86_400_000), ("halt", 0)])
def test_a_loss_may_come_near_its_limit_and_not_reach_it(change: str, passes: bool, action: str, ms: int) -> None:
    """limits.loss, for every order that is no reduction."""
    rules = policy(loss=f"250 USDT per 24h then {action}")
    decision = decided(rules, place("buy", "limit", "1", price="100"), snapshot(usage=FakeUsage(change=D(change))))
    assert failed(decision) == (set() if passes else {"limits.loss"})
    if not passes:
        broken = finding(decision, "limits.loss")
        assert (broken.code, broken.action, broken.action_ms) == (DenyCode.LIMIT, Action(action), ms)


@pytest.mark.parametrize("name", WORTH_80)
def test_a_loss_stops_every_kind_of_order(name: str) -> None:
    """Also those that only wait."""
    world = snapshot(usage=FakeUsage(change=D(-250)))
    assert failed(decided(policy(loss="250 USDT per 24h"), WORTH_80[name][0], world)) == {"limits.loss"}


def test_a_loss_that_nobody_can_reckon_denies() -> None:
    """A missing price of what is held is no profit; with it the loss is reckoned at the marks and the reference."""
    order, rules = place("buy", "limit", "1", price="100"), policy(loss="250 USDT per 24h then halt")
    denied = decided(rules, order, snapshot(usage=ETH))
    assert isinstance(denied, Deny)
    assert (denied.code, denied.rule, denied.failed[0].action) == (DenyCode.UNPRICED, "limits.loss", Action.DENY)
    assert isinstance(decided(rules, order, snapshot(usage=ETH, marks={"ETHUSDT": D(20)})), Allow)


def late(age_ms: int, usage: FakeUsage, **changes: object) -> object:
    return snapshot(usage=usage, reference=replace(REFERENCE, at_ms=NOW_MS - age_ms), **changes)


COLLAR = policy(POLICY + "  collar: 10% from reference\n")
EXITS: list[tuple[Policy, Place, FakeUsage, bool]] = [
    (COLLAR, place("sell", "limit", "1", price="90"), using("1"), True),
    (COLLAR, place("sell", "post_only", "1", price="90"), using("1"), True),
    (COLLAR, place("sell", "limit", "1", price="89.99"), using("1"), False),
    (COLLAR, place("sell", "limit", "1", price="500"), using("1"), True),
    (COLLAR, place("buy", "limit", "1", price="110"), using("-1"), True),
    (COLLAR, place("buy", "limit", "1", price="110.01"), using("-1"), False),
    (COLLAR, place("sell", "limit", "1.001", price="100"), using("1"), False),
    (COLLAR, place("buy", "limit", "1", price="100"), using("1"), False),
    (COLLAR, place("sell", "market", "1"), using("1"), False),
    (COLLAR, place("sell", "stop_limit", "1", price="95", trigger="95"), using("1"), False),
    (COLLAR, place("sell", "stop", "1", trigger="130"), using("1"), False),
    (COLLAR, place("sell", "take_profit_limit", "1", price="95", trigger="120"), using("1"), False),
    (policy(), place("sell", "limit", "1", price="100"), using("1"), True),
    (policy(), place("sell", "limit", "1", price="99.99"), using("1"), False),
]


@pytest.mark.parametrize(("rules", "order", "usage", "passes"), EXITS)
def test_at_stale_prices_only_a_limit_order_that_reduces_leaves(
    rules: Policy, order: Place, usage: FakeUsage, passes: bool
) -> None:
    """No worse than the last good price less the collar, and charged against it; everything else is unpriced."""
    decision = decided(rules, order, late(3_001, usage))  # type: ignore[arg-type]
    if not passes:
        assert isinstance(decision, Deny)
        assert decision.rule == "price.stale_after"
        assert decision.code is DenyCode.UNPRICED
        return
    assert isinstance(decision, Allow)
    assert decision.reserve is not None
    assert decision.reserve.fair == 100
    assert decision.reserve.giveaway is not None
    assert decision.reserve.giveaway.amount > 0


@pytest.mark.parametrize(
    ("age_ms", "passes"),
    [(3_000, True), (3_001, True), (LAST_GOOD_MS, True), (LAST_GOOD_MS + 1, False), (-3_000, True), (-3_001, False)],
)
def test_a_last_good_price_is_at_most_an_hour_old_and_not_from_the_future(age_ms: int, passes: bool) -> None:
    """After that the market may be anywhere."""
    world = late(age_ms, using("1"))
    decision = decided(COLLAR, place("sell", "limit", "1", price="95"), world)  # type: ignore[arg-type]
    assert failed(decision) >= (set() if passes else {"price.stale_after"})
    assert isinstance(decision, Allow) is passes


def test_a_reduction_without_any_price_is_denied() -> None:
    """There is no last good price to be no worse than."""
    denied = decided(COLLAR, place("sell", "limit", "1", price="95"), snapshot(usage=using("1"), reference=None))
    assert "price.stale_after" in failed(denied)


@pytest.mark.parametrize("limit", ["position", "loss"])
def test_reads_and_cancels_pass(limit: str) -> None:
    """Whatever is held or lost."""
    rules = policy(**{limit: {"position": "1 USDT each", "loss": "1 USDT per 24h"}[limit]})
    for intent in (Cancel(BTC, "1", None), Read(ReadName.BALANCES)):
        assert isinstance(decided(rules, intent, snapshot(usage=using("99", change=D(-99)))), Allow)


quantities = st.decimals(min_value=D("0.001"), max_value=3, places=3)


@given(st.lists(st.tuples(st.sampled_from(Side), quantities, st.booleans()), max_size=40))
def test_no_sequence_of_orders_and_fills_exceeds_the_position(steps: list[tuple[Side, Decimal, bool]]) -> None:
    """At one price: whatever is sent and whichever of it fills, what is held never exceeds the limit."""
    rules = policy(position="500 USDT each")
    held, open_orders = D(0), {Side.BUY: D(0), Side.SELL: D(0)}
    for side, quantity, fills in steps:
        usage = using(str(held), str(open_orders[Side.BUY]), str(open_orders[Side.SELL]))
        if isinstance(decided(rules, place(side, "limit", str(quantity), price="100"), snapshot(usage=usage)), Allow):
            open_orders[side] += quantity
        if fills:
            filled, open_orders[side] = open_orders[side], D(0)
            held += filled if side is Side.BUY else -filled
        assert abs(held) * 100 <= 500
