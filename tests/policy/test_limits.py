"""Limits: both sides of each edge, for every kind of order, and what a failure says and sets."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decision import Action, Allow, Deny, DenyCode
from gateway.core.intent import Cancel, CancelAll, Intent, OrderKind, Read, ReadName, Side
from gateway.core.money import Money
from gateway.policy.controls.rates import LONGEST_WAIT_MS
from gateway.policy.decide import counts_as_denial
from tests.policy.cases import POLICY, WORTH_80, D, FakeUsage, decided, failed, finding, place, policy, snapshot

ORDER = place("buy", "limit", "0.8", price="100")
CANCEL = Cancel("BTCUSDT", "1", None)
READ = Read(ReadName.BALANCES)


@pytest.mark.parametrize("name", WORTH_80)
def test_an_order_may_be_worth_its_limit_with_fees_and_no_more(name: str) -> None:
    """limits.order, at 100 USDT, for an order of 80 and 20 of fees and the next larger one."""
    rules = policy(order="100 USDT")
    order, larger = WORTH_80[name]
    allowed = decided(rules, order)
    assert isinstance(allowed, Allow)
    assert finding(allowed, "limits.order").observed.rstrip("0").rstrip(".") in ("100 USDT", "100")
    denied = decided(rules, larger)
    assert failed(denied) == {"limits.order"}
    assert isinstance(denied, Deny)
    assert (denied.code, denied.rule) == (DenyCode.LIMIT, "limits.order")


@pytest.mark.parametrize("name", WORTH_80)
def test_turnover_may_reach_its_limit_and_no_more(name: str) -> None:
    """limits.turnover counts what was used and the order without fees, and reserves exactly that."""
    rules = policy(turnover="1_000 USDT per 24h")
    world = snapshot(usage=FakeUsage(used={"USDT": D(920)}))
    order, larger = WORTH_80[name]
    allowed = decided(rules, order, world)
    assert isinstance(allowed, Allow)
    assert allowed.reserve is not None
    assert allowed.reserve.value == Money(D(80), "USDT")
    assert failed(decided(rules, larger, world)) == {"limits.turnover"}
    tight = snapshot(usage=FakeUsage(used={"USDT": D("920.000000000000000001")}))
    assert failed(decided(rules, order, tight)) == {"limits.turnover"}


@pytest.mark.parametrize("name", WORTH_80)
def test_quantity_may_reach_its_limit_and_no_more(name: str) -> None:
    """limits.quantity counts the base quantity that leaves, the whole of an iceberg, the base of a quote amount."""
    order, _ = WORTH_80[name]
    allowed = decided(policy(), order)
    assert isinstance(allowed, Allow)
    assert allowed.reserve is not None
    quantity = allowed.reserve.quantity
    assert isinstance(decided(policy(quantity=f"{{BTC: {quantity}}}"), order), Allow)
    assert failed(decided(policy(quantity=f"{{BTC: {quantity - D('0.00000001')}}}"), order)) == {"limits.quantity"}


def test_a_base_that_quantity_does_not_list_is_denied() -> None:
    """A table that is given is the whole table."""
    denied = decided(policy(quantity="{ETH: 1}"), ORDER)
    assert isinstance(denied, Deny)
    assert (denied.rule, denied.detail) == ("limits.quantity", "limits.quantity does not list BTC")


@pytest.mark.parametrize(
    "rule", ["limits.order", "limits.turnover", "limits.position", "limits.loss", "price.giveaway"]
)
def test_a_limit_in_another_currency_denies_and_names_both(rule: str) -> None:
    """Currencies are never converted and never equated."""
    text = POLICY.replace("USDT per", "EUR per").replace("order: 1_000_000 USDT", "order: 1_000_000 EUR")
    denied = decided(policy(text, position="1_000_000 EUR", loss="1 EUR per 24h"), ORDER)
    assert isinstance(denied, Deny)
    assert (denied.rule, denied.code) == ("limits.order", DenyCode.LIMIT)
    assert finding(denied, rule).detail == f"{rule} is in EUR, the order in USDT"


@pytest.mark.parametrize(
    ("limit", "working", "passes"),
    [
        ("20", {None: 19, "BTCUSDT": 19}, True),
        ("20", {None: 20, "BTCUSDT": 0}, False),
        ("20 in all", {None: 20}, False),
        ("20 each", {None: 500, "BTCUSDT": 19}, True),
        ("20 each", {None: 20, "BTCUSDT": 20}, False),
    ],
)
def test_the_new_order_counts_as_working(limit: str, working: dict[str | None, int], passes: bool) -> None:
    """limits.open_orders, in all and per instrument."""
    decision = decided(policy(open_orders=limit), ORDER, snapshot(usage=FakeUsage(working=working)))
    assert failed(decision) == (set() if passes else {"limits.open_orders"})


@pytest.mark.parametrize(("before", "passes"), [(9, True), (10, False)])
def test_messages_are_limited_to_orders(before: int, passes: bool) -> None:
    """limits.messages: the n-th order passes, the next waits; reads and cancels are no messages."""
    rules, world = policy(messages="10 per 1s"), snapshot(usage=FakeUsage(orders=before))
    decision = decided(rules, ORDER, world)
    assert failed(decision) == (set() if passes else {"limits.messages"})
    if isinstance(decision, Deny):
        assert (decision.code, decision.retry_after_ms) == (DenyCode.RATE, 700)
    assert not failed(decided(rules, READ, world))
    assert not failed(decided(rules, CANCEL, world))


@pytest.mark.parametrize("intent", [ORDER, READ])
@pytest.mark.parametrize(("before", "passes"), [(19, True), (20, False)])
def test_requests_are_limited_whatever_they_are(intent: Intent, before: int, passes: bool) -> None:
    """limits.requests counts orders and reads alike."""
    rules, world = policy(requests="20 per 1s"), snapshot(usage=FakeUsage(requested=before))
    decision = decided(rules, intent, world)
    assert failed(decision) == (set() if passes else {"limits.requests"})
    if isinstance(decision, Deny):
        assert (decision.code, decision.retry_after_ms) == (DenyCode.RATE, 700)


def test_a_cancel_is_never_held_back_for_long() -> None:
    """Over a day's window the pace would be minutes; a bot gives up long before."""
    world = snapshot(usage=FakeUsage(cancelled=100_000))
    decision = decided(policy(requests="1_000 per 24h"), CANCEL, world)
    assert isinstance(decision, Allow)
    assert decision.delay_ms == LONGEST_WAIT_MS


