"""The liquidity provider keeps its book whole, and never at a bot's expense."""

from decimal import Decimal

import pytest

from tests.simulator.floor import NOW, D, Floor

Levels = list[tuple[Decimal, Decimal]]


def shown(floor: Floor, symbol: str = "BTCUSDT") -> tuple[Levels, Levels]:
    """All levels of both sides."""
    ladders = floor.exchange.markets[symbol].ladders
    return ladders["BUY"].levels(100), ladders["SELL"].levels(100)


def test_it_quotes_both_sides_around_the_price() -> None:
    """Twenty levels each, the spread between them, on the grid."""
    floor = Floor()
    for symbol, market in floor.exchange.markets.items():
        bids, asks = shown(floor, symbol)
        assert (len(bids), len(asks)) == (20, 20)
        spread = (asks[0][0] - bids[0][0]) / market.instrument.start_price
        assert market.instrument.spread <= spread <= market.instrument.spread * D("1.5")
        assert all(price % market.instrument.tick == 0 for price, _ in bids + asks)
        assert all(size % market.instrument.step == 0 and size > 0 for _, size in bids + asks)


def test_what_is_taken_is_put_back() -> None:
    """After a sweep of several levels the book is as it was."""
    floor = Floor(USDT="10000000")
    before = shown(floor)
    floor.place("BUY", "MARKET", quantity="3.5")
    assert shown(floor) == before


def test_an_order_larger_than_the_book_stays_partly_filled() -> None:
    """What would cross it is not put back before it is gone."""
    floor = Floor(USDT="10000000")
    floor.show("59000:1", "60000:1 60010:1")
    order = floor.place("BUY", "LIMIT", quantity="5", price="60005")
    assert (order.status, order.executed) == ("PARTIALLY_FILLED", D(1))
    assert shown(floor)[1] == [(D(60010), D(1))]
    floor.exchange.cancel(order, NOW)
    assert shown(floor)[1] == [(D(60000), D(1)), (D(60010), D(1))]


@pytest.mark.parametrize(("side", "price", "target"), [("BUY", "59000", "58000"), ("SELL", "61000", "62000")])
def test_a_move_sweeps_resting_orders_at_their_own_price(side: str, price: str, target: str) -> None:
    """A gap fills a limit order at its limit, not at the new price; afterwards the book is whole."""
    floor = Floor()
    order = floor.place(side, "LIMIT", quantity="0.5", price=price)  # type: ignore[arg-type]
    floor.move(target)
    assert (order.status, order.spent) == ("FILLED", D(price) / 2)
    assert floor.exchange.markets["BTCUSDT"].last == D(target)
    bids, asks = shown(floor)
    assert (len(bids), len(asks)) == (20, 20)


def test_a_stop_finds_a_whole_book_when_the_price_jumps() -> None:
    """A sweep on the way up does not set off a stop while half the quotes are missing."""
    floor = Floor()
    floor.place("SELL", "LIMIT", quantity="0.1", price="60500")
    stop = floor.place("BUY", "STOP_LOSS", quantity="0.2", stop_price="60400")
    floor.move("61000")
    assert stop.status == "FILLED"
    assert stop.fills[0].price > D(61000)


def test_a_low_price_is_quoted_as_far_as_it_goes() -> None:
    """No level at or below zero."""
    floor = Floor()
    floor.move("0.00004", "DOGEUSDT")
    bids, asks = shown(floor, "DOGEUSDT")
    assert [price for price, _ in bids] == [D("0.00003"), D("0.00002"), D("0.00001")]
    assert len(asks) == 20
