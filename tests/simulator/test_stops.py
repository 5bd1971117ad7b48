"""Stops wait for the last price, then act as the order they stand for."""

import pytest

from gateway.simulator.core.refusals import Reason, Refused
from tests.simulator.floor import D, Floor


@pytest.mark.parametrize(
    ("side", "kind", "stop", "before", "after"),
    [
        ("SELL", "STOP_LOSS", "59000", "59001", "59000"),
        ("BUY", "STOP_LOSS", "61000", "60999", "61000"),
        ("SELL", "TAKE_PROFIT", "61000", "60999", "61000"),
        ("BUY", "TAKE_PROFIT", "59000", "59001", "59000"),
    ],
)
def test_a_stop_fires_at_its_price_and_not_before(side: str, kind: str, stop: str, before: str, after: str) -> None:
    """Four kinds, two directions."""
    floor = Floor()
    order = floor.place(side, kind, quantity="0.1", stop_price=stop)  # type: ignore[arg-type]
    floor.move(before)
    assert (order.status, order.is_working) == ("NEW", False)
    floor.move(after)
    assert (order.status, order.is_working) == ("FILLED", True)


@pytest.mark.parametrize(
    ("side", "kind", "stop"),
    [("SELL", "STOP_LOSS", "60000"), ("BUY", "STOP_LOSS", "60000"), ("SELL", "TAKE_PROFIT", "59999")],
)
def test_a_stop_that_would_fire_at_once_is_refused(side: str, kind: str, stop: str) -> None:
    """On the wrong side of the last price."""
    with pytest.raises(Refused) as caught:
        Floor().place(side, kind, quantity="0.1", stop_price=stop)  # type: ignore[arg-type]
    assert caught.value.reason is Reason.WOULD_TRIGGER


def test_a_stop_limit_becomes_a_limit_order() -> None:
    """It rests at its price when the market has gone past it."""
    floor = Floor()
    order = floor.place("SELL", "STOP_LOSS_LIMIT", quantity="0.1", price="59500", stop_price="59600")
    assert floor.balance("BTC") == (D("1.9"), D("0.1"))
    floor.move("59000")
    assert (order.status, order.is_working) == ("NEW", True)
    floor.move("59600")
    assert order.status == "FILLED"
    assert floor.balance("BTC") == (D("1.9"), D(0))


def test_a_trailing_stop_follows_the_price_up() -> None:
    """One per cent below the highest price since it was placed."""
    floor = Floor()
    order = floor.place("SELL", "STOP_LOSS", quantity="0.1", trailing_delta=100)
    floor.move("62000")
    floor.move("61400")
    assert order.is_open
    floor.move("61380")
    assert order.status == "FILLED"


def test_a_trailing_stop_with_a_stop_price_sleeps_until_then() -> None:
    """It follows the price only from its stop price on."""
    floor = Floor()
    order = floor.place("BUY", "TAKE_PROFIT", quantity="0.1", trailing_delta=100, stop_price="58000")
    floor.move("58500")
    assert order.extreme is None
    floor.move("57900")
    assert order.extreme == D(57900)
    floor.move("57300")
    assert order.status == "FILLED"


def test_a_market_stop_without_funds_expires() -> None:
    """A market buy holds nothing back while it waits."""
    floor = Floor(USDT="1000")
    order = floor.place("BUY", "STOP_LOSS", quantity="0.1", stop_price="61000")
    assert floor.balance("USDT") == (D(1000), D(0))
    floor.move("61000")
    assert order.status == "EXPIRED"


def test_one_stop_can_set_off_the_next() -> None:
    """Each in its turn, and the book stays whole."""
    floor = Floor()
    floor.show("59990:0.05 59000:0.05 58000:5", "60010:1")
    first = floor.place("SELL", "STOP_LOSS", quantity="0.1", stop_price="59995")
    second = floor.place("SELL", "STOP_LOSS", quantity="0.1", stop_price="59100")
    floor.place("SELL", "MARKET", by=floor.account("other", BTC="1"), quantity="0.01")
    assert (first.status, second.status) == ("FILLED", "FILLED")
    assert second.fills[0].price == D(58000)
