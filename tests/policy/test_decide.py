"""The decision as a whole: deny wins, everything is explained, and nothing it is given makes it raise or pass."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decision import Allow, Deny, DenyCode, Finding
from gateway.core.intent import (
    Cancel,
    CancelAll,
    Forbidden,
    Intent,
    OrderKind,
    Place,
    Public,
    Read,
    ReadName,
    Side,
    TimeInForce,
)
from gateway.core.request import Call
from gateway.core.snapshot import Reference, Snapshot
from gateway.core.token import TokenState
from gateway.policy.controls import FLOORS
from gateway.policy.controls.control import Setting, Valued
from gateway.policy.decide import decide
from gateway.policy.document import Policy
from gateway.policy.valuation import Unvalued
from tests.policy.cases import INSTRUMENT, NOW_MS, D, FakeUsage, call, decided, failed, finding, place, policy, snapshot

ORDER = place("buy", "limit", "0.8", price="100")


@dataclass(frozen=True)
class Raises(Setting):
    """A control with a defect."""

    rule = "defect"

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        raise KeyError("a secret detail")

    @classmethod
    def read(cls, node: object) -> "Raises":
        return cls()

    @property
    def text(self) -> str:
        return ""

    def under(self, parent: "Raises") -> "Raises":
        return self


class BrokenUsage(FakeUsage):
    """A ledger that cannot be read."""

    def turnover(self, currency: str, window_ms: int) -> Decimal:
        raise OSError("disk")


@pytest.mark.parametrize("intent", [ORDER, Read(ReadName.BALANCES), Public()])
def test_a_control_that_raises_denies(intent: Intent) -> None:
    """Fail closed; the detail names the class of the error and nothing of its text."""
    rules = policy()
    denied = decided(replace(rules, controls=(*rules.controls, Raises())), intent)
    assert isinstance(denied, Deny)
    assert (denied.code, denied.rule) == (DenyCode.INTERNAL, "defect")
    assert denied.detail == "failed (KeyError); denied to be safe"


def test_a_ledger_that_cannot_be_read_denies_orders_only() -> None:
    """The exception becomes that control's finding; a cancel does not ask the ledger for turnover."""
    world = snapshot(usage=BrokenUsage())
    denied = decided(policy(), ORDER, world)
    assert failed(denied) == {"limits.turnover"}
    assert isinstance(denied, Deny)
    assert denied.code is DenyCode.INTERNAL
    assert isinstance(decided(policy(), Cancel("BTCUSDT", "1", None), world), Allow)


def test_a_valuation_that_raises_denies() -> None:
    """A poisoned number in the instrument is an internal failure, not a pass."""
    poisons: list[dict[str, Any]] = [
        {"tick": D("NaN")},
        {"lot": D("sNaN")},
        {"max_fee": D("NaN")},
        {"max_fee": D("Infinity")},
    ]
    for poison in poisons:
        denied = decided(policy(), ORDER, snapshot(instrument=replace(INSTRUMENT, **poison)))
        assert isinstance(denied, Deny), poison
        assert denied.code is DenyCode.INTERNAL


def test_an_order_without_controls_still_meets_the_floors() -> None:
    """Even an empty policy object, which load never makes, lets no forbidden request and no unpriced order pass."""
    empty = Policy("x", "", (), ())
    assert isinstance(decided(empty, Forbidden("no")), Deny)
    assert isinstance(decided(empty, ORDER, snapshot(reference=None)), Deny)
    assert isinstance(decided(empty, place("buy", "market", "1")), Deny)
    assert isinstance(decided(empty, ORDER, snapshot(state=TokenState.PAUSED)), Deny)


def test_every_control_that_has_a_say_is_heard_on_every_decision() -> None:
    """An allowed order and a denied one carry the same findings of controls and floors, in their order."""
    rules = policy(order="1 USDT", turnover="1 USDT per 24h")
    unvalued = Unvalued(DenyCode.LIMIT, "")
    heard = [(one, one.check(call(ORDER), snapshot(), unvalued)) for one in (*rules.controls, *FLOORS)]
    expected = [one.rule for one, found in heard if found is not one.silent]
    assert {"limits.order", "limits.turnover", "allow.symbols", "state", "price"} < set(expected)
    denied = decided(rules, ORDER, snapshot(state=TokenState.PAUSED))
    assert [finding.rule for finding in denied.findings] == expected
    assert [finding.rule for finding in decided(policy(), ORDER).findings] == expected
    assert failed(denied) == {"limits.order", "limits.turnover", "state"}


def test_the_most_severe_reason_comes_first() -> None:
    """A symbol that is not allowed is the answer, not the price that is missing too."""
    foreign = replace(INSTRUMENT, symbol="DMG/USDT", base="DMG")
    denied = decided(policy(), ORDER, snapshot(instrument=foreign, reference=None))
    assert isinstance(denied, Deny)
    assert denied.code is DenyCode.SYMBOL
    assert "price.stale_after" in failed(denied)


