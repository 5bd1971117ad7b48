"""Known drains, each as the thief would play it on one rehearsal: he knows the policy, and owns the venue's book.

Every drain trades against a counterparty of the thief's with unlimited funds, at the worst prices that pass. He counts
as the gateway does, and fits each order to what is left, for an order too many may halt the token; only then comes what
succeeded in history (absurd prices, everything at once). Every loop has an end that no answer can take away.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import product
from typing import Final

from gateway.admin.policy_tools.house import House
from gateway.core.intent import OrderKind
from gateway.core.money import plain
from gateway.policy.controls.allow import Sides
from gateway.policy.controls.limited import Limited
from gateway.policy.controls.price import MarketPrice
from gateway.policy.controls.references import Anchor, Collar
from gateway.policy.controls.sizes import OrderLimit
from gateway.policy.controls.volumes import OpenOrders
from gateway.policy.limits import Limit
from gateway.policy.measures import HIGHEST_FEE

_ONE: Final = Decimal(1)
_HUGE: Final = Decimal(1_000_000)
_ABSURD: Final = (Decimal(3), Decimal("0.5"))
"""Distances no policy should let pass; tried last."""
_WITHIN: Final = (Decimal(1), Decimal("0.9"), Decimal("0.6"), Decimal("0.3"), Decimal("0.1"), Decimal(0))
"""Parts of the collar; the last trades at the fair price, for the fees alone."""
_LEAST: Final = Decimal("0.01")
"""How far the thief's far orders lie at least from the fair price."""
PACE_MS: Final = 8_000
LONGEST: Final = 600
"""Trades of one drain. At this pace they fit into two hours, and no budget has come back."""
WAVES: Final = 8
CROWD: Final = 50
"""Orders sent at once."""
STEPS: Final = 20


@dataclass(frozen=True, slots=True)
class Strike:
    """One trade to force: ``distance`` is how far from the fair price on the harmful side, as a fraction."""

    symbol: str
    side: str
    distance: Decimal
    value: Decimal


def worst(house: House, strike: Strike) -> Decimal:
    """The strike's price, on the exchange's grid and no further out than asked."""
    tick, fair = house.listed(strike.symbol).tick, house.fair(strike.symbol)
    buys = strike.side == "BUY"
    exact = fair * (_ONE + strike.distance if buys else _ONE - strike.distance)
    return max(tick, (exact / tick).to_integral_value(ROUND_FLOOR if buys else ROUND_CEILING) * tick)


def quantity(house: House, strike: Strike) -> Decimal:
    """How much of the base the value buys there, on the grid."""
    listed = house.listed(strike.symbol)
    price = max(worst(house, strike), house.fair(strike.symbol))
    return max(listed.step, (strike.value / price / listed.step).to_integral_value(ROUND_FLOOR) * listed.step)


def fitted(house: House, strike: Strike, share: int = 1) -> Strike:
    """The strike no larger than one of so many equal parts of what the policy's budgets have left."""
    left, tradable = house.left(), house.tradable()
    most = [strike.value]
    if left is not None:
        most.append(max(left, Decimal(0)) / share / (strike.distance + HIGHEST_FEE))
    if tradable is not None:
        most.append(max(tradable, Decimal(0)) / share)
    return replace(strike, value=min(most))


def wall(house: House, symbol: str, side: str, price: Decimal) -> None:
    """The thief's book: everything he wants to trade at that price. His other order is as far beyond the fair price,
    so that the middle of his book is where the honest venues are, and charges the order no less favourably.
    """
    tick, deep, other = house.listed(symbol).tick, _deep(house, symbol, price), 2 * house.fair(symbol) - price
    if side == "BUY":
        low = max(tick, min(other, price - tick))
        house.venue.set_book(symbol, [(low, deep)] if low < price else [], [(price, deep)])
    else:
        house.venue.set_book(symbol, [(price, deep)], [(max(other, price + tick), deep)])


def clear(house: House, symbol: str, price: Decimal) -> None:
    """The thief's book with nothing to trade up to that price: far orders alone, so that his venue has a price."""
    tick, fair = house.listed(symbol).tick, house.fair(symbol)
    away = min(max(_LEAST, 2 * abs(price / fair - _ONE)), Decimal("0.9"))
    low = max(tick, (fair * (_ONE - away) / tick).to_integral_value(ROUND_FLOOR) * tick)
    high = (fair * (_ONE + away) / tick).to_integral_value(ROUND_CEILING) * tick
    deep = _deep(house, symbol, fair)
    house.venue.set_book(symbol, [(low, deep)], [(high, deep)])