@pytest.mark.parametrize("cancel", [CANCEL, CancelAll("BTCUSDT")])
@pytest.mark.parametrize(
    ("before", "delay_ms"), [(0, 0), (99, 0), (100, 10), (109, 100), (199, 1_000), (10_000, 1_000)]
)
def test_a_cancel_beyond_its_bucket_waits_and_then_goes(cancel: Intent, before: int, delay_ms: int) -> None:
    """Five times the requests; paced beyond that, never by more than one window, and never denied."""
    world = snapshot(usage=FakeUsage(requested=1_000, cancelled=before))
    decision = decided(policy(requests="20 per 1s then halt"), cancel, world)
    assert isinstance(decision, Allow)
    assert decision.delay_ms == delay_ms


@pytest.mark.parametrize(
    ("text", "action", "ms"),
    [
        ("1 USDT per 24h", Action.DENY, 0),
        ("1 USDT per 24h then reduce_only", Action.REDUCE_ONLY, 86_400_000),
        ("1 USDT per 24h then cancel_only", Action.CANCEL_ONLY, 86_400_000),
        ("1 USDT per 24h then halt", Action.HALT, 0),
    ],
)
def test_a_failure_carries_its_action(text: str, action: Action, ms: int) -> None:
    """reduce_only and cancel_only last a window; halt has no end of its own."""
    broken = finding(decided(policy(turnover=text), ORDER), "limits.turnover")
    assert (broken.passed, broken.action, broken.action_ms) == (False, action, ms)
    assert finding(decided(policy(order="1 USDT then halt"), ORDER), "limits.order").action is Action.HALT


@pytest.mark.parametrize(
    "name", ["order", "turnover", "open_orders", "messages", "requests", "executions", "position", "loss"]
)
def test_a_limit_that_is_lifted_passes_and_says_why(name: str) -> None:
    """unlimited because <reason> shows in the explanation."""
    heavy = FakeUsage(
        {"USDT": D(10**9)}, 10**6, 10**6, 10**6, 0, {None: 10**6}, filled=10**6, held={"BTCUSDT": D(10**6)}, change=None
    )
    rules = policy(**({"turnover": "unlimited because x"} | {name: "unlimited because of the test"}))
    decision = decided(rules, ORDER, snapshot(usage=heavy))
    assert finding(decision, f"limits.{name}").passed
    assert finding(decision, f"limits.{name}").limit == "unlimited because of the test"


