"""Controls of price where an order comes without a limit, or the gateway without a fresh price."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self, assert_never

from gateway.core.decision import DenyCode, Finding
from gateway.core.intent import Cancel, CancelAll, Forbidden, Place, Public, Read
from gateway.core.request import Call
from gateway.core.snapshot import Snapshot
from gateway.policy import grammar
from gateway.policy.controls.allow import MARKET_KINDS
from gateway.policy.controls.control import ORDERS, Key, Setting, Valued
from gateway.policy.controls.reading import scalar
from gateway.policy.grammar import BadValue
from gateway.policy.strict_yaml import Node
from gateway.policy.valuation import reduction, stale

DEFAULT_STALE_AFTER_MS: Final = 3_000


@dataclass(frozen=True, slots=True)
class StaleAfter(Setting):
    """No fresh price, no order but a reduction at the last good one: not even a limit buy."""

    suspends = False
    concerns = ORDERS
    rule = "price.stale_after"
    key = Key(
        "price.stale_after",
        "<window>",
        "3s",
        "How old the reference price of an order's instrument may be; 3s by default. Without a fresh one only cancels "
        "and reads pass, and limit orders that reduce the token's own position at no worse than the last price (of at "
        "most an hour ago) less the collar; they are charged against that price.",
        {"type": "string", "pattern": f"^{grammar.WINDOW}$"},
    )
    ms: int

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(scalar(node, grammar.window, cls.key.example))

    @classmethod
    def absent(cls) -> Self:
        return cls(DEFAULT_STALE_AFTER_MS)

    @property
    def text(self) -> str:
        return grammar.window_text(self.ms)

    def under(self, parent: Self) -> Self:
        return type(self)(min(self.ms, parent.ms))

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                return self._placed(intent, snapshot, valued)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)

    def _placed(self, place: Place, snapshot: Snapshot, valued: Valued) -> Finding:
        reason = stale(snapshot, place.market_id, self.ms)
        if not reason:
            return self.granted
        if reduction(valued):  # a stale price values nothing but a reduction that may leave at it
            return self.passes(self.text, f"{reason}; a reduction")
        return self.fails(DenyCode.UNPRICED, reason, self.text)


@dataclass(frozen=True, slots=True)
class MarketPrice(Setting):
    """Orders without a limit price: denied, or sent with a limit that the exchange enforces."""

    concerns = ORDERS
    rule = "price.market"
    key = Key(
        "price.market",
        "deny, or protect <percent>",
        "protect 0.3%",
        "What becomes of market orders, and of stop and take_profit orders without a limit: `deny`, or `protect 0.3%`: "
        "they leave as limit orders at most that far from the fair price (or trigger). Must be stated where such "
        "orders are allowed.",
        {"type": "string", "pattern": f"^(deny|protect {grammar.NUMBER}%)$"},
    )
    protect: Decimal | None

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(scalar(node, _protect, cls.key.example))

    @classmethod
    def absent(cls) -> Self:
        return cls(None)

    @property
    def text(self) -> str:
        return "deny" if self.protect is None else f"protect {grammar.percent_text(self.protect)}"

    def under(self, parent: Self) -> Self:
        if self.protect is None or parent.protect is None:
            return type(self)(None)
        return type(self)(min(self.protect, parent.protect))

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                if intent.kind not in MARKET_KINDS:
                    return self.silent
                if self.protect is not None:
                    return self.passes(self.text, intent.kind)
                return self.fails(DenyCode.ORDER, f"price.market denies {intent.kind} orders", self.text, intent.kind)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)


def _protect(text: str) -> Decimal | None:
    if text == "deny":
        return None
    word, _, percentage = text.partition(" ")
    if word != "protect":
        raise BadValue(f"{text[:40]!r} is neither 'deny' nor 'protect <percent>'", "write it like protect 0.3%")
    return grammar.percent(percentage.strip(" "))
