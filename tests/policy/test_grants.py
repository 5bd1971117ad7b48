"""Grants, floors and freshness: what passes because it is listed, and what nothing can list."""

from dataclasses import replace

import pytest

from gateway.core.decision import Allow, Deny, DenyCode
from gateway.core.intent import Cancel, CancelAll, Forbidden, Intent, OrderKind, Public, Read, ReadName
from gateway.core.token import TokenState
from gateway.policy.decide import decide
from gateway.policy.document import load
from tests.policy.cases import (
    INSTRUMENT,
    NOW_MS,
    POLICY,
    REFERENCE,
    WORTH_80,
    D,
    FakeUsage,
    call,
    decided,
    failed,
    place,
    policy,
    snapshot,
)

ORDER = place("buy", "limit", "0.8", price="100")
CANCEL = Cancel("BTCUSDT", "1", None)
CANCEL_ALL = CancelAll("BTCUSDT")
READ = Read(ReadName.BALANCES)
FORBIDDEN = Forbidden("withdrawals leave the account")
READING = "version: 1\n"
SPENT = FakeUsage({"USDT": D(10**9)}, 10**6, 10**6, 10**6, 10**6, {None: 10**6, "BTCUSDT": 10**6})
STRICT = (
    POLICY.replace("limits:\n", "limits:\n  open_orders: 1\n  messages: 1 per 1s\n  requests: 1 per 1s\n")
    + "if_denied: 1 per 1m then halt\n"
)


@pytest.mark.parametrize(
    ("symbols", "symbol", "passes"),
    [
        ("[BTC/USDT]", "BTC/USDT", True),
        ("[BTC/USDT]", "ETH/USDT", False),
        ("[BTC/USDT]", "BTC/USDC", False),
        ('["*/USDT"]', "ETH/USDT", True),
        ('["*/USDT"]', "ETH/USD", False),
        ('["*/USDT"]', "USDT/EUR", False),
        ('["*/USD"]', "ETH/USDT", False),
        ("[BTC/*]", "BTC/EUR", True),
        ("[BTC/*]", "ETH/BTC", False),
        ("[BTC/*]", "BTCUP/EUR", False),
        ("[BTC/EUR, ETH/*]", "ETH/EUR", True),
        ("[BTC/EUR, ETH/*]", "SOL/EUR", False),
    ],
)
def test_a_symbol_passes_by_name_or_by_a_whole_open_side(symbols: str, symbol: str, passes: bool) -> None:
    """A glob stands for one whole side and never for a part of a name."""
    base, _, quote = symbol.partition("/")
    rules = policy(POLICY.replace("[BTC/USDT]", symbols).replace("000 USDT", f"000 {quote}"))
    world = snapshot(instrument=replace(INSTRUMENT, symbol=symbol, base=base, quote=quote))
    decision = decided(rules, ORDER, world)
    assert failed(decision) == (set() if passes else {"allow.symbols"})
    if isinstance(decision, Deny):
        assert decision.code is DenyCode.SYMBOL


def test_another_market_of_an_allowed_symbol_is_denied() -> None:
    """A margin or derivative instrument is not the spot one, even under its name."""
    denied = decided(policy(), ORDER, snapshot(instrument=replace(INSTRUMENT, market="swap")))
    assert failed(denied) == {"allow.markets"}


@pytest.mark.parametrize("name", WORTH_80)
def test_every_kind_that_an_order_is_must_be_allowed(name: str) -> None:
    """With its kinds listed it passes; with any one of them missing it is denied, whatever else is listed."""
    order, _ = WORTH_80[name]
    everything = [kind.value for kind in OrderKind if kind.value in POLICY]
    for missing in order.kinds:
        listed = ", ".join(kind for kind in everything if kind != missing)
        rules = policy(POLICY.replace(", ".join(_listed()), listed))
        denied = decided(rules, order)
        assert failed(denied) == {"allow.orders"}
        assert isinstance(denied, Deny)
        assert denied.code is DenyCode.ORDER
    only = policy(POLICY.replace(", ".join(_listed()), ", ".join(sorted(order.kinds))))
    assert isinstance(decided(only, order), Allow)