def sweep(house: House, symbol: str, side: str, price: Decimal) -> None:
    """The counterparty takes whatever rests on that side up to the price, at the orders' own prices."""
    level = [(price, _deep(house, symbol, price))]
    house.venue.set_book(symbol, *([], level) if side == "BUY" else (level, []))


def _deep(house: House, symbol: str, price: Decimal) -> Decimal:
    step = house.listed(symbol).step
    return (_HUGE / price / step).to_integral_value(ROUND_FLOOR) * step or step


async def strike(house: House, one: Strike) -> bool:
    """Force one trade in whatever way the policy leaves open; whether it was let through."""
    orders, price = house.policy.orders, worst(house, one)
    if OrderKind.POST_ONLY in orders and not orders & {OrderKind.LIMIT, OrderKind.MARKET}:
        return await _resting(house, one, price)
    wall(house, one.symbol, one.side, price)
    market = OrderKind.MARKET in orders and OrderKind.LIMIT not in orders
    kind = "MARKET" if market else f"LIMIT&timeInForce=IOC&price={plain(price)}"
    return await house.ask("POST", "/api/v3/order", f"{_named(house, one)}&type={kind}")


async def _resting(house: House, one: Strike, price: Decimal) -> bool:
    """A post-only order is met by the counterparty once it rests."""
    clear(house, one.symbol, price)
    kind = f"LIMIT_MAKER&price={plain(price)}"
    if not await house.ask("POST", "/api/v3/order", f"{_named(house, one)}&type={kind}"):
        return False
    sweep(house, one.symbol, one.side, price)
    await house.learn(1)
    return True


def _named(house: House, one: Strike) -> str:
    return f"symbol={one.symbol}&side={one.side}&quantity={plain(quantity(house, one))}"


def collar(house: House) -> Decimal:
    """How far from the fair price orders may lie; without a control on it, as far as the exchange takes them."""
    stated = [found.fraction for kind in (Collar, Anchor) if (found := house.policy.find(kind)) is not None]
    market = house.policy.find(MarketPrice)
    only_market = OrderKind.LIMIT not in house.policy.orders and OrderKind.POST_ONLY not in house.policy.orders
    if only_market and market is not None and market.protect is not None:
        stated.append(market.protect)
    return min(stated, default=Decimal("0.75"))


def order_value(house: House) -> Decimal:
    """The most that one order may be worth; where nothing says so, a tenth of a purse."""
    return _stated(house, OrderLimit, 100_000) * Decimal("0.99")


def _stated(house: House, kind: type[Limited], otherwise: int) -> Decimal:
    stated = house.policy.find(kind)
    limit = stated.limit if stated is not None else None
    return limit.number if isinstance(limit, Limit) else Decimal(otherwise)


def markets(house: House) -> list[str]:
    """What the token may trade; of a token that may not, one market for it to be refused in."""
    return house.symbols or house.others[:1]


def turns(house: House, wanted: Iterable[str] = ("BUY", "SELL")) -> list[str]:
    """The sides that the policy allows of these; if none, as they were wanted."""
    stated, sides = house.policy.find(Sides), list(wanted)
    allowed = [side for side in sides if stated is None or side.lower() in {str(one.value) for one in stated.sides}]
    return allowed or sides


async def bleed(house: House, value: Decimal, sides: Iterable[str] = ("BUY", "SELL")) -> None:
    """Back and forth at the worst price that passes, then at milder ones, until nothing passes."""
    pairs, edge, played = list(product(markets(house), turns(house, sides))), collar(house), 0
    for part, size in product(_WITHIN, (value, value / 5, value / 50)):
        passed = len(pairs)
        while passed and played < LONGEST:
            passed = 0
            for symbol, side in pairs:
                passed += await strike(house, fitted(house, Strike(symbol, side, edge * part, size)))
                played += 1
                await house.pass_time(PACE_MS)


async def via(house: House) -> None:
    """VIA, 2018: sell what the account holds for what it fetches, then all of it at any price, and buy one worthless
    coin.
    """
    await bleed(house, order_value(house), ("SELL",))
    for symbol, distance in product((*house.symbols, *house.others), (collar(house), Decimal("0.5"))):
        await strike(house, Strike(symbol, "SELL", distance, Decimal(900_000)))
        await house.pass_time(PACE_MS)
    for symbol in house.others:
        await strike(house, Strike(symbol, "BUY", Decimal("1.79"), Decimal(500_000)))
        await house.pass_time(PACE_MS)


