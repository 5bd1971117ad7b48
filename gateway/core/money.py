"""Money is Decimal, finite, with its currency. One grammar for every number that comes from outside.

A number is ASCII digits with an optional fraction: ``0.001``, ``50000``. No sign, exponent, space, separator,
leading zero, NaN or infinity: each of those means different things to different parsers.
"""

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext
from typing import Final

from msgspec import Struct

_NUMBER: Final = re.compile(r"(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?", re.ASCII)
EXACT: Final = Context(prec=160)
"""Products of up to four parsed numbers are exact in this context (36 digits each at the most)."""


class BadNumber(ValueError):
    """The text is not a number in the one grammar."""


def parse_number(text: str) -> Decimal:
    """Text to a finite Decimal ≥ 0. Raises BadNumber for anything outside the grammar."""
    if not _NUMBER.fullmatch(text):
        raise BadNumber(f"{text[:40]!r} is not a plain decimal number")
    return Decimal(text)


def plain(number: Decimal) -> str:
    """The number in the one grammar: no exponent, no trailing zeros."""
    text = str(number)
    if "E" in text:
        text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def floor_to(number: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of ``step`` that is not above ``number``."""
    return _to_step(number, step, ROUND_FLOOR)


def ceil_to(number: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of ``step`` that is not below ``number``."""
    return _to_step(number, step, ROUND_CEILING)


def _to_step(number: Decimal, step: Decimal, rounding: str) -> Decimal:
    with localcontext(EXACT):
        return (number / step).to_integral_value(rounding) * step


class Money(Struct, frozen=True):
    """An amount of one currency. Adding different currencies is an error, never a conversion."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not self.amount.is_finite():
            raise ValueError("money must be finite")

    def __str__(self) -> str:
        return f"{plain(self.amount)} {self.currency}"
