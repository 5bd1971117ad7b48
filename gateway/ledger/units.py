"""Exact sums. The ledger counts amounts in whole units of 10⁻¹⁸, as integers, so that no order of adding rounds.

An amount with more digits is rounded up: a limit has at most 18 decimals, so what fits under it still fits.
"""

from decimal import ROUND_CEILING, Context, Decimal
from typing import Final

_SCALE: Final = 18
_WIDE: Final = Context(prec=200)


def units(amount: Decimal) -> int:
    """The smallest number of units that is not below the amount."""
    return int(amount.scaleb(_SCALE, _WIDE).to_integral_value(ROUND_CEILING, _WIDE))


def more(before: Decimal, after: Decimal) -> int:
    """How many units the second amount has above the first."""
    return 0 if after == before else units(after) - units(before)


def amount(number: int) -> Decimal:
    """So many units as an amount, exactly."""
    return Decimal(number).scaleb(-_SCALE, _WIDE)
