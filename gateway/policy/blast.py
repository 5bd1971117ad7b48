"""The blast radius: what a stolen token can cost at the worst, from the policy alone.

This version enforces one budget that is reserved before sending: the turnover. So both numbers are the turnover: all
that is traded within a window could be lost to a thief on the other side (*drain*), and all of it could sit in coins
nobody chose (*exposure*). Fees come on top. A price collar and a giveaway budget will bring the drain down.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.core.money import plain
from gateway.policy.controls.volumes import Turnover
from gateway.policy.document import Policy
from gateway.policy.grammar import Limit, window_text


@dataclass(frozen=True, slots=True)
class Bound:
    """At most ``amount`` of ``currency`` within any window of ``per_ms``; no orders: nothing, in no currency."""

    amount: Decimal
    currency: str | None
    per_ms: int | None

    def __str__(self) -> str:
        if self.currency is None or self.per_ms is None:
            return "nothing: it places no orders"
        return f"at most {plain(self.amount)} {self.currency} per {window_text(self.per_ms)}, plus fees"

    def document(self) -> dict[str, Any]:
        """The bound for ``--json``."""
        per = None if self.per_ms is None else window_text(self.per_ms)
        return {"amount": plain(self.amount), "currency": self.currency, "per": per}


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What can be lost, and what can be exposed; None = unbounded."""

    drain: Bound | None
    exposure: Bound | None

    def document(self) -> dict[str, Any]:
        """The radius for ``policy check --json``."""
        return {
            name: bound.document() if bound else None
            for name, bound in (("drain", self.drain), ("exposure", self.exposure))
        }

    def __str__(self) -> str:
        return f"drain: {self.drain or 'unbounded'}\nexposure: {self.exposure or 'unbounded'}"


def blast_radius(policy: Policy) -> BlastRadius:
    """The radius of one token under this policy; tokens of one account add up."""
    bound = _bound(policy)
    return BlastRadius(bound, bound)


def _bound(policy: Policy) -> Bound | None:
    if not policy.orders:
        return Bound(Decimal(0), None, None)
    turnover = policy.find(Turnover)
    if turnover is None or not isinstance(turnover.limit, Limit):
        return None
    return Bound(turnover.limit.number, turnover.limit.unit, turnover.limit.window_ms)
