"""The gateway's own calls: time, instruments, best prices, key permissions, single orders; and how to read the answers.

Sources: REST documentation (general, market data, account endpoints); wallet documentation (API key permission).
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from gateway.core.errors import Unavailable
from gateway.core.intent import Cancel, Public, Read
from gateway.core.money import BadNumber, parse_number
from gateway.core.request import Answer, Call, Endpoint
from gateway.core.snapshot import Instrument
from gateway.exchanges.binance.decode import CATALOGUE
from gateway.exchanges.binance.hosts import API
from gateway.exchanges.binance.learn import Order, learn, parsed
from gateway.exchanges.exchange import Book, KeyPermissions, Outcome, WorkingOrder

MAX_FEE: Final = Decimal("0.001")
"""The highest regular spot fee (0.1 %, maker and taker at the lowest VIP level of the public fee schedule)."""


class _Time(msgspec.Struct):
    serverTime: int


class _Filter(msgspec.Struct):
    filterType: str
    tickSize: str = ""
    stepSize: str = ""


class _Symbol(msgspec.Struct):
    symbol: str
    baseAsset: str
    quoteAsset: str
    filters: list[_Filter]


class _ExchangeInformation(msgspec.Struct):
    symbols: list[_Symbol]


class _BookTicker(msgspec.Struct):
    symbol: str
    bidPrice: str
    askPrice: str


_TIME: Final = msgspec.json.Decoder(_Time)
_INSTRUMENTS: Final = msgspec.json.Decoder(_ExchangeInformation)
_BOOK: Final = msgspec.json.Decoder(_BookTicker)
_PERMISSIONS: Final = msgspec.json.Decoder(dict[str, Any])
_OPEN: Final = msgspec.json.Decoder(list[Order])


def _row(method: str, path: str) -> Endpoint:
    row = CATALOGUE.find(method, API, path)
    if row is None or not row.decoder:
        raise ValueError(f"{method} {path} is not served by the table")
    return row


_TIME_ROW: Final = _row("GET", "/api/v3/time")
_INSTRUMENTS_ROW: Final = _row("GET", "/api/v3/exchangeInfo")
_BOOK_ROW: Final = _row("GET", "/api/v3/ticker/bookTicker")
_PERMISSIONS_ROW: Final = _row("GET", "/sapi/v1/account/apiRestrictions")
_QUERY_ROW: Final = _row("GET", "/api/v3/order")
_CANCEL_ROW: Final = _row("DELETE", "/api/v3/order")
_OPEN_ROW: Final = _row("GET", "/api/v3/openOrders")


def time() -> Call:
    """The exchange's clock."""
    return Call(_TIME_ROW, Public())


def parse_time_us(answer: Answer) -> int:
    """The exchange's clock in µs. Raises Unavailable if the answer does not tell."""
    found = parsed(_TIME, answer.body) if answer.status == 200 else None
    if found is None or found.serverTime <= 0:
        raise Unavailable("the exchange did not tell its time")
    return int(found.serverTime) * 1000


def instruments() -> Call:
    """Every spot market."""
    return Call(_INSTRUMENTS_ROW, Public())


def parse_instruments(answer: Answer) -> tuple[Instrument, ...]:
    """Every market whose steps are known, whatever its status. Raises Unavailable if the answer is not understood."""
    found = parsed(_INSTRUMENTS, answer.body) if answer.status == 200 else None
    if found is None:
        raise Unavailable("the exchange's list of instruments was not understood")
    listed = (_instrument(symbol) for symbol in found.symbols)
    return tuple(instrument for instrument in listed if instrument is not None)


def _instrument(symbol: _Symbol) -> Instrument | None:
    filters = {row.filterType: row for row in symbol.filters}
    tick = _positive(filters["PRICE_FILTER"].tickSize) if "PRICE_FILTER" in filters else None
    lot = _positive(filters["LOT_SIZE"].stepSize) if "LOT_SIZE" in filters else None
    if tick is None or lot is None:
        return None
    name = f"{symbol.baseAsset}/{symbol.quoteAsset}"
    return Instrument("binance", symbol.symbol, name, "spot", symbol.baseAsset, symbol.quoteAsset, tick, lot, MAX_FEE)


