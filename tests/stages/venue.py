"""An exchange with a memory: it takes orders in, fills and ends them when a test says so, and answers for them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.core.request import Answer, Outgoing
from tests.stages.gatehouse import body, parameters

UNKNOWN = body({"code": -2013, "msg": "Order does not exist."}, 400)
GONE = body({"code": -2011, "msg": "Unknown order sent."}, 400)
OVER = ("FILLED", "CANCELED", "EXPIRED")


@dataclass
class Venue:
    """Every order by its exchange id. ``down`` answers instead, where it is set."""

    orders: dict[int, dict[str, Any]] = field(default_factory=dict)
    down: Answer | None = None
    hidden: set[int] = field(default_factory=set)
    next_id: int = 7

    def __call__(self, outgoing: Outgoing) -> Answer:
        told = parameters(outgoing)
        acts: dict[str, Callable[[dict[str, str]], Answer]] = {
            "POST /api/v3/order": self._place,
            "GET /api/v3/order": self._query,
            "DELETE /api/v3/order": self._cancel,
            "GET /api/v3/openOrders": self._list,
        }
        return self.down or acts[f"{outgoing.method} {outgoing.target.split('?')[0]}"](told)

    def add(self, client_id: str, symbol: str = "BTCUSDT") -> int:
        """Somebody places an order."""
        order_id, self.next_id = self.next_id, self.next_id + 1
        self.orders[order_id] = {
            "symbol": symbol, "orderId": order_id, "clientOrderId": client_id, "status": "NEW", "executedQty": "0",
            "cummulativeQuoteQty": "0", "origQty": "0.01",
        }  # fmt: skip
        return order_id

    def change(self, order_id: int, status: str, filled: str = "0", value: str = "0") -> None:
        """Something happens to an order."""
        self.orders[order_id] |= {"status": status, "executedQty": filled, "cummulativeQuoteQty": value}

    def _place(self, told: dict[str, str]) -> Answer:
        return body(self.orders[self.add(told["newClientOrderId"], told["symbol"])])

    def _query(self, told: dict[str, str]) -> Answer:
        found = self._find(told)
        return UNKNOWN if found is None else body(found)

    def _cancel(self, told: dict[str, str]) -> Answer:
        found = self._find(told)
        if found is None or found["status"] in OVER:
            return GONE
        found["status"] = "CANCELED"
        return body(found | {"origClientOrderId": found["clientOrderId"], "clientOrderId": "cancel"})

    def _list(self, told: dict[str, str]) -> Answer:
        orders = [order for order in self.orders.values() if order["status"] not in OVER]
        symbol = told.get("symbol")
        listed = [o for o in orders if symbol in (None, o["symbol"]) and o["orderId"] not in self.hidden]
        return body(json.loads(json.dumps(listed)))

    def _find(self, told: dict[str, str]) -> dict[str, Any] | None:
        for order in self.orders.values():
            if str(order["orderId"]) == told.get("orderId") or order["clientOrderId"] == told.get("origClientOrderId"):
                return order
        return None
