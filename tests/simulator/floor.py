"""A trading floor for tests of the core: one exchange, one trader, a fixed time."""

from decimal import Decimal
from typing import Any

from gateway.simulator.core.account import Account
from gateway.simulator.core.exchange import Exchange
from gateway.simulator.core.orders import Order, Side

NOW = 1_700_000_000_000
D = Decimal


class Floor:
    """Places orders by their shortest description."""

    def __init__(self, **balances: str) -> None:
        self.exchange = Exchange(NOW)
        self.trader = self.account("trader", **(balances or {"USDT": "100000", "BTC": "2"}))

    def account(self, name: str, **balances: str) -> Account:
        """Another account with these balances."""
        account = self.exchange.open_account(name)
        for asset, amount in balances.items():
            account.credit(asset, D(amount))
        return account

    def draft(
        self, side: Side, kind: str, *, by: Account | None = None, symbol: str = "BTCUSDT", **fields: Any
    ) -> Order:
        """An order that is not placed yet; numbers as text."""
        amounts = ("quantity", "price", "quote_quantity", "stop_price", "iceberg")
        fields = {name: D(value) if name in amounts else value for name, value in fields.items()}
        fields.setdefault("time_in_force", "GTC")
        return self.exchange.draft(by or self.trader, symbol, side, NOW, type=kind, **fields)

    def place(self, side: Side, kind: str, **fields: Any) -> Order:
        """Places an order."""
        order = self.draft(side, kind, **fields)
        self.exchange.place(order, NOW)
        return order

    def show(self, bids: str, asks: str, symbol: str = "BTCUSDT") -> None:
        """The market's levels, as `price:quantity price:quantity`, best first."""
        sides = [
            [(D(price), D(size)) for price, size in (level.split(":") for level in text.split())]
            for text in (bids, asks)
        ]
        self.exchange.makers[symbol].show(sides[0], sides[1], NOW)

    def move(self, price: str, symbol: str = "BTCUSDT") -> None:
        """Moves the market to a price."""
        self.exchange.makers[symbol].move(D(price), NOW)

    def balance(self, asset: str, account: Account | None = None) -> tuple[Decimal, Decimal]:
        """Free and locked."""
        one = (account or self.trader).balance(asset)
        return one.free, one.locked
