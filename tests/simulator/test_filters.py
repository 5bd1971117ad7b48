"""An order that breaks a filter is refused by the filter's name; one on the edge passes."""

from typing import Any

import pytest

from gateway.simulator.core.refusals import Reason, Refused
from tests.simulator.floor import NOW, Floor

RICH = {"USDT": "1000000000", "BTC": "100000"}
EDGES: list[tuple[Reason, str, dict[str, Any], dict[str, Any]]] = [
    (Reason.PRICE_FILTER, "LIMIT", {"quantity": "0.1", "price": "50000.001"}, {"price": "50000.01"}),
    (Reason.PRICE_FILTER, "STOP_LOSS", {"quantity": "0.1", "stop_price": "61000.001"}, {"stop_price": "61000.01"}),
    (Reason.PERCENT_PRICE_BY_SIDE, "LIMIT", {"quantity": "0.1", "price": "300000.01"}, {"price": "300000"}),
    (Reason.PERCENT_PRICE_BY_SIDE, "LIMIT", {"quantity": "0.1", "price": "11999.99"}, {"price": "12000"}),
    (Reason.LOT_SIZE, "LIMIT", {"quantity": "0.100001", "price": "50000"}, {"quantity": "0.10001"}),
    (Reason.LOT_SIZE, "LIMIT", {"quantity": "9000.00001", "price": "50000"}, {"quantity": "1"}),
    (Reason.MARKET_LOT_SIZE, "MARKET", {"quantity": "120.00001"}, {"quantity": "120"}),
    (Reason.NOTIONAL, "LIMIT", {"quantity": "0.00009", "price": "50000"}, {"quantity": "0.0001"}),
    (Reason.NOTIONAL, "LIMIT", {"quantity": "181", "price": "50000"}, {"quantity": "180"}),
    (Reason.NOTIONAL, "MARKET", {"quantity": "0.00008"}, {"quantity": "0.00009"}),
    (Reason.NOTIONAL, "MARKET", {"quote_quantity": "4.99"}, {"quote_quantity": "5"}),
    (Reason.ICEBERG_PARTS, "LIMIT", {"quantity": "1", "price": "50000", "iceberg": "0.0099"}, {"iceberg": "0.01"}),
    (Reason.ICEBERG_TOO_LARGE, "LIMIT", {"quantity": "1", "price": "50000", "iceberg": "1.1"}, {"iceberg": "1"}),
    (Reason.TRAILING_DELTA, "STOP_LOSS", {"quantity": "1", "trailing_delta": 9}, {"trailing_delta": 10}),
    (Reason.TRAILING_DELTA, "STOP_LOSS", {"quantity": "1", "trailing_delta": 2001}, {"trailing_delta": 2000}),
]


@pytest.mark.parametrize(("reason", "kind", "bad", "mended"), EDGES)
def test_the_edge_of_a_filter(reason: Reason, kind: str, bad: dict[str, Any], mended: dict[str, Any]) -> None:
    """One step over it is refused, the edge itself passes."""
    floor = Floor(**RICH)
    with pytest.raises(Refused) as caught:
        floor.place("BUY", kind, **bad)
    assert caught.value.reason is reason
    floor.exchange.check(floor.draft("BUY", kind, **(bad | mended)), NOW)
    assert not floor.trader.open_orders


def test_open_orders_are_counted() -> None:
    """200 per symbol, 5 of them stops; other symbols do not count."""
    floor = Floor(**RICH)
    for _ in range(5):
        floor.place("SELL", "STOP_LOSS", quantity="0.1", stop_price="50000")
    with pytest.raises(Refused) as caught:
        floor.place("SELL", "STOP_LOSS", quantity="0.1", stop_price="50000")
    assert caught.value.reason is Reason.MAX_NUM_ALGO_ORDERS
    for _ in range(195):
        floor.place("BUY", "LIMIT", quantity="0.1", price="50000")
    with pytest.raises(Refused) as caught:
        floor.place("BUY", "LIMIT", quantity="0.1", price="50000")
    assert caught.value.reason is Reason.MAX_NUM_ORDERS
    assert floor.place("BUY", "LIMIT", symbol="ETHUSDT", quantity="1", price="2000").is_open
