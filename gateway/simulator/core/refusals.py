"""Why the core says no. One exception, one vocabulary; the wire turns a reason into its own words."""

from enum import Enum


class Reason(Enum):
    """Every way in which an order or a transfer can be refused."""

    INSUFFICIENT = "insufficient balance"
    DUPLICATE_ID = "client order id in use"
    WOULD_TAKE = "a maker order would take"
    WOULD_TRIGGER = "a stop would trigger at once"
    UNKNOWN_ORDER = "no such open order"
    ICEBERG_TOO_LARGE = "an iceberg shows more than it has"
    NO_LIQUIDITY = "nothing to trade against"
    NO_INCREASE = "an amendment may only reduce"
    NO_CHANGE = "the amendment changes nothing"
    PRICE_FILTER = "price off its grid or bounds"
    PERCENT_PRICE_BY_SIDE = "price too far from the average"
    LOT_SIZE = "quantity off its grid or bounds"
    MARKET_LOT_SIZE = "market quantity off its bounds"
    NOTIONAL = "value outside its bounds"
    ICEBERG_PARTS = "too many iceberg parts"
    TRAILING_DELTA = "trailing distance outside its bounds"
    MAX_NUM_ORDERS = "too many open orders"
    MAX_NUM_ALGO_ORDERS = "too many stop orders"


class Refused(Exception):
    """The core will not do it; nothing has changed."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
