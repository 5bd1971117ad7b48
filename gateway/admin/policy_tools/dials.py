"""Where a limit's edge is: for every rule the one thing to turn, in which steps, and which way leads to a denial.

Pure. A dial turns a scene (what is asked, in a stated world) by so many steps; rules that grant by name have none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, TypeVar

from gateway.admin.policy_tools.given import Given, decided
from gateway.admin.policy_tools.words import Asked
from gateway.core.decision import DenyCode, Finding
from gateway.core.intent import Place, Side
from gateway.core.money import EXACT, floor_to
from gateway.policy.document import Policy

_ONE: Final = Decimal(1)
_CENT: Final = Decimal("0.01")
_NEAR: Final = Decimal("0.01")
_FARTHEST: Final = 60
"""A dial is turned by at most 2 to this power of steps."""
MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Scene:
    """What is asked, in a stated world."""

    asked: Asked
    given: Given

    def found(self, policy: Policy, rule: str) -> Finding | None:
        """What this rule says here; None where the policy has no such rule, or it has no say."""
        findings = decided(policy, self.asked, self.given).findings
        return next((finding for finding in findings if finding.rule == rule), None)

    def passes(self, policy: Policy, rule: str) -> bool:
        """Whether this rule has nothing against it."""
        found = self.found(policy, rule)
        return found is None or found.passed


T = TypeVar("T", Given, Place)
Get = Callable[[Scene], Decimal | None]
Put = Callable[[Scene, Decimal], Scene]


@dataclass(frozen=True, slots=True)
class Dial:
    """``get`` reads it (None: not here), ``put`` sets it, ``step`` is its grain, ``outward`` +1 or -1 per scene."""

    get: Get
    put: Put
    step: Callable[[Scene], Decimal]
    outward: Callable[[Scene], int]

    def turned(self, scene: Scene, steps: int) -> Scene | None:
        """The scene with the dial so many steps further out (below zero: in); None where it cannot be turned."""
        value = self.get(scene)
        if value is None:
            return None
        new = EXACT.add(value, EXACT.multiply(self.step(scene), Decimal(steps * self.outward(scene))))
        return self.put(scene, new)

    def near(self, scene: Scene) -> int:
        """How many steps still count as near its edge: a hundredth of the value, one at least."""
        value = self.get(scene)
        return max(1, int(abs(value or _ONE) * _NEAR / self.step(scene)))


def _changed(whole: T, fields: Mapping[str, Any]) -> T:
    """The dataclass with these fields other: they are named by a table, so the type checker cannot follow."""
    return replace(whole, **fields)


def _given(name: str, step: Decimal, outward: int, least: Decimal | None = Decimal(0)) -> Dial:
    def put(scene: Scene, value: Decimal) -> Scene:
        value = value if least is None else max(value, least)
        kept = int(value) if isinstance(getattr(scene.given, name), int) else value
        return replace(scene, given=_changed(scene.given, {name: kept}))

    return Dial(lambda scene: Decimal(getattr(scene.given, name)), put, lambda _: step, lambda _: outward)


def _place(scene: Scene) -> Place | None:
    return scene.asked.place


def _buys(scene: Scene) -> bool:
    place = _place(scene)
    return place is not None and place.side is Side.BUY


def _quantity(scene: Scene) -> Decimal | None:
    place = _place(scene)
    return None if place is None else place.quantity if place.quantity is not None else place.quote_quantity


def _with_quantity(scene: Scene, value: Decimal) -> Scene:
    place = _place(scene)
    assert place is not None
    name = "quantity" if place.quantity is not None else "quote_quantity"
    return _with(scene, _changed(place, {name: max(value, scene.given.lot)}))


def _quantity_step(scene: Scene) -> Decimal:
    place = _place(scene)
    return scene.given.lot if place is None or place.quantity is not None else _CENT


def _price(scene: Scene) -> Decimal | None:
    place = _place(scene)
    return None if place is None else place.price if place.price is not None else place.trigger


def _with_price(scene: Scene, value: Decimal) -> Scene:
    """The limit and the trigger move together: whichever lies further out is the one that is held."""
    place = _place(scene)
    assert place is not None
    value = max(value, scene.given.tick)
    moved = {name: value for name in ("price", "trigger") if getattr(place, name) is not None}
    return _with(scene, _changed(place, moved))


def _with(scene: Scene, place: Place) -> Scene:
    return replace(scene, asked=replace(scene.asked, intent=place))


def _anchor(scene: Scene) -> Decimal | None:
    anchor = scene.given.anchor or scene.given.price
    return None if anchor is None else floor_to(anchor, scene.given.tick)


_TICK: Final = {"step": lambda scene: scene.given.tick}
DIALS: Final[Mapping[str, Dial]] = {
    "limits.order": Dial(_quantity, _with_quantity, _quantity_step, lambda _: 1),
    "limits.quantity": Dial(_quantity, _with_quantity, _quantity_step, lambda _: 1),
    "limits.open_orders": _given("open_orders", _ONE, 1),
    "limits.position": Dial(
        lambda scene: scene.given.position,
        lambda scene, value: replace(scene, given=replace(scene.given, position=value)),
        lambda scene: scene.given.lot,
        lambda scene: 1 if _buys(scene) else -1,
    ),
    "limits.turnover": _given("turnover", _CENT, 1),
    "limits.messages": _given("messages", _ONE, 1),
    "limits.requests": _given("requests", _ONE, 1),
    "limits.executions": _given("executions", _ONE, 1),
    "limits.loss": _given("change", _CENT, -1, None),
    "price.giveaway": _given("giveaway", _CENT, 1),
    "price.stale_after": _given("age", _ONE, 1),
    "price.sources": _given("sources", _ONE, -1),
    "price.collar": Dial(_price, _with_price, outward=lambda scene: 1 if _buys(scene) else -1, **_TICK),
    "price.anchor": Dial(
        _anchor,
        lambda scene, value: replace(scene, given=replace(scene.given, anchor=max(value, scene.given.tick))),
        outward=lambda scene: -1 if _buys(scene) else 1,
        **_TICK,
    ),
    "liquidity.volume_24h": _given("volume_24h", _ONE, -1),
    "liquidity.share_of_1h": _given("volume_1h", _ONE, -1),
    "hours": _given("time", Decimal(MINUTE_MS), 1),
    "if_denied": _given("denials", _ONE, 1),
}


def flips(policy: Policy, scene: Scene, rule: str, steps: int) -> bool:
    """Whether the rule's word changes when its dial is turned so far."""
    turned = DIALS[rule].turned(scene, steps)
    return turned is not None and turned.passes(policy, rule) is not scene.passes(policy, rule)


def at_edge(policy: Policy, scene: Scene, rule: str) -> bool:
    """Whether the scene lies near the rule's edge: turned a little across it, the rule says the opposite.

    Hours have an edge on either side.
    """
    near = 1 if rule == "hours" else DIALS[rule].near(scene)
    if rule == "hours":
        return flips(policy, scene, rule, near) or flips(policy, scene, rule, -near)
    return flips(policy, scene, rule, near if scene.passes(policy, rule) else -near)


def edge(policy: Policy, scene: Scene, rule: str) -> int | None:
    """By how many steps outward the dial can be turned with the rule still passing; None where it never fails."""
    if not scene.passes(policy, rule):
        return None

    def passes(steps: int) -> bool:
        turned = DIALS[rule].turned(scene, steps)
        return turned is None or turned.passes(policy, rule)

    low, high = 0, next((1 << power for power in range(_FARTHEST) if not passes(1 << power)), None)
    if high is None:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if passes(middle) else (low, middle)
    return low


def said(found: Finding | None) -> bool:
    """Whether the rule had a word on it, from numbers: not silent, and not for want of a price."""
    return found is not None and (found.passed or found.code is not DenyCode.INTERNAL)
