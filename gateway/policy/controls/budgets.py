"""The budget of losses: what orders may give away against the fair price, reserved before they are sent."""

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
class Giveaway(Limited):
    """Execution shortfall as a limit: lost within the window, held by working orders, and this order's worst."""

    concerns = ORDERS
    rule = "price.giveaway"
    shape = limits.Shape("100 USDT per 24h then halt", money=True, windowed=True)
    key = Key(
        "price.giveaway",
        f"<amount> <currency> {PER_WINDOW}, {LIMIT_TEXT}",
        "100 USDT per 24h then halt",
        "Value given away in the rolling window: what buys paid above and sells took below the fair price at the time "
        "they were placed, fees included, plus the most that working orders may still give away. Gains are not set "
        "off. Must be stated where orders are allowed.",
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
        if valued.giveaway.currency != limit.unit:
            return self.wrong_currency(limit, valued.giveaway.currency)
        used = snapshot.usage.giveaway(limit.unit, limit.window_ms)
        total = EXACT.add(used, valued.giveaway.amount)
        observed, before = f"{plain(total)} {limit.unit}", f"{plain(used)} {limit.unit}"
        if total <= limit.number:
            return self.passes(self.text, observed, before=before)
        needs = f"the order may give away {valued.giveaway}"
        return self.exceeds(limit, f"{before} are given away or held and {needs}", observed, before=before)
