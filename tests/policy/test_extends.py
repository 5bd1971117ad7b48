"""extends: a child allows no more than its parent, whatever the key; what is looser is an error at its line."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decision import Allow
from gateway.core.intent import Place
from gateway.policy.controls import SETTINGS
from gateway.policy.controls.control import Setting
from gateway.policy.document import Policy, PolicyError, load
from gateway.policy.inherit import MAX_DEPTH, NoParent
from gateway.policy.limits import Limit, Scope, tighter
from tests.policy.cases import ALL_KINDS, WORTH_80, D, FakeUsage, decided, snapshot

HOUSE = f"""\
version: 1
allow:
  symbols: [BTC/USDT, ETH/USDT, "*/EUR"]
  orders: {ALL_KINDS}
  sides: [buy, sell]
  reads: [balances, orders]
  cancel: account
limits:
  order: 500 USDT
  quantity: {{BTC: 1, ETH: 5}}
  open_orders: 20
  position: 5_000 USDT each
  turnover: 10_000 USDT per 24h then cancel_only
  messages: 10 per 1s
  requests: 20 per 1s
  executions: 100 per 24h
  loss: 100 USDT per 24h then reduce_only
price:
  collar: 2% from reference
  anchor: 10% from 24h vwap
  market: protect 1%
  giveaway: 50 USDT per 24h then halt
  stale_after: 2s
  sources: 3
liquidity:
  volume_24h: at least 1_000 USDT
  share_of_1h: at most 5%
