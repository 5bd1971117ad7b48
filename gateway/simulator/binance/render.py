"""Orders, fills and balances as Binance writes them: amounts as text with eight decimals."""

from decimal import Decimal
from typing import Any

from ..core.orders import Fill, Order

Json = dict[str, Any]


def number(value: Decimal) -> str:
    """An amount or a price."""
    return f"{value:.8f}"


def _conditional(order: Order) -> Json:
    found: Json = {}
    if order.iceberg is not None:
        found["icebergQty"] = number(order.iceberg)
    if order.is_stop and order.stop_price is not None:
        found["stopPrice"] = number(order.stop_price)
    if order.trailing_delta is not None:
        found["trailingDelta"] = order.trailing_delta
        found["trailingTime"] = order.created if order.extreme is not None else -1
    if order.strategy_id is not None:
        found["strategyId"] = order.strategy_id
    if order.strategy_type is not None:
        found["strategyType"] = order.strategy_type
    if order.prevented:
        found["preventedMatchId"] = order.id
        found["preventedQuantity"] = number(order.prevented)
    return found


def acknowledged(order: Order) -> Json:
    """The short answer to a new order."""
    return {
        "symbol": order.instrument.symbol,
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "transactTime": order.updated,
    }


def _amounts(order: Order) -> Json:
    return {
        "price": number(order.price),
        "origQty": number(order.quantity),
        "executedQty": number(order.executed),
        "origQuoteOrderQty": number(order.quote_quantity),
        "cummulativeQuoteQty": number(order.spent),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
    }


def placed(order: Order, kind: str) -> Json:
    """The answer to a new order: ACK, RESULT or FULL."""
    answer = acknowledged(order)
    if kind == "ACK":
        return answer
    answer |= _amounts(order) | _conditional(order)
    answer["workingTime"] = order.working_time
    if kind == "FULL":
        answer["fills"] = [_short_fill(fill) for fill in order.fills]
    answer["selfTradePreventionMode"] = order.self_trade
    return answer


def cancelled(order: Order, original_id: str) -> Json:
    """The answer to a cancel."""
    answer = {"symbol": order.instrument.symbol, "origClientOrderId": original_id}
    answer |= acknowledged(order) | _amounts(order) | _conditional(order)
    answer["selfTradePreventionMode"] = order.self_trade
    return answer


def queried(order: Order) -> Json:
    """An order as a query shows it."""
    answer = acknowledged(order)
    del answer["transactTime"]
    answer |= _amounts(order)
    answer |= {"stopPrice": number(order.stop_price or Decimal(0)), "icebergQty": number(order.iceberg or Decimal(0))}
    answer |= _conditional(order)
    answer |= {
        "time": order.created,
        "updateTime": order.updated,
        "isWorking": order.is_working,
        "workingTime": order.working_time,
        "selfTradePreventionMode": order.self_trade,
    }
    return answer


def amended(order: Order, original_id: str, execution: int) -> Json:
    """The answer to an amendment."""
    return {
        "transactTime": order.updated,
        "executionId": execution,
        "amendedOrder": {
            "symbol": order.instrument.symbol,
            "orderId": order.id,
            "orderListId": -1,
            "origClientOrderId": original_id,
            "clientOrderId": order.client_id,
            "price": number(order.price),
            "qty": number(order.quantity),
            "executedQty": number(order.executed),
            "preventedQty": number(order.prevented),
            "quoteOrderQty": number(order.quote_quantity),
            "cumulativeQuoteQty": number(order.spent),
            "status": order.status,
            "timeInForce": order.time_in_force,
            "type": order.type,
            "side": order.side,
            "workingTime": order.working_time,
            "selfTradePreventionMode": order.self_trade,
        },
    }


def _short_fill(fill: Fill) -> Json:
    return {
        "price": number(fill.price),
        "qty": number(fill.quantity),
        "commission": number(fill.fee),
        "commissionAsset": fill.fee_asset,
        "tradeId": fill.trade_id,
    }


def trade(fill: Fill) -> Json:
    """A fill as its owner's trade list shows it."""
    order = fill.order
    return {
        "symbol": order.instrument.symbol,
        "id": fill.trade_id,
        "orderId": order.id,
        "orderListId": -1,
        "price": number(fill.price),
        "qty": number(fill.quantity),
        "quoteQty": number(fill.quote),
        "commission": number(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": fill.time,
        "isBuyer": order.side == "BUY",
        "isMaker": fill.is_maker,
        "isBestMatch": True,
    }
