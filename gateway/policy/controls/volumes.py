"""Limits over many orders: how many work at once, and how much is traded in a window."""

from dataclasses import dataclass
from typing import assert_never

from gateway.core.decision import Finding
from gateway.core.intent import Cancel, CancelAll, Forbidden, Place, Public, Read
from gateway.core.money import EXACT, plain
from gateway.core.request import Call
from gateway.core.snapshot import Snapshot
from gateway.policy import limits
from gateway.policy.controls.control import ORDERS, Key, Valued
from gateway.policy.controls.limited import LIMIT_TEXT, PER_WINDOW, Limited, shape_schema
from gateway.policy.valuation import Valuation


@dataclass(frozen=True, slots=True)
class OpenOrders(Limited):
    """Working orders, in all or per instrument; the new one counts."""

    concerns = ORDERS
    rule = "limits.open_orders"
    shape = limits.Shape("20", scoped=True)
    key = Key(
        "limits.open_orders",
        f"<count> [each | in all] [then halt], {LIMIT_TEXT}",
        "20 each",
        "Working orders, in all (default) or per instrument (`each`). Orders on their way, or whose outcome is "
        "unknown, count.",
        shape_schema(counts=True),
    )

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                return self._placed(intent, snapshot)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)

    def _placed(self, place: Place, snapshot: Snapshot) -> Finding:
        limit = self.limit
        if isinstance(limit, limits.Unlimited):
            return self.passes(self.text)
        each = limit.scope is limits.Scope.EACH
        count = snapshot.usage.open_orders(place.market_id if each else None) + 1
        if count <= limit.number:
            return self.passes(self.text, str(count))
        return self.exceeds(limit, f"it would be working order {count}", str(count))


@dataclass(frozen=True, slots=True)
class Turnover(Limited):
    """Traded plus reserved value in a rolling window, buys and sells, without fees."""

    concerns = ORDERS
    rule = "limits.turnover"
    shape = limits.Shape("50_000 USDT per 24h", money=True, windowed=True)
    key = Key(
        "limits.turnover",
        f"<amount> <currency> {PER_WINDOW}, {LIMIT_TEXT}",
        "50_000 USDT per 24h",
        "Value traded in the rolling window plus value reserved by working orders, buys and sells both. Must be "
        "stated where orders are allowed.",
        shape_schema(),
    )

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                return self._placed(snapshot, valued)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)

    def _placed(self, snapshot: Snapshot, valued: Valued) -> Finding:
        limit = self.limit
        if isinstance(limit, limits.Unlimited):
            return self.passes(self.text)
        if not isinstance(valued, Valuation):
            return self.unvalued(valued)
        if valued.value.currency != limit.unit:
            return self.wrong_currency(limit, valued.value.currency)
        used = snapshot.usage.turnover(limit.unit, limit.window_ms)
        total = EXACT.add(used, valued.value.amount)
        observed, before = f"{plain(total)} {limit.unit}", f"{plain(used)} {limit.unit}"
        if total <= limit.number:
            return self.passes(self.text, observed, before=before)
        return self.exceeds(limit, f"{before} are used and the order needs {valued.value}", observed, before=before)
