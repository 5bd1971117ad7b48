"""Whatever is done to the floor, no coin appears or vanishes, and nobody owes."""

from collections import defaultdict
from contextlib import suppress
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.simulator.core.account import Account
from gateway.simulator.core.refusals import Refused
from tests.simulator.floor import NOW, D, Floor

MODES = st.sampled_from(["NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"])
LOTS = st.integers(1, 40_000).map(lambda lots: str(D(lots) / 100_000))
PRICES = st.integers(5_900, 6_100).map(lambda tens: str(tens * 10))
KINDS = st.sampled_from(["LIMIT", "LIMIT_MAKER", "MARKET", "QUOTE", "STOP_LOSS", "TAKE_PROFIT_LIMIT", "ICEBERG"])
ORDERS = st.tuples(
    st.just("order"), st.integers(0, 2), st.sampled_from(["BUY", "SELL"]), KINDS, LOTS, PRICES, PRICES,
    st.sampled_from(["GTC", "IOC", "FOK"]), MODES,
)  # fmt: skip
CANCELS = st.tuples(st.just("cancel"), st.integers(0, 2), st.integers(0, 9))
REDUCTIONS = st.tuples(st.just("reduce"), st.integers(0, 2), st.integers(0, 9), LOTS)
MOVES = st.tuples(st.just("move"), PRICES)


def fields_of(kind: str, lots: str, price: str, stop: str, in_force: str) -> dict[str, Any]:
    """The order of that kind."""
    return {
        "LIMIT": {"type": "LIMIT", "quantity": D(lots), "price": D(price), "time_in_force": in_force},
        "LIMIT_MAKER": {"type": "LIMIT_MAKER", "quantity": D(lots), "price": D(price), "time_in_force": "GTC"},
        "MARKET": {"type": "MARKET", "quantity": D(lots), "time_in_force": "GTC"},
        "QUOTE": {"type": "MARKET", "quote_quantity": D(lots) * D(price), "time_in_force": "GTC"},
        "STOP_LOSS": {"type": "STOP_LOSS", "quantity": D(lots), "stop_price": D(stop), "time_in_force": "GTC"},
        "TAKE_PROFIT_LIMIT": {
            "type": "TAKE_PROFIT_LIMIT", "quantity": D(lots), "price": D(price), "stop_price": D(stop),
            "time_in_force": in_force,
        },
        "ICEBERG": {
            "type": "LIMIT", "quantity": D(lots), "price": D(price), "iceberg": D("0.05"), "time_in_force": "GTC",
        },
    }[kind]  # fmt: skip


class Play:
    """Runs a script of steps against a floor with three traders of one group."""

    def __init__(self) -> None:
        self.floor = Floor(USDT="20000", BTC="0.5")
        self.traders = [self.floor.trader]
        self.traders += [self.floor.account(name, USDT="20000", BTC="0.5") for name in ("b", "c")]
        for trader in self.traders:
            trader.trade_group = 1
        self.start = self.totals()

    def totals(self) -> dict[str, Decimal]:
        """All that exists: with the accounts, and paid in fees."""
        found: defaultdict[str, Decimal] = defaultdict(Decimal)
        for account in self.floor.exchange.accounts.values():
            for asset, balance in account.balances.items():
                found[asset] += balance.free + balance.locked
        for market in self.floor.exchange.markets.values():
            for asset, fee in market.fees.items():
                found[asset] += fee
        return dict(found)

    def step(self, step: tuple[Any, ...]) -> None:
        """One step; a refusal is no event."""
        verb, *rest = step
        with suppress(Refused):
            getattr(self, verb)(*rest)

    def order(self, who: int, side: Any, kind: str, lots: str, price: str, stop: str, in_force: str, mode: str) -> None:
        """Places an order."""
        exchange = self.floor.exchange
        fields = fields_of(kind, lots, price, stop, in_force)
        exchange.place(exchange.draft(self.traders[who], "BTCUSDT", side, NOW, self_trade=mode, **fields), NOW)

    def cancel(self, who: int, which: int) -> None:
        """Cancels one of the open orders."""
        orders = list(self.traders[who].open_orders.values())
        if orders:
            self.floor.exchange.cancel(orders[which % len(orders)], NOW)

    def reduce(self, who: int, which: int, lots: str) -> None:
        """Reduces one of the open orders."""
        orders = list(self.traders[who].open_orders.values())
        if orders:
            self.floor.exchange.reduce(orders[which % len(orders)], D(lots), NOW)

    def move(self, price: str) -> None:
        """Moves the market."""
        self.floor.move(price)

    def check(self) -> None:
        """The promises."""
        now = self.totals()
        assert {asset: now[asset] - amount for asset, amount in self.start.items()} == dict.fromkeys(self.start, 0)
        for trader in self.traders:
            self.check_trader(trader)
        ladders = self.floor.exchange.markets["BTCUSDT"].ladders
        bid, ask = ladders["BUY"].best, ladders["SELL"].best
        assert bid is None or ask is None or bid.price < ask.price
        assert all(order.is_open and order.visible > 0 for ladder in ladders.values() for order in ladder)

    @staticmethod
    def check_trader(trader: Account) -> None:
        """Nobody owes, and what is locked is what the open orders hold."""
        locked: defaultdict[str, Decimal] = defaultdict(Decimal)
        for order in trader.open_orders.values():
            assert order.is_open
            locked[order.spends] += order.locked
        for asset, balance in trader.balances.items():
            assert balance.free >= 0
            assert balance.locked == locked[asset]
        for order in trader.orders.values():
            assert order.is_open or order.locked == 0
            assert order.executed + order.prevented <= order.quantity or order.quote_quantity


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(ORDERS, ORDERS, ORDERS, CANCELS, REDUCTIONS, MOVES), max_size=40))
def test_nothing_is_lost_and_nobody_owes(script: list[tuple[Any, ...]]) -> None:
    """Any sequence of orders, cancels, amendments and price moves."""
    play = Play()
    for step in script:
        play.step(step)
        play.check()
