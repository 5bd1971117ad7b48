"""Limits over all tokens of one account: read from the settings, asked about the account, merged into the decision."""


import pytest
from msgspec import structs

from gateway.core.decision import Action, Allow, Decision, Deny, DenyCode
from gateway.core.intent import Cancel, Intent, Read, ReadName
from gateway.core.snapshot import Snapshot
from gateway.core.token import TokenState
from gateway.policy.account import AccountLimits, load_account_limits
from gateway.policy.controls import ACCOUNT_SETTINGS
from gateway.policy.decide import decide
from gateway.policy.strict_yaml import DocumentError, read
from tests.policy.cases import POLICY, WORTH_80, D, FakeUsage, call, failed, finding, place, policy, snapshot

ORDER = WORTH_80["limit IOC buy"][0]


def limits(text: str) -> AccountLimits:
    return load_account_limits(read(text, "gateway.yaml"), "main")


def over(text: str, account: FakeUsage | None, intent: Intent = ORDER, **world: object) -> Decision:
    """The decision of a permissive policy with these limits over the account."""
    return decide(policy(), call(intent), snapshot(account=account, **world), limits(text))


EDGES: list[tuple[str, FakeUsage, FakeUsage]] = [
    ("turnover: 100 USDT per 24h", FakeUsage({"USDT": D(20)}), FakeUsage({"USDT": D("20.01")})),
    ("giveaway: 100 USDT per 24h", FakeUsage(given={"USDT": D(80)}), FakeUsage(given={"USDT": D("80.01")})),
    ("open_orders: 3", FakeUsage(working={None: 2}), FakeUsage(working={None: 3})),
    ("messages: 3 per 1s", FakeUsage(orders=2), FakeUsage(orders=3)),
    ("requests: 3 per 1s", FakeUsage(requested=2), FakeUsage(requested=3)),
    ("executions: 3 per 1h", FakeUsage(filled=2), FakeUsage(filled=3)),
    ("loss: 3 USDT per 1h", FakeUsage(change=D("-2.99")), FakeUsage(change=D(-3))),
    ("position: 100 USDT each", FakeUsage(bids={"BTCUSDT": D("0.2")}), FakeUsage(bids={"BTCUSDT": D("0.21")})),
    ("position: 100 USDT in all", FakeUsage(held={"ETHUSDT": D(1)}), FakeUsage(held={"ETHUSDT": D("1.01")})),
]


@pytest.mark.parametrize(("text", "below", "beyond"), EDGES)
def test_an_account_limit_holds_on_both_sides_of_its_edge(text: str, below: FakeUsage, beyond: FakeUsage) -> None:
    """It counts what the account has used, not what the token has."""
    marks = {"ETHUSDT": D(20)}
    assert isinstance(over(text, below, marks=marks), Allow)
    denied = over(text, beyond, marks=marks)
    key = text.partition(":")[0]
    rule = "account.price.giveaway" if key == "giveaway" else f"account.limits.{key}"
    assert failed(denied) == {rule}
    assert finding(denied, rule).detail.startswith("over all tokens of the account: ")


def test_sizes_hold_for_every_token() -> None:
    """limits.order and limits.quantity of the account."""
    assert failed(over("order: 99.99 USDT", FakeUsage())) == {"account.limits.order"}
    assert isinstance(over("order: 100 USDT", FakeUsage()), Allow)
    assert failed(over("quantity: {BTC: 0.79}", FakeUsage())) == {"account.limits.quantity"}


def test_both_are_told_and_either_denies() -> None:
    """The policy's own rule is named first where both are equally severe."""
    text = "turnover: 1 USDT per 24h then halt"
    both = decide(policy(turnover="1 USDT per 24h"), call(ORDER), snapshot(account=FakeUsage()), limits(text))
    assert failed(both) == {"limits.turnover", "account.limits.turnover"}
    assert isinstance(both, Deny)
    assert both.rule == "limits.turnover"
    assert finding(both, "account.limits.turnover").action is Action.HALT


def test_an_account_that_cannot_be_read_denies() -> None:
    """No usage is no pass; neither is one that raises."""
    denied = over("turnover: 100 USDT per 24h", None)
    assert isinstance(denied, Deny)
    assert (denied.rule, denied.code) == ("account.limits.turnover", DenyCode.INTERNAL)


