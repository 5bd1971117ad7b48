"""Orders in Binance's words, both ways, from one table per fact. What a row does not name is refused by name.

Sources: the exchange's REST documentation (trading endpoints: mandatory parameters by type) and its SDK's names.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gateway.core.decision import DenyCode
from gateway.core.errors import Refused
from gateway.core.intent import Cancel, CancelAll, OrderKind, Place, Side, TimeInForce
from gateway.core.money import BadNumber, parse_number, plain
from gateway.exchanges.binance import wire

_SYMBOL: Final = re.compile(r"[A-Z0-9]{2,20}", re.ASCII)
_CLIENT_ID: Final = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}", re.ASCII)
_ORDER_ID: Final = re.compile(r"(?:0|[1-9][0-9]{0,18})", re.ASCII)
_BIPS: Final = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
_STRATEGY: Final = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)

Parameters = dict[str, str]
Values = Mapping[str, re.Pattern[str]]


@dataclass(frozen=True, slots=True)
class OrderType:
    """Which parameters an order type must and may carry; one of ``trigger`` at least where it has any."""

    kind: OrderKind
    needs: frozenset[str]
    may: frozenset[str] = frozenset()
    trigger: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """Every shape-giving parameter that the type allows."""
        return self.needs | self.may | self.trigger


_NONE: Final[frozenset[str]] = frozenset()
_TRIGGER: Final = frozenset({"stopPrice", "trailingDelta"})
_LIMIT: Final = frozenset({"quantity", "price", "timeInForce"})
_ICEBERG: Final = frozenset({"icebergQty"})
TYPES: Final = {
    "LIMIT": OrderType(OrderKind.LIMIT, _LIMIT, _ICEBERG),
    "LIMIT_MAKER": OrderType(OrderKind.POST_ONLY, frozenset({"quantity", "price"}), _ICEBERG),
    "MARKET": OrderType(OrderKind.MARKET, _NONE, frozenset({"quantity", "quoteOrderQty"})),
    "STOP_LOSS": OrderType(OrderKind.STOP, frozenset({"quantity"}), _NONE, _TRIGGER),
    "STOP_LOSS_LIMIT": OrderType(OrderKind.STOP_LIMIT, _LIMIT, _ICEBERG, _TRIGGER),
    "TAKE_PROFIT": OrderType(OrderKind.TAKE_PROFIT, frozenset({"quantity"}), _NONE, _TRIGGER),
    "TAKE_PROFIT_LIMIT": OrderType(OrderKind.TAKE_PROFIT_LIMIT, _LIMIT, _ICEBERG, _TRIGGER),
}
TYPE_OF: Final = {row.kind: name for name, row in TYPES.items()}

SHAPE: Final = _LIMIT | _TRIGGER | _ICEBERG | {"quoteOrderQty"}
"""Parameters that the type decides about."""

_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
_FORCE: Final = {force.value: force for force in TimeInForce}

EXTRAS: Final = {
    "newOrderRespType": re.compile("ACK|RESULT|FULL"),
    "selfTradePreventionMode": re.compile("NONE|EXPIRE_TAKER|EXPIRE_MAKER|EXPIRE_BOTH|DECREMENT"),
    "strategyId": _STRATEGY,
    "strategyType": _STRATEGY,
}
"""What goes along with a new order, and its values (self-trade mode TRANSFER would move value between accounts)."""
TEST_EXTRAS: Final = EXTRAS | {"computeCommissionRates": re.compile("true|false")}
CANCEL_EXTRAS: Final = {
    "newClientOrderId": _CLIENT_ID,
    "cancelRestrictions": re.compile("ONLY_NEW|ONLY_PARTIALLY_FILLED"),
}
GRANTED_BY_NAME: Final = frozenset({"strategyId", "strategyType"})
"""Extras that only a policy's ``parameters`` lets through."""

PLACE_NAMES: Final = SHAPE | {"symbol", "side", "type", "newClientOrderId"}
CANCEL_NAMES: Final = frozenset({"symbol", "orderId", "origClientOrderId"})
CANCEL_ALL_NAMES: Final = frozenset({"symbol"})


def place(sent: Parameters, test: bool) -> Place:
    """The order that these parameters mean. Raises Refused(PARAMETER) unless they mean exactly one."""
    name = _needed(sent, "type")
    row = TYPES.get(name)
    if row is None:
        raise _bad("type", name, " or ".join(TYPES))
    _check_shape(name, row, sent)
    force = sent.get("timeInForce")
    if force is not None and force not in _FORCE:
        raise _bad("timeInForce", force, "GTC, IOC or FOK")
    if "icebergQty" in sent and force not in (None, "GTC"):
        raise Refused(DenyCode.PARAMETER, "an iceberg order (icebergQty) must be timeInForce GTC")
    side = _SIDES.get(_needed(sent, "side"))
    if side is None:
        raise _bad("side", sent["side"], "BUY or SELL")
    return Place(
        market_id=symbol(_needed(sent, "symbol")), side=side, kind=row.kind, test=test,
        quantity=_amount(sent, "quantity"), quote_quantity=_amount(sent, "quoteOrderQty"),
        price=_amount(sent, "price"), trigger=_amount(sent, "stopPrice"),
        trailing_bips=_bips(sent.get("trailingDelta")), display=_amount(sent, "icebergQty"),
        time_in_force=None if force is None else _FORCE[force], client_id=_client_id(sent, "newClientOrderId"),
    )


