"""curl, with nothing but what the environment says; its signatures are made as the exchange's documentation shows."""

import hashlib
import hmac
import json
import subprocess
import time
from urllib.parse import urlencode

from story import QUANTITY, SYMBOL, Assignment, assignment, live

LIMIT = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}


class CurlError(Exception):
    """What the exchange answered, with a status of 400 or more."""


class Bot:
    def __init__(self, given: Assignment) -> None:
        self.given = given

    def start(self):
        rows = self._ask("GET", "/api/v3/exchangeInfo", signed=False, symbol=SYMBOL)["symbols"]
        return SYMBOL in {row["symbol"] for row in rows}

    def balance(self):
        return next(row["free"] for row in self._ask("GET", "/api/v3/account")["balances"] if row["asset"] == "USDT")

    def buy_low(self):
        order = self._ask("POST", "/api/v3/order", **LIMIT, quantity=QUANTITY, price=self.given.low_price)
        return str(order["orderId"])

    def open_orders(self):
        return [str(row["orderId"]) for row in self._ask("GET", "/api/v3/openOrders", symbol=SYMBOL)]

    def order(self, order_id):
        return self._ask("GET", "/api/v3/order", symbol=SYMBOL, orderId=order_id)["status"]

    def cancel(self, order_id):
        return self._ask("DELETE", "/api/v3/order", symbol=SYMBOL, orderId=order_id)["status"]

    def buy_market(self):
        return self._market("BUY")

    def sell_market(self):
        return self._market("SELL")

    def trades(self):
        rows = self._ask("GET", "/api/v3/myTrades", symbol=SYMBOL)
        return ["buy" if row["isBuyer"] else "sell" for row in rows]

    def withdraw(self):
        address = "0x00000000000000000000000000000000deadbeef"
        return self._ask("POST", "/sapi/v1/capital/withdraw/apply", coin="USDT", amount="100", address=address)

    def oversized(self):
        return self._ask("POST", "/api/v3/order", **LIMIT, quantity="0.5", price=self.given.low_price)

    def foreign(self):
        return self._ask("POST", "/api/v3/order", **{**LIMIT, "symbol": "DOGEUSDT"}, quantity="200", price="0.14")

    def transfer(self):
        return self._ask("POST", "/sapi/v1/asset/transfer", type="MAIN_FUNDING", asset="USDT", amount="100")

    def _market(self, side):
        return self._ask("POST", "/api/v3/order", symbol=SYMBOL, side=side, type="MARKET", quantity=QUANTITY)["status"]

    def _ask(self, method, path, signed=True, **said):
        query = urlencode({**said, "timestamp": time.time_ns() // 1_000_000} if signed else said)
        if signed:
            proof = hmac.new(self.given.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
            query += f"&signature={proof}"
        named = ["-H", f"X-MBX-APIKEY: {self.given.key}"] if signed else []
        url = f"{self.given.base()}{path}?{query}"
        words = ["curl", "--silent", "--show-error", "--write-out", "\n%{http_code}", "-X", method, *named, url]
        body, _, status = subprocess.run(words, capture_output=True, text=True, check=True).stdout.rpartition("\n")
        if int(status) >= 400:
            raise CurlError(body)
        return json.loads(body)


if __name__ == "__main__":
    given = assignment()
    live(Bot(given), given)
