"""The running gateway in one look, as JSON values."""

from typing import Any

from gateway import __version__
from gateway.admin import radius
from gateway.app import Gateway
from gateway.core.token import TokenState
from gateway.policy.document import Policy


def status(gateway: Gateway) -> dict[str, Any]:
    """The running gateway in one look."""
    live = gateway.tokens.live()
    policies: dict[str, list[Policy]] = {}
    for token in live:
        policies.setdefault(token.account, []).append(gateway.policies.find(token.policy))
    states = [state.value for state in TokenState if state is not TokenState.REVOKED]
    return {
        "running": True,
        "version": __version__,
        "tokens": {state: sum(token.state.value == state for token in live) for state in states},
        "accounts": len(gateway.accounts.all()),
        "policies": {"in_force": gateway.policies.known(), "refused": dict(gateway.policies.problems)},
        "blast_radius": radius.of_accounts(policies),
        "unresolved_orders": len(gateway.ledger.unresolved()),
        "audit": {"records": gateway.audit.next, "head": gateway.audit.head},
        "clock_offset_ms": {name: gateway.clock.offset_ms(name) for name in gateway.exchanges},
    }
