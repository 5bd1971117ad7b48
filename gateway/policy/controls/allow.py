"""Grants: instruments, kinds of order and sides. What is not listed is denied."""

from dataclasses import dataclass, field
from itertools import product
from typing import Final, Self, assert_never

from gateway.core.decision import DenyCode, Finding
from gateway.core.intent import Cancel, CancelAll, Forbidden, OrderKind, Place, Public, Read, Side
from gateway.core.request import Call
from gateway.core.snapshot import Instrument, Snapshot
from gateway.policy import grammar
from gateway.policy.controls.control import ORDERS, Key, Setting, Valued
from gateway.policy.controls.reading import listing, one_of
from gateway.policy.strict_yaml import Node

_KINDS_NOT_YET: Final = frozenset({OrderKind.OCO, OrderKind.BRACKET, OrderKind.BATCH, OrderKind.AMEND})
_KINDS: Final = {kind.value: kind for kind in OrderKind if kind not in _KINDS_NOT_YET}
_SIDES: Final = {side.value: side for side in Side}
_MARKETS: Final = {"spot": "spot"}
_MARKETS_NOT_YET: Final = frozenset({"margin", "swap", "future", "option"})
MARKET_KINDS: Final = frozenset({OrderKind.MARKET, OrderKind.STOP, OrderKind.TAKE_PROFIT})
"""Kinds that come without a limit price: ``price.market`` says what becomes of them."""


@dataclass(frozen=True, slots=True)
class Symbols(Setting):
    """The instruments it may trade; a glob leaves one whole side open."""

    concerns = ORDERS
    rule = "allow.symbols"
    key = Key(
        "allow.symbols",
        'list of BASE/QUOTE, "*/QUOTE" or BASE/*',
        "[BTC/USDT, ETH/USDT]",
        "The instruments it may trade, as ccxt writes them; a `*` stands for one whole side, and is quoted "
        "where it comes first, for YAML. Needed for orders.",
        {"type": "array", "items": {"type": "string", "pattern": f"^({grammar.SYMBOL})$"}, "uniqueItems": True},
    )
    names: frozenset[str]
    quotes: frozenset[str] = field(init=False)
    bases: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "quotes", frozenset(name[2:] for name in self.names if name.startswith("*/")))
        object.__setattr__(self, "bases", frozenset(name[:-2] for name in self.names if name.endswith("/*")))

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(frozenset(listing(node, grammar.symbol, cls.key.example)))

    @classmethod
    def absent(cls) -> Self:
        return cls(frozenset())

    @property
    def text(self) -> str:
        return ", ".join(sorted(self.names))

    @property
    def open_ended(self) -> bool:
        """Whether nobody can say how many instruments these are."""
        return bool(self.quotes or self.bases)

    def under(self, parent: Self) -> Self:
        pairs = product(self.names, parent.names)
        return type(self)(frozenset(name for one, other in pairs if (name := _both(one, other))))

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                return self._placed(intent, snapshot.instrument)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)

    def covers(self, instrument: Instrument) -> bool:
        """Whether its symbol is listed, or matched by a glob."""
        return instrument.symbol in self.names or instrument.quote in self.quotes or instrument.base in self.bases

    def _placed(self, place: Place, instrument: Instrument | None) -> Finding:
        if instrument is None:
            return self.fails(DenyCode.UNPRICED, f"the instrument {place.market_id} is not known")
        if self.covers(instrument):
            return self.granted
        return self.fails(DenyCode.SYMBOL, f"{instrument.symbol} is not in allow.symbols", self.text, instrument.symbol)


def _both(one: str, other: str) -> str:
    """What two names or globs have in common; empty where nothing is."""
    sides = []
    for mine, theirs in zip(one.split("/"), other.split("/"), strict=True):
        if "*" not in (mine, theirs) and mine != theirs:
            return ""
        sides.append(theirs if mine == "*" else mine)
    return "/".join(sides)


@dataclass(frozen=True, slots=True)
class Markets(Setting):
    """The types of market it may trade."""

    concerns = ORDERS
    rule = "allow.markets"
    key = Key(
        "allow.markets",
        "list of spot",
        "[spot]",
        "The types of market; this version knows `spot` only, which is the default.",
        {"type": "array", "items": {"enum": list(_MARKETS)}, "uniqueItems": True},
    )
    names: frozenset[str]

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(frozenset(listing(node, one_of(_MARKETS, _MARKETS_NOT_YET), cls.key.example)))

    @classmethod
    def absent(cls) -> Self:
        return cls(frozenset({"spot"}))

    @property
    def text(self) -> str:
        return ", ".join(sorted(self.names))

    def under(self, parent: Self) -> Self:
        return type(self)(self.names & parent.names)

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                return self._placed(intent, snapshot.instrument)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)

    def _placed(self, place: Place, instrument: Instrument | None) -> Finding:
        if instrument is None:
            return self.fails(DenyCode.UNPRICED, f"the instrument {place.market_id} is not known")
        if instrument.market in self.names:
            return self.granted
        detail = f"{instrument.symbol} is a {instrument.market} market"
        return self.fails(DenyCode.SYMBOL, detail, self.text, instrument.market)


@dataclass(frozen=True, slots=True)
class Orders(Setting):
    """The kinds of order it may send; every kind that an order is must be allowed."""

    concerns = ORDERS
    rule = "allow.orders"
    key = Key(
        "allow.orders",
        f"list of {', '.join(_KINDS)}",
        "[limit, post_only, market]",
        "The kinds of order it may send. An iceberg or trailing order needs its own kind besides `iceberg` or "
        "`trailing_stop`. None by default: such a token only reads.",
        {"type": "array", "items": {"enum": list(_KINDS)}, "uniqueItems": True},
    )
    kinds: frozenset[OrderKind]

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(frozenset(listing(node, one_of(_KINDS, frozenset(_KINDS_NOT_YET)), cls.key.example)))

    @classmethod
    def absent(cls) -> Self:
        return cls(frozenset())

    @property
    def text(self) -> str:
        return ", ".join(sorted(self.kinds))

    def under(self, parent: Self) -> Self:
        return type(self)(self.kinds & parent.kinds)

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                return self._placed(intent)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)

    def _placed(self, place: Place) -> Finding:
        if not (missing := place.kinds - self.kinds):
            return self.granted
        named = ", ".join(sorted(missing))
        return self.fails(DenyCode.ORDER, f"{named} is not in allow.orders", self.text or "none", named)


@dataclass(frozen=True, slots=True)
class Sides(Setting):
    """The sides it may trade."""

    concerns = ORDERS
    rule = "allow.sides"
    key = Key(
        "allow.sides",
        "list of buy, sell",
        "[buy, sell]",
        "The sides it may trade; both by default.",
        {"type": "array", "items": {"enum": list(_SIDES)}, "uniqueItems": True},
    )
    sides: frozenset[Side]

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(frozenset(listing(node, one_of(_SIDES), cls.key.example)))

    @classmethod
    def absent(cls) -> Self:
        return cls(frozenset(Side))

    @property
    def text(self) -> str:
        return ", ".join(sorted(self.sides))

    def under(self, parent: Self) -> Self:
        return type(self)(self.sides & parent.sides)

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                if intent.side in self.sides:
                    return self.granted
                return self.fails(DenyCode.ORDER, f"{intent.side} is not in allow.sides", self.text, intent.side)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)
