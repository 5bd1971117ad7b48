"""What the record of a decision holds: every control's numbers, and all prices that it was decided by."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gateway.admin.policy_tools.history import judged
from gateway.audit.line import encode
from gateway.core.decision import Allow
from gateway.core.intent import Public, Read, ReadName
from gateway.core.record import Filled
from gateway.core.request import Answer, Call
from gateway.core.secret import Secret
from gateway.core.snapshot import Reference, Snapshot
from gateway.core.token import KeyKind, Token, TokenState, VerifyKey
from gateway.exchanges.exchange import Lesson, Outcome
from gateway.policy.account import AccountLimits, load_account_limits
from gateway.policy.decide import decide
from gateway.policy.document import Policy
from gateway.policy.strict_yaml import read
from gateway.stages import records
from tests.policy.cases import ENDPOINT, NOW_MS, POLICY, FakeUsage, call, place, policy, snapshot

D = Decimal
KEY = VerifyKey(KeyKind.HMAC, Secret(b""))
TOKEN = Token("bot", "id", "binance", "main", "test", KEY, TokenState.ACTIVE, 1, 0, None, ())
REFERENCE = Reference(
    D("100.5"), NOW_MS - 200, "median of binance, bitget", D(100), D(101), 2, (("binance", D(100)), ("bitget", D(101))),
    D("99.5"), D("1e9"), D(40_000_000), (NOW_MS - 10, NOW_MS - 200),
)  # fmt: skip
LIMITS = load_account_limits(read("{turnover: 500 USDT per 24h}", "test"), "main")
ORDER = place("buy", "limit", "1", price="100")


def written(rules: Policy, world: Snapshot) -> dict[str, Any]:
    """The record of the order, as it is read back from the log."""
    asked = call(ORDER)
    decided = decide(rules, asked, world, LIMITS)
    body = records.decision("d", TOKEN, rules, asked, decided, world, LIMITS)
    told: dict[str, Any] = msgspec.json.decode(b"{" + encode(body))
    return told


def test_an_allowed_order_tells_every_control_that_had_its_say() -> None:
    """Observed, limit, and what was used before; of a mere grant the name."""
    used = FakeUsage(used={"USDT": D(300)}, given={"USDT": D(2)}, held={"BTCUSDT": D("0.5")})
    told = written(policy(position="1_000 USDT each"), snapshot(usage=used, account=used))
    assert told["passed"]["limits.turnover"] == ["400 USDT", "1000000 USDT per 24h", "300 USDT"]
    assert told["passed"]["account.limits.turnover"] == ["400 USDT", "500 USDT per 24h", "300 USDT"]
    assert told["passed"]["price.giveaway"] == ["27 USDT", "1000000 USDT per 24h", "2 USDT"]
    assert told["passed"]["limits.position"] == ["150 USDT", "1000 USDT each", "0.5 BTC"]
    assert told["passed"]["limits.order"] == ["125 USDT", "1000000 USDT"]
    assert told["passed"]["allow.symbols"] == []
    assert "allow.reads" not in told["passed"]
    assert (told["reserve"], told["giveaway"]) == ("100 USDT", "25 USDT")
    assert told["account_digest"] == LIMITS.digest


def test_a_denied_order_tells_what_failed_and_what_passed() -> None:
    """With the price that it was judged by."""
    told = written(policy(order="50 USDT"), snapshot(account=FakeUsage()))
    assert [one["rule"] for one in told["failed"]] == ["limits.order"]
    assert "limits.order" not in told["passed"]
    assert told["passed"]["limits.turnover"] == ["100 USDT", "1000000 USDT per 24h", "0 USDT"]
    assert told["reference"]["price"] == "100"


def test_what_a_limit_over_the_account_denies_tells_what_was_used_before() -> None:
    """A failure has the same numbers as what passes."""
    told = written(policy(), snapshot(account=FakeUsage(used={"USDT": D(450)})))
    [failed] = told["failed"]
    assert (failed["rule"], failed["observed"], failed["before"]) == (
        "account.limits.turnover", "550 USDT", "450 USDT",
    )  # fmt: skip


def test_the_price_is_told_with_every_source_and_its_time() -> None:
    """And with the prices that are charged against, the average and the volumes."""
    told = written(policy(), snapshot(reference=REFERENCE, account=FakeUsage(), marks={"ETHUSDT": D(20)}))
    assert told["reference"] == {
        "price": "100.5", "at": NOW_MS - 200, "source": "median of binance, bitget", "buy": "100", "sell": "101",
        "quoted": {"binance": "100", "bitget": "101"},
        "told_at": {"binance": NOW_MS - 10, "bitget": NOW_MS - 200},
        "anchor": "99.5", "volume_24h": "1000000000", "volume_1h": "40000000",
    }  # fmt: skip
    assert told["marks"] == {"ETHUSDT": "20"}


@pytest.mark.parametrize("reference", [REFERENCE, replace(REFERENCE, anchor=None, volume_24h=None, volume_1h=None)])
def test_the_log_gives_back_the_price_that_was_used(reference: Reference) -> None:
    """So that another policy can be judged by it; what nobody knew stays unknown."""
    told = written(policy(), snapshot(reference=reference, account=FakeUsage(), marks={"ETHUSDT": D(20)}))
    one = judged(told | {"type": "decision"}, NOW_MS)
    assert one is not None
    assert one.reference == replace(reference, told_at=())
    assert (one.whole, one.marks, one.intent) == (True, {"ETHUSDT": D(20)}, ORDER)


def test_what_shadow_lets_pass_is_no_control_that_passed() -> None:
    """It stands by itself."""
    rules = policy("mode: shadow\n" + POLICY, order="50 USDT")
    told = written(rules, snapshot(account=FakeUsage()))
    assert [one["rule"] for one in told["shadowed"]] == ["limits.order"]
    assert "limits.order" not in told["passed"]


def test_a_decision_that_no_control_was_asked_about_tells_of_none() -> None:
    """A stranger's read of public data."""
    told = records.decision("d", None, None, None, Allow())
    assert told == {"type": "decision", "d": "d", "verdict": "allow"}


