"""What reached the exchange, read strictly and from the raw bytes of its journal; and what of it a policy permits.

Law: shares no code with the gateway. A request that this reader cannot read in exactly one way has no right to exist.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.exchanges.binance.reader import pairs
from tests.world import World

SAFE = frozenset({
    ("POST", "/api/v3/order"), ("POST", "/api/v3/order/test"), ("DELETE", "/api/v3/order"),
    ("DELETE", "/api/v3/openOrders"), ("POST", "/sapi/v3/asset/getUserAsset"),
    ("POST", "/sapi/v1/asset/get-funding-asset"),
})  # fmt: skip
"""Everything but GET that may ever reach an exchange."""

STAMP = frozenset({"timestamp", "recvWindow", "signature"})
ORDER_NAMES = frozenset({
    "symbol", "side", "type", "timeInForce", "quantity", "price", "stopPrice", "newClientOrderId", "newOrderRespType",
    "selfTradePreventionMode", "trailingDelta", "icebergQty", "computeCommissionRates",
})  # fmt: skip


class Beyond(AssertionError):
    """Something reached the exchange that the policy does not permit."""


@dataclass(frozen=True)
class Bounds:
    """What a policy says, in this reader's words: orders in these markets, each worth no more than this."""

    markets: frozenset[str] = frozenset({"BTCUSDT", "ETHUSDT"})
    order: Decimal = Decimal(500)

    def check(self, parameters: dict[str, str]) -> None:
        """Raises Beyond for an order outside. A sale below the market is worth the market, so prices are bounded."""
        if parameters["symbol"] not in self.markets or parameters.keys() - ORDER_NAMES:
            raise Beyond(parameters)
        if parameters["type"] not in ("LIMIT", "LIMIT_MAKER"):
            raise Beyond(f"an order left without a limit: {parameters}")
        if parameters.get("selfTradePreventionMode") == "TRANSFER":
            raise Beyond("an order that moves value between accounts")
        if Decimal(parameters["quantity"]) * Decimal(parameters["price"]) > self.order:
            raise Beyond(parameters)


@dataclass(frozen=True)
class Seen:
    """One request at the exchange."""

    number: int
    time: int
    method: str
    path: str
    parameters: dict[str, str]
    key: str | None
    executed: bool

    @property
    def meaning(self) -> dict[str, str]:
        """The parameters without time and signature."""
        return {name: value for name, value in self.parameters.items() if name not in STAMP}


def seen(entry: dict[str, Any]) -> Seen:
    """An entry of the journal. Raises Beyond or NotCanonical for one that could be read in two ways."""
    if entry["outcome"] == "malformed" or (entry["query"] and entry["body"]):
        raise Beyond(entry)
    parameters = pairs(entry["query"] or entry["body"])
    key = entry["headers"].get("x-mbx-apikey")
    return Seen(entry["number"], entry["time"], entry["method"], entry["path"], parameters, key, entry["executed"])


class Witness:
    """Looks at a world's exchange from the moment it is called."""

    def __init__(self, world: World, bounds: Bounds | None = None) -> None:
        self._world = world
        self._bounds = bounds or Bounds()
        self._mark = world.exchange.mark()

    def arrivals(self) -> list[Seen]:
        """What has arrived since, every entry read strictly."""
        return [seen(entry) for entry in self._world.exchange.control("journal", since=self._mark)]

    def keyed(self) -> list[Seen]:
        """What arrived with the real key, without the gateway's own questions after orders' fates."""
        return [
            one for one in self.arrivals()
            if one.key is not None and not (one.method == "GET" and one.path in ("/api/v3/order", "/api/v3/openOrders"))
        ]  # fmt: skip

    def judge(self) -> list[Seen]:
        """What arrived with the real key. Raises Beyond if any of it is more than the policy gives."""
        found = self.keyed()
        check(found, self._bounds, self._world.real_key.key)
        return found


def check(found: Iterable[Seen], bounds: Bounds, real_key: str) -> None:
    """Raises Beyond for a request that has no right to be at the exchange."""
    for one in found:
        if one.key != real_key or (one.method != "GET" and (one.method, one.path) not in SAFE):
            raise Beyond(one)
        if (one.method, one.path) in {("POST", "/api/v3/order"), ("POST", "/api/v3/order/test")}:
            bounds.check(one.meaning)
