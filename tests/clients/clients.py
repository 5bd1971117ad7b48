# ruff: noqa: E501 - one row a client
"""The client libraries, one row each: script, environment, snippet, and the words in which they answer."""

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
    snippet: str
    """Its name for ``token issue --for``."""
    statuses: tuple[str, str, str]
    """How it calls a resting, a cancelled and a filled order."""
    refused: str
    """What it raises for an order that the policy does not allow."""
    forbidden: str
    """What it raises for an act that no policy can allow."""

    @property
    def name(self) -> str:
        """For the name of a test."""
        return self.script.replace("/", "_")

    def assignment(self, at: str, key: str, secret: str) -> Mapping[str, Any]:
        """The whole story, told to the script on its standard input."""
        return {"at": at, "key": key, "secret": secret, "low_price": LOW_PRICE, "steps": TRADING + FORBIDDEN}


CCXT = ("open", "canceled", "closed")
NATIVE = ("NEW", "CANCELED", "FILLED")
CLIENTS = (
    #      script                  environment          snippet                 statuses  refused                 forbidden
    Client("ccxt_sync",            "ccxt",              "ccxt",                 CCXT,     "InvalidOrder",         "AuthenticationError"),
    Client("ccxt_async",           "ccxt",              "ccxt-async",           CCXT,     "InvalidOrder",         "AuthenticationError"),
    Client("node/ccxt",            "node",              "ccxt-js",              CCXT,     "InvalidOrder",         "AuthenticationError"),
    Client("python_binance_sync",  "python-binance",    "python-binance",       NATIVE,   "BinanceAPIException",  "BinanceAPIException"),
    Client("python_binance_async", "python-binance",    "python-binance-async", NATIVE,   "BinanceAPIException",  "BinanceAPIException"),
    Client("connector",            "binance-connector", "binance-connector",    NATIVE,   "ClientError",          "ClientError"),
    Client("sdk_spot",             "binance-sdk-spot",  "binance-sdk-spot",     NATIVE,   "BadRequestError",      "UnauthorizedError"),
    Client("node/binance",         "node",              "binance-js",           NATIVE,   "Object",               "Object"),
)  # fmt: skip
HUMMINGBOT = Client("hummingbot_web", "hummingbot", "hummingbot", NATIVE, "OSError", "OSError")
"""Its addresses are constants: it reaches the gateway through `exec` alone."""
CURL = Client("curl", "ccxt", "", NATIVE, "CurlError", "CurlError")
"""For whatever else goes by the environment; its script needs an interpreter, and no library."""