READ = call(Read(ReadName.BALANCES))


def read(rules: Policy, limits: AccountLimits | None = None, asked: Call = READ) -> tuple[Any, dict[str, Any]]:
    """A read's record as it is given to the log, and as that of a decision would be."""
    decided = decide(rules, asked, snapshot(usage=FakeUsage(requested=7), account=FakeUsage()), limits)
    assert isinstance(decided, Allow)
    told = records.read("d", TOKEN, rules, asked, decided, limits)
    return told, records.decision("d", TOKEN, rules, asked, decided, limits=limits)


@pytest.mark.parametrize("limits", [None, LIMITS])
@pytest.mark.parametrize("asked", [READ, call(Read(ReadName.ORDERS, "BTCUSDT")), call(Public())])
def test_the_record_of_a_read_is_that_of_its_decision(limits: AccountLimits | None, asked: Call) -> None:
    """Told by a template, in which what recurs is said once."""
    told, whole = read(policy(requests="20 per 1s"), limits, asked)
    assert isinstance(told, Filled)
    assert told.body == whole
    assert encode(told) == encode(whole)
    assert whole["passed"]["limits.requests"] == ["8", "20 per 1s"]
    assert read(policy(requests="20 per 1s"), limits, asked)[0].template is told.template


def test_no_two_templates_are_taken_for_one() -> None:
    """Whoever reads whatever under whichever policy."""
    rules, others = policy(requests="20 per 1s"), policy(requests="21 per 1s")
    decided = decide(rules, READ, snapshot())
    assert isinstance(decided, Allow)
    alike = [
        (TOKEN, rules, READ, None), (replace(TOKEN, name="other"), rules, READ, None),
        (replace(TOKEN, account="other"), rules, READ, None), (replace(TOKEN, generation=2), rules, READ, None),
        (TOKEN, others, READ, None), (TOKEN, replace(rules, name="other"), READ, None), (TOKEN, rules, READ, LIMITS),
        (TOKEN, rules, call(Read(ReadName.ORDERS)), None), (TOKEN, rules, call(Public()), None),
        (TOKEN, rules, call(Read(ReadName.BALANCES), endpoint=replace(ENDPOINT, path="/other")), None),
    ]  # fmt: skip
    for token, under, asked, limits in alike:
        told = records.read("d", token, under, asked, decided, limits)
        assert encode(told) == encode(records.decision("d", token, under, asked, decided, limits=limits))
    assert len({encode(records.read("d", *one[:3], decided, one[3])) for one in alike}) == len(alike)


def test_a_read_that_shadow_let_pass_tells_of_it() -> None:
    """No template has room for that."""
    told, whole = read(policy("mode: shadow\n" + POLICY, requests="5 per 1s"))
    assert told == whole
    assert [one["rule"] for one in told["shadowed"]] == ["limits.requests"]


LESSONS = [Lesson(Outcome.ACCEPTED), Lesson(Outcome.UNKNOWN), Lesson(Outcome.REJECTED, (), "-1")]


@pytest.mark.parametrize("lesson", LESSONS)
@pytest.mark.parametrize("status", [200, 400])
def test_the_outcome_of_a_read_is_told_as_every_outcome(lesson: Lesson, status: int) -> None:
    answer = Answer(status, (), b"")
    assert encode(records.read_outcome("d", answer, lesson)) == encode(records.outcome("d", answer, lesson))
