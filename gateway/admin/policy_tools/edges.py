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
from gateway.admin.policy_tools.given import NOTHING, Given, decided
from gateway.admin.policy_tools.testing import verdict
from gateway.core.intent import OrderKind, ReadName, Side
from gateway.core.money import floor_to, plain
from gateway.policy.controls.access import Reads
from gateway.policy.controls.allow import Sides
from gateway.policy.controls.budgets import Giveaway
from gateway.policy.controls.hours import Hours
from gateway.policy.controls.positions import Position
from gateway.policy.controls.price import MarketPrice
from gateway.policy.controls.sizes import OrderLimit, QuantityLimit
from gateway.policy.controls.volumes import Turnover
from gateway.policy.document import Policy
from gateway.policy.limits import Limit
from gateway.policy.measures import HIGHEST_FEE, currencies

_SHAPES: Final[Mapping[OrderKind, str]] = {
    OrderKind.LIMIT: "limit {price}",
    OrderKind.POST_ONLY: "post_only {price}",
    OrderKind.MARKET: "market",
    OrderKind.STOP: "stop {price}",
    OrderKind.STOP_LIMIT: "stop_limit {price} {price}",
    OrderKind.TAKE_PROFIT: "take_profit {price}",
    OrderKind.TAKE_PROFIT_LIMIT: "take_profit_limit {price} {price}",
    OrderKind.TRAILING_STOP: "trailing_stop 100 {price}",
    OrderKind.ICEBERG: "limit {price} iceberg {display}",
}
_SHARE: Final = Decimal("0.1")
"""A quiet order's part of what its limits allow."""
_SIDES: Final = (("just inside", -1), ("at", 0), ("just outside", 1))
_PER_KIND: Final = frozenset({"limits.order"})
"""Limits whose numbers depend on the kind of order: their edge is shown for each."""
_QUARTER_MS: Final = 900_000
_QUARTERS: Final = 7 * 96
_SIZED: Final = (OrderLimit, Position, Turnover, Giveaway)
"""Limits that one order alone can reach."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One case to write."""

    name: str
    scene: Scene
    expect: str


def generated(policy: Policy, price: Decimal) -> str:
    """A test file of edge cases, around that price."""
    base = _base(policy, price) if policy.orders else NOTHING
    found = list(_edges(policy, base))
    stated = base.stated()
    lines = [
        f"# Edge cases of {policy.name}: just inside, at and just outside each limit, at a price of {plain(price)}.",
        "version: 1",
        f"policy: {policy.name}",
        *([f"given: {_mapping(stated)}"] if stated else []),
        "cases:",
    ]
    return "\n".join([*lines, *(line for one in found for line in _written(one, base))]) + "\n"


def _base(policy: Policy, price: Decimal) -> Given:
    """The world of every case: that price, and an hour in which the policy trades."""
    given, hours = replace(NOTHING, price=price), policy.find(Hours)
    if hours is None:
        return given
    later = (replace(given, time=given.time + quarter * _QUARTER_MS) for quarter in range(_QUARTERS))
    order = words.read(f"buy 1 {_symbol(policy)} market")
    return next((one for one in later if Scene(order, one).passes(policy, Hours.rule)), given)


def _written(one: Edge, base: Given) -> Iterator[str]:
    stated = one.scene.given.stated(base)
    yield f"  - name: {one.name}"
    if stated:
        yield f"    given: {_mapping(stated)}"
    place = one.scene.asked.place
    yield f"    when: {words.spoken(place, one.scene.asked.symbol) if place else one.name.partition(', ')[2]}"
    yield f"    expect: {one.expect}"


def _mapping(stated: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{name}: {_quoted(value)}' for name, value in stated.items())}}}"


def _quoted(text: str) -> str:
    return f'"{text}"' if ":" in text else text


def _edges(policy: Policy, base: Given) -> Iterator[Edge]:
    reads = policy.origin(Reads.rule) or not policy.orders
    for name in sorted(set(ReadName) - {ReadName.INSTRUMENTS}) if reads else ():
        yield _edge(policy, f"allow.reads, read {name}", Scene(words.read(f"read {name}"), base))
    if policy.orders:
        yield from _grants(policy, base)
        for rule in [control.rule for control in policy.controls if control.rule in DIALS]:
            yield from _limit(policy, rule, base)


def _grants(policy: Policy, base: Given) -> Iterator[Edge]:
    """Each kind of order and each side once, and a symbol that is not allowed."""
    for kind, side, scene in _quiet_orders(policy, base, (*_SHAPES,), (*Side,)):
        yield _edge(policy, f"allow.orders, {side} {kind}", scene)
    _, _, scene = next(iter(_quiet_orders(policy, base, _kinds(policy), _sides(policy))))
    foreign = replace(scene.asked, symbol=_foreign(policy))
    yield _edge(policy, "allow.symbols, another one", replace(scene, asked=foreign))


def _foreign(policy: Policy) -> str:
    """A symbol that the policy does not allow, nearest to one that it does."""
    base, _, quote = _symbol(policy).partition("/")
    if f"*/{quote}" not in policy.symbols:
        return f"ZZZ/{quote}"
    return f"ZZZ/{base}" if f"*/{base}" not in policy.symbols else "ZZZ/ZZZ"


def _limit(policy: Policy, rule: str, base: Given) -> Iterator[Edge]:
    kinds = _kinds(policy) if rule in _PER_KIND else _kinds(policy)[:1]
    shown: set[str] = set()
    for kind, side, scene in _quiet_orders(policy, base, kinds, _sides(policy)):
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
    policy: Policy, base: Given, kinds: tuple[OrderKind, ...], sides: tuple[Side, ...]
) -> Iterator[tuple[OrderKind, Side, Scene]]:
    """A small order of each kind and side, at the price, in a world where nothing has happened yet."""
    assert base.price is not None
    quantity = max(floor_to(_most(policy, base.price) * _SHARE, base.lot), base.lot)
    display = max(floor_to(quantity * _SHARE, base.lot), base.lot)
    for kind in kinds:
        shape = _SHAPES[kind].format(price=plain(base.price), display=plain(display))
        for side in sides:
            yield kind, side, Scene(words.read(f"{side} {plain(quantity)} {_symbol(policy)} {shape}"), base)


def _most(policy: Policy, price: Decimal) -> Decimal:
    """What quantity one order may have at that price, as far as any limit says."""
    limits = [(kind, control.limit) for kind in _SIZED if (control := policy.find(kind)) is not None]
    values = {kind: limit.number for kind, limit in limits if isinstance(limit, Limit)}
    if Giveaway in values:
        market = policy.find(MarketPrice)
        lost = HIGHEST_FEE + ((market.protect if market else None) or Decimal(0))
        values[Giveaway] /= lost
    most = min(values.values(), default=Decimal(100)) / price
    stated = policy.find(QuantityLimit)
    listed = stated.by_base.get(_symbol(policy).partition("/")[0]) if stated else None
    return most if listed is None else min(most, listed)


def _kinds(policy: Policy) -> tuple[OrderKind, ...]:
    return tuple(kind for kind in _SHAPES if kind in policy.orders)


def _sides(policy: Policy) -> tuple[Side, ...]:
    stated = policy.find(Sides)
    return tuple(side for side in Side if stated is None or side in stated.sides)


def _symbol(policy: Policy) -> str:
    """One symbol that the policy allows; of a glob, one that it covers."""
    base, _, quote = min(policy.symbols, key=lambda name: ("*" in name, name)).partition("/")
    unit = next(iter(currencies(policy.controls).values()), "XYZ")
    return f"{base.replace('*', 'XYZ')}/{quote.replace('*', unit)}"
