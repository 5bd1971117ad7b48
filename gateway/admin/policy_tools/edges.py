"""Edge cases written for a policy: of every limit just inside, at, and just outside, found by turning its dial.

Pure: a policy and a price in, a test file out. What a case expects is what the policy decides now: read the file
before you trust it, for it holds the policy to what it says, not to what was meant.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from gateway.admin.policy_tools import words
from gateway.admin.policy_tools.dials import DIALS, Scene, edge
from gateway.admin.policy_tools.given import NOTHING, decided
from gateway.admin.policy_tools.testing import verdict
from gateway.core.errors import Misuse
from gateway.core.intent import OrderKind, ReadName, Side
from gateway.core.money import floor_to, plain
from gateway.policy.controls.access import Reads
from gateway.policy.controls.allow import Sides
from gateway.policy.controls.limited import Limited
from gateway.policy.document import Policy
from gateway.policy.grammar import Limit

_SHAPES: Final[Mapping[OrderKind, str]] = {
    OrderKind.LIMIT: "limit {price}",
    OrderKind.POST_ONLY: "post_only {price}",
    OrderKind.MARKET: "market",
    OrderKind.STOP: "stop {price}",
    OrderKind.STOP_LIMIT: "stop_limit {price} {price}",
    OrderKind.TAKE_PROFIT: "take_profit {price}",
    OrderKind.TAKE_PROFIT_LIMIT: "take_profit_limit {price} {price}",
}
_SHARE: Final = Decimal("0.1")
"""A quiet order's part of ``limits.order``."""
_SIDES: Final = (("just inside", -1), ("at", 0), ("just outside", 1))
_PER_KIND: Final = frozenset({"limits.order"})
"""Limits whose numbers depend on the kind of order: their edge is shown for each."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One case to write."""

    name: str
    scene: Scene
    expect: str


def generated(policy: Policy, price: Decimal) -> str:
    """A test file of edge cases, around that price. Raises Misuse for a policy that tells no symbol."""
    found = list(_edges(policy, price))
    lines = [
        f"# Edge cases of {policy.name}: just inside, at and just outside each limit, at a price of {plain(price)}.",
        "version: 1",
        f"policy: {policy.name}",
        *([f"given: {{price: {plain(price)}}}"] if policy.orders else []),
        "cases:",
    ]
    return "\n".join([*lines, *(line for one in found for line in _written(one))]) + "\n"


def _written(one: Edge) -> Iterator[str]:
    stated = {name: value for name, value in one.scene.given.stated().items() if name != "price"}
    yield f"  - name: {one.name}"
    if stated:
        yield f"    given: {{{', '.join(f'{name}: {_quoted(value)}' for name, value in stated.items())}}}"
    place = one.scene.asked.place
    yield f"    when: {words.spoken(place, one.scene.asked.symbol) if place else one.name.partition(', ')[2]}"
    yield f"    expect: {one.expect}"


def _quoted(text: str) -> str:
    return f'"{text}"' if ":" in text else text


def _edges(policy: Policy, price: Decimal) -> Iterator[Edge]:
    for name in sorted(set(ReadName) - {ReadName.INSTRUMENTS}) if policy.origin(Reads.rule) else ():
        yield _edge(policy, f"allow.reads, read {name}", Scene(words.read(f"read {name}"), NOTHING))
    if policy.orders:
        yield from _grants(policy, price)
        for rule in [control.rule for control in policy.controls if control.rule in DIALS]:
            yield from _limit(policy, rule, price)


def _grants(policy: Policy, price: Decimal) -> Iterator[Edge]:
    """Each kind of order and each side once, and a symbol that is not allowed."""
    quiet = _quiet_orders(policy, price, (*_SHAPES,), (*Side,))
    for kind, side, scene in quiet:
        yield _edge(policy, f"allow.orders, {side} {kind}", scene)
    _, _, scene = next(iter(_quiet_orders(policy, price, _kinds(policy), _sides(policy))))
    foreign = replace(scene.asked, symbol=f"ZZZ/{_symbol(policy).rpartition('/')[2]}")
    yield _edge(policy, "allow.symbols, another one", replace(scene, asked=foreign))


def _limit(policy: Policy, rule: str, price: Decimal) -> Iterator[Edge]:
    kinds = _kinds(policy) if rule in _PER_KIND else _kinds(policy)[:1]
    shown: set[str] = set()
    for kind, side, scene in _quiet_orders(policy, price, kinds, _sides(policy)):
        steps = edge(policy, scene, rule)
        if steps is None:
            continue
        for side_name, more in _SIDES:
            turned = DIALS[rule].turned(scene, steps + more)
            name = f"{rule}, {side} {kind}, {side_name}"
            if turned is not None and name not in shown:
                shown.add(name)
                yield _edge(policy, name, turned)


def _edge(policy: Policy, name: str, scene: Scene) -> Edge:
    return Edge(name, scene, verdict(decided(policy, scene.asked, scene.given))[0])


def _quiet_orders(
    policy: Policy, price: Decimal, kinds: tuple[OrderKind, ...], sides: tuple[Side, ...]
) -> Iterator[tuple[OrderKind, Side, Scene]]:
    """A small order of each kind and side, at the price, in a world where nothing has happened yet."""
    given = replace(NOTHING, price=price)
    quantity = max(floor_to(_value(policy) * _SHARE / price, given.lot), given.lot)
    for kind in kinds:
        shape = _SHAPES[kind].format(price=plain(price))
        for side in sides:
            yield kind, side, Scene(words.read(f"{side} {plain(quantity)} {_symbol(policy)} {shape}"), given)


def _value(policy: Policy) -> Decimal:
    """What one order may be worth, as far as any limit in money says."""
    limits = [control.limit for control in policy.controls if isinstance(control, Limited)]
    amounts = [limit.number for limit in limits if isinstance(limit, Limit) and limit.unit]
    order = next((control for control in policy.controls if control.rule == "limits.order"), None)
    stated = order.limit if isinstance(order, Limited) else None
    return stated.number if isinstance(stated, Limit) else min(amounts, default=Decimal(100))


def _kinds(policy: Policy) -> tuple[OrderKind, ...]:
    return tuple(kind for kind in _SHAPES if kind in policy.orders)


def _sides(policy: Policy) -> tuple[Side, ...]:
    stated = policy.find(Sides)
    return tuple(side for side in Side if stated is None or side in stated.sides)


def _symbol(policy: Policy) -> str:
    """One symbol that the policy allows; of a glob, one that it covers."""
    names = sorted(policy.symbols, key=lambda name: ("*" in name, name))
    if not names:
        raise Misuse(f"policy {policy.name!r} allows no symbol")
    return names[0].replace("*", "XYZ")
