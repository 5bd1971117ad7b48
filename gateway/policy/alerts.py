"""Which of a policy's alerts a decision raises. Delivery is elsewhere; nothing here holds a secret."""

from dataclasses import dataclass

from gateway.core.decision import Action, Allow, Decision
from gateway.policy.document import Policy


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to tell at once: ``event`` as ``alerts`` names it, and a sentence."""

    event: str
    text: str


def alerts_for(policy: Policy, decision: Decision, new_ip: str = "") -> tuple[Alert, ...]:
    """What is to be told of this decision; ``new_ip`` is the address where the token is first heard from now."""
    listed = policy.alerts
    if not listed.events and listed.large is None:
        return ()
    told = list(_told(decision))
    told += [Alert("new_ip", f"first heard from {new_ip}")] if new_ip else []
    large = listed.large
    value = decision.reserve.value if isinstance(decision, Allow) and decision.reserve else None
    found = [alert for alert in told if alert.event in listed.events]
    if large and value and value.currency == large.currency and value.amount >= large.amount:
        found.append(Alert("large", f"an order worth up to {value}"))
    return tuple(found)


def _told(decision: Decision) -> list[Alert]:
    if isinstance(decision, Allow):
        return []
    told = [Alert("denied", f"denied by {decision.rule}: {decision.detail}")]
    stopping = [found for found in decision.failed if found.action is not Action.DENY]
    return told + [Alert("halted", f"{found.rule} sets {found.action}: {found.detail}") for found in stopping]
