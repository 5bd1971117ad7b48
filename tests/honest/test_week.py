"""Honest bots are not hurt: a week under their starter policies, with wild hours, and not one denial.

When prices are stale they still take back what works, and sell what they bought; what adds risk is told to come later.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.honest.bots import BTC, Bot, Dca, Grid
from tests.honest.freqtrade import BASES, Freqtrade
from tests.honest.street import ALL_VENUES, MINUTE_MS, WEEK_MINUTES, D, Street

LEARN_EVERY = 30
STALE_MS = 60_000


def live(policy: str, bot_of: Callable[[Street], Bot], seed: int, minutes: int = WEEK_MINUTES) -> tuple[Street, Bot]:
    """A bot's week; now and then the gateway itself asks the exchange, as it does beside any bot."""
    street = Street(policy, seed)
    bot = bot_of(street)
    asyncio.run(_weekly(street, bot, minutes))
    return street, bot


async def _weekly(street: Street, bot: Bot, minutes: int) -> None:
    for minute in range(minutes):
        next_ms = street.house.clock.ms + MINUTE_MS
        street.minute(minute)
        await bot.minute(minute)
        if minute % LEARN_EVERY == 0:
            await street.house.learn()
        await street.house.pass_time(max(0, next_ms - street.house.clock.ms))


def agree(street: Street, *names: str) -> None:
    """The ledger's positions are what the exchange's trades come to."""
    assert [street.position(name) for name in names] == [street.traded(name) for name in names]


def test_a_grid_bot_runs_a_week_without_a_denial() -> None:
    """Levels are quoted, filled and quoted on the other side; the whole grid is laid anew once a day."""
    street, bot = live("grid", Grid, 1)
    assert street.denials == []
    assert bot.placed > 250
    assert bot.filled > 50
    agree(street, BTC)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_dca_bot_runs_a_week_without_a_denial(seed: int) -> None:
    """One purchase a day, at the market or by a bid; most come a minute or two before a day has passed."""
    street, bot = live("dca", Dca, seed)
    assert street.denials == []
    assert bot.filled == 7
    agree(street, BTC)


def test_freqtrade_runs_a_week_without_a_denial() -> None:
    """Entries and exits by limit, stops at the market, orders that did not fill taken back."""
    street, bot = live("freqtrade-spot", Freqtrade, 1)
    assert street.denials == []
    assert bot.filled > 50
    agree(street, *BASES)


def test_a_denial_would_be_seen() -> None:
    """The same bot, greedier than its policy allows."""

    class Greedy(Dca):
        WORTH = D(90)

    street, _ = live("dca", Greedy, 1, minutes=12 * 60)
    assert "limits.order" in street.denials[0]


async def _at_stale_prices(street: Street, bot: Bot, heard: frozenset[str]) -> None:
    """It holds something and has a bid working when the prices stop, but for those venues' that are heard."""
    bid, ask = street.best(BTC)
    held = bot.lots(BTC, D(40), ask)
    bought = await bot.limit(BTC, "BUY", held, ask)
    working = await bot.limit(BTC, "BUY", held, _below(bid, "0.995"))
    assert bought is not None
    assert working is not None
    assert bought["status"] == "FILLED"
    street.heard = heard
    await street.house.pass_time(STALE_MS)
    assert await bot.limit(BTC, "BUY", held, bid) is None
    assert street.house.last is not None
    assert street.house.last.status == 503, "the bot may try again"
    assert await bot.cancel(working)
    assert await bot.limit(BTC, "SELL", held, _below(bid, "0.97"), "IOC") is None, "beyond the collar"
    sold = await bot.limit(BTC, "SELL", held, bid, "IOC")
    assert sold is not None
    assert sold["status"] == "FILLED"
    await street.house.learn()
    agree(street, BTC)
    assert street.position(BTC) == 0


def _below(price: Decimal, part: str) -> Decimal:
    return (price * D(part)).quantize(D("0.01"))


@pytest.mark.parametrize("heard", [frozenset[str](), frozenset({"binance"})], ids=["nobody", "one of two"])
@pytest.mark.parametrize(("policy", "bot_of"), [("grid", Grid), ("freqtrade-spot", Freqtrade)])
def test_at_stale_prices_a_bot_takes_back_and_reduces(
    policy: str, bot_of: Callable[[Street], Bot], heard: frozenset[str]
) -> None:
    """Exits stay open; what would add risk is refused in a way that is tried again."""
    street = Street(policy, 3)
    asyncio.run(_at_stale_prices(street, bot_of(street), heard))


async def _bid_at_stale_prices(street: Street, bot: Bot) -> None:
    bid, ask = street.best(BTC)
    working = await bot.limit(BTC, "BUY", bot.lots(BTC, D(40), ask), _below(bid, "0.995"))
    assert working is not None
    street.heard = frozenset()
    await street.house.pass_time(STALE_MS)
    assert await bot.limit(BTC, "BUY", bot.lots(BTC, D(40), ask), bid) is None
    assert street.house.last is not None
    assert street.house.last.status == 503, "the bot may try again"
    assert await bot.cancel(working)
    street.heard = ALL_VENUES
    assert await bot.limit(BTC, "BUY", bot.lots(BTC, D(40), ask), ask) is not None


def test_at_stale_prices_a_dca_bot_takes_its_bid_back() -> None:
    """It holds nothing that it may sell; when prices are back it buys again."""
    street = Street("dca", 3)
    asyncio.run(_bid_at_stale_prices(street, Dca(street)))