def _positive(text: str) -> Decimal | None:
    try:
        return parse_number(text) or None
    except BadNumber:
        return None


def book(market_id: str) -> Call:
    """The best prices of one market."""
    return Call(_BOOK_ROW, Public(), (("symbol", market_id),))


def parse_book(answer: Answer) -> Book | None:
    """The best prices, or None where there are not two that make sense."""
    found = parsed(_BOOK, answer.body) if answer.status == 200 else None
    bid, ask = (_positive(found.bidPrice), _positive(found.askPrice)) if found is not None else (None, None)
    return Book(bid, ask) if bid is not None and ask is not None and bid <= ask else None


def permissions() -> Call:
    """What the real key may do (not to be had on testnet and demo)."""
    return Call(_PERMISSIONS_ROW, _read(_PERMISSIONS_ROW, None))


_TRANSFERS: Final = ("enableInternalTransfer", "permitsUniversalTransfer")
"""Permissions that move value to another account without being called a withdrawal."""


def parse_permissions(answer: Answer) -> KeyPermissions | None:
    """The key's permissions, or None if the answer does not tell."""
    found = parsed(_PERMISSIONS, answer.body) if answer.status == 200 else None
    if found is None:
        return None
    granted = tuple(sorted(name for name, value in found.items() if value is True and name != "ipRestrict"))
    withdraw, trade = _flag(found, "enableWithdrawals"), _flag(found, "enableSpotAndMarginTrading")
    transfers = [flag for name in _TRANSFERS if (flag := _flag(found, name)) is not None]
    return KeyPermissions(withdraw, any(transfers) if transfers else None, trade, _flag(found, "ipRestrict"), granted)


def _flag(found: dict[str, Any], name: str) -> bool | None:
    value = found.get(name)
    return value if isinstance(value, bool) else None


def query_order(market_id: str, order_id: str | None, client_id: str | None) -> Call:
    """One order, by either id."""
    named = (("orderId", order_id), ("origClientOrderId", client_id))
    extras = tuple((name, value) for name, value in named if value is not None)
    return Call(_QUERY_ROW, _read(_QUERY_ROW, market_id), extras)


def cancel_order(market_id: str, order_id: str | None, client_id: str | None) -> Call:
    """The cancel of one order, by either id."""
    return Call(_CANCEL_ROW, Cancel(market_id, order_id, client_id))


def open_orders(market_id: str | None) -> Call:
    """The account's working orders, of one market or of all."""
    return Call(_OPEN_ROW, _read(_OPEN_ROW, market_id))


def parse_open_orders(answer: Answer) -> tuple[WorkingOrder, ...] | None:
    """The account's working orders, whoever placed them; None if the answer is not understood."""
    found = parsed(_OPEN, answer.body) if answer.status == 200 else None
    if found is None:
        return None
    return tuple(WorkingOrder(order.symbol, str(order.orderId), order.clientOrderId) for order in found)


def _read(row: Endpoint, market_id: str | None) -> Read:
    if row.read is None:
        raise ValueError(f"{row} is not a private read")
    return Read(row.read, market_id)


_JSON: Final = ((b"content-type", b"application/json;charset=UTF-8"),)
_NOTHING_TO_CANCEL: Final = Answer(400, _JSON, b'{"code":-2011,"msg":"Unknown order sent."}')


def join_cancels(answers: Sequence[Answer]) -> Answer:
    """The array that a cancel-all answers with, made of single cancels' answers.

    Orders that were gone already are left out; an answer whose outcome is unknown is passed on instead of the array.
    """
    bodies = []
    for answer in answers:
        lesson = learn(_CANCELLED, answer)
        if 200 <= answer.status < 300:
            bodies.append(answer.body)
        elif lesson.outcome is Outcome.UNKNOWN:
            return answer
    return Answer(200, _JSON, b"[" + b",".join(bodies) + b"]") if bodies else _NOTHING_TO_CANCEL


_CANCELLED: Final = Call(_CANCEL_ROW, Cancel("", None, None))