async def sys_(house: House) -> None:
    """SYS, 2018: one coin at ever higher prices, at last at millions of times its own."""
    for symbol in markets(house):
        for distance in (*(collar(house) * part for part in reversed(_WITHIN)), *reversed(_ABSURD), Decimal(2_600_000)):
            for side in turns(house):
                far = min(distance, Decimal("0.79")) if side == "SELL" else distance
                one = Strike(symbol, side, far, order_value(house))
                await strike(house, fitted(house, one) if distance <= collar(house) else one)
                await house.pass_time(PACE_MS)


async def dmg(house: House) -> None:
    """DMG, 2022: thousands of trades of 320 each, back and forth with one counterparty."""
    await bleed(house, min(Decimal(320), order_value(house)))


async def axs(house: House) -> None:
    """AXS, 2022: a listed coin is bought up step by step and dropped again, to three times its price if that passes."""
    for step, symbol, side in product(range(1, STEPS + 1), markets(house), turns(house)):
        one = Strike(symbol, side, collar(house) * step / STEPS, order_value(house))
        await strike(house, fitted(house, one, STEPS + 1 - step))
        await house.pass_time(60_000)
    for symbol, distance in product(markets(house), (Decimal("0.5"), Decimal(1), Decimal(2))):
        await strike(house, Strike(symbol, "BUY", distance, order_value(house)))
        await house.pass_time(60_000)


async def sell_wall(house: House) -> None:
    """A wall of the thief's coins at the worst price that passes, bought out to the last."""
    await bleed(house, order_value(house), ("BUY",))


async def walk(house: House) -> None:
    """The venue's own price is walked by prints of a step each, and every order follows the last of them; in the end
    beyond what independent prices allow.
    """
    edge = max(collar(house), Decimal("0.001"))
    for symbol, side, step in product(markets(house), turns(house), range(1, STEPS + 1)):
        one = Strike(symbol, side, edge * step / STEPS, order_value(house))
        house.venue.set_price(symbol, worst(house, one))
        await strike(house, fitted(house, one, STEPS + 1 - step))
        await house.pass_time(30_000)
    await bleed(house, order_value(house))
    for symbol, step in product(markets(house), range(1, 4)):
        one = Strike(symbol, "BUY", edge * (1 + step), order_value(house))
        house.venue.set_price(symbol, worst(house, one))
        await strike(house, one)


async def flood(house: House) -> None:
    """As many orders at once as pass, and all of them filled before the gateway can learn of one; then one wave more
    than the budget holds.
    """
    crowd = max(1, min(CROWD, int(_stated(house, OpenOrders, CROWD))))
    for wave, symbol, side in product(range(WAVES), markets(house), turns(house)):
        one = Strike(symbol, side, collar(house), order_value(house))
        await _wave(house, fitted(house, one, crowd) if wave < WAVES - 1 else one)


async def _wave(house: House, one: Strike) -> None:
    price = worst(house, one)
    kind = "LIMIT&timeInForce=GTC" if OrderKind.LIMIT in house.policy.orders else "LIMIT_MAKER"
    order = f"{_named(house, one)}&type={kind}&price={plain(price)}"
    clear(house, one.symbol, price)
    await asyncio.gather(*(house.ask("POST", "/api/v3/order", order) for _ in range(CROWD)))
    sweep(house, one.symbol, one.side, price)
    clear(house, one.symbol, price)
    await house.learn()
    await house.pass_time(61_000)


async def churn(house: House) -> None:
    """Back and forth at the fair price, for the fees."""
    played, passed = 0, True
    while passed and played < LONGEST:
        passed = False
        for symbol, side in product(markets(house), turns(house)):
            passed |= await strike(house, fitted(house, Strike(symbol, side, Decimal(0), order_value(house))))
            await house.pass_time(PACE_MS)
            played += 1


async def triggers(house: House) -> None:
    """Stops and take-profits that the thief's own prints set off, with limits as far out as they go."""
    symbol = markets(house)[0]
    kinds = (("STOP_LOSS", ""), ("TAKE_PROFIT", ""), ("STOP_LOSS_LIMIT", "y"), ("TAKE_PROFIT_LIMIT", "y"))
    for distance, (kind, limit), side in product((collar(house), *_ABSURD), kinds, turns(house)):
        one = fitted(house, Strike(symbol, side, min(distance, Decimal("0.7")), order_value(house)))
        house.venue.set_price(symbol, house.fair(symbol))
        price = worst(house, one)
        priced = f"&timeInForce=GTC&price={plain(price)}" if limit else ""
        trigger = worst(house, replace(one, distance=one.distance / 2))
        sent = f"{_named(house, one)}&type={kind}&stopPrice={plain(trigger)}{priced}"
        if await house.ask("POST", "/api/v3/order", sent):
            house.venue.set_price(symbol, price)
            wall(house, symbol, side, price)
            await house.learn(1)
        await house.pass_time(PACE_MS)
