"""The liquidity provider: keeps a book around a price, and fills up what was taken from it.

Rule: it never takes when it fills up (a level that would cross a resting order waits), so an order that is
larger than its book stays partly filled; it does take when the price is moved over resting orders.
"""

from collections.abc import Callable, Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from .account import Account
from .market import Market
from .orders import Order, Side

LEVELS = 20
Level = tuple[Decimal, Decimal]


class Maker:
    """Quotes one market with an unlimited account."""

    def __init__(self, market: Market, account: Account, next_id: Callable[[], int]) -> None:
        self.market = market
        self.price = market.instrument.start_price
        self.spread = market.instrument.spread
        self._account = account
        self._next_id = next_id
        self._wanted: dict[tuple[Side, Decimal], Decimal] = {}
        self._quotes: dict[tuple[Side, Decimal], Order] = {}
        self._missing: dict[tuple[Side, Decimal], None] = {}

    def move(self, price: Decimal, now: int, spread: Decimal | None = None) -> None:
        """Quotes around another price; orders in between are swept at their own prices."""
        if price <= 0 or (spread is not None and not 0 < spread < 1):
            raise ValueError("a price must be above zero, a spread between 0 and 1")
        self.price = price
        self.spread = self.spread if spread is None else spread
        with self.market.stops_held(now):
            self._replace(self._around("BUY"), self._around("SELL"), now)
            self.market.print_price(self._on_grid(price, ROUND_FLOOR), now)
        self.fill_up(now)

    def show(self, bids: Iterable[Level], asks: Iterable[Level], now: int) -> None:
        """Quotes exactly these levels."""
        bids, asks = list(bids), list(asks)
        if bids and asks and max(bids)[0] >= min(asks)[0]:
            raise ValueError("bids must lie below asks")
        with self.market.stops_held(now):
            self._replace(bids, asks, now)
        self.fill_up(now)

    def fill_up(self, now: int) -> None:
        """Puts back what was traded away, where that takes from nobody."""
        for order in self.market.taken:
            key = (order.side, order.price)
            if self._quotes.get(key) is order:
                self._withdraw(key, now)
        self.market.taken.clear()
        for key in list(self._missing):
            order = self._order(key, self._wanted[key], now)
            if not self.market.opposite(order).crosses(order.price):
                self.market.place(order, now)
                self._quotes[key] = order
                del self._missing[key]

    def _replace(self, bids: list[Level], asks: list[Level], now: int) -> None:
        for quote in self._quotes.values():
            if quote.is_open:
                self.market.cancel(quote, now)
        self._quotes.clear()
        self._missing.clear()
        self._wanted = {("BUY", price): quantity for price, quantity in bids}
        self._wanted |= {("SELL", price): quantity for price, quantity in asks}
        for key, quantity in self._wanted.items():
            order = self._quotes[key] = self._order(key, quantity, now)
            self.market.place(order, now)
            if order.executed:
                self._withdraw(key, now)

    def _withdraw(self, key: tuple[Side, Decimal], now: int) -> None:
        quote = self._quotes.pop(key)
        self._missing[key] = None
        if quote.is_open:
            self.market.cancel(quote, now)

    def _around(self, side: Side) -> list[Level]:
        instrument = self.market.instrument
        half = self.price * self.spread / 2
        levels = []
        for number in range(1, LEVELS + 1):
            away = max(half, instrument.tick) * number
            if side == "BUY":
                price = self._on_grid(self.price - away, ROUND_FLOOR)
            else:
                price = self._on_grid(self.price + away, ROUND_CEILING)
            if price <= 0:
                break
            lots = (instrument.level_notional / price / instrument.step).to_integral_value()
            levels.append((price, max(lots, Decimal(1)) * instrument.step))
        return levels

    def _on_grid(self, price: Decimal, rounding: str) -> Decimal:
        tick = self.market.instrument.tick
        return (price / tick).to_integral_value(rounding) * tick

    def _order(self, key: tuple[Side, Decimal], quantity: Decimal, now: int) -> Order:
        side, price = key
        number = self._next_id()
        return Order(
            id=number,
            account=self._account,
            instrument=self.market.instrument,
            client_id=f"market-{number}",
            side=side,
            type="LIMIT",
            time_in_force="GTC",
            created=now,
            quantity=quantity,
            price=price,
            self_trade="NONE",
        )
