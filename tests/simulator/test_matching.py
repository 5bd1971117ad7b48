"""The book trades by price and time, and settles to the last digit."""

from decimal import Decimal

import pytest

from gateway.simulator.core.refusals import Reason, Refused
from tests.simulator.floor import NOW, D, Floor


def test_a_taker_pays_each_level_its_own_price() -> None:
    """Best price first, and never better or worse than what rests there."""
    floor = Floor()
    floor.show("59990:1", "60000:0.1 60010:0.2 60020:5")
    order = floor.place("BUY", "LIMIT", quantity="0.4", price="60020")
    assert [(fill.price, fill.quantity) for fill in order.fills] == [
        (D(60000), D("0.1")), (D(60010), D("0.2")), (D(60020), D("0.1")),
    ]  # fmt: skip
    assert order.status == "FILLED"
    assert order.spent == D(6000) + D(12002) + D(6002)


def test_fees_are_a_thousandth_of_what_is_received() -> None:
    """A buyer pays in base, a seller in quote."""
    floor = Floor()
    floor.show("59990:1", "60000:1")
    bought = floor.place("BUY", "MARKET", quantity="0.1").fills[0]
    sold = floor.place("SELL", "MARKET", quantity="0.1").fills[0]
    assert (bought.fee, bought.fee_asset) == (D("0.0001"), "BTC")
    assert (sold.fee, sold.fee_asset) == (D("5.999"), "USDT")
    assert floor.balance("BTC") == (D("1.9999"), D(0))
    assert floor.balance("USDT") == (D(100000) - 6000 + 5999 - D("5.999"), D(0))


def test_the_older_order_at_a_price_trades_first() -> None:
    """Time priority between accounts."""
    floor = Floor()
    floor.show("59000:1", "61000:1")
    second = floor.account("second", USDT="100000")
    first_order = floor.place("BUY", "LIMIT", quantity="0.1", price="60000")
    second_order = floor.place("BUY", "LIMIT", by=second, quantity="0.1", price="60000")
    seller = floor.account("seller", BTC="1")
    floor.place("SELL", "LIMIT", by=seller, quantity="0.15", price="60000")
    assert (first_order.status, second_order.status) == ("FILLED", "PARTIALLY_FILLED")
    assert second_order.executed == D("0.05")
    assert floor.balance("USDT", second) == (D(94000), D(3000))


def test_a_limit_order_locks_its_cost_and_gives_it_back() -> None:
    """Locked while open, free when cancelled."""
    floor = Floor()
    order = floor.place("BUY", "LIMIT", quantity="0.5", price="50000")
    assert floor.balance("USDT") == (D(75000), D(25000))
    floor.exchange.cancel(order, NOW)
    assert floor.balance("USDT") == (D(100000), D(0))
    assert order.status == "CANCELED"


def test_price_improvement_is_given_back_at_once() -> None:
    """A partly filled order holds back only what its rest can cost."""
    floor = Floor()
    floor.show("59000:1", "60000:0.1")
    order = floor.place("BUY", "LIMIT", quantity="0.3", price="61000")
    assert order.status == "PARTIALLY_FILLED"
    assert floor.balance("USDT") == (D(100000) - 6000 - 12200, D(12200))


@pytest.mark.parametrize(
    ("time_in_force", "status", "executed"),
    [("GTC", "PARTIALLY_FILLED", "0.1"), ("IOC", "EXPIRED", "0.1"), ("FOK", "EXPIRED", "0")],
)
def test_time_in_force(time_in_force: str, status: str, executed: str) -> None:
    """What is left rests, expires, or forbids the whole."""
    floor = Floor()
    floor.show("59000:1", "60000:0.1")
    order = floor.place("BUY", "LIMIT", quantity="0.2", price="60000", time_in_force=time_in_force)
    assert (order.status, order.executed) == (status, D(executed))
    locked = floor.balance("USDT")[1]
    assert locked == (D(6000) if time_in_force == "GTC" else D(0))


