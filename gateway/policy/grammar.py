"""The one grammar of a policy's values. Text in, exact values out; what is not in the grammar is a BadValue.

    limit   = number [currency] ["each" | "in all"] ["per" window] ["then" action]  |  "unlimited because" reason
    number  = ASCII digits, "_" between digits, one "." ; no sign, exponent, leading zero, NaN or infinity
    window  = digits ("ms" | "s" | "m" | "h" | "d")          percent = number "%"

Every value prints back as the text it reads from (``str``), in its shortest form.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from gateway.core.decision import Action
from gateway.core.money import BadNumber, Money, parse_number, plain

CURRENCY: Final = r"[A-Z0-9]{1,20}"
SYMBOL: Final = rf"{CURRENCY}/{CURRENCY}|\*/{CURRENCY}|{CURRENCY}/\*"
NUMBER: Final = r"[0-9]+(_[0-9]+)*(\.[0-9]+(_[0-9]+)*)?"
WINDOW: Final = r"[1-9][0-9]{0,9}(ms|s|m|h|d)"
UNLIMITED: Final = r"unlimited because \S.*"
MAX_WINDOW_MS: Final = 31 * 86_400_000
"""The longest window: what the ledger must remember stays bounded."""

_ACTIONS: Final = {action.value: action for action in Action}
_ACTIONS_LIKE: Final = "an action is deny, reduce_only, cancel_only or halt"
_SEVERITY: Final = {action: rank for rank, action in enumerate(Action)}
PASSING: Final = frozenset({Action.REDUCE_ONLY, Action.CANCEL_ONLY})
"""Actions that end with the limit's window; after a halt only a person resumes."""
_WORDS: Final = frozenset({"each", "in", "per", "then"})
_UNITS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_CURRENCY: Final = re.compile(rf"(?=.*[A-Z]){CURRENCY}", re.ASCII)
_NUMBER: Final = re.compile(NUMBER, re.ASCII)
_WINDOW: Final = re.compile(r"([0-9]{1,10})(ms|s|m|h|d)", re.ASCII)
_SYMBOL: Final = re.compile(SYMBOL, re.ASCII)
_DERIVATIVE: Final = re.compile(rf"{CURRENCY}/{CURRENCY}:{CURRENCY}(-[A-Z0-9-]+)?", re.ASCII)
_GLUED: Final = re.compile(rf"({NUMBER})([A-Za-z]{{3,}})", re.ASCII)


class BadValue(ValueError):
    """The text is not in the grammar; ``suggestion`` says what would be."""

    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion


def number(text: str) -> Decimal:
    """A number ≥ 0: ``0.05``, ``50_000``, ``1_000.5``."""
    if not _NUMBER.fullmatch(text):
        raise BadValue(f"{_quote(text)} is not a number", "write digits with '_' and '.' only, like 1_000.5")
    try:
        return parse_number(text.replace("_", ""))
    except BadNumber:
        return _unusual(text)


def _unusual(text: str) -> Decimal:
    whole, _, fraction = text.replace("_", "").partition(".")
    stripped = whole.lstrip("0") or "0"
    if stripped != whole and len(stripped) <= 18 and len(fraction) <= 18:
        raise BadValue(f"{_quote(text)} has a leading zero", f"write {stripped}{'.' if fraction else ''}{fraction}")
    raise BadValue(f"{_quote(text)} has more than 18 digits on one side of the point")


def positive(text: str) -> Decimal:
    """A number > 0."""
    value = number(text)
    if not value:
        raise BadValue("zero makes no sense here")
    return value


def count(text: str) -> int:
    """A whole number ≥ 1."""
    value = positive(text)
    if value != value.to_integral_value():
        raise BadValue(f"{_quote(text)} is not a whole number")
    return int(value)


def currency(text: str) -> str:
    """A currency's code: ``USDT``."""
    if not _CURRENCY.fullmatch(text):
        upper = f"write {text.upper()}" if _CURRENCY.fullmatch(text.upper()) else "write its code, like USDT"
        raise BadValue(f"{_quote(text)} is not a currency", upper)
    return text


def window(text: str) -> int:
    """A duration in ms: ``500ms``, ``1s``, ``5m``, ``24h``, ``7d``."""
    found = _WINDOW.fullmatch(text)
    if not found:
        raise BadValue(f"{_quote(text)} is not a duration", "write it like 500ms, 1s, 5m, 24h or 7d")
    if found[1].startswith("0"):
        raise BadValue(f"{_quote(text)} is no duration above zero", "write it like 500ms, 1s, 5m, 24h or 7d")
    if (length := int(found[1]) * _UNITS[found[2]]) > MAX_WINDOW_MS:
        raise BadValue(f"{_quote(text)} is longer than 31 days", "31d is the longest")
    return length


