"""Known drains, each as the thief would play it on one rehearsal: he knows the policy, and owns the venue's book.

Every drain trades against a counterparty of the thief's with unlimited funds, at the worst prices that pass. Each
begins with what succeeded in history (absurd prices, everything at once), and then takes what the policy leaves.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from gateway.admin.policy_tools.house import House
from gateway.core.intent import OrderKind
from gateway.core.money import plain
from gateway.policy.controls.limited import Limited
from gateway.policy.controls.price import MarketPrice
from gateway.policy.controls.references import Collar
from gateway.policy.controls.sizes import OrderLimit
from gateway.policy.grammar import Limit

_ONE: Final = Decimal(1)
_HUGE: Final = Decimal(1_000_000)
_ABSURD: Final = (Decimal(3), Decimal("0.5"))
"""Distances no policy should let pass; tried first."""
_WITHIN: Final = (Decimal(1), Decimal("0.9"), Decimal("0.6"), Decimal("0.3"), Decimal("0.1"), Decimal(0))
"""Parts of the collar; the last trades at the fair price, for the fees alone."""
PACE_MS: Final = 8_000
LONGEST: Final = 600
"""Trades of one drain. At this pace they fit into two hours, and no budget has come back."""


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


def wall(house: House, symbol: str, side: str, price: Decimal) -> None:
    """The thief's book: everything he wants to trade at that price, and a far order on the other side."""
    listed, fair = house.listed(symbol), house.fair(symbol)
    deep = (_HUGE / price / listed.step).to_integral_value(ROUND_FLOOR) * listed.step or listed.step
    low = max(listed.tick, (min(price, fair) * Decimal("0.99") / listed.tick).to_integral_value() * listed.tick)
    high = (max(price, fair) * Decimal("1.01") / listed.tick).to_integral_value(ROUND_CEILING) * listed.tick
    if side == "BUY":
        house.venue.set_book(symbol, [(low if low < price else listed.tick, deep)], [(price, deep)])
    else:
        house.venue.set_book(symbol, [(price, deep)], [(high, deep)])


async def strike(house: House, one: Strike) -> bool:
    """Force one trade in whatever way the policy leaves open; whether it was let through."""
    orders, size, price = house.policy.orders, quantity(house, one), worst(house, one)
    named = f"symbol={one.symbol}&side={one.side}&quantity={plain(size)}"
    if OrderKind.LIMIT in orders or not orders & {OrderKind.POST_ONLY, OrderKind.MARKET}:
        wall(house, one.symbol, one.side, price)
        return await house.ask("POST", "/api/v3/order", f"{named}&type=LIMIT&timeInForce=IOC&price={plain(price)}")
    if OrderKind.MARKET in orders:
        wall(house, one.symbol, one.side, price)
        return await house.ask("POST", "/api/v3/order", f"{named}&type=MARKET")
    return await _resting(house, one, f"{named}&type=LIMIT_MAKER&price={plain(price)}", price, size)


async def _resting(house: House, one: Strike, parameters: str, price: Decimal, size: Decimal) -> bool:
    """A post-only order is met by the counterparty once it rests."""
    house.venue.set_book(one.symbol, [], [])
    if not await house.ask("POST", "/api/v3/order", parameters):
        return False
    house.venue.trade(one.symbol, "SELL" if one.side == "BUY" else "BUY", size, price)
    await house.learn()
    return True


def collar(house: House) -> Decimal:
    """How far from the fair price orders may lie; without a collar as far as the exchange takes them."""
    stated, market = house.policy.find(Collar), house.policy.find(MarketPrice)
    only_market = OrderKind.LIMIT not in house.policy.orders and OrderKind.POST_ONLY not in house.policy.orders
    if only_market and market is not None and market.protect is not None:
        return market.protect
    return stated.fraction if stated is not None else Decimal("0.75")


def order_value(house: House) -> Decimal:
    """The most that one order may be worth; where nothing says so, a tenth of a purse."""
    stated = house.policy.find(OrderLimit)
    limit = stated.limit if isinstance(stated, Limited) else None
    most = limit.number if isinstance(limit, Limit) else Decimal(100_000)
    return most * Decimal("0.99")


async def bleed(house: House, symbols: Iterable[str], value: Decimal, sides: Iterable[str] = ("BUY", "SELL")) -> None:
    """Back and forth at the worst price that passes, then at milder ones, until nothing passes."""
    edge, played, turns = collar(house), 0, list(sides)
    for part in _WITHIN:
        for size in (value, value / 5, value / 50):
            refused = 0
            while refused < len(turns) and played < LONGEST:
                refused = 0
                for symbol in symbols:
                    for side in turns:
                        refused += not await strike(house, Strike(symbol, side, edge * part, size))
                        played += 1
                        house.pass_time(PACE_MS)
                refused //= max(1, len(list(symbols)))