def test_fill_or_kill_fills_when_it_can() -> None:
    """All of it was there."""
    floor = Floor()
    floor.show("59000:1", "60000:0.1 60001:0.1")
    assert floor.place("BUY", "LIMIT", quantity="0.2", price="60001", time_in_force="FOK").status == "FILLED"


def test_a_market_order_by_quote_stays_within_it() -> None:
    """As much as the amount buys in whole lots."""
    floor = Floor()
    floor.show("59000:1", "60000:0.01 60100:5")
    order = floor.place("BUY", "MARKET", quote_quantity="1000")
    assert order.status == "FILLED"
    assert order.executed == D("0.01") + D("0.00665")
    assert order.spent <= D(1000)


def test_a_market_order_larger_than_the_book_expires_with_what_it_got() -> None:
    """There was no more."""
    floor = Floor()
    floor.show("59000:1", "60000:0.01")
    order = floor.place("BUY", "MARKET", quantity="0.1")
    assert (order.status, order.executed) == ("EXPIRED", D("0.01"))


def refused(floor: Floor, reason: Reason, *words: str, **fields: str) -> None:
    """The order is refused for that reason, and nothing has changed."""
    before = {name: (one.free, one.locked) for name, one in floor.trader.balances.items()}
    with pytest.raises(Refused) as caught:
        floor.place(*words, **fields)  # type: ignore[arg-type]
    assert caught.value.reason is reason
    assert {name: (one.free, one.locked) for name, one in floor.trader.balances.items()} == before
    assert not floor.trader.open_orders


def test_what_cannot_be_paid_is_refused() -> None:
    """Limit and market, both sides; a market order is priced through the book."""
    floor = Floor(USDT="1000", BTC="0.1")
    floor.show("59000:1", "60000:0.01 70000:1")
    refused(floor, Reason.INSUFFICIENT, "BUY", "LIMIT", quantity="0.02", price="50001")
    refused(floor, Reason.INSUFFICIENT, "SELL", "LIMIT", quantity="0.2", price="60000")
    refused(floor, Reason.INSUFFICIENT, "BUY", "MARKET", quantity="0.02")
    refused(floor, Reason.INSUFFICIENT, "SELL", "MARKET", quantity="0.2")
    assert floor.place("BUY", "MARKET", quantity="0.015").status == "FILLED"


def test_a_maker_order_never_takes() -> None:
    """Refused when it would; rests when it would not."""
    floor = Floor()
    floor.show("59000:1", "60000:1")
    refused(floor, Reason.WOULD_TAKE, "BUY", "LIMIT_MAKER", quantity="0.1", price="60000")
    assert floor.place("BUY", "LIMIT_MAKER", quantity="0.1", price="59999").status == "NEW"


def test_a_client_id_is_unique_among_open_orders_only() -> None:
    """Reused once the first is closed."""
    floor = Floor()
    first = floor.place("BUY", "LIMIT", quantity="0.1", price="50000", client_id="mine")
    with pytest.raises(Refused) as caught:
        floor.place("BUY", "LIMIT", quantity="0.1", price="50000", client_id="mine")
    assert caught.value.reason is Reason.DUPLICATE_ID
    floor.exchange.cancel(first, NOW)
    second = floor.place("BUY", "LIMIT", quantity="0.1", price="50000", client_id="mine")
    assert floor.exchange.find(floor.trader, "BTCUSDT", None, "mine") is second


