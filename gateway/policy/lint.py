"""What a loadable policy probably does not mean. Warnings never change what is enforced."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeVar

from gateway.core.intent import OrderKind
from gateway.core.money import EXACT, plain
from gateway.policy.controls.allow import MARKET_KINDS, Orders, Symbols
from gateway.policy.controls.budgets import Giveaway
from gateway.policy.controls.control import Setting
from gateway.policy.controls.limited import Limited
from gateway.policy.controls.positions import Loss, Position
from gateway.policy.controls.price import MarketPrice, StaleAfter
from gateway.policy.controls.rates import Messages, Requests
from gateway.policy.controls.references import Collar, Sources
from gateway.policy.controls.sizes import OrderLimit, QuantityLimit
from gateway.policy.controls.volumes import OpenOrders, Turnover
from gateway.policy.grammar import percent_text
from gateway.policy.limits import Limit, Scope, Unlimited
from gateway.policy.measures import HIGHEST_FEE, within
from gateway.policy.strict_yaml import Mark, Problem

_LONG_STALE_MS: Final = 30_000
_WIDE_PERCENT: Final = 5
_ON_TOP: Final = frozenset({OrderKind.ICEBERG, OrderKind.TRAILING_STOP})

S = TypeVar("S", bound=Setting)


def warnings(controls: Sequence[Setting], marks: Mapping[str, Mark]) -> tuple[Problem, ...]:
    """Every warning about what ``marks`` says is stated, in the order of the text."""
    found = (finding for check in _CHECKS for finding in check(controls))
    return tuple(
        sorted(
            Problem(marks[rule].line, marks[rule].column, rule, f"{rule}: {message}", suggestion)
            for rule, message, suggestion in found
            if rule in marks
        )
    )


_Warning = tuple[str, str, str]


def _globs(controls: Sequence[Setting]) -> Iterator[_Warning]:
    symbols = _find(controls, Symbols)
    for name in sorted(symbols.names) if symbols else ():
        if "*" in name:
            yield Symbols.rule, f"{name} allows every such pair, thinly traded ones too", "list the symbols it needs"
    for kind in (OpenOrders, Position):
        limit = _limit(controls, kind)
        if limit and limit.scope is Scope.EACH and symbols and symbols.open_ended:
            yield kind.rule, "each of an unknown number of symbols is no bound", "list the symbols, or limit it in all"


def _modifiers(controls: Sequence[Setting]) -> Iterator[_Warning]:
    """Kinds that come on top of another one, without any other."""
    orders = _find(controls, Orders)
    if orders and orders.kinds and orders.kinds <= _ON_TOP:
        yield Orders.rule, f"{orders.text} alone allows no order", "add the kind that it is besides, like limit"


def _currencies(controls: Sequence[Setting]) -> Iterator[_Warning]:
    symbols = _find(controls, Symbols)
    if symbols is None or any(name.endswith("/*") for name in symbols.names):
        return
    quotes = {name.rpartition("/")[2] for name in symbols.names}
    for kind in (OrderLimit, Position, Turnover, Loss, Giveaway):
        limit = _limit(controls, kind)
        if limit and (others := quotes - {limit.unit}):
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
    sources = _find(controls, Sources)
    if sources and sources.count < 2:
        yield Sources.rule, "one book is the reference, and who moves it moves every bound", "write 2"


def _unreachable(controls: Sequence[Setting]) -> Iterator[_Warning]:
    """A limit that another one keeps from ever being reached."""
    for one, above in ((OrderLimit, Turnover), (OrderLimit, Position), (Messages, Requests)):
        small, large = _limit(controls, one), _limit(controls, above)
        # What fits into the longer window fits into the shorter one, not the reverse; no window is the shortest.
        comparable = small and large and small.unit == large.unit and small.window_ms <= large.window_ms
        if small and large and comparable and small.number > large.number:
            yield one.rule, f"is above {above.rule} ({large})", "lower it"


def _fees(controls: Sequence[Setting]) -> Iterator[_Warning]:
    """Budgets of losses: eaten by honest fees, or never reached because the others end sooner."""
    giveaway, turnover = _limit(controls, Giveaway), _limit(controls, Turnover)
    if giveaway is None or turnover is None:
        return
    traded = within(turnover.number, turnover.window_ms, giveaway.window_ms)
    fees = EXACT.multiply(traded, HIGHEST_FEE)
    if fees >= giveaway.number:
        what = f"fees alone take {plain(fees)} {giveaway.unit} of it when limits.turnover is used up"
        yield Giveaway.rule, what, "raise it, or lower limits.turnover"
    collar = _find(controls, Collar)
    if collar and (most := EXACT.multiply(traded, collar.fraction + HIGHEST_FEE)) < giveaway.number:
        what = f"is never reached: limits.turnover and price.collar end at {plain(most)} {giveaway.unit}"
        yield Giveaway.rule, what, "lower it"


def _prices(controls: Sequence[Setting]) -> Iterator[_Warning]:
    orders, market, fresh = _find(controls, Orders), _find(controls, MarketPrice), _find(controls, StaleAfter)
    if market and market.protect is None and orders and (kinds := orders.kinds & MARKET_KINDS):
        yield MarketPrice.rule, f"denies {', '.join(sorted(kinds))}, which allow.orders lists", "allow or protect them"
    if market and market.protect is not None and market.protect * 100 > _WIDE_PERCENT:
        yield MarketPrice.rule, f"{percent_text(market.protect)} from the reference is far", "0.3% is common"
    if fresh and fresh.ms > _LONG_STALE_MS:
        yield StaleAfter.rule, f"a price may be {fresh.text} old", "the default is 3s"
    yield from _collars(market, _find(controls, Collar))


def _collars(market: MarketPrice | None, collar: Collar | None) -> Iterator[_Warning]:
    if collar and collar.fraction * 100 > _WIDE_PERCENT:
        yield Collar.rule, f"{percent_text(collar.fraction)} from the reference is far", "1% is common"
    if collar and market and (market.protect or Decimal(0)) > collar.fraction:
        what = f"lets market orders leave beyond price.collar ({collar.text}), which denies them"
        yield MarketPrice.rule, what, "lower it"


def _find(controls: Sequence[Setting], kind: type[S]) -> S | None:
    return next((control for control in controls if isinstance(control, kind)), None)


def _limit(controls: Sequence[Setting], kind: type[Limited]) -> Limit | None:
    found = _find(controls, kind)
    return found.limit if found and isinstance(found.limit, Limit) else None


_CHECKS: Final = (_globs, _modifiers, _currencies, _quantities, _unlimited, _unreachable, _fees, _prices)
