"""Controls of liquidity: how much an instrument trades, and what part of that this token is. Unknown volume denies."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self, assert_never

from gateway.core.decision import DenyCode, Finding
from gateway.core.intent import Cancel, CancelAll, Forbidden, Place, Public, Read
from gateway.core.money import EXACT, Money, plain
from gateway.core.request import Call
from gateway.core.snapshot import Instrument, Snapshot
from gateway.policy import grammar, limits
from gateway.policy.controls.control import ORDERS, Key, Setting, Valued
from gateway.policy.controls.reading import scalar
from gateway.policy.grammar import BadValue
from gateway.policy.strict_yaml import Node
from gateway.policy.valuation import Valuation

HOUR_MS: Final = 3_600_000
_AT_LEAST: Final = "at least "
_AT_MOST: Final = "at most "


@dataclass(frozen=True, slots=True)
class Volume(Setting):
    """The instrument trades at least so much in a day, as independent venues tell."""

    concerns = ORDERS
    rule = "liquidity.volume_24h"
    key = Key(
        "liquidity.volume_24h",
        "at least <amount> <currency>",
        "at least 20_000_000 USDT",
        "What the order's instrument must have traded in the last 24 hours. While that is not known no order leaves.",
        {"type": "string", "pattern": f"^{_AT_LEAST}{grammar.NUMBER} {grammar.CURRENCY}$"},
    )
    least: Money

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(scalar(node, _volume, cls.key.example))

    @property
    def text(self) -> str:
        return f"{_AT_LEAST}{self.least}"

    def under(self, parent: Self) -> Self:
        if self.least.currency != parent.least.currency:
            raise BadValue(f"{self.least} and {parent.least} cannot be compared", "one policy, one quote currency")
        return self if self.least.amount >= parent.least.amount else parent

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                return self._placed(snapshot.instrument, snapshot)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)

    def _placed(self, instrument: Instrument | None, snapshot: Snapshot) -> Finding:
        traded = snapshot.reference.volume_24h if snapshot.reference else None
        if traded is None and not snapshot.averages:
            return self.never("the volume of 24 hours", self.text)
        if instrument is None or traded is None or not traded.is_finite():
            return self.fails(DenyCode.UNPRICED, "the volume of 24 hours is not known", self.text)
        if instrument.quote != self.least.currency:
            detail = f"{self.rule} is in {self.least.currency}, the order in {instrument.quote}"
            return self.fails(DenyCode.LIMIT, detail, self.text, instrument.quote)
        observed = f"{plain(traded)} {instrument.quote}"
        if traded >= self.least.amount:
            return self.passes(self.text, observed)
        return self.fails(DenyCode.LIMIT, f"{instrument.symbol} traded {observed} in 24 hours", self.text, observed)


@dataclass(frozen=True, slots=True)
class Share(Setting):
    """The order, with all that the token traded or holds within the hour, is a small part of the instrument's trade."""

    concerns = ORDERS
    rule = "liquidity.share_of_1h"
    key = Key(
        "liquidity.share_of_1h",
        "at most <percent>",
        "at most 1%",
        "What part of the instrument's trade of the last hour the order may be, together with the token's own turnover "
        "of that hour. While the volume is not known no order leaves.",
        {"type": "string", "pattern": f"^{_AT_MOST}{grammar.NUMBER}%$"},
    )
    fraction: Decimal

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(scalar(node, _share, cls.key.example))

    @property
    def text(self) -> str:
        return f"{_AT_MOST}{grammar.percent_text(self.fraction)}"

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

    def _placed(self, snapshot: Snapshot, valued: Valued) -> Finding:
        if not isinstance(valued, Valuation):
            return self.unvalued(valued)
        traded = snapshot.reference.volume_1h if snapshot.reference else None
        if traded is None and not snapshot.averages:
            return self.never("the volume of the last hour", self.text)
        if traded is None or not traded.is_finite():
            return self.fails(DenyCode.UNPRICED, "the volume of the last hour is not known", self.text)
        quote = valued.value.currency
        own = EXACT.add(snapshot.usage.turnover(quote, HOUR_MS), valued.value.amount)
        most, observed = EXACT.multiply(traded, self.fraction), f"{plain(own)} {quote}"
        limit = f"{self.text}: {plain(most)} {quote}"
        if own <= most:
            return self.passes(limit, observed)
        return self.fails(DenyCode.LIMIT, f"with this order the hour's turnover is {observed}", limit, observed)


def _volume(text: str) -> Money:
    example = Volume.key.example
    return limits.money(grammar.between(text, _AT_LEAST, "", example), example)


def _share(text: str) -> Decimal:
    return grammar.percent(grammar.between(text, _AT_MOST, "", Share.key.example))