def _listed() -> list[str]:
    line = next(line for line in POLICY.split("\n") if "orders:" in line)
    return line.partition("[")[2].rstrip("]").split(", ")


@pytest.mark.parametrize(
    ("sides", "side", "passes"),
    [
        ("[buy]", "buy", True),
        ("[buy]", "sell", False),
        ("[sell]", "sell", True),
        ("[sell]", "buy", False),
    ],
)
def test_a_side_passes_when_listed(sides: str, side: str, passes: bool) -> None:
    """A policy that only buys never sells."""
    rules = policy(POLICY.replace("allow:\n", f"allow:\n  sides: {sides}\n"))
    assert failed(decided(rules, place(side, "limit", "1", price="100"))) == (set() if passes else {"allow.sides"})


@pytest.mark.parametrize("name", ReadName)
@pytest.mark.parametrize("granted", ["all", "[]", "[balances, orders]", "[trades, positions, history, account]"])
def test_a_read_passes_when_listed_and_instruments_always(name: ReadName, granted: str) -> None:
    """instruments needs no grant; public market data neither."""
    rules = load(f"version: 1\nallow:\n  reads: {granted}\n", "x")
    passes = granted == "all" or name.value in granted or name is ReadName.INSTRUMENTS
    decision = decided(rules, Read(name))
    assert failed(decision) == (set() if passes else {"allow.reads"})
    if isinstance(decision, Deny):
        assert decision.code is DenyCode.NOT_GRANTED
    assert isinstance(decided(rules, Public()), Allow)


@pytest.mark.parametrize("cancel", [CANCEL, CANCEL_ALL])
@pytest.mark.parametrize(
    ("scope", "foreign", "passes"),
    [
        ("own", False, True),
        ("own", True, False),
        ("account", False, True),
        ("account", True, True),
    ],
)
def test_another_tokens_order_is_cancelled_only_by_grant(
    cancel: Intent, scope: str, foreign: bool, passes: bool
) -> None:
    """Its own it may always cancel."""
    rules = load(f"version: 1\nallow:\n  cancel: {scope}\n", "x")
    decision = decided(rules, cancel, snapshot(cancels_foreign=foreign))
    assert failed(decision) == (set() if passes else {"allow.cancel"})


@pytest.mark.parametrize("cancel", [CANCEL, CANCEL_ALL])
@pytest.mark.parametrize("state", [TokenState.ACTIVE, TokenState.PAUSED, TokenState.REDUCE_ONLY])
@pytest.mark.parametrize("text", [READING, POLICY, STRICT])
def test_a_cancel_of_its_own_order_always_passes(cancel: Intent, state: TokenState, text: str) -> None:
    """Exits stay open: with every limit spent, without any price, in every state but revoked, without any grant."""
    world = snapshot(state=state, usage=SPENT, instrument=None, reference=None)
    assert isinstance(decided(policy(text), cancel, world), Allow)


@pytest.mark.parametrize("intent", [ORDER, READ, Public(), CANCEL, CANCEL_ALL, FORBIDDEN])
@pytest.mark.parametrize("state", TokenState)
def test_what_each_state_leaves(intent: Intent, state: TokenState) -> None:
    """Paused and reduce-only: cancels and reads. Revoked: nothing."""
    decision = decided(policy(), intent, snapshot(state=state))
    if state is TokenState.REVOKED:
        assert isinstance(decision, Deny)
        assert "state" in failed(decision)
    elif intent is ORDER:
        assert failed(decision) == (set() if state is TokenState.ACTIVE else {"state"})
        assert state is TokenState.ACTIVE or (isinstance(decision, Deny) and decision.code is DenyCode.STATE)
    else:
        assert failed(decision) == ({"forbidden"} if intent is FORBIDDEN else set())


