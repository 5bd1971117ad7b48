"""The decision. Pure; deny wins; every control is asked, so that a denial names every reason.

A control that raises has failed (promise 8: fail closed). An order is allowed only with a valuation, and leaves as
the valuation says, never as it came.
"""

from typing import Final, assert_never

from gateway.core.decision import Allow, Decision, Deny, DenyCode, Finding, Reserve, deny
from gateway.core.intent import Cancel, CancelAll, Forbidden, Intent, Place, Public, Read
from gateway.core.request import Call
from gateway.core.snapshot import Snapshot
from gateway.policy.controls import FLOORS
from gateway.policy.controls.control import Control, Valued
from gateway.policy.controls.price import MarketPrice
from gateway.policy.document import Policy
from gateway.policy.valuation import Unvalued, Valuation, stale, valuation

_FAILED: Final = "failed ({}); denied to be safe"
_UNCOUNTED: Final = frozenset({
    DenyCode.MALFORMED, DenyCode.UNKNOWN_ENDPOINT,  # said before anyone is known
    DenyCode.TOKEN, DenyCode.SIGNATURE, DenyCode.TIMESTAMP, DenyCode.REPLAY,  # anyone could send these
    DenyCode.STATE, DenyCode.RATE, DenyCode.UNPRICED, DenyCode.NOT_READY,  # waiting, or known already
    DenyCode.UNKNOWN_OUTCOME, DenyCode.BAD_GATEWAY, DenyCode.INTERNAL,  # no judgement of the bot
})  # fmt: skip


def decide(policy: Policy, call: Call, snapshot: Snapshot) -> Decision:
    """Allow or Deny with the findings of every control; ties of severity go to the policy's own rule. Never raises."""
    valued = _valued(policy, call.intent, snapshot)
    findings = tuple([_ask(control, call, snapshot, valued) for control in (*policy.controls, *FLOORS)])
    for finding in findings:
        if not finding.passed:
            return deny(findings)
    return _allow(call.intent, findings, valued)


def _ask(control: Control, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
    try:
        return control.check(call, snapshot, valued)
    except Exception as error:
        return control.fails(DenyCode.INTERNAL, _FAILED.format(type(error).__name__))


def _valued(policy: Policy, intent: Intent, snapshot: Snapshot) -> Valued:
    """The order's worth; None for everything that is no order."""
    if not isinstance(intent, Place):
        return None
    try:
        return _value(policy, intent, snapshot)
    except Exception as error:
        return Unvalued(DenyCode.INTERNAL, _FAILED.format(type(error).__name__))


def _value(policy: Policy, place: Place, snapshot: Snapshot) -> Valuation | Unvalued:
    reason = stale(snapshot, place.market_id, policy.stale_after_ms)
    if reason or snapshot.instrument is None or snapshot.reference is None:
        return Unvalued(DenyCode.UNPRICED, reason or "no price")
    market = policy.find(MarketPrice)
    return valuation(place, snapshot.instrument, snapshot.reference, market.protect if market else None)


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
    reserve = None if place.test else Reserve(valued.value, valued.quantity)
    return Allow(findings, valued.order, reserve)


def _unsafe(rule: str, detail: str, findings: tuple[Finding, ...]) -> Deny:
    """The last line: a request that must not pass, and that no control stopped."""
    return Deny(DenyCode.INTERNAL, rule, detail, findings)


def counts_as_denial(code: DenyCode) -> bool:
    """Whether a denial of an *authenticated* request with this code counts towards ``if_denied``."""
    return code not in _UNCOUNTED
