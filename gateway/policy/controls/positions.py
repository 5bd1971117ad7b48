"""Limits of what a token holds: its own net fills with its open orders counted as filled, and what they have lost.

Positions are the token's own, since issue, in absolute value: what it sold without having bought it counts as what it
bought. A reduction passes both limits, so that exits stay open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

from gateway.core.decision import DenyCode, Finding
from gateway.core.intent import Cancel, CancelAll, Forbidden, Place, Public, Read, Side
from gateway.core.money import EXACT, plain
from gateway.core.request import Call
from gateway.core.snapshot import Reference, Snapshot, Usage
from gateway.policy import limits
from gateway.policy.controls.control import ORDERS, Key, Valued
from gateway.policy.controls.limited import LIMIT_TEXT, PER_WINDOW, Limited, shape_schema
from gateway.policy.limits import Limit, Scope
from gateway.policy.valuation import Valuation


@dataclass(frozen=True, slots=True)
class Position(Limited):
    """The position that the order can lead to, per instrument or over all of them."""

    concerns = ORDERS
    rule = "limits.position"
    shape = limits.Shape("2_000 USDT each", money=True, scoped=True)
    key = Key(
        "limits.position",
        f"<amount> <currency> [each | in all] [then halt], {LIMIT_TEXT}",
        "2_000 USDT each",
        "The token's own net fills since issue, with its working orders and the new one counted as filled, in absolute "
        "value; in all (default) or per instrument (`each`). Selling what it did not buy counts; reductions pass. "
        "In all needs fresh prices of every instrument it holds.",
        shape_schema(),
    )

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                return self._placed(intent.market_id, snapshot, valued)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)

    def _placed(self, market_id: str, snapshot: Snapshot, valued: Valued) -> Finding:
        limit = self.limit
        if isinstance(limit, limits.Unlimited):
            return self.passes(self.text)
        if not isinstance(valued, Valuation) or snapshot.reference is None:
            return self.unvalued(valued)
        if valued.value.currency != limit.unit:
            return self.wrong_currency(limit, valued.value.currency)
        if valued.reduction:
            return self.passes(self.text, "a reduction")
        held = _held(valued, snapshot.reference, snapshot.usage, limit.scope is Scope.EACH)
        for other in () if limit.scope is Scope.EACH else snapshot.usage.markets():
            if other != market_id and (quantity := _reach(snapshot.usage, other)):
                if (mark := snapshot.marks.get(other)) is None:
                    return self.fails(DenyCode.UNPRICED, f"it holds {other}, whose price is not known", self.text)
                held = EXACT.add(held, EXACT.multiply(quantity, mark))
        base = snapshot.instrument.base if snapshot.instrument else ""
        return self._judged(limit, held, f"{plain(snapshot.usage.position(market_id))} {base}")

    def _judged(self, limit: Limit, held: Decimal, before: str) -> Finding:
        observed = f"{plain(held)} {limit.unit}"
        if held <= limit.number:
            return self.passes(self.text, observed, before=before)
        what = f"with its open orders filled the position would be {observed}"
        return self.exceeds(limit, what, observed, before=before)


def _held(valued: Valuation, reference: Reference, usage: Usage, one_sided: bool) -> Decimal:
    """The value of the position in the order's market once the order and its side's working orders have filled."""
    order, price = valued.order, max(valued.worst_price, reference.price)
    position = usage.position(order.market_id)
    taken = EXACT.add(usage.working_quantity(order.market_id, order.side), valued.quantity)
    if order.side is Side.BUY:
        reach = EXACT.add(position, taken).copy_abs()
    else:
        reach = EXACT.subtract(position, taken).copy_abs()
    return EXACT.multiply(reach if one_sided else max(reach, _reach(usage, order.market_id)), price)


def _reach(usage: Usage, market_id: str) -> Decimal:
    """The largest position, long or short, that what works there can lead to."""
    position = usage.position(market_id)
    bought = EXACT.add(position, usage.working_quantity(market_id, Side.BUY))
    sold = EXACT.subtract(position, usage.working_quantity(market_id, Side.SELL))
    return max(bought.copy_abs(), sold.copy_abs())


@dataclass(frozen=True, slots=True)
class Loss(Limited):
    """What the token's own trading has lost in a rolling window, at today's prices."""

    concerns = ORDERS
    rule = "limits.loss"
    shape = limits.Shape("250 USDT per 24h then reduce_only", money=True, windowed=True)
    key = Key(
        "limits.loss",
        f"<amount> <currency> {PER_WINDOW}, {LIMIT_TEXT}",
        "250 USDT per 24h then reduce_only",
        "What the token's own trading has lost in the rolling window at today's prices, what it still holds included. "
        "It is looked at when an order comes, and is a brake, no bound. Reductions pass. Needs fresh prices of every "
        "instrument it holds.",
        shape_schema(),
    )

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                return self._placed(intent.market_id, snapshot, valued)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)

    def _placed(self, market_id: str, snapshot: Snapshot, valued: Valued) -> Finding:
        limit = self.limit
        if isinstance(limit, limits.Unlimited):
            return self.passes(self.text)
        if not isinstance(valued, Valuation) or snapshot.reference is None:
            return self.unvalued(valued)
        if valued.value.currency != limit.unit:
            return self.wrong_currency(limit, valued.value.currency)
        if valued.reduction:
            return self.passes(self.text, "a reduction")
        return self._judged(limit, snapshot.usage, {**snapshot.marks, market_id: snapshot.reference.price})

    def _judged(self, limit: Limit, usage: Usage, prices: Mapping[str, Decimal]) -> Finding:
        change = usage.equity_change(limit.unit, limit.window_ms, prices)
        if change is None:
            return self.fails(DenyCode.UNPRICED, "a price of what it holds or held is not known", self.text)
        observed = f"{plain(change)} {limit.unit}"
        if change > limit.number.copy_negate():
            return self.passes(self.text, observed)
        return self.exceeds(limit, f"its trading changed its equity by {observed}", observed)
