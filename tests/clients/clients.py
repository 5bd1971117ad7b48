"""The client libraries, one row each: script, environment, and the words in which they answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TRADING = ("start", "balance", "buy_low", "open_orders", "order", "cancel", "buy_market", "sell_market", "trades")
FORBIDDEN = ("withdraw", "transfer", "oversized", "foreign")
LOW_PRICE = "57000.00"


@dataclass(frozen=True)
class Client:
    """A bot script, the environment it runs in, and its library's words."""

    script: str
    environment: str
    statuses: tuple[str, str, str]
    """How it calls a resting, a cancelled and a filled order."""
    refused: str
    """What it raises for an order that the policy does not allow."""
    forbidden: str
    """What it raises for an act that no policy can allow."""

    def assignment(self, at: str, key: str, secret: str) -> Mapping[str, Any]:
        """The whole story, told to the script on its standard input."""
        return {"at": at, "key": key, "secret": secret, "low_price": LOW_PRICE, "steps": TRADING + FORBIDDEN}


CCXT = ("open", "canceled", "closed")
NATIVE = ("NEW", "CANCELED", "FILLED")
CLIENTS = (
    #      script                  environment          statuses  refused                 forbidden
    Client("ccxt_sync",            "ccxt",              CCXT,     "InvalidOrder",         "AuthenticationError"),
    Client("ccxt_async",           "ccxt",              CCXT,     "InvalidOrder",         "AuthenticationError"),
    Client("python_binance_sync",  "python-binance",    NATIVE,   "BinanceAPIException",  "BinanceAPIException"),
    Client("python_binance_async", "python-binance",    NATIVE,   "BinanceAPIException",  "BinanceAPIException"),
    Client("connector",            "binance-connector", NATIVE,   "ClientError",          "ClientError"),
    Client("sdk_spot",             "binance-sdk-spot",  NATIVE,   "BadRequestError",      "UnauthorizedError"),
)  # fmt: skip
