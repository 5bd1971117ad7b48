"""Every control against every kind of order, inside its edge and outside: a control that forgets a kind is found.

What each says, and with which numbers, stands in the file that bears its name; here is only that none is missing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from gateway.core.decision import Allow, Decision, Deny
from gateway.core.intent import Place, Side
from gateway.core.snapshot import Snapshot
from gateway.core.token import TokenState
from gateway.policy.controls import FLOORS, SETTINGS
from gateway.policy.controls.allow import MARKET_KINDS
from gateway.policy.controls.price import MarketPrice
from gateway.policy.decide import decide
from gateway.policy.document import Policy
from tests.policy.cases import (
    INSTRUMENT,
    NOW_MS,
    POLICY,
    REFERENCE,
    WORTH_80,
    D,
    FakeUsage,
    call,
    decided,
    finding,
    policy,
    snapshot,
)  # fmt: skip

NOT_OF_ORDERS = {"mode", "if_silent", "alerts", "forbidden", "allow.reads", "allow.cancel"}
"""Rules that have no word on any order."""
GRAIN = D("0.00000001")


@dataclass(frozen=True, slots=True)
class Order:
    """An order worth 80, the next larger one, and how the first leaves when nothing stands in its way."""

    exact: Place
    larger: Place

    @property
    def leaves(self) -> Allow:
        allowed = decided(policy(), self.exact)
        assert isinstance(allowed, Allow)
        return allowed

    @property
    def worst(self) -> Decimal:
        """Of its limit and its trigger the more harmful."""
        order = self.leaves.order
        assert order is not None
        prices = [price for price in (order.price, order.trigger) if price is not None]
        return max(prices) if order.side is Side.BUY else min(prices)

    def under(self, rules: Policy, *worlds: Snapshot) -> tuple[Decision, Decision]:
        """The decisions in two worlds."""
        inside, outside = worlds
        return decided(rules, self.exact, inside), decided(rules, self.exact, outside)

    def used(self, rules: Policy, **edges: tuple[Any, Any]) -> tuple[Decision, Decision]:
        """The decisions where so much was used, and a little more."""
        inside, outside = ({name: pair[at] for name, pair in edges.items()} for at in (0, 1))
        return self.under(rules, snapshot(usage=FakeUsage(**inside)), snapshot(usage=FakeUsage(**outside)))

    def priced(self, rules: Policy, **edges: tuple[Any, Any]) -> tuple[Decision, Decision]:
        """The decisions at two references."""
        inside, outside = ({name: pair[at] for name, pair in edges.items()} for at in (0, 1))
        worlds = [snapshot(reference=replace(REFERENCE, **changes)) for changes in (inside, outside)]
        return self.under(rules, *worlds)

    def between(self, allows: Policy, denies: Policy) -> tuple[Decision, Decision]:
        """The decisions of two policies."""
        return decided(allows, self.exact), decided(denies, self.exact)

    def sized(self, rules: Policy, world: Snapshot | None = None) -> tuple[Decision, Decision]:
        """The decisions on the order and on the larger one."""
        return decided(rules, self.exact, world), decided(rules, self.larger, world)


def allowing(line: str) -> Policy:
    """The permissive policy with another line under ``allow``."""
    key = line.partition(":")[0]
    lines = [one for one in POLICY.splitlines() if not one.startswith(f"  {key}:")]
    lines.insert(lines.index("allow:") + 1, f"  {line}")
    return policy("\n".join(lines) + "\n")


def _bounded(order: Order) -> tuple[Decision, Decision]:
    """The floor alone, without the settings that would speak first."""
    bare = Policy("x", "", (MarketPrice(D("0.25")),), ())
    return order.under(bare, snapshot(), snapshot(reference=None))


def _state(order: Order) -> tuple[Decision, Decision]:
    return order.under(policy(), snapshot(), snapshot(state=TokenState.PAUSED))


def _parameters(order: Order) -> tuple[Decision, Decision]:
    asked = call(order.exact, needs_grant=frozenset({"strategyId"}))
    granting = policy(POLICY + "parameters: {POST /api/v3/order: [strategyId]}\n")
    return decide(granting, asked, snapshot()), decide(policy(), asked, snapshot())


def _sides(order: Order) -> tuple[Decision, Decision]:
    other = "sell" if order.exact.side is Side.BUY else "buy"
    return order.between(allowing(f"sides: [{order.exact.side}]"), allowing(f"sides: [{other}]"))


def _orders(order: Order) -> tuple[Decision, Decision]:
    kinds = sorted(order.exact.kinds)
    return order.between(allowing(f"orders: [{', '.join(kinds)}]"), allowing(f"orders: [{', '.join(kinds[1:])}]"))


def _hours(order: Order) -> tuple[Decision, Decision]:
    at_ms = int(datetime(2026, 7, 6, 8, tzinfo=UTC).timestamp() * 1000)
    worlds = [snapshot(now_ms=now, reference=replace(REFERENCE, at_ms=now)) for now in (at_ms, at_ms - 1)]
    return order.under(policy(POLICY + 'hours: {from: "08:00", to: "20:00", zone: UTC}\n'), *worlds)


def _edge(order: Order) -> tuple[Decimal, Decimal]:
    """From which price the order lies exactly 60 % away on the harmful side, and from which a little more."""
    if order.exact.side is Side.BUY:
        return order.worst / D("1.6"), order.worst / D("1.6") - GRAIN
    return order.worst / D("0.4"), order.worst / D("0.4") + GRAIN


def _collar(order: Order) -> tuple[Decision, Decision]:
    """A market order's fair price stays at 100, so that it leaves as before."""
    edges = _edge(order)
    buy, sell = tuple(max(D(100), edge) for edge in edges), tuple(min(D(100), edge) for edge in edges)
    return order.priced(policy(POLICY + "  collar: 60% from reference\n"), price=edges, buy=buy, sell=sell)


