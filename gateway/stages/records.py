"""What the audit log says of a request. Pure: bodies of records, built from decided values, never from raw bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any, Final, get_args

from gateway.core.decision import Allow, Decision, Deny, Finding
from gateway.core.intent import Intent
from gateway.core.money import plain
from gateway.core.order import OrderEvent
from gateway.core.request import Answer, Call
from gateway.core.snapshot import Reference, Snapshot
from gateway.core.token import Token
from gateway.exchanges.exchange import Lesson
from gateway.policy.account import AccountLimits
from gateway.policy.document import Policy
from gateway.stages.sparing import Spared

Body = dict[str, Any]

_SHAPES: Final[dict[type[Intent], tuple[str, tuple[str, ...]]]] = {
    kind: (kind.__name__.lower(), tuple(field.name for field in fields(kind))) for kind in get_args(Intent)
}
"""Every kind of intent: its name, and those of its fields."""


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
    body: Body = {"type": "decision", "d": decision_id, "verdict": "allow" if isinstance(decided, Allow) else "deny"}
    if token is not None:
        body["token"], body["account"], body["generation"] = token.name, token.account, token.generation
    if policy is not None:
        body["policy"], body["digest"] = policy.name, policy.digest
    if call is not None:
        body["call"], body["intent"] = str(call.endpoint), described(call.intent)
    if limits is not None:
        body["account_digest"] = limits.digest
    if snapshot is not None:
        body |= _prices(snapshot)
    if passed := _passed(decided.findings):
        body["passed"] = passed
    body |= _verdict(decided)
    return body


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