def test_of_equal_reasons_the_policys_own_rule_is_named() -> None:
    """A stale price is told as price.stale_after, which the user can find in the file."""
    denied = decided(policy(), ORDER, snapshot(reference=None))
    assert isinstance(denied, Deny)
    assert denied.rule == "price.stale_after"
    assert isinstance(unknown := decided(policy(), ORDER, snapshot(instrument=None)), Deny)
    assert unknown.rule == "price.stale_after"


def test_an_order_that_nothing_bounds_is_told_so_and_is_final() -> None:
    """Not as a limit that could not be worked out, which a bot would retry."""
    denied = decided(policy(), place("sell", "stop", "1", trailing_bips=100))
    assert isinstance(denied, Deny)
    assert (denied.code, denied.rule) == (DenyCode.ORDER, "price")


def test_waiting_is_told_for_the_longest_wait() -> None:
    """Of two rates that fail, the bot hears the later time."""
    rules = policy(messages="1 per 1s", requests="1 per 1s")
    denied = decided(rules, ORDER, snapshot(usage=FakeUsage(orders=5, requested=5, wait_ms=900)))
    assert isinstance(denied, Deny)
    assert denied.retry_after_ms == 900


def test_an_allowed_order_leaves_as_valued_and_reserves_its_value() -> None:
    """Value without fee, the base quantity, and the order in its leaving form."""
    allowed = decided(policy(), replace(place("buy", "market", quote_quantity="80.124"), client_id="c1"))
    assert isinstance(allowed, Allow)
    assert allowed.reserve is not None
    assert (allowed.reserve.value.amount, allowed.reserve.quantity) == (D(80), D("0.64"))
    assert allowed.order is not None
    assert (allowed.order.kind, allowed.order.price, allowed.order.client_id) == (OrderKind.LIMIT, D(125), "c1")
    assert allowed.order.time_in_force is TimeInForce.IOC


def test_a_test_order_is_judged_the_same_and_reserves_nothing() -> None:
    """place.test asks the exchange to check; our own limits speak first."""
    allowed = decided(policy(), replace(ORDER, test=True))
    assert isinstance(allowed, Allow)
    assert allowed.reserve is None
    assert allowed.order == replace(ORDER, test=True)
    assert failed(decided(policy(order="99.99 USDT"), replace(ORDER, test=True))) == {"limits.order"}


def test_the_numbers_of_a_passed_limit_are_told() -> None:
    """policy explain shows what was observed against which limit."""
    told = finding(decided(policy(order="500 USDT"), ORDER), "limits.order")
    assert (told.passed, told.limit, D(told.observed.removesuffix(" USDT"))) == (True, "500 USDT", D(100))


wild = st.one_of(st.none(), st.decimals(), st.decimals(min_value=0, max_value=1000, places=4))
places = st.builds(
    Place,
    st.just("BTCUSDT"),
    st.sampled_from(Side),
    st.sampled_from(OrderKind),
    wild,
    wild,
    wild,
    wild,
    st.one_of(st.none(), st.integers()),
    wild,
    st.one_of(st.none(), st.sampled_from(TimeInForce)),
    st.none(),
    st.booleans(),
)
intents = st.one_of(
    places,
    st.builds(Read, st.sampled_from(ReadName)),
    st.just(Public()),
    st.just(Cancel("BTCUSDT", "1", None)),
    st.just(CancelAll("BTCUSDT")),
    st.just(Forbidden("no")),
)
references = st.one_of(
    st.none(), st.builds(Reference, st.decimals(), st.integers(NOW_MS - 5_000, NOW_MS + 5_000), st.just("x"))
)
RULES = policy(
    order="10_000 USDT",
    turnover="10_000 USDT per 24h",
    quantity="{BTC: 100}",
    messages="10 per 1s",
    requests="20 per 1s",
    open_orders="5",
)


@given(intents, references, st.sampled_from(TokenState), st.booleans(), st.integers(0, 30), st.booleans())
def test_decide_never_raises_and_never_passes_what_it_cannot_value(
    intent: Intent, reference: Reference | None, state: TokenState, foreign: bool, count: int, known: bool
) -> None:
    """Whatever the numbers, NaN and infinity among them: a decision; and an allowed order is finite and bounded."""
    usage = FakeUsage({"USDT": D(count)}, count, count, count, count, {None: count})
    world = Snapshot(NOW_MS, state, usage, INSTRUMENT if known else None, reference, foreign)
    decision = decide(RULES, call(intent), world)
    if isinstance(decision, Deny):
        assert decision.failed
        return
    assert state is not TokenState.REVOKED
    assert not isinstance(intent, Forbidden)
    if isinstance(intent, Place):
        order, reference_price = decision.order, reference.price if reference else None
        assert order is not None
        assert order.price is not None
        assert order.quantity is not None
        assert reference_price is not None
        assert order.price > 0
        assert 0 < order.quantity <= 100
        assert order.price * order.quantity <= 10_000
        assert state is TokenState.ACTIVE
        assert (decision.reserve is None) == intent.test
