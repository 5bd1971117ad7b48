"""``mode: shadow``: what a policy would deny passes, and is written down.

Never suspended: the floors (what is forbidden, the token's state, an order that nothing bounds), limits over the
account, parameters, cancels of another token's orders, a price that is stale or has too few sources, and a control
that failed by itself. Nothing suspended acts on the token.
"""

from msgspec import structs

from gateway.core.decision import Action, DenyCode, Finding
from gateway.policy.document import Policy


def suspended(policy: Policy, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings; those of the policy's own controls that shadow mode lets pass are marked so."""
    rules = {control.rule for control in policy.controls if control.suspends}
    return tuple([_suspended(found) if found.rule in rules else found for found in findings])


def _suspended(found: Finding) -> Finding:
    if found.passed or found.code is DenyCode.INTERNAL:
        return found
    return structs.replace(found, suspended=True, action=Action.DENY, action_ms=0)
