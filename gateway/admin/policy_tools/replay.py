"""``policy diff NEW --replay 7d``: what the log's decisions would have been under another file, and why.

Law: each file has a ledger of its own, filled from the log alone. What a file would have denied takes nothing from its
budgets; what it would have let pass, and was denied then, counts as filled at its limit, for the log cannot know. The
comparison is between two replays, so what the log does not tell is unknown to both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from msgspec import structs

from gateway.admin.policy_tools.compared import Change, Replayed
from gateway.admin.policy_tools.given import ENDPOINT
from gateway.admin.policy_tools.history import BEFORE_POLICY, Became, Judged, became, event, instrument, judged
from gateway.admin.policy_tools.scratch import Scratch
from gateway.admin.policy_tools.testing import verdict
from gateway.admin.policy_tools.words import BadWords, spoken
from gateway.audit.line import Entry
from gateway.core.decision import Allow, Decision, Deny, DenyCode
from gateway.core.intent import Place
from gateway.core.money import EXACT
from gateway.core.order import OrderEvent
from gateway.core.request import Call
from gateway.core.secret import Secret
from gateway.core.snapshot import Reference, Snapshot
from gateway.core.token import KeyKind, Token, TokenState, VerifyKey
from gateway.ledger.ledger import Ledger
from gateway.policy.decide import counts_as_denial, decide
from gateway.policy.document import Policy
from gateway.ports import Record

RECENT_MS: Final = 60_000
"""Older denials record no price; one that the log told no longer ago stands for it."""
_FOREVER_US: Final = 1 << 62


class Side:
    """One file with its own ledger."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._ledger = Ledger.open(Scratch())
        self._placed: dict[str, tuple[str, str]] = {}

    def judge(self, one: Judged, snapshot: Snapshot) -> Decision:
        """What the file says, with what its own past has used."""
        usage = self._ledger.usage(one.token, one.at_ms)
        assert one.intent is not None
        return decide(self.policy, Call(ENDPOINT, one.intent), structs.replace(snapshot, usage=usage))

    def take(self, one: Judged, decision: Decision) -> None:
        """Count what was judged, and reserve what this file let pass."""
        self._ledger.count(_token(one), "request", one.at_ms)
        if isinstance(decision, Deny):
            self.count(one, decision.code)
        elif decision.reserve is not None and decision.order is not None:
            self._reserve(one, _token(one), decision)

    def count(self, one: Judged, code: DenyCode | None) -> None:
        """Count a denial with this code."""
        if code is not None and isinstance(one.intent, Place):
            self._ledger.count(_token(one), "message", one.at_ms)
        if code is not None and counts_as_denial(code):
            self._ledger.count(_token(one), "denial", one.at_ms)

    def _reserve(self, one: Judged, token: Token, decision: Allow) -> None:
        assert decision.order is not None
        assert decision.reserve is not None
        client_id = (one.left and one.left.client_id) or decision.order.client_id or one.decision_id
        order = replace(decision.order, client_id=client_id)
        if self._ledger.knows(one.account, client_id):
            return
        self._ledger.reserve(token, order, decision.reserve, one.at_ms, _FOREVER_US, _NOTHING)
        self._placed[client_id] = (one.account, order.market_id)
        if not one.allowed and order.price is not None and order.quantity is not None:
            whole = EXACT.multiply(order.price, order.quantity)
            filled = OrderEvent(order.market_id, client_id, None, order.quantity, whole, True)
            self._ledger.settle(one.account, [filled], one.at_ms, None)

    def learn(self, client_id: str | None, answer: Became, at_ms: int) -> None:
        """What became of the order that left with this id, and what the answer said of any other."""
        if client_id in self._placed and answer.outcome in ("rejected", "not_sent"):
            self._ledger.release(self._placed[client_id][0], client_id, at_ms, _NOTHING)
        for told in answer.orders:
            if (placed := self._placed.get(str(told.get("client_id")))) and (heard := event(told, placed[1])):
                self._ledger.settle(placed[0], [heard], at_ms, None)


_NOTHING: Final = Record(0, {})


