"""The decision. Pure; deny wins; every control with a say has its finding, so that a denial names every reason.

A control that raises has failed (promise 8: fail closed). An order is allowed only with a valuation, and leaves as
the valuation says, never as it came. Under a policy in shadow what its own settings would deny passes, with the
findings that failed; ``shadow.suspended`` says which, and an allowed call's failed findings are exactly those.
"""

from typing import Final, assert_never

from msgspec import structs

from gateway.core.decision import Allow, Decision, Deny, DenyCode, Finding, Reserve, deny
from gateway.core.intent import Cancel, CancelAll, Forbidden, Intent, Place, Public, Read
from gateway.core.request import Call
from gateway.core.snapshot import Reference, Snapshot
from gateway.policy.account import AccountLimits, decide_account
from gateway.policy.controls.control import FAILED, Valued
from gateway.policy.controls.price import MarketPrice
from gateway.policy.controls.references import Collar
from gateway.policy.document import Policy
from gateway.policy.exits import may_exit, reduces
from gateway.policy.shadow import suspended
from gateway.policy.valuation import Unvalued, Valuation, stale, unpriced, valuation

_UNCOUNTED: Final = frozenset({
    DenyCode.MALFORMED, DenyCode.UNKNOWN_ENDPOINT,  # said before anyone is known
    DenyCode.TOKEN, DenyCode.SIGNATURE, DenyCode.TIMESTAMP, DenyCode.REPLAY,  # anyone could send these
    DenyCode.STATE, DenyCode.RATE, DenyCode.UNPRICED, DenyCode.NOT_READY,  # waiting, or known already
    DenyCode.UNKNOWN_OUTCOME, DenyCode.BAD_GATEWAY, DenyCode.INTERNAL,  # no judgement of the bot
})  # fmt: skip


def decide(policy: Policy, call: Call, snapshot: Snapshot, account: AccountLimits | None = None) -> Decision:
    """Allow or Deny with the findings of all that have a say; ties of severity go to the policy's rule. Never raises.

    ``account``: limits over all tokens of the account, which hold beside the policy's; they need ``snapshot.account``.
    """
    valued = _valued(policy, call.intent, snapshot) if isinstance(call.intent, Place) else None
    findings = policy.panel.findings(call, snapshot, valued)
    if policy.shadow:
        findings = suspended(policy, findings)
    if account:
        findings += decide_account(account, call, snapshot, valued)
    failed = tuple([finding for finding in findings if not finding.passed and not finding.suspended])
    if failed:
        return structs.replace(deny(failed), findings=findings)
    return _allow(call.intent, findings, valued)


def _valued(policy: Policy, place: Place, snapshot: Snapshot) -> Valued:
    """The order's worth."""
    try:
        return _value(policy, place, snapshot)
    except Exception as error:
        return Unvalued(DenyCode.INTERNAL, FAILED.format(type(error).__name__))


def _value(policy: Policy, place: Place, snapshot: Snapshot) -> Valuation | Unvalued:
    """At a fresh price; at a stale one only a reduction that may leave at the last good price has a value."""
    instrument, reference = snapshot.instrument, snapshot.reference
    if instrument is None or reference is None or (reason := unpriced(snapshot, place.market_id)):
        return Unvalued(DenyCode.UNPRICED, unpriced(snapshot, place.market_id) or "no price")
    market, collar = policy.find(MarketPrice), policy.find(Collar)
    valued = valuation(place, instrument, reference, market.protect if market else None)
    if isinstance(valued, Valuation) and reduces(valued, snapshot.usage):
        valued = structs.replace(valued, reduction=True)
    reason = stale(snapshot, place.market_id, policy.stale_after_ms)
    if not reason or isinstance(valued, Unvalued):
        return valued
    age_ms = snapshot.now_ms - reference.at_ms
    exits = may_exit(valued, place.kind, reference, age_ms, collar.fraction if collar else None)
    return valued if exits else Unvalued(DenyCode.UNPRICED, reason)


def fresh(reference: Reference, now_ms: int, policy: Policy) -> bool:
    """Whether a price, of any market, is one that this policy would take for fresh."""
    usable = reference.price.is_finite() and reference.price > 0 and reference.sources >= policy.sources
    return usable and abs(now_ms - reference.at_ms) <= policy.stale_after_ms


def _allow(intent: Intent, findings: tuple[Finding, ...], valued: Valued) -> Decision:
    match intent:
        case Read() | Public():
            return Allow(findings)
        case Cancel() | CancelAll():
            waits = [finding.retry_after_ms for finding in findings if finding.retry_after_ms is not None]
            return Allow(findings, delay_ms=max(waits, default=0))
        case Place():
            return _order(intent, findings, valued)
        case Forbidden():
            return _unsafe("decide", "nothing denied a forbidden request", findings)
        case _:
            assert_never(intent)


def _order(place: Place, findings: tuple[Finding, ...], valued: Valued) -> Decision:
    if not isinstance(valued, Valuation):
        return _unsafe("decide", "nothing denied an order without a value", findings)
    reserve = Reserve(valued.value, valued.quantity, valued.giveaway, valued.fair, valued.fee_rate)
    return Allow(findings, valued.order, None if place.test else reserve)


def _unsafe(rule: str, detail: str, findings: tuple[Finding, ...]) -> Deny:
    """The last line: a request that must not pass, and that no control stopped."""
    return Deny(DenyCode.INTERNAL, rule, detail, findings)


def counts_as_denial(code: DenyCode) -> bool:
    """Whether a denial of an *authenticated* request with this code counts towards ``if_denied``."""
    return code not in _UNCOUNTED
