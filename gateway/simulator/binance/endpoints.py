"""Every endpoint that the simulated Binance has, one row each: what it asks of the key, and what it weighs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import account, charts, listing, trading, wallet
from .state import Asked


def _ping(asked: Asked) -> dict[str, Any]:
    return {}


def _time(asked: Asked) -> dict[str, Any]:
    return {"serverTime": asked.now}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`permission` is the key's flag that it needs; None means that it is public."""

    permission: str | None
    weight: int
    answer: Callable[[Asked], Any]


_READ, _TRADE, _OUT = "enableReading", "enableSpotAndMarginTrading", "enableWithdrawals"
_INNER, _UNIVERSAL = "enableInternalTransfer", "permitsUniversalTransfer"

#    method    path                                       permission  weight  answer
_TABLE: tuple[tuple[str, str, str | None, int, Callable[[Asked], Any]], ...] = (
    ("GET",    "/api/v3/ping",                            None,       1,      _ping),
    ("GET",    "/api/v3/time",                            None,       1,      _time),
    ("GET",    "/api/v3/exchangeInfo",                    None,       20,     listing.exchange_info),
    ("GET",    "/api/v3/depth",                           None,       5,      charts.depth),
    ("GET",    "/api/v3/trades",                          None,       25,     charts.trades),
    ("GET",    "/api/v3/historicalTrades",                None,       25,     charts.old_trades),
    ("GET",    "/api/v3/aggTrades",                       None,       4,      charts.aggregated),
    ("GET",    "/api/v3/klines",                          None,       2,      charts.klines),
    ("GET",    "/api/v3/uiKlines",                        None,       2,      charts.klines),
    ("GET",    "/api/v3/avgPrice",                        None,       2,      charts.average),
    ("GET",    "/api/v3/ticker",                          None,       4,      charts.rolling),
    ("GET",    "/api/v3/ticker/24hr",                     None,       2,      charts.ticker_24hr),
    ("GET",    "/api/v3/ticker/price",                    None,       2,      charts.price),
    ("GET",    "/api/v3/ticker/bookTicker",               None,       2,      charts.book_ticker),
    ("GET",    "/api/v3/ticker/tradingDay",               None,       4,      charts.trading_day),
    ("GET",    "/fapi/v1/ping",                           None,       1,      _ping),
    ("GET",    "/fapi/v1/time",                           None,       1,      _time),
    ("GET",    "/fapi/v1/exchangeInfo",                   None,       1,      listing.usd_futures_info),
    ("GET",    "/dapi/v1/ping",                           None,       1,      _ping),
    ("GET",    "/dapi/v1/time",                           None,       1,      _time),
    ("GET",    "/dapi/v1/exchangeInfo",                   None,       1,      listing.coin_futures_info),
    ("POST",   "/api/v3/order",                           _TRADE,     1,      trading.place),
    ("POST",   "/api/v3/order/test",                      _TRADE,     1,      trading.test),
    ("POST",   "/api/v3/order/cancelReplace",             _TRADE,     1,      trading.replace),
    ("PUT",    "/api/v3/order/amend/keepPriority",        _TRADE,     4,      trading.amend),
    ("DELETE", "/api/v3/order",                           _TRADE,     1,      trading.cancel),
    ("DELETE", "/api/v3/openOrders",                      _TRADE,     1,      trading.cancel_all),
    ("GET",    "/api/v3/order",                           _READ,      4,      account.order),
    ("GET",    "/api/v3/openOrders",                      _READ,      6,      account.open_orders),
    ("GET",    "/api/v3/allOrders",                       _READ,      20,     account.all_orders),
    ("GET",    "/api/v3/myTrades",                        _READ,      20,     account.my_trades),
    ("GET",    "/api/v3/account",                         _READ,      20,     account.account),
    ("GET",    "/api/v3/account/commission",              _READ,      20,     account.commission),
    ("GET",    "/api/v3/rateLimit/order",                 _READ,      40,     trading.order_counts),
    ("GET",    "/api/v3/myPreventedMatches",              _READ,      20,     account.nothing_of_symbol),
    ("GET",    "/api/v3/myAllocations",                   _READ,      20,     account.nothing_of_symbol),
    ("GET",    "/api/v3/order/amendments",                _READ,      4,      account.nothing_of_symbol),
    ("GET",    "/api/v3/allOrderList",                    _READ,      20,     account.nothing),
    ("GET",    "/api/v3/openOrderList",                   _READ,      6,      account.nothing),
    ("GET",    "/sapi/v1/system/status",                  None,       1,      wallet.status),
    ("GET",    "/sapi/v1/capital/config/getall",          _READ,      10,     wallet.coins),
    ("GET",    "/sapi/v1/margin/allPairs",                _READ,      1,      wallet.margin_pairs),
    ("GET",    "/sapi/v1/margin/isolated/allPairs",       _READ,      10,     wallet.margin_pairs),
    ("GET",    "/sapi/v1/account/apiRestrictions",        _READ,      1,      wallet.restrictions),
    ("GET",    "/sapi/v1/asset/tradeFee",                 _READ,      1,      wallet.trade_fee),
    ("POST",   "/sapi/v3/asset/getUserAsset",             _READ,      5,      wallet.user_assets),
    ("POST",   "/sapi/v1/asset/get-funding-asset",        _READ,      1,      wallet.funding_assets),
    ("GET",    "/sapi/v1/capital/withdraw/history",       _READ,      1,      wallet.withdrawals),
    ("GET",    "/sapi/v1/capital/deposit/hisrec",         _READ,      1,      wallet.deposits),
    ("POST",   "/sapi/v1/capital/withdraw/apply",         _OUT,       600,    wallet.withdraw),
    ("POST",   "/sapi/v1/asset/transfer",                 _UNIVERSAL, 900,    wallet.transfer),
    ("POST",   "/sapi/v1/sub-account/universalTransfer",  _INNER,     1,      wallet.universal_transfer),
    ("POST",   "/sapi/v1/giftcard/createCode",            _OUT,       1,      wallet.gift_card),
    ("POST",   "/sapi/v1/convert/getQuote",               _TRADE,     200,    wallet.conversion_quote),
    ("POST",   "/sapi/v1/convert/acceptQuote",            _TRADE,     500,    wallet.accept_conversion),
)  # fmt: skip

ENDPOINTS = {(row[0], row[1]): Endpoint(row[2], row[3], row[4]) for row in _TABLE}