class Replay:
    """Goes through the log once, with both files beside each other."""

    def __init__(self, old: Policy, new: Policy, since_ms: int) -> None:
        self.result = Replayed()
        self._old, self._new = Side(old), Side(new)
        self._since_ms = since_ms
        self._symbols = sorted(old.symbols | new.symbols)
        self._prices: dict[str, Reference] = {}
        self._orders: dict[str, str] = {}

    def run(self, entries: Iterable[Entry]) -> Replayed:
        """All of them, oldest first."""
        for entry in entries:
            self._one(entry)
        return self.result

    def _one(self, entry: Entry) -> None:
        answer = became(entry.fields)
        if answer is not None:
            self._answered(answer, entry.at_ms)
            return
        try:
            one = judged(entry.fields, entry.at_ms)
        except BadWords:
            self.result.skipped["not understood"] += 1
            return
        if one is None or one.policy != self._old.policy.name:
            return
        if reason := self._not_judged(one):
            self.result.skipped[reason] += one.at_ms >= self._since_ms
            self._pass_over(one)
            return
        self._compare(one)

    def _not_judged(self, one: Judged) -> str:
        """Why a decision says nothing of a policy; empty where it does."""
        if one.intent is None:
            return "cancels and public reads"
        if one.code in BEFORE_POLICY or one.rule == DenyCode.SYMBOL.value:
            return "refused before any policy"
        if one.account_failed:
            return "limits over the account"
        if one.code is DenyCode.STATE and one.rule == "state":
            return "the token's state"
        if isinstance(one.intent, Place) and self._reference(one) is None:
            return "no price on record"
        return ""

    def _pass_over(self, one: Judged) -> None:
        """A denial that no file judges here still counts where it did then, under either."""
        for side in (self._old, self._new):
            side.count(one, one.code)

    def _reference(self, one: Judged) -> Reference | None:
        assert isinstance(one.intent, Place)
        if one.reference is not None:
            return one.reference
        last = self._prices.get(one.intent.market_id)
        if last is None or one.code is DenyCode.UNPRICED or one.at_ms - last.at_ms > RECENT_MS:
            return None
        return replace(last, at_ms=one.at_ms)

    def _compare(self, one: Judged) -> None:
        snapshot = self._snapshot(one)
        before, after = self._old.judge(one, snapshot), self._new.judge(one, snapshot)
        if one.at_ms >= self._since_ms:
            self._count(one, before, after)
        self._old.take(one, before)
        self._new.take(one, after)
        if one.allowed and one.left is not None and one.left.client_id is not None:
            self._orders[one.decision_id] = one.left.client_id

    def _snapshot(self, one: Judged) -> Snapshot:
        if not isinstance(one.intent, Place):
            return Snapshot(one.at_ms, TokenState.ACTIVE, _UNUSED)
        reference = self._reference(one)
        if reference is not None:
            self._prices[one.intent.market_id] = reference
        market = instrument(one.intent.market_id, self._symbols)
        known = {name: known.price for name, known in self._prices.items() if name != one.intent.market_id}
        return Snapshot(one.at_ms, TokenState.ACTIVE, _UNUSED, market, reference, marks={**known, **one.marks})

    def _count(self, one: Judged, before: Decision, after: Decision) -> None:
        result = self.result
        result.decisions += 1
        result.drift += isinstance(before, Allow) is not one.allowed
        result.other_digest += one.digest != self._old.policy.digest
        result.without_slow += isinstance(one.intent, Place) and not one.whole
        (was, _), (now, detail) = verdict(before), verdict(after)
        if was != now:
            asked = self._asked(one)
            result.changes.append(Change(one.at_ms, one.decision_id, one.token, asked, was, now, detail))

    def _asked(self, one: Judged) -> str:
        if not isinstance(one.intent, Place):
            return f"read {one.intent.name}" if one.intent else ""
        market = instrument(one.intent.market_id, self._symbols)
        return spoken(one.intent, market.symbol if market else one.intent.market_id)

    def _answered(self, answer: Became, at_ms: int) -> None:
        for side in (self._old, self._new):
            side.learn(self._orders.get(answer.decision_id), answer, at_ms)


_UNUSED: Final = Ledger.open(Scratch()).usage("", 0)


def _token(one: Judged) -> Token:
    """The token as the ledger knows it: by name, for the log holds no id."""
    key = VerifyKey(KeyKind.HMAC, Secret(b""))
    return Token(one.token, one.token, "", one.account, one.policy, key, TokenState.ACTIVE, 0, 0, None, ())


def longest_window_ms(policies: Sequence[Policy]) -> int:
    """How far back a replay must begin for its budgets to be whole."""
    limits = [getattr(control, "limit", None) for policy in policies for control in policy.controls]
    return max((getattr(limit, "window_ms", 0) for limit in limits), default=0)
