"""An order in words: ``buy 0.1 BTC/USDT limit 64000``. One grammar for every tool; what is not in it is BadWords.

    words   = ("buy" | "sell") amount SYMBOL kind option*
    amount  = QUANTITY | AMOUNT CURRENCY "of"                        (of the quote: market orders only)
    kind    = "market" | "limit" PRICE | "post_only" PRICE | "stop" TRIGGER | "stop_limit" TRIGGER PRICE
            | "take_profit" TRIGGER | "take_profit_limit" TRIGGER PRICE | "trailing_stop" BIPS PRICE
    option  = "gtc" | "ioc" | "fok" | "iceberg" DISPLAY | "trailing" BIPS | "test"
    other   = "read" NAME | "cancel" ("own" | "foreign")
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any, Final

from gateway.core.intent import Cancel, Intent, OrderKind, Place, Read, ReadName, Side, TimeInForce
from gateway.core.money import plain
from gateway.policy import grammar
from gateway.policy.grammar import BadValue

LIKE: Final = "write it like: buy 0.1 BTC/USDT limit 64000"
_SYMBOL: Final = re.compile(rf"({grammar.CURRENCY})/({grammar.CURRENCY})", re.ASCII)
_NUMBERS: Final[Mapping[OrderKind, tuple[str, ...]]] = {
    OrderKind.MARKET: (),
    OrderKind.LIMIT: ("price",),
    OrderKind.POST_ONLY: ("price",),
    OrderKind.STOP: ("trigger",),
    OrderKind.STOP_LIMIT: ("trigger", "price"),
    OrderKind.TAKE_PROFIT: ("trigger",),
    OrderKind.TAKE_PROFIT_LIMIT: ("trigger", "price"),
    OrderKind.TRAILING_STOP: ("trailing_bips", "price"),
}
_TAKES_TIME: Final = frozenset({OrderKind.LIMIT, OrderKind.STOP_LIMIT, OrderKind.TAKE_PROFIT_LIMIT})


class BadWords(BadValue):
    """The words are no order."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the words ask for. ``symbol`` is the unified one, empty for what names no market."""

    symbol: str
    intent: Intent
    cancels_foreign: bool = False

    @property
    def place(self) -> Place | None:
        """The order, if it is one."""
        return self.intent if isinstance(self.intent, Place) else None


def market_id(symbol: str) -> str:
    """The exchange's own name of a symbol: ``BTC/USDT`` is ``BTCUSDT`` at Binance, the one exchange served."""
    return symbol.replace("/", "")


def read(text: str) -> Asked:
    """What these words ask for. Raises BadWords."""
    words = text.split()
    if not words:
        raise BadWords("there are no words", LIKE)
    first, *rest = words
    try:
        if first in ("buy", "sell"):
            return _order(Side(first), rest)
        if first == "read" and len(rest) == 1 and rest[0] in set(ReadName):
            return Asked("", Read(ReadName(rest[0])))
        if first == "cancel" and rest in (["own"], ["foreign"]):
            return Asked("", Cancel("", None, "an order"), rest == ["foreign"])
    except BadWords:
        raise
    except BadValue as wrong:
        raise BadWords(wrong.message, wrong.suggestion or LIKE) from None
    raise BadWords(f"{text[:60]!r} is not understood", LIKE)


def _order(side: Side, words: list[str]) -> Asked:
    quantity, quote_quantity, currency = _amount(words)
    found = _SYMBOL.fullmatch(_next(words, "the symbol"))
    if found is None:
        raise BadWords("the symbol is missing after the amount", LIKE)
    if currency and currency != found[2]:
        raise BadWords(f"an amount of {currency} cannot buy or sell in {found[0]}", f"name an amount of {found[2]}")
    kind = _kind(_next(words, "the kind of order"))
    if currency and kind is not OrderKind.MARKET:
        raise BadWords(f"a {kind} order is not for an amount of {currency}", f"name a quantity of {found[1]}")
    place = Place(market_id(found[0]), side, kind, quantity, quote_quantity)
    place = replace(place, **{name: _number(name, words) for name in _NUMBERS[kind]})
    if kind is OrderKind.TRAILING_STOP:
        place = replace(place, kind=OrderKind.STOP_LIMIT)
    if place.kind in _TAKES_TIME:
        place = replace(place, time_in_force=TimeInForce.GTC)
    return Asked(found[0], _options(place, words))


