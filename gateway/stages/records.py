"""What the audit log says of a request. Pure: bodies of records, built from decided values, never from raw bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, get_args

from gateway.core.decision import Allow, Decision, Deny, Finding
from gateway.core.intent import Intent
from gateway.core.money import plain
from gateway.core.order import OrderEvent
from gateway.core.record import Body, Filled, Template
from gateway.core.request import Answer, Call
from gateway.core.snapshot import Reference, Snapshot
from gateway.core.token import Token
from gateway.exchanges.exchange import Lesson, Outcome
from gateway.policy.account import AccountLimits
from gateway.policy.document import Policy
from gateway.stages.sparing import Spared

_SHAPES: Final[dict[type[Intent], tuple[str, tuple[str, ...]]]] = {
    kind: (kind.__name__.lower(), tuple(field.name for field in fields(kind))) for kind in get_args(Intent)
}
"""Every kind of intent: its name, and those of its fields."""
_ABOUT: Final = ("token", "account", "generation", "policy", "digest", "call", "intent", "account_digest")
"""What of a request recurs in the next one."""

_About = tuple[str | None, str | None, int | None, str | None, str | None, str | None, Intent | None, str | None]


def decision(
    decision_id: str,
    token: Token | None,
    policy: Policy | None,
    call: Call | None,
    decided: Decision,
    snapshot: Snapshot | None = None,
    limits: AccountLimits | None = None,
) -> Body:
    """The record before sending, or the only one of a denial: what was decided, and all that it was decided from."""
    verdict = "allow" if isinstance(decided, Allow) else "deny"
    body: Body = {"type": "decision", "d": decision_id, "verdict": verdict}
    body |= _told_about(_about(token, policy, call, limits))
    if snapshot is not None:
        body |= _prices(snapshot)
    if passed := _passed(decided.findings):
        body["passed"] = passed
    body |= _verdict(decided)
    return body


def read(
    decision_id: str, token: Token, policy: Policy, call: Call, allowed: Allow, limits: AccountLimits | None
) -> Body | Filled:
    """The same of a read that was allowed. What recurs is in a template, but where shadow let something pass."""
    passed = _passed(allowed.findings)
    if not passed or len(passed) < len(allowed.findings):
        return decision(decision_id, token, policy, call, allowed, limits=limits)
    return Filled(_allowed(_about(token, policy, call, limits)), (decision_id, passed))


@lru_cache(maxsize=4096)
def _allowed(about: _About) -> Template:
    """A template for each token's kinds of read: 1 KiB each, once encoded."""
    return Template({"type": "decision", "verdict": "allow", **_told_about(about)}, ("d", "passed"))


def _about(token: Token | None, policy: Policy | None, call: Call | None, limits: AccountLimits | None) -> _About:
    """In the order of the names; None is not known, and not told."""
    who = (None, None, None) if token is None else (token.name, token.account, token.generation)
    rules = (None, None) if policy is None else (policy.name, policy.digest)
    what = (None, None) if call is None else (str(call.endpoint), call.intent)
    return *who, *rules, *what, None if limits is None else limits.digest


def _told_about(about: _About) -> Body:
    told = {name: value for name, value in zip(_ABOUT, about, strict=True) if value is not None}
    return {name: value if isinstance(value, str | int) else described(value) for name, value in told.items()}


def _prices(snapshot: Snapshot) -> Body:
    body: Body = {}
    if snapshot.reference is not None:
        body["reference"] = _reference(snapshot.reference)
    if snapshot.marks:
        body["marks"] = {market_id: plain(price) for market_id, price in snapshot.marks.items()}
    return body


def _reference(reference: Reference) -> Body:
    """A null average or volume was not known; of a fair price left out it is the price that was charged against."""
    body: Body = {
        "price": plain(reference.price), "at": reference.at_ms, "source": reference.source,
        "anchor": _told(reference.anchor), "volume_24h": _told(reference.volume_24h),
        "volume_1h": _told(reference.volume_1h),
    }  # fmt: skip
    if reference.buy is not None:
        body["buy"] = plain(reference.buy)
    if reference.sell is not None:
        body["sell"] = plain(reference.sell)
    if reference.quoted:
        body["quoted"] = {name: plain(price) for name, price in reference.quoted}
        told_at = zip(reference.quoted, reference.told_at, strict=False)
        body["told_at"] = {name: at_ms for (name, _), at_ms in told_at}
    return body


