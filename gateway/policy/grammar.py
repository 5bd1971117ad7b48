"""The grammar of a policy's single values. Text in, exact values out; what is not in the grammar is a BadValue.

    number  = ASCII digits, "_" between digits, one "." ; no sign, exponent, leading zero, NaN or infinity
    window  = digits ("ms" | "s" | "m" | "h" | "d")          percent = number "%"

Every value prints back as the text it reads from (``str``), in its shortest form.
"""

import re
from decimal import Decimal
from typing import Final

from gateway.core.money import BadNumber, parse_number, plain

CURRENCY: Final = r"[A-Z0-9]{1,20}"
SYMBOL: Final = rf"{CURRENCY}/{CURRENCY}|\*/{CURRENCY}|{CURRENCY}/\*"
NUMBER: Final = r"[0-9]+(_[0-9]+)*(\.[0-9]+(_[0-9]+)*)?"
WINDOW: Final = r"[1-9][0-9]{0,9}(ms|s|m|h|d)"
MAX_WINDOW_MS: Final = 31 * 86_400_000
"""The longest window: what the ledger must remember stays bounded."""

_UNITS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_CURRENCY: Final = re.compile(rf"(?=.*[A-Z]){CURRENCY}", re.ASCII)
_NUMBER: Final = re.compile(NUMBER, re.ASCII)
_WINDOW: Final = re.compile(r"([0-9]{1,10})(ms|s|m|h|d)", re.ASCII)
_SYMBOL: Final = re.compile(SYMBOL, re.ASCII)
_DERIVATIVE: Final = re.compile(rf"{CURRENCY}/{CURRENCY}:{CURRENCY}(-[A-Z0-9-]+)?", re.ASCII)


class BadValue(ValueError):
    """The text is not in the grammar; ``suggestion`` says what would be."""

    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion


def number(text: str) -> Decimal:
    """A number ≥ 0: ``0.05``, ``50_000``, ``1_000.5``."""
    if not _NUMBER.fullmatch(text):
        raise BadValue(f"{quoted(text)} is not a number", "write digits with '_' and '.' only, like 1_000.5")
    try:
        return parse_number(text.replace("_", ""))
    except BadNumber:
        return _unusual(text)


def _unusual(text: str) -> Decimal:
    whole, _, fraction = text.replace("_", "").partition(".")
    stripped = whole.lstrip("0") or "0"
    if stripped != whole and len(stripped) <= 18 and len(fraction) <= 18:
        raise BadValue(f"{quoted(text)} has a leading zero", f"write {stripped}{'.' if fraction else ''}{fraction}")
    raise BadValue(f"{quoted(text)} has more than 18 digits on one side of the point")


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
        raise BadValue(f"{quoted(text)} is not a whole number")
    return int(value)


def currency(text: str) -> str:
    """A currency's code: ``USDT``."""
    if not _CURRENCY.fullmatch(text):
        upper = f"write {text.upper()}" if _CURRENCY.fullmatch(text.upper()) else "write its code, like USDT"
        raise BadValue(f"{quoted(text)} is not a currency", upper)
    return text


def window(text: str) -> int:
    """A duration in ms: ``500ms``, ``1s``, ``5m``, ``24h``, ``7d``."""
    found = _WINDOW.fullmatch(text)
    if not found:
        raise BadValue(f"{quoted(text)} is not a duration", "write it like 500ms, 1s, 5m, 24h or 7d")
    if found[1].startswith("0"):
        raise BadValue(f"{quoted(text)} is no duration above zero", "write it like 500ms, 1s, 5m, 24h or 7d")
    if (length := int(found[1]) * _UNITS[found[2]]) > MAX_WINDOW_MS:
        raise BadValue(f"{quoted(text)} is longer than 31 days", "31d is the longest")
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
        raise BadValue(f"{quoted(text)} is not a percentage", "write it like 0.3%")
    value = positive(text[:-1])
    if value >= 100:
        raise BadValue(f"{quoted(text)} is not below 100%")
    return value.scaleb(-2)


def percent_text(fraction: Decimal) -> str:
    """The fraction as a percentage."""
    return f"{plain(fraction.scaleb(2))}%"


def symbol(text: str) -> str:
    """A unified spot symbol ``BTC/USDT``, or a glob with one whole side open: ``*/USDT``, ``BTC/*``."""
    if _SYMBOL.fullmatch(text):
        return text
    if _DERIVATIVE.fullmatch(text):
        raise BadValue(f"{quoted(text)} is a derivative: not supported yet by this version", "list spot symbols only")
    if text in ("*", "*/*"):
        raise BadValue(f"{quoted(text)} would allow everything", 'name a quote, like "*/USDT"')
    if "*" in text:
        raise BadValue(f"{quoted(text)} is no pattern", "a '*' stands for one whole side: \"*/USDT\" or BTC/*")
    upper = text.upper().replace("-", "/").replace("_", "/")
    if _SYMBOL.fullmatch(upper):
        raise BadValue(f"{quoted(text)} is not a symbol", f"did you mean {upper}?")
    raise BadValue(f"{quoted(text)} is not a symbol", "write BASE/QUOTE, like BTC/USDT")


def between(text: str, lead: str, tail: str, like: str) -> str:
    """What stands between two fixed phrases: the ``1%`` of ``1% from reference``."""
    words = " ".join(word for word in text.split(" ") if word)
    if not (words.startswith(lead) and words.endswith(tail) and len(words) > len(lead) + len(tail)):
        raise BadValue(f"{quoted(text)} is not understood", f"write it like {like}")
    return words[len(lead) : len(words) - len(tail)]


def quoted(text: str) -> str:
    """A person's word as an error repeats it: in quotes, and not too much of it."""
    return repr(text if len(text) <= 40 else text[:39] + "…")
