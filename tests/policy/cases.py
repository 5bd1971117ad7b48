"""Fakes and builders for the policy's tests: a world in round numbers, so that every edge is exact.

The reference is 100 USDT, the highest fee 25 %, a market order may slip 25 %: an order worth 80 costs 100 with fees.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from typing import Any

from msgspec import structs

from gateway.core.decision import Decision, Deny, Finding
from gateway.core.intent import Intent, OrderKind, Place, Side, TimeInForce
from gateway.core.request import Call, Endpoint, EndpointClass, Security
from gateway.core.snapshot import Instrument, Reference, Snapshot
from gateway.core.token import TokenState
from gateway.policy.decide import decide
from gateway.policy.document import Policy, load

D = Decimal
ZERO = D(0)
NOW_MS = 1_800_000_000_000
INSTRUMENT = Instrument("binance", "BTCUSDT", "BTC/USDT", "spot", "BTC", "USDT", D("0.01"), D("0.001"), D("0.25"))
REFERENCE = Reference(D(100), NOW_MS, "test")
ENDPOINT = Endpoint("POST", "host", "/api/v3/order", EndpointClass.ORDER_PLACE, Security.SIGNED, None, "order")

ALL_KINDS = "[limit, post_only, market, stop, stop_limit, take_profit, take_profit_limit, trailing_stop, iceberg]"
POLICY = f"""\
version: 1
allow:
  symbols: [BTC/USDT]
  orders: {ALL_KINDS}
limits:
  order: 1_000_000 USDT
  turnover: 1_000_000 USDT per 24h
price:
  sources: 1 because it is a test
  giveaway: 1_000_000 USDT per 24h
  market: protect 25%
