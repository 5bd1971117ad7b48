"""Limits of one order: its worst value and its base quantity."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Self, assert_never

from gateway.core.decision import DenyCode, Finding
from gateway.core.intent import Cancel, CancelAll, Forbidden, Place, Public, Read
from gateway.core.money import EXACT, Money, plain
from gateway.core.request import Call
from gateway.core.snapshot import Instrument, Snapshot
from gateway.policy import grammar, limits
from gateway.policy.controls.control import ORDERS, Key, Setting, Valued
from gateway.policy.controls.limited import LIMIT_TEXT, Limited, shape_schema
from gateway.policy.controls.reading import scalar, table
from gateway.policy.strict_yaml import Node
from gateway.policy.valuation import Valuation


@dataclass(frozen=True, slots=True)
class OrderLimit(Limited):
    """The value of one order at its worst price, fees included; buys and sells alike."""

    concerns = ORDERS
    rule = "limits.order"
    shape = limits.Shape("500 USDT", money=True)
    key = Key(
        "limits.order",
        f"<amount> <currency> [then halt], {LIMIT_TEXT}",
        "500 USDT",
        "The value of one order at its worst price, fees included. Must be stated where orders are allowed. "
        "An order in another quote currency is denied.",
        shape_schema(),
    )

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                return self._placed(valued)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)

    def _placed(self, valued: Valued) -> Finding:
        limit = self.limit
        if isinstance(limit, limits.Unlimited):
            return self.passes(self.text)
        if not isinstance(valued, Valuation):
            return self.unvalued(valued)
        if valued.value.currency != limit.unit:
            return self.wrong_currency(limit, valued.value.currency)
        worst = EXACT.add(valued.value.amount, valued.fee.amount)
        observed = f"{plain(worst)} {limit.unit}"
        if worst <= limit.number:
            return self.passes(self.text, observed)
        return self.exceeds(limit, f"the order is worth up to {observed} with fees", observed)


@dataclass(frozen=True, slots=True)
class QuantityLimit(Setting):
    """The base quantity of one order, by base; a base that is not listed is denied."""

    concerns = ORDERS
    rule = "limits.quantity"
    key = Key(
        "limits.quantity",
        "mapping of base currency to a number",
        "{BTC: 0.05, ETH: 1}",
        "The base quantity of one order. Where the key is given, a base that it does not list is denied.",
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "patternProperties": {f"^{grammar.CURRENCY}$": {"type": ["string", "number"]}},
        },
    )
    by_base: Mapping[str, Decimal]

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(table(node, _quantity, cls.key.example))

    @property
    def text(self) -> str:
        return ", ".join(f"{base}: {plain(quantity)}" for base, quantity in sorted(self.by_base.items()))

    def under(self, parent: Self) -> Self:
        common = sorted(self.by_base.keys() & parent.by_base.keys())
        return type(self)({base: min(self.by_base[base], parent.by_base[base]) for base in common})

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                return self._placed(snapshot.instrument, valued)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)

    def _placed(self, instrument: Instrument | None, valued: Valued) -> Finding:
        if instrument is None or not isinstance(valued, Valuation):
            return self.unvalued(valued)
        base = instrument.base
        observed = str(Money(valued.quantity, base))
        most = self.by_base.get(base)
        if most is None:
            return self.fails(DenyCode.LIMIT, f"limits.quantity does not list {base}", self.text, observed)
        limit = str(Money(most, base))
        if valued.quantity <= most:
            return self.passes(limit, observed)
        return self.fails(DenyCode.LIMIT, f"{observed} is above {limit}", limit, observed)


def _quantity(base: str, node: Node) -> Decimal:
    grammar.currency(base)
    return scalar(node, grammar.positive, "0.05")
