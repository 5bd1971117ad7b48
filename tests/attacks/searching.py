"""A thief who searches: seeded sequences of moves against a whole gateway, mutated, and kept when they took more.

He holds the token and one venue's book; the other venues are honest, and their price stands still, so that every loss
is his doing. He knows the policy, and may count as the gateway does (``fit``) or not. What he took is measured from the
exchange's own books at honest prices, never from the ledger.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from gateway.admin.policy_tools.drains import (
    Strike,
    collar,
    fitted,
    markets,
    order_value,
    quantity,
    sweep,
    turns,
    worst,
)  # fmt: skip
from gateway.admin.policy_tools.house import House
from gateway.core.intent import OrderKind
from gateway.core.money import plain
from gateway.core.token import TokenState
from gateway.market.quotes import MAX_DISAGREEMENT
from gateway.policy.blast import blast_radius
from gateway.policy.document import Policy

ORDERS: Final = 120
"""Of one sequence; the largest starter drain takes a quarter of them."""
ROUNDS: Final = 6
"""Sequences that one seed tries."""
LONGEST: Final = 8
"""Moves of one sequence."""
DAY_MS: Final = 86_400_000

_KINDS: Final = {
    OrderKind.LIMIT: ("LIMIT&timeInForce=IOC&price={price}", "LIMIT&timeInForce=GTC&price={price}"),
    OrderKind.POST_ONLY: ("LIMIT_MAKER&price={price}",),
    OrderKind.MARKET: ("MARKET",),
    OrderKind.STOP: ("STOP_LOSS&stopPrice={trigger}",),
    OrderKind.TAKE_PROFIT: ("TAKE_PROFIT&stopPrice={trigger}",),
    OrderKind.STOP_LIMIT: ("STOP_LOSS_LIMIT&timeInForce=GTC&stopPrice={trigger}&price={price}",),
    OrderKind.TAKE_PROFIT_LIMIT: ("TAKE_PROFIT_LIMIT&timeInForce=GTC&stopPrice={trigger}&price={price}",),
}


def _decimals(*texts: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, texts))


_CHOICES: Final[dict[str, Sequence[object]]] = {
    "market": range(6),
    "side": ("BUY", "SELL", "TURNS", "TURNS", "TURNS"),
    "kind": range(12),
    "reach": _decimals("1", "1", "1", "1", "0.999", "0.9", "0.5", "0.1", "0", "-0.5", "-2", "1.001", "1.5", "20"),
    "size": _decimals("1", "1", "1", "1", "1.009", "0.7", "0.5", "0.2", "0.05", "0.001", "1.02", "5"),
    "fit": (True, True, True, True, True, False),
    "lie": _decimals("0", "0", "0", "0", "0.05", "-0.05", "0.3", "-0.3", "0.9", "-0.9", "1", "-1", "1.2", "-1.2", "4"),
    "meets": ("at once", "at once", "at once", "later", "later", "half", "never"),
    "silent": (False,) * 7 + (True,),
    "then": ("", "", "", "learn", "learn", "cancel", "sweep"),
    "pause_ms": (0, 0, 1_000, 8_000, 8_000, 13_000, 61_000, 300_000, 3_600_000, DAY_MS // 2, DAY_MS - 1, DAY_MS),
    "times": (1, 2, 5, 12, 25, 40, 40),
}


NO_WITHDRAWALS: Final = """\
version: 1
allow:
  symbols: ["*/USDT"]
  orders: [limit, post_only, market, stop, stop_limit, take_profit, take_profit_limit]
limits:
  order: unlimited because that is how keys are
  turnover: unlimited because the exchange forbids withdrawals
price:
  sources: 1 because nobody else is asked
  market: protect 50%
  giveaway: unlimited because the exchange forbids withdrawals