def _amount(words: list[str]) -> tuple[Decimal | None, Decimal | None, str]:
    amount = grammar.positive(_next(words, "the quantity"))
    if words[1:2] == ["of"]:
        currency = grammar.currency(words[0])
        del words[:2]
        return None, amount, currency
    return amount, None, ""


def _kind(word: str) -> OrderKind:
    kinds = {kind.value: kind for kind in _NUMBERS}
    if word not in kinds:
        raise BadWords(f"{word[:40]!r} is no kind of order", f"known: {', '.join(kinds)}")
    return kinds[word]


def _options(place: Place, words: list[str]) -> Place:
    while words:
        option = words.pop(0)
        if option in ("gtc", "ioc", "fok"):
            place = replace(place, time_in_force=TimeInForce(option.upper()))
        elif option == "iceberg":
            place = replace(place, display=_number("display", words))
        elif option == "trailing":
            place = replace(place, trailing_bips=_number("trailing_bips", words))
        elif option == "test":
            place = replace(place, test=True)
        else:
            raise BadWords(f"{option[:40]!r} is not understood", "known: gtc, ioc, fok, iceberg DISPLAY, trailing BIPS")
    return place


def _number(name: str, words: list[str]) -> Any:
    text = _next(words, f"the {name.removesuffix('_bips')}")
    return grammar.count(text) if name == "trailing_bips" else grammar.positive(text)


def _next(words: list[str], what: str) -> str:
    if not words:
        raise BadWords(f"{what} is missing", LIKE)
    return words.pop(0)


def spoken(place: Place, symbol: str) -> str:
    """An order in the words that it reads from."""
    amount = f"{plain(place.quantity)}" if place.quantity is not None else ""
    if place.quote_quantity is not None:
        amount = f"{plain(place.quote_quantity)} {symbol.rpartition('/')[2]} of"
    trails = place.trailing_bips is not None and place.trigger is None
    kind = OrderKind.TRAILING_STOP if trails else place.kind
    numbers = [_written(getattr(place, name)) for name in _NUMBERS.get(kind, ()) if getattr(place, name) is not None]
    words = [place.side.value, amount, symbol, kind.value, *numbers]
    if place.time_in_force not in (None, TimeInForce.GTC):
        words.append(str(place.time_in_force).lower())
    words += ["iceberg", plain(place.display)] if place.display is not None else []
    words += ["trailing", str(place.trailing_bips)] if place.trailing_bips is not None and not trails else []
    return " ".join([*words, *(["test"] if place.test else [])])


def _written(number: Decimal | int) -> str:
    return plain(number) if isinstance(number, Decimal) else str(number)


def from_record(intent: Mapping[str, Any]) -> Place:
    """The order that a record of the audit log describes. Raises BadWords for one that is none."""
    known = {field.name for field in fields(Place)}
    named = {name: value for name, value in intent.items() if name in known}
    try:
        amounts = {name: Decimal(named[name]) for name in _DECIMALS if name in named}
        force = {"time_in_force": TimeInForce(named["time_in_force"])} if "time_in_force" in named else {}
        kinds = {"side": Side(named["side"]), "kind": OrderKind(named["kind"])}
        return Place(**({"quantity": None} | named | amounts | force | kinds))
    except (KeyError, TypeError, ValueError, ArithmeticError) as wrong:
        raise BadWords(f"the record describes no order: {type(wrong).__name__}") from None


_DECIMALS: Final = ("quantity", "quote_quantity", "price", "trigger", "display")
