"""The blast radius: what a stolen token can cost at the worst, from the policy alone.

*Drain* per window is what a thief on the other side of the trades can take, measured at the reference price when each
order was placed: ``min(giveaway, turnover * (collar + highest fee))``. Only budgets that are reserved before sending
count. *Exposure* is what the market may do to what the token then holds: ``min(position in all, position each times
symbols, turnover)``. The proof, with its assumptions, is docs/blast-radius.md. Tokens of one account add up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.core.money import EXACT, plain
from gateway.policy.controls.allow import Symbols
from gateway.policy.controls.budgets import Giveaway
from gateway.policy.controls.limited import Limited
from gateway.policy.controls.positions import Position
from gateway.policy.controls.references import Collar
from gateway.policy.controls.volumes import Turnover
from gateway.policy.document import Policy
from gateway.policy.grammar import window_text
from gateway.policy.limits import Limit, Scope, Unlimited
from gateway.policy.measures import HIGHEST_FEE, within


@dataclass(frozen=True, slots=True)
class Bound:
    """At most ``amount`` of ``currency`` within any window of ``per_ms``; None: at any time. No orders: no currency."""

    amount: Decimal
    currency: str | None
    per_ms: int | None

    def __str__(self) -> str:
        if self.currency is None:
            return "nothing: it places no orders"
        return f"at most {plain(self.amount)} {self.currency}{f' per {self.per}' if self.per else ''}"

    @property
    def per(self) -> str | None:
        """The window as a policy writes it."""
        return None if self.per_ms is None else window_text(self.per_ms)

    def document(self) -> dict[str, Any]:
        """The bound for ``--json``."""
        return {"amount": plain(self.amount), "currency": self.currency, "per": self.per}


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What can be lost, and what can be exposed; None = not bounded, and then ``why`` says so."""

    drain: Bound | None
    exposure: Bound | None
    why: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """The radius for ``policy check --json``."""
        bounds = (("drain", self.drain), ("exposure", self.exposure))
        return {name: bound.document() if bound else None for name, bound in bounds} | {"not_bounded": list(self.why)}

    def __str__(self) -> str:
        lines = [f"drain: {self.drain or 'not bounded'}", f"exposure: {self.exposure or 'not bounded'}"]
        return "\n".join([*lines, *(f"not bounded: {reason}" for reason in self.why)])


def blast_radius(policy: Policy, fee: Decimal = HIGHEST_FEE) -> BlastRadius:
    """The radius of one token under this policy; ``fee`` is the highest of its exchange, as a fraction."""
    if not policy.orders:
        return BlastRadius(Bound(Decimal(0), None, None), Bound(Decimal(0), None, None))
    why = [*_unsound(policy), *_lifted(policy)]
    drain = None if any(True for _ in _unsound(policy)) else _drain(policy, fee)
    exposure = None if policy.shadow else _exposure(policy)
    return BlastRadius(drain, exposure, tuple(why) if drain is None or exposure is None else ())


def summed(radii: Iterable[BlastRadius]) -> tuple[BlastRadius, ...]:
    """The radii of several tokens of one account added up, one for each currency, over the longest window of any.

    What is not bounded for one token is not bounded for all, in whatever currency.
    """
    every = list(radii)
    named = [bound.currency for radius in every for bound in (radius.drain, radius.exposure) if bound]
    currencies: list[str | None] = [*sorted({currency for currency in named if currency})] or [None]
    why = tuple(dict.fromkeys(reason for radius in every for reason in radius.why))
    return tuple(
        BlastRadius(_sum([one.drain for one in every], currency), _sum([one.exposure for one in every], currency), why)
        for currency in currencies
    )


def _sum(bounds: list[Bound | None], currency: str | None) -> Bound | None:
    known = [bound for bound in bounds if bound is not None]
    if len(known) < len(bounds):
        return None
    counted = [bound for bound in known if bound.currency == currency]
    longest = max((bound.per_ms for bound in counted if bound.per_ms), default=None)
    total = Decimal(0)
    for bound in counted:
        amount = within(bound.amount, bound.per_ms, longest) if bound.per_ms and longest else bound.amount
        total = EXACT.add(total, amount)
    return Bound(total, currency, longest)


def _unsound(policy: Policy) -> Iterable[str]:
    """Why no number would hold: nothing is denied, or the price that all is measured at is one book's."""
    if policy.shadow:
        yield "mode is shadow: nothing is denied"
    if policy.sources < 2:
        yield f"price.sources is {policy.sources}: who moves that one book moves the reference"


def _lifted(policy: Policy) -> Iterable[str]:
    for kind in (Turnover, Giveaway):
        found = policy.find(kind)
        if found and isinstance(found.limit, Unlimited):
            yield f"{kind.rule} is {found.text}"


def _drain(policy: Policy, fee: Decimal) -> Bound | None:
    """The smaller of the two budgets, in the giveaway's window; without a collar a price may be anything."""
    giveaway, turnover, collar = _limit(policy, Giveaway), _limit(policy, Turnover), policy.find(Collar)
    lost = EXACT.add(collar.fraction if collar else Decimal(1), fee)
    if giveaway is None:
        return Bound(EXACT.multiply(turnover.number, lost), turnover.unit, turnover.window_ms) if turnover else None
    amount = giveaway.number
    if turnover:
        traded = within(turnover.number, turnover.window_ms, giveaway.window_ms)
        amount = min(amount, EXACT.multiply(traded, lost))
    return Bound(amount, giveaway.unit, giveaway.window_ms)


def _exposure(policy: Policy) -> Bound | None:
    turnover, position = _limit(policy, Turnover), _limit(policy, Position)
    held, symbols = None, policy.find(Symbols)
    if position and position.scope is Scope.IN_ALL:
        held = position.number
    elif position and symbols and not symbols.open_ended:
        held = EXACT.multiply(position.number, Decimal(len(symbols.names)))
    if position and held is not None and (turnover is None or held <= turnover.number):
        return Bound(held, position.unit, None)
    return Bound(turnover.number, turnover.unit, turnover.window_ms) if turnover else None


def _limit(policy: Policy, kind: type[Limited]) -> Limit | None:
    found = policy.find(kind)
    return found.limit if found and isinstance(found.limit, Limit) else None