def window_text(ms: int) -> str:
    """The duration in its shortest form (``24h`` stays hours up to two days, as people say it)."""
    if ms % 3_600_000 == 0 and ms <= 48 * 3_600_000:
        return f"{ms // 3_600_000}h"
    unit = next(unit for unit, size in _UNITS.items() if ms % size == 0)
    return f"{ms // _UNITS[unit]}{unit}"


def percent(text: str) -> Decimal:
    """A percentage as a fraction: ``0.3%`` is 0.003. Above zero, below 100."""
    if not text.endswith("%"):
        raise BadValue(f"{_quote(text)} is not a percentage", "write it like 0.3%")
    value = positive(text[:-1])
    if value >= 100:
        raise BadValue(f"{_quote(text)} is not below 100%")
    return value.scaleb(-2)


def percent_text(fraction: Decimal) -> str:
    """The fraction as a percentage."""
    return f"{plain(fraction.scaleb(2))}%"


def symbol(text: str) -> str:
    """A unified spot symbol ``BTC/USDT``, or a glob with one whole side open: ``*/USDT``, ``BTC/*``."""
    if _SYMBOL.fullmatch(text):
        return text
    if _DERIVATIVE.fullmatch(text):
        raise BadValue(f"{_quote(text)} is a derivative: not supported yet by this version", "list spot symbols only")
    if text in ("*", "*/*"):
        raise BadValue(f"{_quote(text)} would allow everything", 'name a quote, like "*/USDT"')
    if "*" in text:
        raise BadValue(f"{_quote(text)} is no pattern", "a '*' stands for one whole side: \"*/USDT\" or BTC/*")
    upper = text.upper().replace("-", "/").replace("_", "/")
    if _SYMBOL.fullmatch(upper):
        raise BadValue(f"{_quote(text)} is not a symbol", f"did you mean {upper}?")
    raise BadValue(f"{_quote(text)} is not a symbol", "write BASE/QUOTE, like BTC/USDT")


class Scope(StrEnum):
    """What a limit counts over."""

    EACH = "each"
    IN_ALL = "in all"


