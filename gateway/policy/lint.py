"""What a loadable policy probably does not mean. Warnings never change what is enforced."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar

from gateway.policy.controls.allow import MARKET_KINDS, Orders, Symbols
from gateway.policy.controls.control import Setting
from gateway.policy.controls.limited import Limited
from gateway.policy.controls.price import MarketPrice, StaleAfter
from gateway.policy.controls.sizes import OrderLimit, QuantityLimit
from gateway.policy.controls.volumes import Turnover
from gateway.policy.grammar import Limit, Unlimited, percent_text
from gateway.policy.strict_yaml import Mark, Problem

_LONG_STALE_MS: Final = 30_000
_WIDE_PROTECT_PERCENT: Final = 5

S = TypeVar("S", bound=Setting)


def warnings(controls: Sequence[Setting], marks: Mapping[str, Mark]) -> tuple[Problem, ...]:
    """Every warning, in the order of the text."""
    stated = [control for control in controls if control.rule in marks]
    found = (finding for check in _CHECKS for finding in check(stated))
    return tuple(
        sorted(
            Problem(marks[rule].line, marks[rule].column, rule, f"{rule}: {message}", suggestion)
            for rule, message, suggestion in found
        )
    )


_Warning = tuple[str, str, str]


def _globs(controls: Sequence[Setting]) -> Iterator[_Warning]:
    for name in sorted(symbols.names) if (symbols := _find(controls, Symbols)) else ():
        if "*" in name:
            yield Symbols.rule, f"{name} allows every such pair, thinly traded ones too", "list the symbols it needs"


def _currencies(controls: Sequence[Setting]) -> Iterator[_Warning]:
    symbols = _find(controls, Symbols)
    if symbols is None or any(name.endswith("/*") for name in symbols.names):
        return
    quotes = {name.rpartition("/")[2] for name in symbols.names}
    for kind in (OrderLimit, Turnover):
        limit = limited.limit if (limited := _find(controls, kind)) else None
        if isinstance(limit, Limit) and (others := quotes - {limit.unit}):
            what = f"is in {limit.unit}; orders in {', '.join(sorted(others))} are all denied"
            yield kind.rule, what, "one policy, one quote currency"


def _quantities(controls: Sequence[Setting]) -> Iterator[_Warning]:
    symbols, quantities = _find(controls, Symbols), _find(controls, QuantityLimit)
    if symbols is None or quantities is None:
        return
    bases = {name.partition("/")[0] for name in symbols.names} - {"*"}
    for base in sorted(bases - set(quantities.by_base)):
        yield QuantityLimit.rule, f"does not list {base}; its orders are all denied", f"add {base}"


def _unlimited(controls: Sequence[Setting]) -> Iterator[_Warning]:
    for control in controls:
        if isinstance(control, Limited) and isinstance(control.limit, Unlimited):
            yield control.rule, "is unlimited; nothing bounds the damage here", "state a limit"


def _unreachable(controls: Sequence[Setting]) -> Iterator[_Warning]:
    order, turnover = _find(controls, OrderLimit), _find(controls, Turnover)
    if order is None or turnover is None:
        return
    one, many = order.limit, turnover.limit
    if isinstance(one, Limit) and isinstance(many, Limit) and one.unit == many.unit and one.number > many.number:
        yield OrderLimit.rule, f"is above limits.turnover ({many})", "lower it"


def _prices(controls: Sequence[Setting]) -> Iterator[_Warning]:
    orders, market, fresh = _find(controls, Orders), _find(controls, MarketPrice), _find(controls, StaleAfter)
    if market and market.protect is None and orders and (kinds := orders.kinds & MARKET_KINDS):
        yield MarketPrice.rule, f"denies {', '.join(sorted(kinds))}, which allow.orders lists", "allow or protect them"
    if market and market.protect is not None and market.protect * 100 > _WIDE_PROTECT_PERCENT:
        yield MarketPrice.rule, f"{percent_text(market.protect)} from the reference is far", "0.3% is common"
    if fresh and fresh.ms > _LONG_STALE_MS:
        yield StaleAfter.rule, f"a price may be {fresh.text} old", "the default is 3s"


def _find(controls: Sequence[Setting], kind: type[S]) -> S | None:
    return next((control for control in controls if isinstance(control, kind)), None)


_CHECKS: Final = (_globs, _currencies, _quantities, _unlimited, _unreachable, _prices)
