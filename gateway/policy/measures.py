"""What a set of controls amounts to: its digest, currencies, needed prices, and its limits carried to one window."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from gateway.core.money import EXACT
from gateway.policy.controls.conduct import Alerts
from gateway.policy.controls.control import Setting
from gateway.policy.controls.limited import Limited
from gateway.policy.controls.liquidity import Volume
from gateway.policy.controls.positions import Loss, Position
from gateway.policy.limits import Limit, Scope

HIGHEST_FEE: Final = Decimal("0.001")
"""Of all exchanges served, as a fraction of the value: Binance's regular spot schedule, maker or taker, 0.1 %."""


def digest(controls: Iterable[Setting]) -> str:
    """The SHA-256 (hex) of what the controls mean, not of how they are written."""
    content = {"version": "1"} | {control.rule: control.text for control in controls}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def currencies(controls: Iterable[Setting]) -> Mapping[str, str]:
    """The currency of every rule that states an amount of one, in the order of the controls."""
    return {control.rule: unit for control in controls if (unit := _currency(control))}


def _currency(control: Setting) -> str:
    match control:
        case Volume(least):
            return least.currency
        case Alerts(_, large):
            return large.currency if large else ""
        case Limited(Limit() as limit):
            return limit.unit
        case _:
            return ""


def needs_marks(controls: Iterable[Setting]) -> bool:
    """Whether an order needs the prices of the other instruments that are held."""
    return any(
        isinstance(limit := control.limit, Limit) and limit.scope is not Scope.EACH
        for control in controls
        if isinstance(control, Loss | Position)
    )


def within(amount: Decimal, per_ms: int, window_ms: int) -> Decimal:
    """What at most ``amount`` in any ``per_ms`` comes to in any ``window_ms``: so many windows cover it."""
    return EXACT.multiply(amount, Decimal(-(-window_ms // per_ms)))