@pytest.mark.parametrize(("filled", "passes"), [(199, True), (200, False), (201, False)])
def test_executions_are_limited(filled: int, passes: bool) -> None:
    """limits.executions: after so many filled orders the next is denied; reads and cancels are not."""
    rules, world = policy(executions="200 per 24h then halt"), snapshot(usage=FakeUsage(filled=filled))
    decision = decided(rules, ORDER, world)
    assert failed(decision) == (set() if passes else {"limits.executions"})
    if isinstance(decision, Deny):
        assert (decision.code, finding(decision, "limits.executions").action) == (DenyCode.LIMIT, Action.HALT)
    assert not failed(decided(rules, READ, world))
    assert not failed(decided(rules, CANCEL, world))


@pytest.mark.parametrize(("denied", "passes"), [(199, True), (200, False), (201, False)])
@pytest.mark.parametrize(("then", "ms"), [("cancel_only", 300_000), ("halt", 0)])
def test_the_breaker_stops_orders_and_nothing_else(denied: int, passes: bool, then: str, ms: int) -> None:
    """if_denied trips at n denials, sets its action, and lets reads and cancels pass."""
    rules = policy(POLICY + f"if_denied: 200 per 5m then {then}\n")
    world = snapshot(usage=FakeUsage(denied=denied))
    decision = decided(rules, ORDER, world)
    assert failed(decision) == (set() if passes else {"if_denied"})
    if isinstance(decision, Deny):
        broken = finding(decision, "if_denied")
        assert (broken.code, broken.action, broken.action_ms) == (DenyCode.STATE, Action(then), ms)
    assert not failed(decided(rules, READ, world))
    assert not failed(decided(rules, CANCEL, world))


COUNTED = {
    DenyCode.PARAMETER,
    DenyCode.FORBIDDEN,
    DenyCode.UNSUPPORTED,
    DenyCode.NOT_GRANTED,
    DenyCode.SYMBOL,
    DenyCode.ORDER,
    DenyCode.DUPLICATE,
    DenyCode.LIMIT,
}


@pytest.mark.parametrize("code", DenyCode)
def test_only_the_bots_own_doing_counts_towards_the_breaker(code: DenyCode) -> None:
    """Stale prices, pace, states, our own failures and what a stranger can send never trip it."""
    assert counts_as_denial(code) is (code in COUNTED)


sizes = st.decimals(min_value=D("0.00000001"), max_value=1, allow_nan=False, places=8)
amounts = st.decimals(min_value=D("0.00000001"), max_value=10**6, allow_nan=False, places=8)


@given(
    st.sampled_from(Side),
    st.sampled_from(["limit", "post_only", "market", "quote", "stop", "take_profit", "stop_limit"]),
    sizes,
    amounts,
    amounts,
    amounts,
)
def test_no_order_above_the_limit_is_allowed(
    side: Side, kind: str, size: Decimal, price: Decimal, trigger: Decimal, limit: Decimal
) -> None:
    """What an allowed order can cost, worked out here by hand from the order as it leaves, is within limits.order."""
    order = {
        "limit": place(side, "limit", str(size), price=str(price)),
        "post_only": place(side, "post_only", str(size), price=str(price)),
        "market": place(side, "market", str(size)),
        "quote": place(side, "market", quote_quantity=str(size)),
        "stop": place(side, "stop", str(size), trigger=str(trigger)),
        "take_profit": place(side, "take_profit", str(size), trigger=str(trigger)),
        "stop_limit": place(side, "stop_limit", str(size), price=str(price), trigger=str(trigger)),
    }[kind]
    decision = decided(policy(order=f"{limit:f} USDT"), order)
    if isinstance(decision, Deny):
        return
    leaving = decision.order
    assert leaving is not None
    assert leaving.price is not None
    assert leaving.quantity is not None
    assert leaving.kind not in (OrderKind.MARKET, OrderKind.STOP, OrderKind.TAKE_PROFIT)
    price_paid = leaving.price if side is Side.BUY else max(leaving.price, D(100), leaving.trigger or D(0))
    assert price_paid * leaving.quantity * D("1.25") <= limit
