"""ccxt over requests, with its default options: load_markets asks for currencies, margin pairs and three products."""

from urllib.parse import urlsplit

import ccxt
from story import QUANTITY, Assignment, assignment, live

PAIR = "BTC/USDT"


def point(urls, given: Assignment):
    """ccxt's URL map with the gateway's address in place of every host."""
    if isinstance(urls, dict):
        return {name: point(url, given) for name, url in urls.items()}
    return given.base(urlsplit(urls).netloc) + urlsplit(urls).path


def pointed(library, given: Assignment):
    """The library's exchange with every URL at the gateway."""
    exchange = library.binance({"apiKey": given.key, "secret": given.secret})
    exchange.urls["api"] = point(exchange.urls["api"], given)
    return exchange


class Bot:
    def __init__(self, given: Assignment) -> None:
        self.exchange = given.pasted("exchange") if given.snippet else pointed(ccxt, given)
        self.low_price = float(given.low_price)

    def start(self):
        return PAIR in self.exchange.load_markets()

    def balance(self):
        return str(self.exchange.fetch_balance()["USDT"]["free"])

    def buy_low(self):
        return self.exchange.create_order(PAIR, "limit", "buy", float(QUANTITY), self.low_price)["id"]

    def open_orders(self):
        return [order["id"] for order in self.exchange.fetch_open_orders(PAIR)]

    def order(self, order_id):
        return self.exchange.fetch_order(order_id, PAIR)["status"]

    def cancel(self, order_id):
        return self.exchange.cancel_order(order_id, PAIR)["status"]

    def buy_market(self):
        return self.exchange.create_order(PAIR, "market", "buy", float(QUANTITY))["status"]

    def sell_market(self):
        return self.exchange.create_order(PAIR, "market", "sell", float(QUANTITY))["status"]

    def trades(self):
        return [trade["side"] for trade in self.exchange.fetch_my_trades(PAIR)]

    def withdraw(self):
        return self.exchange.withdraw("USDT", 100, "0x00000000000000000000000000000000deadbeef")

    def oversized(self):
        return self.exchange.create_order(PAIR, "limit", "buy", 0.5, self.low_price)

    def foreign(self):
        return self.exchange.create_order("DOGE/USDT", "limit", "buy", 200, 0.14)

    def transfer(self):
        return self.exchange.transfer("USDT", 100, "spot", "funding")


if __name__ == "__main__":
    given = assignment()
    live(Bot(given), given)
