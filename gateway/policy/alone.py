"""What a policy asks for that no order can meet where an exchange's own book is the only price.

So it is on testnets and in demos: their books are nobody else's, and what they trade means nothing.
"""

from collections.abc import Mapping
from typing import Final

from gateway.policy.controls.control import Setting
from gateway.policy.controls.liquidity import Share, Volume
from gateway.policy.controls.references import Anchor, Sources
from gateway.policy.document import Policy

LIVE: Final = "live"
"""The one environment whose prices other venues know."""
_MENDS: Final[Mapping[type[Setting], str]] = {
    Sources: "say under price: `sources: 1 because it is a rehearsal`",
    Anchor: "leave out price.anchor",
    Volume: "leave out liquidity.volume_24h",
    Share: "leave out liquidity.share_of_1h",
}


def unmet(policy: Policy, environment: str) -> Mapping[str, str]:
    """The rules that deny every order on an account of that environment, and what mends each."""
    if environment == LIVE or not policy.orders:
        return {}
    stated = {kind: policy.find(kind) for kind in _MENDS if kind is not Sources or policy.sources > 1}
    return {found.rule: _MENDS[kind] for kind, found in stated.items() if found is not None}


def warning(policy: Policy, environment: str) -> tuple[str, str] | None:
    """The same as one message and a suggestion; None where there is nothing to say."""
    mends = unmet(policy, environment)
    if not mends:
        return None
    message = f"on {environment} nobody but the exchange itself tells a price: {', '.join(mends)} will deny every order"
    return message, f"in a copy of {policy.name}.yaml {', '.join(mends.values())}"