async def via(house: House) -> None:
    """VIA, 2018: sell everything the account holds, whatever the price, then buy one worthless coin."""
    for symbol in (*house.symbols, *house.others):
        for distance in (Decimal("0.5"), collar(house)):
            await strike(house, Strike(symbol, "SELL", distance, Decimal(900_000)))
            house.pass_time(PACE_MS)
    for symbol in house.others:
        await strike(house, Strike(symbol, "BUY", Decimal("1.79"), Decimal(500_000)))
        house.pass_time(PACE_MS)
    await bleed(house, house.symbols, order_value(house), ("SELL",))


async def sys_(house: House) -> None:
    """SYS, 2018: one coin at millions of times its price, then at what the exchange itself still takes."""
    for symbol in house.symbols or house.others[:1]:
        for distance in (Decimal(2_600_000), *_ABSURD, Decimal("0.05")):
            await strike(house, Strike(symbol, "BUY", distance, Decimal(100_000)))
            house.pass_time(PACE_MS)
            await strike(house, Strike(symbol, "SELL", min(distance, Decimal("0.79")), Decimal(100_000)))
            house.pass_time(PACE_MS)


async def dmg(house: House) -> None:
    """DMG, 2022: thousands of trades of 320 each, back and forth with one counterparty."""
    await bleed(house, house.symbols or house.others[:1], min(Decimal(320), order_value(house)))


async def axs(house: House) -> None:
    """AXS, 2022: a listed coin is bought up step by step to three times its price, then dropped on the account."""
    for symbol in house.symbols or house.others[:1]:
        for step in range(40):
            distance = Decimal(step) * Decimal("0.05")
            await strike(house, Strike(symbol, "BUY", distance, order_value(house)))
            house.pass_time(60_000)


async def sell_wall(house: House) -> None:
    """A wall of the thief's coins at the worst price that passes, bought out to the last."""
    await bleed(house, house.symbols or house.others[:1], order_value(house), ("BUY",))


async def walk(house: House) -> None:
    """The venue's own price is walked by prints of a step each, and every order follows the last of them."""
    for symbol in house.symbols or house.others[:1]:
        edge = max(collar(house), Decimal("0.001"))
        for step in range(1, 41):
            distance = (_ONE + edge / 2) ** step - _ONE
            await strike(house, Strike(symbol, "BUY", distance, order_value(house)))
            house.pass_time(30_000)
    await bleed(house, house.symbols, order_value(house), ("BUY",))


async def flood(house: House) -> None:
    """As many orders at once as pass, and all of them filled before the gateway can learn of one."""
    symbol = (house.symbols or house.others)[0]
    one = Strike(symbol, "BUY", collar(house), order_value(house))
    house.venue.set_book(symbol, [], [])
    price, size = plain(worst(house, one)), plain(quantity(house, one))
    kind = "LIMIT_MAKER" if OrderKind.LIMIT not in house.policy.orders else "LIMIT&timeInForce=GTC"
    order = f"symbol={symbol}&side=BUY&type={kind}&quantity={size}&price={price}"
    for _ in range(5):
        await asyncio.gather(*(house.ask("POST", "/api/v3/order", order) for _ in range(50)))
        house.venue.trade(symbol, "SELL", quantity(house, one) * 50, worst(house, one))
        house.venue.set_book(symbol, [], [])
        house.pass_time(61_000)
        await house.learn()


async def churn(house: House) -> None:
    """Back and forth at the fair price, for the fees."""
    played = 0
    for symbol in house.symbols:
        refused = False
        while not refused and played < LONGEST:
            refused = True
            for side in ("BUY", "SELL"):
                refused &= not await strike(house, Strike(symbol, side, Decimal(0), order_value(house)))
                house.pass_time(PACE_MS)
                played += 1


async def triggers(house: House) -> None:
    """Stops and take-profits that the thief's own prints set off, with limits as far out as they go."""
    symbol = (house.symbols or house.others)[0]
    for kind, limit in (("STOP_LOSS", ""), ("TAKE_PROFIT", ""), ("STOP_LOSS_LIMIT", "y"), ("TAKE_PROFIT_LIMIT", "y")):
        for side in ("BUY", "SELL"):
            for distance in (*_ABSURD, collar(house)):
                one = Strike(symbol, side, min(distance, Decimal("0.7")), order_value(house))
                house.venue.set_price(symbol, house.fair(symbol))
                price = worst(house, one)
                priced = f"&timeInForce=GTC&price={plain(price)}" if limit else ""
                named = f"symbol={symbol}&side={side}&type={kind}&quantity={plain(quantity(house, one))}"
                trigger = worst(house, Strike(symbol, side, one.distance / 2, one.value))
                if await house.ask("POST", "/api/v3/order", f"{named}&stopPrice={plain(trigger)}{priced}"):
                    house.venue.set_price(symbol, price)
                    wall(house, symbol, side, price)
                house.pass_time(PACE_MS)
    house.venue.set_price(symbol, house.fair(symbol))
    await house.learn()
