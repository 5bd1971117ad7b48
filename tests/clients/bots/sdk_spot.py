"""binance-sdk-spot, the modular SDK: typed answers, every parameter in the query.

A thief uses its signer for the calls that this SDK leaves out, since its public ``send_signed_request`` raises
TypeError in 13.2.0.
"""

import requests
from binance_common.configuration import ConfigurationRestAPI
from binance_common.utils import send_request
from binance_sdk_spot.spot import Spot
from story import QUANTITY, SYMBOL, Assignment, assignment, live


def made(given: Assignment):
    """The client with its URL at the gateway."""
    where = ConfigurationRestAPI(api_key=given.key, api_secret=given.secret, base_path=given.base())
    return Spot(config_rest_api=where)


class Bot:
    def __init__(self, given: Assignment) -> None:
        client = given.pasted("client") if given.snippet else made(given)
        self.api = client.rest_api
        self.where = self.api.configuration
        self.low_price = float(given.low_price)

    def start(self):
        return SYMBOL in {row.symbol for row in self.api.exchange_info(symbol=SYMBOL).data().symbols}

    def balance(self):
        return next(row.free for row in self.api.get_account().data().balances if row.asset == "USDT")

    def buy_low(self):
        return str(self._limit(SYMBOL, float(QUANTITY), self.low_price).order_id)

    def open_orders(self):
        return [str(row.order_id) for row in self.api.get_open_orders(symbol=SYMBOL).data()]

    def order(self, order_id):
        return self.api.get_order(SYMBOL, order_id=int(order_id)).data().status

    def cancel(self, order_id):
        return self.api.delete_order(SYMBOL, order_id=int(order_id)).data().status

    def buy_market(self):
        return self.api.new_order(SYMBOL, "BUY", "MARKET", quantity=float(QUANTITY)).data().status

    def sell_market(self):
        return self.api.new_order(SYMBOL, "SELL", "MARKET", quantity=float(QUANTITY)).data().status

    def trades(self):
        return ["buy" if row.is_buyer else "sell" for row in self.api.my_trades(SYMBOL).data()]

    def withdraw(self):
        wanted = {"coin": "USDT", "address": "0x00000000000000000000000000000000deadbeef", "amount": 100}
        return self._post("/sapi/v1/capital/withdraw/apply", wanted)

    def oversized(self):
        return self._limit(SYMBOL, 0.5, self.low_price)

    def foreign(self):
        return self._limit("DOGEUSDT", 200.0, 0.14)

    def transfer(self):
        return self._post("/sapi/v1/asset/transfer", {"type": "MAIN_FUNDING", "asset": "USDT", "amount": "100"})

    def _post(self, path, wanted):
        return send_request(requests.Session(), self.where, "POST", path, wanted, is_signed=True).data()

    def _limit(self, symbol, quantity, price):
        return self.api.new_order(symbol, "BUY", "LIMIT", time_in_force="GTC", quantity=quantity, price=price).data()


if __name__ == "__main__":
    given = assignment()
    live(Bot(given), given)
