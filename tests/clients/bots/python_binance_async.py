"""python-binance over aiohttp: its create() pings and reads the clock before anything else."""

import asyncio

from binance import AsyncClient
from python_binance_sync import pointed
from story import QUANTITY, SYMBOL, Assignment, assignment, live


class Bot:
    def __init__(self, given: Assignment, runner: asyncio.Runner) -> None:
        self.run = runner.run
        self.given = given
        self.client = None

    def start(self):
        self.client = self.run(self.given.pasted("connect")() if self.given.snippet else self._made())
        return True

    def _made(self):
        return pointed(AsyncClient, self.given).create(self.given.key, self.given.secret)

    def balance(self):
        balances = self.run(self.client.get_account())["balances"]
        return next(row["free"] for row in balances if row["asset"] == "USDT")

    def buy_low(self):
        price = self.given.low_price
        return str(self.run(self.client.order_limit_buy(symbol=SYMBOL, quantity=QUANTITY, price=price))["orderId"])

    def open_orders(self):
        return [str(order["orderId"]) for order in self.run(self.client.get_open_orders(symbol=SYMBOL))]

    def order(self, order_id):
        return self.run(self.client.get_order(symbol=SYMBOL, orderId=order_id))["status"]

    def cancel(self, order_id):
        return self.run(self.client.cancel_order(symbol=SYMBOL, orderId=order_id))["status"]

    def buy_market(self):
        return self.run(self.client.order_market_buy(symbol=SYMBOL, quantity=QUANTITY))["status"]

    def sell_market(self):
        return self.run(self.client.order_market_sell(symbol=SYMBOL, quantity=QUANTITY))["status"]

    def trades(self):
        return ["buy" if row["isBuyer"] else "sell" for row in self.run(self.client.get_my_trades(symbol=SYMBOL))]

    def withdraw(self):
        address = "0x00000000000000000000000000000000deadbeef"
        return self.run(self.client.withdraw(coin="USDT", address=address, amount=100))

    def oversized(self):
        price = self.given.low_price
        return self.run(self.client.order_limit_buy(symbol=SYMBOL, quantity="0.5", price=price))

    def foreign(self):
        return self.run(self.client.order_limit_buy(symbol="DOGEUSDT", quantity="200", price="0.14"))

    def transfer(self):
        return self.run(self.client.make_universal_transfer(type="MAIN_FUNDING", asset="USDT", amount="100"))


if __name__ == "__main__":
    given = assignment()
    with asyncio.Runner() as runner:
        bot = Bot(given, runner)
        live(bot, given)
        if bot.client is not None:
            runner.run(bot.client.close_connection())