if_denied: 50 per 5m then cancel_only
if_silent: 60s then cancel_orders
hours: {{zone: UTC}}
alerts: [denied, large 400 USDT]
parameters: {{POST /api/v3/order: [strategyId, strategyType]}}
"""


def under(parent: str, child: str, clamp: bool = False) -> Policy:
    house = load(parent, "house")
    return load(f"version: 1\nextends: house\n{child}", "child", {"house": house}.__getitem__, clamp)


def line(path: str, value: str) -> str:
    section, _, leaf = path.rpartition(".")
    return f"{section}:\n  {leaf}: {value}\n" if section else f"{leaf}: {value}\n"


def test_what_a_child_leaves_out_is_its_parents() -> None:
    """Every control, and where it is written."""
    child = under(HOUSE, "")
    house = load(HOUSE, "house")
    assert child.controls == house.controls
    assert child.digest == house.digest
    assert child.parent == house
    assert child.line("limits.order") is None
    assert child.origin("limits.order") == ("house", 9)
    assert child.origin("mode") is None
    assert under(HOUSE, "limits:\n  order: 5 USDT\n").origin("limits.order") == ("child", 4)


CASES: dict[str, tuple[str, str, str]] = {
    "allow.symbols": ("[BTC/USDT, SOL/EUR]", "[BTC/USDT, SOL/USDT]", "write BTC/USDT, or leave it out"),
    "allow.markets": ("[spot]", "", ""),
    "allow.orders": ("[limit]", "", ""),
    "allow.sides": ("[buy]", "", ""),
    "allow.reads": ("[orders]", "all", "write balances, orders, or leave it out"),
    "allow.cancel": ("own", "", ""),
    "limits.order": ("500 USDT", "500.01 USDT", "write 500 USDT, or leave it out"),
    "limits.quantity": ("{BTC: 1}", "{BTC: 1.1}", "write BTC: 1, or leave it out"),
    "limits.open_orders": ("20 then halt", "20 each", "write 20, or leave it out"),
    "limits.position": ("5_000 USDT in all", "5_001 USDT in all", "write 5000 USDT, or leave it out"),
    "limits.turnover": (
        "10_000 USDT per 7d then halt", "10_000 USDT per 24h",
        "write 10000 USDT per 24h then cancel_only, or leave it out",
    ),
    "limits.messages": ("10 per 1m", "10 per 999ms", "write 10 per 1s, or leave it out"),
    "limits.requests": ("1 per 1s", "unlimited because x", "write 20 per 1s, or leave it out"),
    "limits.executions": ("100 per 24h then halt", "101 per 24h", "write 100 per 24h, or leave it out"),
    "limits.loss": (
        "100 USDT per 24h then halt", "100 USDT per 24h", "write 100 USDT per 24h then reduce_only, or leave it out",
    ),
    "price.collar": ("2% from reference", "2.1% from reference", "write 2% from reference, or leave it out"),
    "price.anchor": ("9% from 24h vwap", "11% from 24h vwap", "write 10% from 24h vwap, or leave it out"),
    "price.market": ("deny", "protect 1.1%", "write protect 1%, or leave it out"),
    "price.giveaway": (
        "49 USDT per 24h then halt", "unlimited because x", "write 50 USDT per 24h then halt, or leave it out",
    ),
    "price.stale_after": ("2s", "3s", "write 2s, or leave it out"),
    "price.sources": ("4", "1 because x", "write 3, or leave it out"),
    "liquidity.volume_24h": ("at least 1_001 USDT", "at least 999 USDT", "write at least 1000 USDT, or leave it out"),
    "liquidity.share_of_1h": ("at most 1%", "at most 6%", "write at most 5%, or leave it out"),
    "if_denied": (
        "50 per 5m then halt", "50 per 5m then reduce_only", "write 50 per 5m then cancel_only, or leave it out",
    ),
    "if_silent": ("59s then cancel_orders", "61s then cancel_orders", "write 1m then cancel_orders, or leave it out"),
    "alerts": (
        "[denied, halted, large 300 USDT]", "[large 400 USDT]", "write denied, large 400 USDT, or leave it out",
    ),
    "parameters": (
        "{POST /api/v3/order: [strategyId]}", "{POST /api/v3/order: [other]}", "write less, or leave it out",
    ),
    "mode": ("enforce", "shadow", "write enforce, or leave it out"),
    "hours": ('{from: "08:00", to: "09:00", zone: Asia/Tokyo}', "", ""),
}  # fmt: skip
"""For each key a tighter value (or the parent's own bound), a looser one, and what is suggested for that."""


def test_every_key_has_its_case() -> None:
    """A new setting says how it is inherited."""
    assert set(CASES) == {setting.rule for setting in SETTINGS}


@pytest.mark.parametrize("path", CASES)
def test_what_is_tighter_is_taken(path: str) -> None:
    """The child's own value stands."""
    child = under(HOUSE, line(path, CASES[path][0]))
    kind = next(setting for setting in SETTINGS if setting.rule == path)
    own = None if path.startswith("allow") else load(f"version: 1\n{line(path, CASES[path][0])}", "x").find(kind)
    found = child.find(kind)
    assert found is not None
    if own is not None and path != "hours":
        assert found.text == own.text
    assert child.line(path) == (3 if "." not in path else 4)


@pytest.mark.parametrize("path", [path for path, case in CASES.items() if case[1]])
def test_what_is_looser_is_an_error_at_its_line_with_the_bound(path: str) -> None:
    """And taken as the parent would have it where the parent was tightened under it."""
    _, looser, suggestion = CASES[path]
    with pytest.raises(PolicyError) as caught:
        under(HOUSE, line(path, looser))
    [problem] = caught.value.problems
    assert (problem.line, problem.path, problem.suggestion) == (3 if "." not in path else 4, path, suggestion)
    assert f"{path}: looser than in policy 'house', where it is " in problem.message
    clamped = under(HOUSE, line(path, looser), clamp=True)
    kind = next(setting for setting in SETTINGS if setting.rule == path)
    found, above = clamped.find(kind), load(HOUSE, "house").find(kind)
    assert found is not None
    assert found.under(above).text == found.text  # type: ignore[arg-type]


def test_hours_of_both_hold() -> None:
    """Of two time zones neither is looser: an order needs both."""
    parent = HOUSE.replace("hours: {zone: UTC}", 'hours: {from: "06:00", to: "12:00", zone: UTC}')
    child = under(parent, 'hours: {from: "08:00", to: "20:00", zone: UTC}\n')
    text = next(control.text for control in child.controls if control.rule == "hours")
    assert text.count("UTC") == 2


def test_a_key_that_the_parent_does_not_state_tightens() -> None:
    """Where there was no limit there is one now; grants that the parent does not make cannot be made."""
    parent = HOUSE.replace("  position: 5_000 USDT each\n", "").replace("  anchor: 10% from 24h vwap\n", "")
    child = under(parent, "limits:\n  position: 9 USDT each\nprice:\n  anchor: 5% from 24h vwap\n")
    assert child.origin("limits.position") == ("child", 4)
    for grant in ("allow:\n  symbols: [BTC/USDT]\n", "allow:\n  orders: [limit]\n"):
        with pytest.raises(PolicyError, match="looser than in policy 'house', where it is none"):
            under("version: 1\n", grant)


def test_a_limit_in_another_currency_cannot_be_compared() -> None:
    """Neither is the smaller."""
    with pytest.raises(PolicyError, match=r"limits\.order: 5 EUR and 500 USDT cannot be compared with policy 'house'"):
        under(HOUSE, "limits:\n  order: 5 EUR\n")
    with pytest.raises(PolicyError, match="cannot be compared"):
        under(HOUSE, "alerts: [denied, large 5 EUR]\n")
    with pytest.raises(PolicyError, match="cannot be compared"):
        under(HOUSE, "liquidity:\n  volume_24h: at least 5 EUR\n", clamp=True)


def test_what_must_be_stated_may_stand_in_the_parent() -> None:
    """A child that only names its parent is whole; one whose parent lacks it is not."""
    assert under(HOUSE, "").orders
    preset = HOUSE.replace("  giveaway: 50 USDT per 24h then halt\n", "").replace(f"  orders: {ALL_KINDS}\n", "")
    assert not under(preset, "").orders


def chain(depth: int) -> Callable[[], Policy]:
    policy = load(HOUSE, "p0")
    for number in range(1, depth):
        policy = load(f"version: 1\nextends: p{number - 1}\n", f"p{number}", lambda _, above=policy: above)
    return lambda: load("version: 1\nextends: top\n", "x", lambda _: policy)


def test_policies_stand_five_deep_and_no_deeper() -> None:
    """Deeper than anyone can follow is an error."""
    assert chain(MAX_DEPTH)().orders
    with pytest.raises(PolicyError, match="2:10: extends: more than 5 policies stand above this one"):
        chain(MAX_DEPTH + 1)()


def test_a_parent_that_cannot_be_found_is_an_error_that_says_why() -> None:
    """Whoever looks it up knows the reason."""

    def refuse(name: str) -> Policy:
        raise NoParent(f"no {name} here")

    with pytest.raises(PolicyError, match="2:10: extends: no house here; name a policy"):
        load("version: 1\nextends: house\n", "x", refuse)


numbers = st.integers(1, 5).map(D)
limits = st.builds(
    Limit, numbers, st.just("USDT"), st.sampled_from([Scope.EACH, Scope.IN_ALL]), st.sampled_from([1_000, 2_000])
)


@given(limits, limits, limits)
def test_the_tighter_of_two_is_at_most_each(one: Limit, other: Limit, third: Limit) -> None:
    """In number and window; and it does not matter which comes first."""
    both = tighter(one, other)
    assert isinstance(both, Limit)
    assert both == tighter(other, one)
    assert both.number <= min(one.number, other.number)
    assert both.window_ms >= max(one.window_ms, other.window_ms)
    assert tighter(both, one) == both
    assert tighter(tighter(one, other), third) == tighter(one, tighter(other, third))


values = st.fixed_dictionaries(
    {},
    optional={
        "order": st.sampled_from(["50 USDT", "100 USDT", "unlimited because x"]),
        "turnover": st.sampled_from(["80 USDT per 1h", "200 USDT per 24h", "unlimited because x"]),
        "open_orders": st.sampled_from(["1", "3 each"]),
        "quantity": st.sampled_from(["{BTC: 0.5}", "{BTC: 5}", "{ETH: 1}"]),
        "position": st.sampled_from(["60 USDT each", "90 USDT in all"]),
    },
)


@given(values, values, st.sampled_from([order for order, _ in WORTH_80.values()]), st.integers(0, 3))
def test_a_child_allows_nothing_that_its_parent_denies(
    above: dict[str, str], below: dict[str, str], order: Place, working: int
) -> None:
    """Whatever the two say, clamped or not."""
    base = "version: 1\nallow: {symbols: [BTC/USDT], orders: " + ALL_KINDS + "}\n"
    price = "price: {giveaway: unlimited because x, market: protect 25%, sources: 1 because x}\n"
    free = {"order": "unlimited because y", "turnover": "unlimited because y"}
    house = load(base + price + _limits(free | above), "house")
    child = load(f"version: 1\nextends: house\n{_limits(below)}", "child", lambda _: house, clamp=True)
    world = snapshot(usage=FakeUsage({"USDT": D(30)}, working={None: working, "BTCUSDT": working}))
    if isinstance(decided(child, order, world), Allow):
        assert isinstance(decided(house, order, world), Allow)


def _limits(stated: dict[str, str]) -> str:
    return "limits:\n" + "".join(f"  {key}: {value}\n" for key, value in stated.items()) if stated else ""


def test_every_setting_is_its_own_parent() -> None:
    """Equal is not looser."""
    for control in load(HOUSE, "house").controls:
        assert _same(control) == control.text


def _same(control: Setting) -> str:
    return control.under(control).text