def _anchor(order: Order) -> tuple[Decision, Decision]:
    return order.priced(policy(POLICY + "  anchor: 60% from 24h vwap\n"), anchor=_edge(order))


def _quantity(order: Order) -> tuple[Decision, Decision]:
    assert order.leaves.order is not None
    return order.sized(policy(quantity=f"{{BTC: {order.leaves.order.quantity}}}"))


def _position(order: Order) -> tuple[Decision, Decision]:
    rules = policy(position="1_000_000 USDT each")
    worth = D(finding(decided(rules, order.exact), "limits.position").observed.removesuffix(" USDT"))
    return order.between(policy(position=f"{worth:f} USDT each"), policy(position=f"{worth - GRAIN:f} USDT each"))


def _giveaway(order: Order) -> tuple[Decision, Decision]:
    assert order.leaves.reserve is not None
    assert order.leaves.reserve.giveaway is not None
    left = 1_000_000 - order.leaves.reserve.giveaway.amount
    return order.used(policy(), given=({"USDT": left}, {"USDT": left + GRAIN}))


def _share(order: Order) -> tuple[Decision, Decision]:
    world = snapshot(reference=replace(REFERENCE, volume_1h=D(8_000)))
    return order.sized(policy(POLICY + "liquidity:\n  share_of_1h: at most 1%\n"), world)


EDGES: dict[str, Callable[[Order], tuple[Decision, Decision]]] = {
    "price": _bounded,
    "state": _state,
    "parameters": _parameters,
    "hours": _hours,
    "allow.symbols": lambda one: one.between(policy(), allowing("symbols: [ETH/USDT]")),
    "allow.markets": lambda one: one.under(
        policy(), snapshot(), snapshot(instrument=replace(INSTRUMENT, market="swap"))
    ),
    "allow.sides": _sides,
    "allow.orders": _orders,
    "price.stale_after": lambda one: one.priced(policy(), at_ms=(NOW_MS - 3_000, NOW_MS - 3_001)),
    "price.sources": lambda one: one.priced(policy(POLICY.replace("1 because it is a test", "2")), sources=(2, 1)),
    "price.market": lambda one: one.between(policy(), policy(POLICY.replace("protect 25%", "deny"))),
    "price.collar": _collar,
    "price.anchor": _anchor,
    "price.giveaway": _giveaway,
    "limits.order": lambda one: one.sized(policy(order="100 USDT")),
    "limits.quantity": _quantity,
    "limits.position": _position,
    "limits.turnover": lambda one: one.sized(policy(turnover="80 USDT per 24h")),
    "limits.loss": lambda one: one.used(policy(loss="250 USDT per 24h"), change=(D("-249.99"), D(-250))),
    "limits.open_orders": lambda one: one.used(policy(open_orders="5"), working=({None: 4}, {None: 5})),
    "limits.executions": lambda one: one.used(policy(executions="5 per 1h"), filled=(4, 5)),
    "limits.messages": lambda one: one.used(policy(messages="5 per 1s"), orders=(4, 5)),
    "limits.requests": lambda one: one.used(policy(requests="5 per 1s"), requested=(4, 5)),
    "if_denied": lambda one: one.used(policy(POLICY + "if_denied: 5 per 1h then halt\n"), denied=(4, 5)),
    "liquidity.volume_24h": lambda one: one.priced(
        policy(POLICY + "liquidity:\n  volume_24h: at least 9 USDT\n"), volume_24h=(D(9), D("8.99"))
    ),
    "liquidity.share_of_1h": _share,
}
"""For each rule the decisions just inside its edge and just outside."""
OWN_PRICE = [name for name, (order, _) in WORTH_80.items() if order.kind not in MARKET_KINDS]
CASES = [(rule, name) for rule in EDGES for name in WORTH_80 if rule != "price.market" or name not in OWN_PRICE]


def test_every_control_of_orders_has_its_edge_here() -> None:
    """A new control without one is found."""
    assert EDGES.keys() | NOT_OF_ORDERS == {control.rule for control in (*FLOORS, *SETTINGS)}


@pytest.mark.parametrize(("rule", "name"), CASES)
def test_every_control_holds_for_every_kind_of_order(rule: str, name: str) -> None:
    """Inside it passes; outside it is denied by this rule, and by none that would have stopped it anyway."""
    inside, outside = EDGES[rule](Order(*WORTH_80[name]))
    assert isinstance(inside, Allow)
    assert isinstance(outside, Deny)
    assert outside.rule == rule


@pytest.mark.parametrize("name", OWN_PRICE)
def test_an_order_with_its_own_price_needs_no_protection(name: str) -> None:
    """price.market: deny is of orders without a limit."""
    _, denying = EDGES["price.market"](Order(*WORTH_80[name]))
    assert isinstance(denying, Allow)
