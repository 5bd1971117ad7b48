"""What an answer teaches. Whatever is not understood word for word is UNKNOWN for a call that changes state.

An answer counts only if it speaks of the order that was asked about. Fills are cumulative; a status that is not in the
table is taken as working, so that a reservation is never given back by mistake. Nothing here raises on an answer.
"""

from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from gateway.core.intent import Cancel, Place
from gateway.core.money import BadNumber, parse_number
from gateway.core.order import OrderEvent
from gateway.core.request import Answer, Call
from gateway.exchanges.exchange import Lesson, Outcome

FINAL: Final = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH"})
"""Statuses after which an order never fills again (enumeration "Order status")."""

_STATUS_UNKNOWN: Final = frozenset({-1000, -1001, -1006, -1007})
"""Errors of a 4xx answer after which the order may still have been taken in."""
_NO_SUCH_ORDER: Final = -2013
_ZERO: Final = Decimal()
_UNKNOWN: Final = Lesson(Outcome.UNKNOWN, error="an answer that was not understood")


class _Error(msgspec.Struct):
    code: int
    msg: str = ""


class Order(msgspec.Struct):
    """An order as every answer of the spot API shows it; an ACK has neither status nor fills."""

    symbol: str
    orderId: int
    clientOrderId: str
    origClientOrderId: str | None = None
    status: str | None = None
    executedQty: str = "0"
    cummulativeQuoteQty: str = "0"
    time: int | None = None


class _Reports(msgspec.Struct):
    """A list of linked orders within a cancel-all."""

    orderReports: list[Order]


T = TypeVar("T")

_ERROR: Final = msgspec.json.Decoder(_Error)
_ORDER: Final = msgspec.json.Decoder(Order)
_ORDERS: Final = msgspec.json.Decoder(list[Order])
_RAWS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_REPORTS: Final = msgspec.json.Decoder(_Reports)
_ANY: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def parsed(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw) -> T | None:
    """The body in the decoder's type, or None if it is not of it."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def learn(call: Call, answer: Answer) -> Lesson:
    """The outcome of the call, and the orders that the answer spoke of."""
    if not 200 <= answer.status < 300:
        return _failure(call, answer)
    match call.endpoint.decoder:
        case "place" | "cancel":
            events = _one(call, answer)
        case "test":
            events = () if parsed(_ANY, answer.body) is not None else None
        case "cancel_all":
            events = _cancelled(call, answer)
        case "query_order":
            events = _queried(call, answer)
        case "open_orders" | "all_orders":
            events = _listed(answer)
        case _:
            events = ()
    if events is None:
        return _UNKNOWN
    return Lesson(Outcome.ACCEPTED, events)


def _failure(call: Call, answer: Answer) -> Lesson:
    error = parsed(_ERROR, answer.body)
    if error is None:
        return Lesson(Outcome.UNKNOWN, error=f"HTTP {answer.status}")
    text = f"{error.code} {error.msg}"[:300]
    if not 400 <= answer.status < 500 or error.code >= 0 or error.code in _STATUS_UNKNOWN:
        return Lesson(Outcome.UNKNOWN, error=text)
    if error.code != _NO_SUCH_ORDER or call.endpoint.decoder != "query_order":
        return Lesson(Outcome.REJECTED, error=text)
    named = call.parameters
    absent = OrderEvent(
        _market_id(call), named.get("origClientOrderId"), named.get("orderId"), _ZERO, _ZERO, False, absent=True
    )
    return Lesson(Outcome.REJECTED, (absent,), text)


def _market_id(call: Call) -> str:
    return getattr(call.intent, "market_id", None) or ""


def _one(call: Call, answer: Answer) -> tuple[OrderEvent, ...] | None:
    """The order of a place or a cancel; None unless it is the one that was named."""
    order, intent = parsed(_ORDER, answer.body), call.intent
    if order is None or order.symbol != _market_id(call):
        return None
    if isinstance(intent, Place):
        return _events(order, order.clientOrderId) if order.clientOrderId == intent.client_id else None
    if not isinstance(intent, Cancel):
        return None
    if intent.order_id is not None and str(order.orderId) != intent.order_id:
        return None
    if intent.client_id is not None and order.origClientOrderId != intent.client_id:
        return None
    return _events(order, order.origClientOrderId)


def _cancelled(call: Call, answer: Answer) -> tuple[OrderEvent, ...] | None:
    """The orders of a cancel-all, those inside order lists included; None unless every one is understood."""
    entries = parsed(_RAWS, answer.body)
    found = [_entry(entry) for entry in entries or ()]
    if entries is None or not all(found):
        return None
    orders = [order for listed in found for order in listed]
    if any(order.symbol != _market_id(call) for order in orders):
        return None
    events = [_events(order, order.origClientOrderId) for order in orders]
    return None if None in events else tuple(event for known in events for event in known or ())


def _entry(entry: msgspec.Raw) -> list[Order]:
    """One entry of a cancel-all: an order, or a list of linked ones; empty if it is neither."""
    order = parsed(_ORDER, entry)
    if order is not None:
        return [order]
    reports = parsed(_REPORTS, entry)
    return [] if reports is None else reports.orderReports


def _queried(call: Call, answer: Answer) -> tuple[OrderEvent, ...] | None:
    """The one order asked about. Its own id is the one that was asked for: a cancel may have renamed it since."""
    order, named = parsed(_ORDER, answer.body), call.parameters
    if order is None or order.status is None or order.symbol != _market_id(call):
        return None
    if "orderId" in named and named["orderId"] != str(order.orderId):
        return None
    return _events(order, named.get("origClientOrderId") or order.clientOrderId)


def _listed(answer: Answer) -> tuple[OrderEvent, ...] | None:
    """The orders of a list; one whose numbers the exchange itself calls unavailable (below zero) is left out."""
    orders = parsed(_ORDERS, answer.body)
    if orders is None:
        return None
    events = (_events(order, order.clientOrderId) for order in orders if order.status is not None)
    return tuple(event for found in events if found is not None for event in found)


def _events(order: Order, client_id: str | None) -> tuple[OrderEvent, ...] | None:
    try:
        filled, value = parse_number(order.executedQty), parse_number(order.cummulativeQuoteQty)
    except BadNumber:
        return None
    created_us = None if order.time is None else order.time * 1000
    final = order.status in FINAL
    return (OrderEvent(order.symbol, client_id, str(order.orderId), filled, value, final, created_us=created_us),)