def test_nothing_suspends_an_account_limit() -> None:
    """A policy in shadow is under it too."""
    world = snapshot(account=FakeUsage({"USDT": D(99)}))
    text = "turnover: 100 USDT per 24h then halt"
    denied = decide(policy(POLICY + "mode: shadow\n"), call(ORDER), world, limits(text))
    assert isinstance(denied, Deny)
    assert denied.rule == "account.limits.turnover"
    assert denied.failed[0].action is Action.HALT


def test_a_tokens_own_reduction_passes_the_accounts_position() -> None:
    """Though other tokens hold the other way: exits stay open."""
    sell, full = place("sell", "limit", "1", price="100"), FakeUsage(held={"BTCUSDT": D(-50)})
    text = "position: 1 USDT each"
    assert isinstance(over(text, full, sell, usage=FakeUsage(held={"BTCUSDT": D(1)})), Allow)
    assert failed(over(text, full, sell)) == {"account.limits.position"}


@pytest.mark.parametrize("intent", [Cancel("BTCUSDT", "1", None), Read(ReadName.BALANCES)])
def test_cancels_and_reads_pass_and_a_cancel_may_wait(intent: Intent) -> None:
    """The account's bucket of cancels delays like the token's; reads are counted with the requests."""
    full = FakeUsage({"USDT": D(10**9)}, 99, 2, 99, 99, {None: 99}, filled=99, change=D(-99))
    allowed = over("{turnover: 1 USDT per 24h, loss: 1 USDT per 1h, requests: 3 per 1s, open_orders: 1}", full, intent)
    assert isinstance(allowed, Allow)
    assert (allowed.delay_ms > 0) is isinstance(intent, Cancel)


def test_every_finding_is_named_apart() -> None:
    """So that a record tells whose they are; the silent ones are not there."""
    given = "{turnover: 10_000 USDT per 24h, loss: 10_000 USDT per 1h}"
    allowed = over(given, FakeUsage())
    assert [found.rule for found in allowed.findings][-2:] == ["account.limits.turnover", "account.limits.loss"]
    assert len({found.rule for found in allowed.findings}) == len(allowed.findings)
    read = over(given, FakeUsage(), Read(ReadName.BALANCES))
    assert not [found.rule for found in read.findings if found.rule.startswith("account.")]


def test_all_of_them_load_and_know_their_lines() -> None:
    """Each key of `limits`, and the giveaway."""
    text = "\n".join(f"{setting.rule.rpartition('.')[2]}: {setting.key.example}" for setting in ACCOUNT_SETTINGS)
    loaded = limits(text)
    assert [type(control) for control in loaded.controls] == list(ACCOUNT_SETTINGS)
    assert dict(loaded.lines)["limits.order"] == 1
    assert loaded.account == "main"
    assert loaded.needs_marks
    assert not limits("order: 5 USDT").needs_marks


WRONG = [
    ("turnover: 5 USDT", "1:11: accounts.main.limits.turnover: 'per …' is missing; write it like 50_000 USDT per 24h"),
    ("turnovr: 5 USDT", "1:1: accounts.main.limits.turnovr: unknown key; did you mean turnover?"),
    ("collar: 1% from reference", "1:1: accounts.main.limits.collar: unknown key; known: order, quantity, "),
    ("[order]", "1:1: accounts.main.limits: expected a mapping of limits; write it like {turnover: 50"),
    ("{order: 5 USDT, turnover: 5 EUR per 1h}", "1:17: accounts.main.limits: limits.turnover is in EUR, limits."),
    ("{order: 5, giveaway: 5}", "1:9: accounts.main.limits.order: the currency is missing"),
]


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_wrong_limits_are_told_with_their_place(text: str, told: str) -> None:
    """As in a policy."""
    with pytest.raises(DocumentError) as caught:
        limits(text)
    assert caught.value.problems[0].render("f").startswith(f"f:{told}")


def test_without_account_limits_nothing_is_asked() -> None:
    """A snapshot needs no account then."""
    world: Snapshot = structs.replace(snapshot(), state=TokenState.ACTIVE)
    assert isinstance(decide(policy(), call(ORDER), world), Allow)