"""


@dataclass(frozen=True)
class FakeUsage:
    """What a token has used, stated outright; remembers nothing."""

    used: dict[str, Decimal] = field(default_factory=dict)
    orders: int = 0
    requested: int = 0
    cancelled: int = 0
    denied: int = 0
    working: dict[str | None, int] = field(default_factory=dict)
    wait_ms: int = 700
    given: dict[str, Decimal] = field(default_factory=dict)
    filled: int = 0
    held: dict[str, Decimal] = field(default_factory=dict)
    bids: dict[str, Decimal] = field(default_factory=dict)
    offers: dict[str, Decimal] = field(default_factory=dict)
    change: Decimal | None = ZERO

    def turnover(self, currency: str, window_ms: int) -> Decimal:
        return self.used.get(currency, D(0))

    def messages(self, window_ms: int) -> int:
        return self.orders

    def requests(self, window_ms: int) -> int:
        return self.requested

    def cancels(self, window_ms: int) -> int:
        return self.cancelled

    def denials(self, window_ms: int) -> int:
        return self.denied

    def giveaway(self, currency: str, window_ms: int) -> Decimal:
        return self.given.get(currency, D(0))

    def executions(self, window_ms: int) -> int:
        return self.filled

    def position(self, market_id: str) -> Decimal:
        return self.held.get(market_id, D(0))

    def working_quantity(self, market_id: str, side: Side) -> Decimal:
        return (self.bids if side is Side.BUY else self.offers).get(market_id, D(0))

    def markets(self) -> list[str]:
        return sorted({*self.held, *self.bids, *self.offers})

    def equity_change(self, currency: str, window_ms: int, prices: Mapping[str, Decimal]) -> Decimal | None:
        return self.change if set(self.held) <= set(prices) else None

    def open_orders(self, market_id: str | None) -> int:
        return self.working.get(market_id, 0)

    def retry_after_ms(self, kind: str, window_ms: int) -> int:
        assert kind in ("messages", "requests")
        return self.wait_ms


def snapshot(**changes: Any) -> Snapshot:
    """A quiet world: an active token that has used nothing, and a price of this instant."""
    return structs.replace(Snapshot(NOW_MS, TokenState.ACTIVE, FakeUsage(), INSTRUMENT, REFERENCE), **changes)


def call(intent: Intent, **changes: Any) -> Call:
    """The intent as a decoded call."""
    return structs.replace(Call(ENDPOINT, intent), **changes)


def place(side: str, kind: str, quantity: str | None = None, **changes: Any) -> Place:
    """An order; amounts as text."""
    amounts: dict[str, Any] = {name: D(value) if type(value) is str else value for name, value in changes.items()}
    base = None if quantity is None else D(quantity)
    return replace(Place("BTCUSDT", Side(side), OrderKind(kind), base), **amounts)


def policy(text: str = POLICY, **limits: str) -> Policy:
    """The permissive policy with these values of ``limits`` put in or replaced."""
    return _loaded(text, tuple(limits.items()))


@cache
def _loaded(text: str, limits: tuple[tuple[str, str], ...]) -> Policy:
    lines = text.splitlines()
    for name, value in limits:
        lines = [line for line in lines if not line.startswith(f"  {name}:")]
        lines.insert(lines.index("limits:") + 1, f"  {name}: {value}")
    return load("\n".join(lines), "test")


def decided(rules: Policy, intent: Intent, world: Snapshot | None = None) -> Decision:
    """The decision on the intent."""
    return decide(rules, call(intent), world or snapshot())


def failed(decision: Decision) -> set[str]:
    """The rules that did not pass."""
    return {finding.rule for finding in decision.failed} if isinstance(decision, Deny) else set()


def finding(decision: Decision, rule: str) -> Finding:
    """What one rule found."""
    return next(finding for finding in decision.findings if finding.rule == rule)


IOC = TimeInForce.IOC


def _pair(side: str, kind: str, exact: str, larger: str, **changes: Any) -> tuple[Place, Place]:
    return place(side, kind, exact, **changes), place(side, kind, larger, **changes)


def _quoted(side: str, exact: str, larger: str) -> tuple[Place, Place]:
    return place(side, "market", quote_quantity=exact), place(side, "market", quote_quantity=larger)


WORTH_80: dict[str, tuple[Place, Place]] = {
    "limit buy below the reference": _pair("buy", "limit", "1.6", "1.60001", price="50"),
    "limit buy above the reference": _pair("buy", "limit", "0.4", "0.4001", price="200"),
    "limit sell below the reference": _pair("sell", "limit", "0.8", "0.8001", price="0.01"),
    "limit sell above the reference": _pair("sell", "limit", "0.5", "0.5001", price="160"),
    "limit IOC buy": _pair("buy", "limit", "0.8", "0.80001", price="100", time_in_force=IOC),
    "post-only buy": _pair("buy", "post_only", "0.8", "0.801", price="100"),
    "post-only sell": _pair("sell", "post_only", "0.5", "0.501", price="160"),
    "market buy": _pair("buy", "market", "0.64", "0.641"),
    "market sell": _pair("sell", "market", "0.8", "0.801"),
    "market buy by quote": _quoted("buy", "80.124", "80.125"),
    "market sell by quote": _quoted("sell", "60.074", "60.075"),
    "stop buy": _pair("buy", "stop", "0.4", "0.401", trigger="160"),
    "stop sell": _pair("sell", "stop", "0.8", "0.801", trigger="80"),
    "take-profit buy": _pair("buy", "take_profit", "0.8", "0.801", trigger="80"),
    "take-profit sell": _pair("sell", "take_profit", "0.5", "0.501", trigger="160"),
    "stop-limit buy": _pair("buy", "stop_limit", "0.4", "0.401", price="200", trigger="160"),
    "stop-limit sell": _pair("sell", "stop_limit", "0.8", "0.801", price="1", trigger="80"),
    "take-profit-limit buy": _pair("buy", "take_profit_limit", "1", "1.001", price="80", trigger="90"),
    "take-profit-limit sell": _pair("sell", "take_profit_limit", "0.5", "0.501", price="90", trigger="160"),
    "trailing stop-limit sell": _pair("sell", "stop_limit", "0.8", "0.801", price="90", trailing_bips=100),
    "trailing stop-limit buy": _pair("buy", "stop_limit", "0.4", "0.401", price="200", trailing_bips=100),
    "trailing kind with a limit": _pair("sell", "trailing_stop", "0.8", "0.801", price="90", trailing_bips=100),
    "iceberg buy": _pair("buy", "limit", "0.8", "0.801", price="100", display="0.1"),
}
"""Of every kind of order: one worth exactly 80 USDT at the worst, and the next larger one."""
