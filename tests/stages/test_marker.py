"""Markets are marked while a limit asks about them and a token holds something there, and only with fresh prices."""

import asyncio
from decimal import Decimal

import pytest

from gateway.stages.marker import MAX_AGE_MS
from tests.stages.gatehouse import Gatehouse
from tests.stages.venue import Venue

MINUTE = 60_000


@pytest.fixture
def house(house: Gatehouse) -> Gatehouse:
    """A house whose bot has bought 0.01 for 500."""
    house.exchange.otherwise = venue = Venue()
    asyncio.run(house.place("&newClientOrderId=mine"))
    venue.change(7, "FILLED", "0.01", "500")
    house.follow()
    return house


def change(house: Gatehouse, price: str) -> Decimal | None:
    """What the bot gained in the last minute."""
    usage = house.ledger.usage(house.bot.id, house.clock.ms)
    return usage.equity_change("USDT", MINUTE, {"BTCUSDT": Decimal(price)})


def minutes_later(house: Gatehouse) -> None:
    """Two minutes pass with the marker at work."""
    for _ in range(24):
        asyncio.run(house.marker.pass_once())
        house.clock.ms += 5_000


def test_what_is_held_is_marked_so_that_a_loss_can_be_told(house: Gatehouse) -> None:
    change(house, "50000")
    minutes_later(house)
    assert change(house, "40000") == -100


def test_a_market_that_nobody_asks_about_is_not_fetched(house: Gatehouse) -> None:
    fetched: list[bool] = []
    house.market.while_refreshing = lambda: fetched.append(True)
    asyncio.run(house.marker.pass_once())
    assert fetched == []
    change(house, "50000")
    asyncio.run(house.marker.pass_once())
    assert fetched == [True]


@pytest.mark.parametrize("age_ms", [MAX_AGE_MS + 1, None])
def test_a_stale_price_marks_nothing(house: Gatehouse, age_ms: int | None) -> None:
    change(house, "50000")
    house.market.age_ms, house.market.price = age_ms or 0, None if age_ms is None else Decimal(50_000)
    minutes_later(house)
    assert change(house, "50000") is None


def test_an_account_that_is_gone_marks_nothing(house: Gatehouse) -> None:
    change(house, "50000")
    house.accounts.names = []
    minutes_later(house)
    assert change(house, "50000") is None