def _told(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def _passed(findings: Sequence[Finding]) -> dict[str, list[str]]:
    """Of each control that had its say and let pass: what it observed, its limit, and what was used before."""
    return {
        found.rule: _numbers(found.observed, found.limit, found.before)
        for found in findings
        if found.passed
    }


def _numbers(observed: str, limit: str, before: str) -> list[str]:
    if before:
        return [observed, limit, before]
    return [observed, limit] if limit or observed else []


def _verdict(decided: Decision) -> Body:
    if isinstance(decided, Deny):
        failed = [_finding(finding) for finding in decided.failed]
        return {"code": decided.code.value, "rule": decided.rule, "detail": decided.detail, "failed": failed}
    body: Body = {}
    if decided.order is not None:
        body["order"] = described(decided.order)
    if decided.reserve is not None:
        body["reserve"] = str(decided.reserve.value)
        body["giveaway"] = str(decided.reserve.giveaway) if decided.reserve.giveaway else None
    shadowed = [_finding(finding) for finding in decided.findings if not finding.passed]
    return body | ({"shadowed": shadowed} if shadowed else {})


def _finding(finding: Finding) -> Body:
    body = {
        "rule": finding.rule, "limit": finding.limit, "observed": finding.observed, "before": finding.before,
        "detail": finding.detail,
    }  # fmt: skip
    return {key: value for key, value in body.items() if value}


def described(intent: Intent) -> Body:
    """An intent as a flat object: its name, and its fields that say something."""
    name, members = _SHAPES[type(intent)]
    body: Body = {"is": name}
    for member in members:
        value = getattr(intent, member)
        if value is not None and value is not False:
            body[member] = plain(value) if isinstance(value, Decimal) else value
    return body


def outcome(decision_id: str, answer: Answer, lesson: Lesson) -> Body:
    """What the exchange said."""
    body: Body = {"type": "outcome", "d": decision_id, "status": answer.status, "outcome": lesson.outcome.value}
    if lesson.events:
        body["orders"] = events(lesson.events)
    return body | ({"error": lesson.error} if lesson.error else {})


def read_outcome(decision_id: str, answer: Answer, lesson: Lesson) -> Body | Filled:
    """The same of an answer that taught nothing of orders: most are alike."""
    if lesson.error or lesson.events:
        return outcome(decision_id, answer, lesson)
    return Filled(_answered(answer.status, lesson.outcome), (decision_id,))


@lru_cache(maxsize=64)
def _answered(status: int, outcome: Outcome) -> Template:
    return Template({"type": "outcome", "status": status, "outcome": outcome.value}, ("d",))


def denials(spared: Spared) -> Body:
    """Denials that were answered and counted, and have no records of their own: there were too many."""
    body: Body = {"type": "denials", "verdict": "deny", "code": spared.code.value, "count": spared.count}
    body |= {"since": spared.since_ms, "until": spared.until_ms}
    return body | ({"token": spared.token.name, "account": spared.token.account} if spared.token else {})


def unsent(decision_id: str, reason: str) -> Body:
    """Allowed, and yet not one byte left."""
    return {"type": "outcome", "d": decision_id, "outcome": "not_sent", "detail": reason}


def unanswered(decision_id: str, reason: str) -> Body:
    """Sent, and nobody knows what became of it."""
    return {"type": "outcome", "d": decision_id, "outcome": "unknown", "detail": reason}


def own(decision_id: str, account: str, call: Call, why: str) -> Body:
    """A call that the gateway makes with a real key on its own account."""
    return {
        "type": "own",
        "d": decision_id,
        "account": account,
        "call": str(call.endpoint),
        "intent": described(call.intent),
        "why": why,
    }


def events(learned: Sequence[OrderEvent]) -> list[Mapping[str, Any]]:
    """The first hundred orders an answer spoke of; a list of all orders ever would swamp the log."""
    return [
        {
            "order_id": event.order_id,
            "client_id": event.client_id,
            "filled": plain(event.filled),
            "value": plain(event.filled_value),
            "final": event.final,
        }
        for event in learned[:100]
    ]


def watched(account: str, strangers: int) -> Body:
    """An account's first list: how many orders stood there that no token had placed."""
    return {"type": "watched", "account": account, "strangers": strangers}


def alarm(name: str, account: str, event: OrderEvent) -> Body:
    """What a person must look at: an order, and on which account."""
    return {
        "type": "alarm",
        "alarm": name,
        "account": account,
        "market_id": event.market_id,
        "order_id": event.order_id,
        "client_id": event.client_id,
    }