"""
"""What a key without the permission to withdraw lets a thief do."""
PER_ORDER_CAP: Final = NO_WITHDRAWALS.replace("order: unlimited because that is how keys are", "order: 500 USDT")


@dataclass(frozen=True, slots=True)
class Move:
    """An order in a book of the thief's making, so many times, and what becomes of it.

    ``reach``: its distance from the honest price as a part of the collar; ``size``: of the largest order; ``lie``:
    where the middle of his book stands, as a part of what sources may differ; ``meets``: whether and when he trades
    with it; ``silent``: its answer is lost.
    """

    market: int
    side: str
    kind: int
    reach: Decimal
    size: Decimal
    fit: bool
    lie: Decimal
    meets: str
    silent: bool
    then: str
    pause_ms: int
    times: int


_PRACTISED: Final = Move(0, "TURNS", 0, Decimal(1), Decimal(1), True, Decimal(0), "at once", False, "learn", 8_000, 40)
"""The drain of the scripts: back and forth at the edge of the collar, as large as fits."""


@dataclass(frozen=True, slots=True)
class Found:
    """The worst of a search: what was taken within one window, what the account lost in all, and by which moves."""

    taken: Decimal
    lost: Decimal
    orders: int
    moves: tuple[Move, ...] = field(repr=False)


def search(policy: Policy, seed: int, rounds: int = ROUNDS) -> Found:
    """Hill climbing: from a random sequence, or, with every other seed, from near the move that is known to take most.
    The same seed finds the same.
    """
    chance = random.Random(seed)
    opening = (_PRACTISED,) if seed % 2 else tuple(_move(chance) for _ in range(chance.randint(1, LONGEST)))
    best = played(policy, _mutated(chance, opening))
    for _ in range(rounds - 1):
        tried = played(policy, _mutated(chance, best.moves))
        best = max(tried, best, key=lambda found: found.taken)
    return best


def played(policy: Policy, moves: tuple[Move, ...]) -> Found:
    """One rehearsal of these moves."""
    return asyncio.run(_played(policy, moves))


async def _played(policy: Policy, moves: tuple[Move, ...]) -> Found:
    house, drain = House(policy), blast_radius(policy).drain
    for move in moves:
        for number in range(move.times):
            if house.sent >= ORDERS or house.holder.token.state is TokenState.PAUSED:
                break
            await _make(house, move, number)
    _sweep_all(house)
    await house.learn()
    return Found(house.given(drain.per_ms if drain else None), house.lost(), house.passed, moves)


async def _make(house: House, move: Move, number: int) -> None:
    symbols, sides = markets(house), turns(house) if move.side == "TURNS" else [move.side]
    symbol, side = symbols[(move.market + number // len(sides)) % len(symbols)], sides[number % len(sides)]
    one = Strike(symbol, side, collar(house) * move.reach, order_value(house) * move.size)
    if move.fit and move.reach >= 0:
        one = fitted(house, one)
    price = worst(house, one)
    order = _order(house, one, move, price)
    crossing = move.meets == "at once" and "LIMIT_MAKER" not in order
    _show(house, one, price, house.fair(symbol) * (1 + MAX_DISAGREEMENT * move.lie), crossing)
    house.wire.silent = move.silent
    passed = await house.ask("POST", "/api/v3/order", order)
    house.wire.silent = False
    if passed or move.silent:
        _meet(house, one, price, move)
    await _afterwards(house, symbol, move)


def _order(house: House, one: Strike, move: Move, price: Decimal) -> str:
    kinds = [text for kind, texts in _KINDS.items() if kind in house.policy.orders for text in texts] or ["MARKET"]
    trigger = worst(house, replace(one, distance=one.distance / 2))
    kind = kinds[move.kind % len(kinds)].format(price=plain(price), trigger=plain(trigger))
    return f"symbol={one.symbol}&side={one.side}&quantity={plain(quantity(house, one))}&type={kind}"


def _show(house: House, one: Strike, price: Decimal, middle: Decimal, crossing: bool) -> None:
    """His book around that middle: with everything he has at the order's price, or with nothing up to it."""
    listed, buys = house.listed(one.symbol), one.side == "BUY"
    near = price if crossing else max(price, middle) * Decimal("1.02") if buys else min(price, middle) * Decimal("0.98")
    far = 2 * middle - near
    bid, ask = (far, near) if buys else (near, far)
    low = max(listed.tick, (bid / listed.tick).to_integral_value(ROUND_FLOOR) * listed.tick)
    high = (ask / listed.tick).to_integral_value(ROUND_CEILING if not crossing else ROUND_FLOOR) * listed.tick
    if crossing:
        low, high = (min(low, price - listed.tick), price) if buys else (price, max(high, price + listed.tick))
    deep = (Decimal(1_000_000) / price / listed.step).to_integral_value(ROUND_FLOOR) * listed.step or listed.step
    house.venue.set_book(one.symbol, [(low, deep)] if low > 0 else [], [(max(high, low + listed.tick), deep)])


def _meet(house: House, one: Strike, price: Decimal, move: Move) -> None:
    """The counterparty takes what rests, or sets off what waits for its trigger."""
    waiting = house.venue.state.exchange.markets[one.symbol].waiting
    if move.meets != "never" and waiting:
        house.venue.set_price(one.symbol, price)
    if move.meets == "half":
        step = house.listed(one.symbol).step
        half = (quantity(house, one) / 2 / step).to_integral_value(ROUND_CEILING) * step
        house.venue.trade(one.symbol, "SELL" if one.side == "BUY" else "BUY", half, price)
    elif move.meets != "never":
        sweep(house, one.symbol, one.side, price)


async def _afterwards(house: House, symbol: str, move: Move) -> None:
    await house.pass_time(move.pause_ms)
    if move.then == "learn":
        await house.learn(1)
    elif move.then == "cancel":
        await house.ask("DELETE", "/api/v3/openOrders", f"symbol={symbol}")
    elif move.then == "sweep":
        _sweep_all(house)


def _sweep_all(house: House) -> None:
    for order in house.venue.orders("victim", open_only=True):
        if Decimal(order["price"]) > 0:
            sweep(house, order["symbol"], order["side"], Decimal(order["price"]))


# -- the search -------------------------------------------------------------------------------------------------------


def _move(chance: random.Random) -> Move:
    return Move(**{name: chance.choice(choices) for name, choices in _CHOICES.items()})  # type: ignore[arg-type]


def _mutated(chance: random.Random, moves: tuple[Move, ...]) -> tuple[Move, ...]:
    """Another sequence near this one: some moves changed, one added, taken away, or put elsewhere."""
    found = [_changed(chance, move) if chance.random() < 0.5 else move for move in moves]
    match chance.randrange(5):
        case 0 if len(found) < LONGEST:
            found.insert(chance.randint(0, len(found)), _move(chance))
        case 1 if len(found) > 1:
            del found[chance.randrange(len(found))]
        case 2:
            chance.shuffle(found)
        case 3 if len(found) < LONGEST:
            found.append(_changed(chance, chance.choice(found)))
    return tuple(found)


def _changed(chance: random.Random, move: Move) -> Move:
    names = chance.sample([one.name for one in fields(Move)], chance.choice((1, 1, 2, 4)))
    return replace(move, **{name: chance.choice(_CHOICES[name]) for name in names})  # type: ignore[arg-type]
