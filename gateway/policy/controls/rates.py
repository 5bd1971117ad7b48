"""Limits of pace, and the breaker. A cancel is never denied here: beyond its own bucket it waits, and then goes."""

from dataclasses import dataclass
from typing import Final, assert_never

from gateway.core.decision import Action, DenyCode, Finding
from gateway.core.intent import Cancel, CancelAll, Forbidden, Place, Public, Read
from gateway.core.request import Call
from gateway.core.snapshot import Snapshot, Usage
from gateway.policy import grammar, limits
from gateway.policy.controls.control import ORDERS, Key, Valued
from gateway.policy.controls.limited import LIMIT_TEXT, PER_WINDOW, Limited, shape_schema
from gateway.policy.limits import Limit, Unlimited
from gateway.policy.valuation import reduction

CANCELS_PER_REQUEST: Final = 5
"""The bucket of cancels is this many times that of requests."""
LONGEST_WAIT_MS: Final = 2_000
"""How long a cancel is held back at most: a bot that waited longer would give up, and that is a denial."""


@dataclass(frozen=True, slots=True)
class Messages(Limited):
    """New orders in a rolling window; denied ones count, cancels do not."""

    concerns = ORDERS
    rule = "limits.messages"
    shape = limits.Shape("10 per 1s", windowed=True)
    key = Key(
        "limits.messages",
        f"<count> {PER_WINDOW}, {LIMIT_TEXT}",
        "10 per 1s",
        "New orders in the rolling window; denied ones count, cancels do not.",
        shape_schema(),
    )

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                return self._placed(snapshot.usage)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)

    def _placed(self, usage: Usage) -> Finding:
        limit = self.limit
        if isinstance(limit, Unlimited):
            return self.passes(self.text)
        count = usage.messages(limit.window_ms) + 1
        if count <= limit.number:
            return self.passes(self.text, str(count))
        wait = usage.retry_after_ms("messages", limit.window_ms)
        return self.exceeds(limit, f"it would be order {count}", str(count), DenyCode.RATE, wait)


@dataclass(frozen=True, slots=True)
class Requests(Limited):
    """Requests of any kind in a rolling window; cancels have a bucket of five times the size that only delays."""

    rule = "limits.requests"
    shape = limits.Shape("20 per 1s", windowed=True)
    key = Key(
        "limits.requests",
        f"<count> {PER_WINDOW}, {LIMIT_TEXT}",
        "20 per 1s",
        "Everything the token sends in the rolling window. Cancels have a bucket of their own, five times as large; "
        "beyond it they wait, two seconds at most, and are never denied.",
        shape_schema(),
    )

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        limit = self.limit
        if isinstance(limit, Unlimited):
            return self.passes(self.text)
        intent = call.intent
        match intent:
            case Cancel() | CancelAll():
                return self._cancel(limit, snapshot.usage)
            case Place() | Read() | Public() | Forbidden():
                return self._counted(limit, snapshot.usage)
            case _:
                assert_never(intent)

    def _counted(self, limit: Limit, usage: Usage) -> Finding:
        count = usage.requests(limit.window_ms) + 1
        if count <= limit.number:
            return self.passes(self.text, str(count))
        wait = usage.retry_after_ms("requests", limit.window_ms)
        return self.exceeds(limit, f"it would be request {count}", str(count), DenyCode.RATE, wait)

    def _cancel(self, limit: Limit, usage: Usage) -> Finding:
        bucket = int(limit.number) * CANCELS_PER_REQUEST
        over = usage.cancels(limit.window_ms) + 1 - bucket
        if over <= 0:
            return self.silent
        wait = min(-(-over * limit.window_ms // bucket), limit.window_ms, LONGEST_WAIT_MS)
        return self.passes(f"{bucket} per {grammar.window_text(limit.window_ms)}", str(over + bucket), wait)


@dataclass(frozen=True, slots=True)
class Executions(Limited):
    """Orders that filled, in a rolling window: the throttle on an automaton that has run away."""

    concerns = ORDERS
    rule = "limits.executions"
    shape = limits.Shape("200 per 24h then halt", windowed=True)
    key = Key(
        "limits.executions",
        f"<count> {PER_WINDOW}, {LIMIT_TEXT}",
        "200 per 24h then halt",
        "Orders that filled, wholly or in part, in the rolling window. What fills is learned afterwards, so several "
        "orders at once may pass it; it bounds nothing by itself. With `then reduce_only` reductions pass it.",
        shape_schema(),
    )

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                return self._placed(snapshot.usage, valued)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)

    def _placed(self, usage: Usage, valued: Valued) -> Finding:
        limit = self.limit
        if isinstance(limit, Unlimited):
            return self.passes(self.text)
        count = usage.executions(limit.window_ms)
        if count < limit.number or (limit.action is Action.REDUCE_ONLY and reduction(valued)):
            return self.passes(self.text, str(count))
        return self.exceeds(limit, f"{count} orders were filled", str(count))


@dataclass(frozen=True, slots=True)
class Breaker(Limited):
    """Too many denials in a rolling window: a leaked token, or a bot gone wrong. New orders stop."""

    concerns = ORDERS
    rule = "if_denied"
    shape = limits.Shape("200 per 5m then cancel_only", windowed=True, must_act=True)
    key = Key(
        "if_denied",
        "<count> per <window> then reduce_only | cancel_only | halt",
        "200 per 5m then cancel_only",
        "A breaker: so many denials in the rolling window stop new orders, for the window (`cancel_only`; "
        "`reduce_only` lets reductions pass) or until a person resumes (`halt`). Denials for a stale price, for pace, "
        "for the token's state or for a failure of the gateway do not count.",
        shape_schema(),
    )

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                return self._placed(snapshot.usage, valued)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)

    def _placed(self, usage: Usage, valued: Valued) -> Finding:
        limit = self.limit
        if isinstance(limit, Unlimited):
            return self.passes(self.text)
        count = usage.denials(limit.window_ms)
        if count < limit.number or (limit.action is Action.REDUCE_ONLY and reduction(valued)):
            return self.passes(self.text, str(count))
        return self.exceeds(limit, f"{count} requests were denied", str(count), DenyCode.STATE)