@pytest.mark.parametrize("text", [READING, POLICY, STRICT])
def test_what_the_table_forbids_no_policy_grants(text: str) -> None:
    """The floor, whatever else fails; what a later version may serve is told apart from what nothing ever will."""
    denied = decided(policy(text), FORBIDDEN, snapshot(usage=SPENT))
    assert isinstance(denied, Deny)
    assert (denied.code, denied.detail) == (DenyCode.FORBIDDEN, "withdrawals leave the account")
    later = decided(policy(text), Forbidden("margin comes later", ever=True), snapshot(usage=SPENT))
    assert isinstance(later, Deny)
    assert (later.code, later.detail) == (DenyCode.UNSUPPORTED, "margin comes later")


def test_a_parameter_passes_only_where_it_is_named() -> None:
    """By endpoint and name; all that are missing are told."""
    rules = policy(POLICY + "parameters: {POST /api/v3/order: [strategyId], POST /other: [strategyType]}\n")
    needs = call(ORDER, needs_grant=frozenset({"strategyId"}))
    assert isinstance(decide(rules, needs, snapshot()), Allow)
    denied = decide(rules, call(ORDER, needs_grant=frozenset({"strategyId", "strategyType", "a"})), snapshot())
    assert isinstance(denied, Deny)
    assert (denied.code, denied.rule) == (DenyCode.PARAMETER, "parameters")
    assert denied.detail == "parameter a, strategyType of POST /api/v3/order is not granted"
    assert failed(decide(policy(), needs, snapshot())) == {"parameters"}


@pytest.mark.parametrize("kind", ["market", "stop", "take_profit"])
def test_market_denied_denies_every_order_without_a_limit(kind: str) -> None:
    """price.market: deny speaks for market, stop and take_profit; limit orders pass."""
    rules = policy(POLICY.replace("protect 25%", "deny"))
    denied = decided(rules, place("buy", kind, "1", trigger=None if kind == "market" else "100"))
    assert isinstance(denied, Deny)
    assert (denied.code, denied.rule) == (DenyCode.ORDER, "price.market")
    assert isinstance(decided(rules, ORDER), Allow)


WITHOUT_PRICE = {
    "instrument": snapshot(instrument=None, reference=None),
    "reference": snapshot(reference=None),
    "age": snapshot(reference=replace(REFERENCE, at_ms=NOW_MS - 3_001)),
    "future": snapshot(reference=replace(REFERENCE, at_ms=NOW_MS + 3_001)),
}


@pytest.mark.parametrize("missing", WITHOUT_PRICE)
@pytest.mark.parametrize("name", WORTH_80)
def test_no_fresh_price_no_order_of_any_kind(name: str, missing: str) -> None:
    """Not even a limit buy, whose value needs no price; the answer is one that a bot may retry."""
    denied = decided(policy(), WORTH_80[name][0], WITHOUT_PRICE[missing])
    assert isinstance(denied, Deny)
    assert denied.code is DenyCode.UNPRICED
    assert {"price.stale_after", "price", "limits.order", "limits.turnover"} <= failed(denied)


def test_an_order_up_to_the_age_passes_and_reads_need_no_price() -> None:
    """3 s is still fresh; nothing but orders asks for a price."""
    assert isinstance(decided(policy(), ORDER, snapshot(reference=replace(REFERENCE, at_ms=NOW_MS - 3_000))), Allow)
    assert isinstance(decided(policy(), READ, snapshot(instrument=None, reference=None)), Allow)
    slack = policy(POLICY + "  stale_after: 10s\n")
    assert isinstance(decided(slack, ORDER, snapshot(reference=replace(REFERENCE, at_ms=NOW_MS - 10_000))), Allow)


def test_a_policy_that_only_reads_denies_every_order() -> None:
    """Without allow.orders there is no order, and no limit is needed."""
    denied = decided(load(READING, "x"), ORDER)
    assert {"allow.orders", "allow.symbols"} <= failed(denied)
