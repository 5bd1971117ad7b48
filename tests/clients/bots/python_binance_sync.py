"""python-binance over requests. It takes no base URL, so its class attributes are set, as its users do."""

from binance.client import Client
from story import QUANTITY, SYMBOL, Assignment, assignment, live


def pointed(client: type, given: Assignment) -> type:
    """The client class with every URL at the gateway."""
    api, futures, delivery = given.base(), given.base("fapi.binance.com"), given.base("dapi.binance.com")
    return type(client.__name__, (client,), {
        "API_URL": f"{api}/api",
        "MARGIN_API_URL": f"{api}/sapi",
        "WEBSITE_URL": given.base("www.binance.com"),
        "FUTURES_URL": f"{futures}/fapi",
        "FUTURES_DATA_URL": f"{futures}/futures/data",
        "FUTURES_COIN_URL": f"{delivery}/dapi",
        "FUTURES_COIN_DATA_URL": f"{delivery}/futures/data",
        "OPTIONS_URL": given.base("eapi.binance.com") + "/eapi",
        "PAPI_URL": given.base("papi.binance.com") + "/papi",
        "WS_API_URL": given.base("ws-api.binance.com").replace("http", "ws", 1) + "/ws-api/v3",
    })  # fmt: skip


class Bot:
    def __init__(self, given: Assignment) -> None:
        self.client = None
        self.given = given

    def start(self):
        self.client = self.given.pasted("client") if self.given.snippet else self._made()
        return True

    def _made(self):
        return pointed(Client, self.given)(self.given.key, self.given.secret)

    def balance(self):
        return next(row["free"] for row in self.client.get_account()["balances"] if row["asset"] == "USDT")

    def buy_low(self):
        price = self.given.low_price
        return str(self.client.order_limit_buy(symbol=SYMBOL, quantity=QUANTITY, price=price)["orderId"])

    def open_orders(self):
        return [str(order["orderId"]) for order in self.client.get_open_orders(symbol=SYMBOL)]

    def order(self, order_id):
        return self.client.get_order(symbol=SYMBOL, orderId=order_id)["status"]

    def cancel(self, order_id):
        return self.client.cancel_order(symbol=SYMBOL, orderId=order_id)["status"]

    def buy_market(self):
        return self.client.order_market_buy(symbol=SYMBOL, quantity=QUANTITY)["status"]

    def sell_market(self):
        return self.client.order_market_sell(symbol=SYMBOL, quantity=QUANTITY)["status"]

    def trades(self):
        return ["buy" if row["isBuyer"] else "sell" for row in self.client.get_my_trades(symbol=SYMBOL)]

    def withdraw(self):
        return self.client.withdraw(coin="USDT", address="0x00000000000000000000000000000000deadbeef", amount=100)

    def oversized(self):
        return self.client.order_limit_buy(symbol=SYMBOL, quantity="0.5", price=self.given.low_price)

    def foreign(self):
        return self.client.order_limit_buy(symbol="DOGEUSDT", quantity="200", price="0.14")

    def transfer(self):
        return self.client.make_universal_transfer(type="MAIN_FUNDING", asset="USDT", amount="100")


if __name__ == "__main__":
    given = assignment()
    live(Bot(given), given)