def _check_shape(name: str, row: OrderType, sent: Parameters) -> None:
    shape = SHAPE & sent.keys()
    if missing := row.needs - shape:
        raise Refused(DenyCode.PARAMETER, f"a {name} order needs {', '.join(sorted(missing))}")
    if decorative := shape - row.names:
        raise Refused(DenyCode.PARAMETER, f"a {name} order takes no {', '.join(sorted(decorative))}")
    if row.trigger and not row.trigger & shape:
        raise Refused(DenyCode.PARAMETER, f"a {name} order needs stopPrice or trailingDelta")
    if row.kind is OrderKind.MARKET and len(shape) != 1:
        raise Refused(DenyCode.PARAMETER, "a MARKET order needs exactly one of quantity and quoteOrderQty")


def cancel(sent: Parameters) -> Cancel:
    """The cancel of one order, named at least once."""
    order_id = sent.get("orderId")
    if order_id is not None and not _ORDER_ID.fullmatch(order_id):
        raise _bad("orderId", order_id, "a number")
    client_id = _client_id(sent, "origClientOrderId")
    if order_id is None and client_id is None:
        raise Refused(DenyCode.PARAMETER, "a cancel needs orderId or origClientOrderId")
    return Cancel(symbol(_needed(sent, "symbol")), order_id, client_id)


def cancel_all(sent: Parameters) -> CancelAll:
    """The cancel of every working order of one symbol."""
    return CancelAll(symbol(_needed(sent, "symbol")))


def place_parameters(order: Place) -> list[tuple[str, str]]:
    """The order in the exchange's parameters, in one fixed order."""
    sent = [("symbol", order.market_id), ("side", order.side.name), ("type", TYPE_OF[order.kind])]
    values: tuple[tuple[str, str | None], ...] = (
        ("timeInForce", order.time_in_force), ("quantity", _text(order.quantity)),
        ("quoteOrderQty", _text(order.quote_quantity)), ("price", _text(order.price)),
        ("stopPrice", _text(order.trigger)),
        ("trailingDelta", None if order.trailing_bips is None else str(order.trailing_bips)),
        ("icebergQty", _text(order.display)), ("newClientOrderId", order.client_id),
    )
    sent += [(name, value) for name, value in values if value is not None]
    return sent


def cancel_parameters(order: Cancel) -> list[tuple[str, str]]:
    """The cancel in the exchange's parameters."""
    sent = [("symbol", order.market_id)]
    if order.order_id is not None:
        sent.append(("orderId", order.order_id))
    if order.client_id is not None:
        sent.append(("origClientOrderId", order.client_id))
    return sent


def symbol(text: str) -> str:
    """A symbol as the exchange writes it: 2 to 20 of ``A-Z 0-9``, or letters without case (there are Chinese ones).

    Only letters that no normalisation changes pass: a full-width B might be a B to somebody.
    """
    if _SYMBOL.fullmatch(text) or (2 <= len(text) <= 20 and all(map(_symbol_letter, text))):
        return text
    raise _bad("symbol", text, "2 to 20 of A-Z and 0-9")


def _symbol_letter(letter: str) -> bool:
    if letter.isascii():
        return letter.isdigit() or letter.isupper()
    return unicodedata.category(letter) == "Lo" and unicodedata.normalize("NFKC", letter) == letter


def extras(sent: Parameters, allowed: Values, carried: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """What goes along beside the intent. Raises Refused(PARAMETER) for a name or a value that is not in the table."""
    rest = [(name, value) for name, value in sent.items() if name not in carried]
    for name, value in rest:
        pattern = allowed.get(name)
        if pattern is None:
            raise Refused(DenyCode.PARAMETER, f"unknown parameter {wire.shown(name)}")
        if not pattern.fullmatch(value):
            raise _bad(name, value, "an allowed value")
    return tuple(rest)


def _needed(sent: Parameters, name: str) -> str:
    value = sent.get(name)
    if value is None:
        raise Refused(DenyCode.PARAMETER, f"Mandatory parameter '{name}' was not sent")
    return value


def _amount(sent: Parameters, name: str) -> Decimal | None:
    text = sent.get(name)
    if text is None:
        return None
    try:
        number = parse_number(text)
    except BadNumber:
        number = Decimal()
    if not number:
        raise _bad(name, text, "a plain decimal number above zero")
    return number


def _bips(text: str | None) -> int | None:
    if text is not None and not _BIPS.fullmatch(text):
        raise _bad("trailingDelta", text, "a whole number of basis points")
    return None if text is None else int(text)


def _client_id(sent: Parameters, name: str) -> str | None:
    text = sent.get(name)
    if text is not None and not _CLIENT_ID.fullmatch(text):
        raise _bad(name, text, "1 to 36 letters, digits and . : / _ -")
    return text


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def _bad(name: str, value: str, expected: str) -> Refused:
    return Refused(DenyCode.PARAMETER, f"parameter '{name}' is {wire.shown(value)}; expected {expected}")
