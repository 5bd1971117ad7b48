"""binance-connector: every parameter in the query, also of a POST, whose body is empty."""

from binance.spot import Spot
from story import QUANTITY, SYMBOL, Assignment, assignment, live


def made(given: Assignment):
    """The client with its URL at the gateway."""
    return Spot(api_key=given.key, api_secret=given.secret, base_url=given.base())


class Bot:
    def __init__(self, given: Assignment) -> None:
        self.client = given.pasted("client") if given.snippet else made(given)
        self.low_price = given.low_price

    def start(self):
        return SYMBOL in {row["symbol"] for row in self.client.exchange_info(symbol=SYMBOL)["symbols"]}

    def balance(self):
        return next(row["free"] for row in self.client.account()["balances"] if row["asset"] == "USDT")

    def buy_low(self):
        return str(self._limit(SYMBOL, QUANTITY, self.low_price)["orderId"])

    def open_orders(self):
        return [str(order["orderId"]) for order in self.client.get_open_orders(SYMBOL)]

    def order(self, order_id):
        return self.client.get_order(SYMBOL, orderId=order_id)["status"]

    def cancel(self, order_id):
        return self.client.cancel_order(SYMBOL, orderId=order_id)["status"]

    def buy_market(self):
        return self.client.new_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity=QUANTITY)["status"]

    def sell_market(self):
        return self.client.new_order(symbol=SYMBOL, side="SELL", type="MARKET", quantity=QUANTITY)["status"]

    def trades(self):
        return ["buy" if row["isBuyer"] else "sell" for row in self.client.my_trades(SYMBOL)]

    def withdraw(self):
        return self.client.withdraw(coin="USDT", amount=100, address="0x00000000000000000000000000000000deadbeef")

    def oversized(self):
        return self._limit(SYMBOL, "0.5", self.low_price)

    def foreign(self):
        return self._limit("DOGEUSDT", "200", "0.14")

    def transfer(self):
        return self.client.user_universal_transfer(type="MAIN_FUNDING", asset="USDT", amount="100")

    def _limit(self, symbol, quantity, price):
        terms = {"type": "LIMIT", "timeInForce": "GTC", "quantity": quantity, "price": price}
        return self.client.new_order(symbol=symbol, side="BUY", **terms)


if __name__ == "__main__":
    given = assignment()
    live(Bot(given), given)