def test_an_iceberg_shows_its_tip_and_queues_again() -> None:
    """The hidden part comes up at the end of the queue."""
    floor = Floor()
    floor.show("50000:1", "70000:1")
    iceberg = floor.place("BUY", "LIMIT", quantity="0.3", price="60000", iceberg="0.1")
    second = floor.account("second", USDT="100000")
    plain = floor.place("BUY", "LIMIT", by=second, quantity="0.1", price="60000")
    book = floor.exchange.markets["BTCUSDT"].ladders["BUY"]
    assert book.levels(1) == [(D(60000), D("0.2"))]
    seller = floor.account("seller", BTC="1")
    floor.place("SELL", "MARKET", by=seller, quantity="0.15")
    assert (iceberg.executed, plain.executed) == (D("0.1"), D("0.05"))
    floor.place("SELL", "MARKET", by=seller, quantity="0.25")
    assert (iceberg.status, plain.status) == ("FILLED", "FILLED")


def test_an_amendment_reduces_and_keeps_its_place() -> None:
    """Smaller, cheaper, still first in the queue."""
    floor = Floor()
    floor.show("50000:1", "70000:1")
    order = floor.place("BUY", "LIMIT", quantity="0.3", price="60000")
    other = floor.place("BUY", "LIMIT", by=floor.account("b", USDT="9000"), quantity="0.1", price="60000")
    floor.exchange.reduce(order, D("0.1"), NOW)
    assert floor.balance("USDT") == (D(94000), D(6000))
    floor.place("SELL", "MARKET", by=floor.account("seller", BTC="1"), quantity="0.1")
    assert (order.status, other.status) == ("FILLED", "NEW")


@pytest.mark.parametrize(("quantity", "reason"), [("0.3", Reason.NO_CHANGE), ("0.4", Reason.NO_INCREASE)])
def test_an_amendment_never_increases(quantity: str, reason: Reason) -> None:
    """Only smaller is possible."""
    floor = Floor()
    order = floor.place("BUY", "LIMIT", quantity="0.3", price="50000")
    with pytest.raises(Refused) as caught:
        floor.exchange.reduce(order, D(quantity), NOW)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("mode", "maker", "taker", "rest"),
    [
        ("EXPIRE_MAKER", "EXPIRED_IN_MATCH", "NEW", "0.2"),
        ("EXPIRE_TAKER", "NEW", "EXPIRED_IN_MATCH", "0.1"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH", "0"),
        ("DECREMENT", "EXPIRED_IN_MATCH", "NEW", "0.1"),
        ("TRANSFER", "EXPIRED_IN_MATCH", "NEW", "0.1"),
        ("NONE", "FILLED", "PARTIALLY_FILLED", "0.1"),
    ],
)
def test_an_account_does_not_trade_with_itself(mode: str, maker: str, taker: str, rest: str) -> None:
    """Each mode ends the orders it says, and frees what they held."""
    floor = Floor()
    floor.show("50000:1", "70000:1")
    resting = floor.place("BUY", "LIMIT", quantity="0.1", price="60000")
    incoming = floor.place("SELL", "LIMIT", quantity="0.2", price="60000", self_trade=mode)
    assert (resting.status, incoming.status) == (maker, taker)
    open_rest = sum((order.remaining for order in floor.trader.open_orders.values()), Decimal(0))
    assert open_rest == D(rest)
    locked = sum((order.locked for order in floor.trader.open_orders.values() if order.side == "SELL"), Decimal(0))
    assert floor.balance("BTC")[1] == locked


def test_transfer_moves_value_between_accounts_of_a_group() -> None:
    """The order flag that is a transfer in disguise: no trade, no fee, and the coins are gone."""
    floor = Floor(USDT="100000")
    victim = floor.account("victim", BTC="1")
    floor.trader.trade_group = victim.trade_group = 7
    floor.show("50000:1", "70000:1")
    floor.place("BUY", "LIMIT", quantity="0.5", price="60000", self_trade="TRANSFER")
    order = floor.place("SELL", "LIMIT", by=victim, quantity="0.5", price="60000", self_trade="TRANSFER")
    assert order.status == "EXPIRED_IN_MATCH"
    assert floor.balance("BTC") == (D("0.5"), D(0))
    assert floor.balance("BTC", victim) == (D("0.5"), D(0))
    assert floor.balance("USDT", victim) == (D(30000), D(0))
