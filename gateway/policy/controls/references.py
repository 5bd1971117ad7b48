"""Controls that hold an order's price against an independent one: near it, near a slow one, and how independent it is.

Only one side harms: a buy above, a sell below. What is tested is the limit that the exchange will enforce, as the
order leaves, and of orders that wait for a trigger the trigger too.
"""

from abc import abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Final, Self, assert_never

from gateway.core.decision import DenyCode, Finding
from gateway.core.intent import Cancel, CancelAll, Forbidden, Place, Public, Read, Side
from gateway.core.money import EXACT, plain
from gateway.core.request import Call
from gateway.core.snapshot import Reference, Snapshot
from gateway.policy import grammar
from gateway.policy.controls.control import ORDERS, Key, Setting, Valued
from gateway.policy.controls.reading import scalar
from gateway.policy.exits import edge_of
from gateway.policy.grammar import BadValue
from gateway.policy.strict_yaml import Node
from gateway.policy.valuation import Valuation

DEFAULT_SOURCES: Final = 2
_BECAUSE: Final = "1 because "
_COUNTS: Final = {"2": 2, "3": 3, "4": 4}


@dataclass(frozen=True, slots=True)
class Distance(Setting):
    """How far on the harmful side an order's prices may lie from another price; ``basis`` names that one."""

    concerns = ORDERS
    basis: ClassVar[str]
    fraction: Decimal

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(scalar(node, cls._fraction, cls.key.example))

    @classmethod
    def _fraction(cls, text: str) -> Decimal:
        return grammar.percent(grammar.between(text, "", f" from {cls.basis}", cls.key.example))

    @property
    def text(self) -> str:
        return f"{grammar.percent_text(self.fraction)} from {self.basis}"

    def under(self, parent: Self) -> Self:
        return type(self)(min(self.fraction, parent.fraction))

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                return self._placed(snapshot, valued)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)

    @abstractmethod
    def _edge(self, side: Side, reference: Reference) -> Decimal | None:
        """The worst price that an order of this side may have; None where nobody knows."""

    def _placed(self, snapshot: Snapshot, valued: Valued) -> Finding:
        reference = snapshot.reference
        if reference is None or not isinstance(valued, Valuation):
            return self.unvalued(valued)
        order = valued.order
        edge = self._edge(order.side, reference)
        if edge is None and not snapshot.averages:
            return self.never(f"the {self.basis}", self.text)
        if edge is None:
            return self.fails(DenyCode.UNPRICED, f"the {self.basis} is not known", self.text)
        bound = f"{self.text}: {'at most' if order.side is Side.BUY else 'at least'} {plain(edge)}"
        for name, price in (("price", order.price), ("trigger", order.trigger)):
            if price is not None and (price > edge if order.side is Side.BUY else price < edge):
                harm = "above" if order.side is Side.BUY else "below"
                detail = f"the {name} {plain(price)} is {harm} {plain(edge)}, {self.text}"
                return self.fails(DenyCode.LIMIT, detail, bound, plain(price))
        return self.passes(bound, plain(order.price or edge))


@dataclass(frozen=True, slots=True)
class Collar(Distance):
    """Near the reference; where sources differ, near the less favourable one too, so one honest source is enough."""

    rule = "price.collar"
    basis = "reference"
    key = Key(
        "price.collar",
        "<percent> from reference",
        "1% from reference",
        "Never buy higher or sell lower than this from the reference price, the median of independent sources (with "
        "two that differ also from the less favourable one). Holds for the limit of every order as it leaves, and for "
        "the trigger of those that have one.",
        {"type": "string", "pattern": f"^{grammar.NUMBER}% from reference$"},
    )

    def _edge(self, side: Side, reference: Reference) -> Decimal:
        return edge_of(side, reference, self.fraction)


@dataclass(frozen=True, slots=True)
class Anchor(Distance):
    """Near the average of a day, so that the price cannot be walked away step by step."""

    rule = "price.anchor"
    basis = "24h vwap"
    key = Key(
        "price.anchor",
        "<percent> from 24h vwap",
        "10% from 24h vwap",
        "The same against the average price of the last 24 hours, weighted by volume, so that the price cannot be "
        "walked. While that average is not known no order leaves.",
        {"type": "string", "pattern": f"^{grammar.NUMBER}% from 24h vwap$"},
    )

    def _edge(self, side: Side, reference: Reference) -> Decimal | None:
        anchor = reference.anchor
        if anchor is None or not anchor.is_finite() or anchor <= 0:
            return None
        return EXACT.multiply(anchor, 1 + self.fraction if side is Side.BUY else 1 - self.fraction)


@dataclass(frozen=True, slots=True)
class Sources(Setting):
    """How many independent venues must agree on the reference; one alone bounds nothing, and says why it must do."""

    suspends = False
    concerns = ORDERS
    rule = "price.sources"
    key = Key(
        "price.sources",
        "2, 3 or 4, or 1 because <reason>",
        "2",
        "How many independent venues must stand behind the reference price; the one traded on counts as one. 2 by "
        "default. With `1 because <reason>` whoever moves that venue's book moves the price, and the drain is not "
        "bounded.",
        {"anyOf": [{"enum": [*_COUNTS, *_COUNTS.values()]}, {"type": "string", "pattern": rf"^{_BECAUSE}\S.*$"}]},
    )
    count: int
    because: str = ""

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(*scalar(node, _sources, cls.key.example))

    @classmethod
    def absent(cls) -> Self:
        return cls(DEFAULT_SOURCES)

    @property
    def text(self) -> str:
        return f"{_BECAUSE}{self.because}" if self.because else str(self.count)

    def under(self, parent: Self) -> Self:
        return self if self.count >= parent.count else parent

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                return self._placed(snapshot.reference, snapshot.most_sources)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)

    def _placed(self, reference: Reference | None, most: int | None) -> Finding:
        known = reference.sources if reference else 0
        if known >= self.count:
            return self.passes(self.text, str(known))
        if most is not None and most < self.count:
            detail = f"{self.count} independent sources must agree on the price, and this market has at most {most}"
            return self.fails(DenyCode.SYMBOL, detail, self.text, str(known))
        detail = f"the price has {known} of {self.count} independent sources"
        return self.fails(DenyCode.UNPRICED, detail, self.text, str(known))


def _sources(text: str) -> tuple[int, str]:
    if text in _COUNTS:
        return _COUNTS[text], ""
    reason = text.removeprefix(_BECAUSE).strip()
    if text.startswith(_BECAUSE) and reason and "\n" not in text:
        return 1, reason
    if text == "1" or text.startswith("1 "):
        raise BadValue("one source alone needs its reason", "write: 1 because <reason>")
    raise BadValue(f"{text[:40]!r} is no number of sources", "write 2, 3 or 4, or 1 because <reason>")
