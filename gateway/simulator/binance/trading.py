"""Placing, cancelling, replacing and amending: parameters per order type as a table, then the core."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from ..core.orders import Order, Side
from ..core.refusals import Reason, Refused
from . import render
from .errors import BinanceError, error, refusal
from .listing import ORDERS_PER_10S, SELF_TRADE_MODES
from .render import Json
from .state import Asked

_SIZING = ("timeInForce", "quantity", "quoteOrderQty", "price", "stopPrice", "trailingDelta", "icebergQty")
_TRIGGER = ("stopPrice", "trailingDelta")
_PEGS = ("pegPriceType", "pegOffsetType", "pegOffsetValue")
SMALLEST_STRATEGY_TYPE = 1_000_000
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class _Rule:
    needs: tuple[str, ...]
    either: tuple[str, str] | None = None
    allows: tuple[str, ...] = ()

    @property
    def known(self) -> frozenset[str]:
        return frozenset(self.needs + (self.either or ()) + self.allows)


_RULES = {
    "LIMIT":             _Rule(("timeInForce", "quantity", "price"), allows=("icebergQty",)),
    "LIMIT_MAKER":       _Rule(("quantity", "price"), allows=("icebergQty",)),
    "MARKET":            _Rule((), ("quantity", "quoteOrderQty")),
    "STOP_LOSS":         _Rule(("quantity",), _TRIGGER),
    "STOP_LOSS_LIMIT":   _Rule(("timeInForce", "quantity", "price"), _TRIGGER, ("icebergQty",)),
    "TAKE_PROFIT":       _Rule(("quantity",), _TRIGGER),
    "TAKE_PROFIT_LIMIT": _Rule(("timeInForce", "quantity", "price"), _TRIGGER, ("icebergQty",)),
}  # fmt: skip
_ANSWERS_IN_FULL = ("LIMIT", "MARKET")


def _check_shape(asked: Asked, kind: str) -> None:
    read, rule = asked.parameters, _RULES[kind]
    for name in rule.needs:
        read.need(name)
    if rule.either and not any(read.has(name) for name in rule.either):
        raise error("MISSING_EITHER", *rule.either)
    if kind == "MARKET" and read.has("quantity") and read.has("quoteOrderQty"):
        raise error("BAD_COMBINATION")
    for name in _SIZING:
        if name not in rule.known and read.has(name):
            raise error("NOT_REQUIRED", name)


def _strategy_type(asked: Asked) -> int | None:
    found = asked.parameters.integer("strategyType")
    if found is not None and found < SMALLEST_STRATEGY_TYPE:
        raise error("BAD_STRATEGY_TYPE")
    return found


def _fields(asked: Asked, kind: str) -> dict[str, Any]:
    read = asked.parameters
    return {
        "type": kind,
        "time_in_force": read.choice("timeInForce", ("GTC", "IOC", "FOK"), "BAD_TIME_IN_FORCE") or "GTC",
        "quantity": read.decimal("quantity") or ZERO,
        "price": read.decimal("price") or ZERO,
        "quote_quantity": read.decimal("quoteOrderQty") or ZERO,
        "stop_price": read.decimal("stopPrice"),
        "trailing_delta": read.integer("trailingDelta"),
        "iceberg": read.decimal("icebergQty"),
        "client_id": read.client_id("newClientOrderId"),
        "strategy_id": read.integer("strategyId"),
        "strategy_type": _strategy_type(asked),
        "self_trade": read.choice("selfTradePreventionMode", SELF_TRADE_MODES, "BAD_VALUE") or "EXPIRE_MAKER",
    }


def _read_order(asked: Asked) -> tuple[Order, str]:
    market, read = asked.market(), asked.parameters
    if any(read.get(name) for name in _PEGS):
        raise error("PEGGED")
    read.need("side")
    side = cast("Side", read.choice("side", ("BUY", "SELL"), "BAD_SIDE"))
    read.need("type")
    kind = read.choice("type", _RULES, "BAD_TYPE") or ""
    _check_shape(asked, kind)
    fields = _fields(asked, kind)
    if fields["iceberg"] is not None and fields["time_in_force"] != "GTC":
        raise error("BAD_ORDER_COMBINATION")
    answer = read.choice("newOrderRespType", ("ACK", "RESULT", "FULL"), "BAD_VALUE")
    order = asked.exchange.draft(asked.account, market.instrument.symbol, side, asked.now, **fields)
    return order, answer or ("FULL" if kind in _ANSWERS_IN_FULL else "ACK")


def _count_order(asked: Asked) -> None:
    state, name = asked.state, asked.account.name
    recent = state.orders_10s.add(name, 1, asked.now)
    asked.headers["X-MBX-ORDER-COUNT-10S"] = str(recent)
    asked.headers["X-MBX-ORDER-COUNT-1D"] = str(state.orders_1d.add(name, 1, asked.now))
    if state.order_limit is not None and recent > state.order_limit:
        asked.headers["Retry-After"] = "10"
        raise error("TOO_MANY_ORDERS", state.order_limit)


def place(asked: Asked) -> Json:
    """POST /api/v3/order"""
    order, answer = _read_order(asked)
    asked.parameters.refuse_unread()
    _count_order(asked)
    asked.exchange.place(order, asked.now)
    return render.placed(order, answer)


def test(asked: Asked) -> Json:
    """POST /api/v3/order/test: every check, no order."""
    order, _ = _read_order(asked)
    rates = asked.parameters.boolean("computeCommissionRates")
    asked.parameters.refuse_unread()
    asked.exchange.check(order, asked.now)
    return _order_rates(asked) if rates else {}


def _order_rates(asked: Asked) -> Json:
    account, none = asked.account, {"maker": "0.00000000", "taker": "0.00000000"}
    standard = {"maker": render.number(account.maker_fee), "taker": render.number(account.taker_fee)}
    return {
        "standardCommissionForOrder": standard,
        "specialCommissionForOrder": none,
        "taxCommissionForOrder": none,
        "discount": {"enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "BNB",
                     "discount": "0.25000000"},
    }  # fmt: skip


def find(asked: Asked, id_name: str = "orderId", client_name: str = "origClientOrderId") -> Order | None:
    """The order that the two ids name; None if there is none."""
    market, read = asked.market(), asked.parameters
    order_id, client_id = read.integer(id_name), read.client_id(client_name)
    if order_id is None and client_id is None:
        raise error("MISSING_EITHER", client_name, id_name)
    return asked.exchange.find(asked.account, market.instrument.symbol, order_id, client_id)


def _restriction(asked: Asked) -> str | None:
    return asked.parameters.choice(
        "cancelRestrictions", ("ONLY_NEW", "ONLY_PARTIALLY_FILLED"), "BAD_CANCEL_RESTRICTIONS"
    )


def _cancel(asked: Asked, order: Order | None, restriction: str | None, new_id: str | None) -> Json:
    if order is None or not order.is_open:
        raise error("UNKNOWN_ORDER")
    if restriction is not None and restriction != f"ONLY_{order.status}":
        raise error("CANCEL_RESTRICTED")
    asked.exchange.cancel(order, asked.now)
    answer = render.cancelled(order, order.client_id)
    answer["clientOrderId"] = new_id or f"cancel{order.id:016d}"
    return answer


def cancel(asked: Asked) -> Json:
    """DELETE /api/v3/order"""
    order, restriction = find(asked), _restriction(asked)
    new_id = asked.parameters.client_id("newClientOrderId")
    asked.parameters.refuse_unread()
    return _cancel(asked, order, restriction, new_id)


def cancel_all(asked: Asked) -> list[Json]:
    """DELETE /api/v3/openOrders"""
    market = asked.market()
    asked.parameters.refuse_unread()
    orders = [o for o in asked.account.open_orders.values() if o.instrument is market.instrument]
    if not orders:
        raise error("UNKNOWN_ORDER")
    return [_cancel(asked, order, None, None) for order in orders]


def amend(asked: Asked) -> Json:
    """PUT /api/v3/order/amend/keepPriority"""
    asked.parameters.need("newQty")
    quantity, order = asked.parameters.decimal("newQty"), find(asked)
    new_id = asked.parameters.client_id("newClientOrderId")
    asked.parameters.refuse_unread()
    if order is None or quantity is None:
        raise error("NO_SUCH_ORDER")
    original = order.client_id
    if new_id is not None and new_id != original and asked.account.uses(new_id):
        raise refusal(Reason.DUPLICATE_ID)
    asked.exchange.reduce(order, quantity, asked.now)
    order.account.rename(order, new_id or f"amend{next(asked.state.ids):017d}")
    return render.amended(order, original, next(asked.state.ids))


def replace(asked: Asked) -> Json:
    """POST /api/v3/order/cancelReplace"""
    read = asked.parameters
    read.need("cancelReplaceMode")
    mode = read.choice("cancelReplaceMode", ("STOP_ON_FAILURE", "ALLOW_FAILURE"), "BAD_VALUE")
    read.choice("orderRateLimitExceededMode", ("DO_NOTHING", "CANCEL_ONLY"), "BAD_VALUE")
    old = find(asked, "cancelOrderId", "cancelOrigClientOrderId")
    restriction, cancel_id = _restriction(asked), read.client_id("cancelNewClientOrderId")
    order, answer = _read_order(asked)
    read.refuse_unread()
    _count_order(asked)
    cancelled, first = _attempt(lambda: _cancel(asked, old, restriction, cancel_id))
    if first == "FAILURE" and mode == "STOP_ON_FAILURE":
        new: Json | None = None
        second = "NOT_ATTEMPTED"
    else:
        new, second = _attempt(lambda: _place_now(asked, order, answer))
    results = {"cancelResult": first, "newOrderResult": second, "cancelResponse": cancelled, "newOrderResponse": new}
    if first == second == "SUCCESS":
        return results
    raise _half_done(results, some="SUCCESS" in (first, second))


def _place_now(asked: Asked, order: Order, answer: str) -> Json:
    asked.exchange.place(order, asked.now)
    return render.placed(order, answer)


def _attempt(action: Any) -> tuple[Json, str]:
    try:
        return action(), "SUCCESS"
    except BinanceError as problem:
        return problem.body, "FAILURE"
    except Refused as problem:
        return refusal(problem.reason).body, "FAILURE"


class _CancelReplaceError(BinanceError):
    def __init__(self, code: int, message: str, status: int, results: Json) -> None:
        super().__init__(code, message, status)
        self._results = results

    @property
    def body(self) -> dict[str, object]:
        return super().body | {"data": self._results}


def _half_done(results: Json, *, some: bool) -> BinanceError:
    if some:
        return _CancelReplaceError(-2021, "Order cancel-replace partially failed.", 409, results)
    return _CancelReplaceError(-2022, "Order cancel-replace failed.", 400, results)


def order_counts(asked: Asked) -> list[Json]:
    """GET /api/v3/rateLimit/order"""
    name, now = asked.account.name, asked.now
    rows = (("SECOND", 10, ORDERS_PER_10S, asked.state.orders_10s), ("DAY", 1, 200_000, asked.state.orders_1d))
    return [
        {"rateLimitType": "ORDERS", "interval": interval, "intervalNum": length, "limit": limit,
         "count": counter.add(name, 0, now)}
        for interval, length, limit, counter in rows
    ]  # fmt: skip