@dataclass(frozen=True, slots=True)
class Unlimited:
    """No limit, by a written decision."""

    because: str

    def __str__(self) -> str:
        return f"unlimited because {self.because}"


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as written. ``unit`` is a currency, empty for a count; ``window_ms`` 0 = it has none."""

    number: Decimal
    unit: str = ""
    scope: Scope | None = None
    window_ms: int = 0
    action: Action = Action.DENY

    def __str__(self) -> str:
        parts = [plain(self.number), self.unit, self.scope if self.scope is Scope.EACH else ""]
        parts.append(f"per {window_text(self.window_ms)}" if self.window_ms else "")
        parts.append(f"then {self.action}" if self.action is not Action.DENY else "")
        return " ".join(filter(None, parts))

    @property
    def money(self) -> Money:
        """The number as money of its unit."""
        return Money(self.number, self.unit)


@dataclass(frozen=True, slots=True)
class Shape:
    """Which parts of the grammar one limit has. ``must_act``: it must say what follows; ``acts``: it may."""

    example: str
    money: bool = False
    scoped: bool = False
    windowed: bool = False
    must_act: bool = False
    acts: bool = True

    @property
    def like(self) -> str:
        """The suggestion for a value that has another shape."""
        return f"write it like {self.example}"


def limit(text: str, shape: Shape) -> Limit:
    """A limit of this shape. Raises BadValue."""
    words = [word for word in text.split(" ") if word]
    if not words:
        raise BadValue("an empty value", shape.like)
    if glued := _GLUED.fullmatch(words[0]):
        raise BadValue(f"{_quote(words[0])} is not a number", _unglued(glued, words[1:], shape))
    amount = positive(words[0]) if shape.money else Decimal(count(words[0]))
    rest = words[1:]
    unit = _unit(rest, shape)
    scope = _scope(rest, shape)
    length = _per(rest, shape)
    action = _then(rest, shape)
    if rest:
        raise BadValue(f"unexpected {_quote(rest[0])}", shape.like)
    return Limit(amount, unit, scope, length, action)


def limit_or_unlimited(text: str, shape: Shape) -> Limit | Unlimited:
    """A limit of this shape, or ``unlimited because <reason>``."""
    if text.split(" ", 1)[0].lower() != "unlimited":
        return limit(text, shape)
    if shape.must_act:
        raise BadValue("this one cannot be unlimited", f"{shape.like}, or leave the key out")
    if not re.fullmatch(UNLIMITED, text) or "\n" in text:
        raise BadValue("a limit that is lifted needs its reason", "write: unlimited because <reason>")
    return Unlimited(text.removeprefix("unlimited because ").strip())


def tighter(one: Limit | Unlimited, other: Limit | Unlimited) -> Limit | Unlimited:
    """What is at most as much as either: the smaller number in the longer window, the graver action.

    Raises BadValue where they are in different currencies.
    """
    if isinstance(one, Unlimited) or isinstance(other, Unlimited):
        return other if isinstance(one, Unlimited) and isinstance(other, Limit) else one
    if one.unit != other.unit:
        raise BadValue(f"{one} and {other} cannot be compared", "one policy, one quote currency")
    return Limit(
        min(one.number, other.number),
        one.unit,
        one.scope if one.scope is other.scope else Scope.IN_ALL,
        max(one.window_ms, other.window_ms),
        max(one.action, other.action, key=_SEVERITY.__getitem__),
    )


def between(text: str, lead: str, tail: str, like: str) -> str:
    """What stands between two fixed phrases: the ``1%`` of ``1% from reference``."""
    words = " ".join(word for word in text.split(" ") if word)
    if not (words.startswith(lead) and words.endswith(tail) and len(words) > len(lead) + len(tail)):
        raise BadValue(f"{_quote(text)} is not understood", f"write it like {like}")
    return words[len(lead) : len(words) - len(tail)]


def money(text: str, like: str) -> Money:
    """An amount of a currency: ``500 USDT``."""
    return limit(text, Shape(like, money=True, acts=False)).money


def _unglued(glued: re.Match[str], rest: list[str], shape: Shape) -> str:
    spaced = " ".join([glued[1], glued[glued.lastindex or 0].upper(), *rest])
    return f"write {spaced}" if shape.money and _reads(spaced, shape) else shape.like


def _reads(text: str, shape: Shape) -> bool:
    try:
        limit(text, shape)
    except BadValue:
        return False
    return True


def _unit(rest: list[str], shape: Shape) -> str:
    if not shape.money:
        return ""
    if not rest or rest[0] in _WORDS:
        raise BadValue("the currency is missing", shape.like)
    return currency(rest.pop(0))


def _scope(rest: list[str], shape: Shape) -> Scope | None:
    if not shape.scoped:
        return None
    if rest[:1] == ["each"]:
        del rest[:1]
        return Scope.EACH
    if rest[:2] == ["in", "all"]:
        del rest[:2]
    return Scope.IN_ALL


def _per(rest: list[str], shape: Shape) -> int:
    return _word(rest, "per", window, shape) if shape.windowed else 0


def _word(rest: list[str], word: str, read: Callable[[str], int], shape: Shape) -> int:
    if rest[:1] != [word] or len(rest) < 2:
        raise BadValue(
            f"'{word} …' is missing" if not rest or rest == [word] else f"unexpected {_quote(rest[0])}", shape.like
        )
    value = read(rest[1])
    del rest[:2]
    return value


def _then(rest: list[str], shape: Shape) -> Action:
    if rest[:1] != ["then"] or not shape.acts:
        if shape.must_act and not rest:
            raise BadValue("'then …' is missing", shape.like)
        return Action.DENY
    if len(rest) == 1:
        raise BadValue("'then …' is missing its action", shape.like if shape.must_act else _ACTIONS_LIKE)
    if len(rest) != 2 or rest[1] not in _ACTIONS:
        raise BadValue(f"{_quote(' '.join(rest[1:]))} is no action", _ACTIONS_LIKE)
    action = _ACTIONS[rest[1]]
    _applies(action, shape)
    rest.clear()
    return action


def _applies(action: Action, shape: Shape) -> None:
    if action in PASSING and not shape.windowed:
        raise BadValue(f"'then {action}' ends with a window, and this limit has none", "write 'then halt'")
    if action is Action.DENY and shape.must_act:
        raise BadValue("'then deny' does nothing here", shape.like)


def _quote(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")
