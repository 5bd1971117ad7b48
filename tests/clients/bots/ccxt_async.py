"""ccxt over aiohttp, with its default options."""

import asyncio

import ccxt.async_support as ccxt
from ccxt_sync import PAIR, pointed
from story import QUANTITY, Assignment, assignment, live


class Bot:
    def __init__(self, given: Assignment, runner: asyncio.Runner) -> None:
        self.run = runner.run
        self.exchange = self.run(self._exchange(given))
        self.low_price = float(given.low_price)

    async def _exchange(self, given: Assignment):
        return given.pasted("exchange") if given.snippet else pointed(ccxt, given)

    def start(self):
        return PAIR in self.run(self.exchange.load_markets())

    def balance(self):
        return str(self.run(self.exchange.fetch_balance())["USDT"]["free"])

    def buy_low(self):
        return self._create("limit", "buy", self.low_price)["id"]

    def open_orders(self):
        return [order["id"] for order in self.run(self.exchange.fetch_open_orders(PAIR))]

    def order(self, order_id):
        return self.run(self.exchange.fetch_order(order_id, PAIR))["status"]

    def cancel(self, order_id):
        return self.run(self.exchange.cancel_order(order_id, PAIR))["status"]

    def buy_market(self):
        return self._create("market", "buy")["status"]

    def sell_market(self):
        return self._create("market", "sell")["status"]

    def trades(self):
        return [trade["side"] for trade in self.run(self.exchange.fetch_my_trades(PAIR))]

    def withdraw(self):
        return self.run(self.exchange.withdraw("USDT", 100, "0x00000000000000000000000000000000deadbeef"))

    def oversized(self):
        return self._create("limit", "buy", self.low_price, quantity=0.5)

    def foreign(self):
        return self.run(self.exchange.create_order("DOGE/USDT", "limit", "buy", 200, 0.14))

    def transfer(self):
        return self.run(self.exchange.transfer("USDT", 100, "spot", "funding"))

    def _create(self, kind, side, price=None, quantity=float(QUANTITY)):
        return self.run(self.exchange.create_order(PAIR, kind, side, quantity, price))


if __name__ == "__main__":
    given = assignment()
    with asyncio.Runner() as runner:
        bot = Bot(given, runner)
        live(bot, given)
        runner.run(bot.exchange.close())
