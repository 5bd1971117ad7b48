"""hummingbot's own way to Binance: its aiohttp session, throttler, signer and REST assistant.

Its connector itself needs compiled parts, so the calls that it makes stand here.
"""

import asyncio

from hummingbot.connector.exchange.binance.binance_auth import BinanceAuth
from hummingbot.connector.time_synchronizer import TimeSynchronizer
from hummingbot.core.api_throttler.async_throttler import AsyncThrottler
from hummingbot.core.api_throttler.data_types import RateLimit
from hummingbot.core.web_assistant.connections.data_types import RESTMethod
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory
from story import QUANTITY, SYMBOL, Assignment, assignment, live

LIMIT = RateLimit(limit_id="any", limit=100, time_interval=1)
BUY = {"symbol": SYMBOL, "side": "BUY", "quantity": QUANTITY}


class Bot:
    def __init__(self, given: Assignment, runner: asyncio.Runner) -> None:
        self.given, self.run = given, runner.run
        self.clock = TimeSynchronizer()
        signer = BinanceAuth(given.key, given.secret, self.clock)
        self.factory = WebAssistantsFactory(throttler=AsyncThrottler([LIMIT]), auth=signer)

    def start(self):
        self.run(self.clock.update_server_time_offset_with_time_provider(self._server_time()))
        return SYMBOL in {row["symbol"] for row in self._get("/api/v3/exchangeInfo", signed=False)["symbols"]}

    def balance(self):
        return next(row["free"] for row in self._get("/api/v3/account")["balances"] if row["asset"] == "USDT")

    def buy_low(self):
        limit = {"type": "LIMIT", "timeInForce": "GTC", "price": self.given.low_price}
        return str(self._post("/api/v3/order", {**BUY, **limit})["orderId"])

    def open_orders(self):
        return [str(row["orderId"]) for row in self._get("/api/v3/openOrders", {"symbol": SYMBOL})]

    def order(self, order_id):
        return self._get("/api/v3/order", {"symbol": SYMBOL, "orderId": order_id})["status"]

    def cancel(self, order_id):
        return self._ask(RESTMethod.DELETE, "/api/v3/order", params={"symbol": SYMBOL, "orderId": order_id})["status"]

    def buy_market(self):
        return self._post("/api/v3/order", {**BUY, "type": "MARKET"})["status"]

    def sell_market(self):
        return self._post("/api/v3/order", {**BUY, "side": "SELL", "type": "MARKET"})["status"]

    def trades(self):
        return ["buy" if row["isBuyer"] else "sell" for row in self._get("/api/v3/myTrades", {"symbol": SYMBOL})]

    def withdraw(self):
        address = "0x00000000000000000000000000000000deadbeef"
        return self._post("/sapi/v1/capital/withdraw/apply", {"coin": "USDT", "amount": "100", "address": address})

    def oversized(self):
        limit = {"type": "LIMIT", "timeInForce": "GTC", "price": self.given.low_price}
        return self._post("/api/v3/order", {**BUY, **limit, "quantity": "0.5"})

    def foreign(self):
        terms = {"symbol": "DOGEUSDT", "type": "LIMIT", "timeInForce": "GTC", "price": "0.14", "quantity": "200"}
        return self._post("/api/v3/order", {**BUY, **terms})

    def transfer(self):
        return self._post("/sapi/v1/asset/transfer", {"type": "MAIN_FUNDING", "asset": "USDT", "amount": "100"})

    def close(self):
        self.run(self.factory._connections_factory.close())

    def _get(self, path, params=None, signed=True):
        return self._ask(RESTMethod.GET, path, params=params, signed=signed)

    def _post(self, path, terms):
        return self._ask(RESTMethod.POST, path, data=terms)

    def _ask(self, method, path, signed=True, **what):
        return self.run(self._asked(method, self.given.base() + path, signed, **what))

    async def _server_time(self):
        return (await self._asked(RESTMethod.GET, self.given.base() + "/api/v3/time", signed=False))["serverTime"]

    async def _asked(self, method, url, signed, **what):
        assistant = await self.factory.get_rest_assistant()
        return await assistant.execute_request(
            url, throttler_limit_id=LIMIT.limit_id, method=method, is_auth_required=signed, **what
        )


if __name__ == "__main__":
    given = assignment()
    with asyncio.Runner() as runner:
        bot = Bot(given, runner)
        live(bot, given)
        bot.close()
