"""What an account may read about itself: balances, orders, trades, rates."""

from ..core.account import Account
from . import render
from .errors import error
from .render import Json, number
from .state import DAY, Asked
from .trading import find


def _balances(account: Account, assets: list[str], *, omit_zero: bool) -> list[Json]:
    names = dict.fromkeys([*assets, *account.balances])
    return [
        {"asset": name, "free": number(balance.free), "locked": number(balance.locked)}
        for name in names
        if (balance := account.balance(name)).free or balance.locked or not omit_zero
    ]


def account(asked: Asked) -> Json:
    """GET /api/v3/account"""
    owner, key = asked.account, asked.key
    omit = asked.parameters.boolean("omitZeroBalances") or False
    rates = {"maker": number(owner.maker_fee), "taker": number(owner.taker_fee)}
    return {
        "makerCommission": int(owner.maker_fee * 10_000),
        "takerCommission": int(owner.taker_fee * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": rates | {"buyer": "0.00000000", "seller": "0.00000000"},
        "canTrade": key is not None and key.permissions["enableSpotAndMarginTrading"],
        "canWithdraw": key is not None and key.permissions["enableWithdrawals"],
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": owner.updated,
        "accountType": "SPOT",
        "balances": _balances(owner, asked.exchange.assets, omit_zero=omit),
        "permissions": ["SPOT"],
        "uid": owner.number,
        "tradeGroupId": owner.trade_group,
    }


def commission(asked: Asked) -> Json:
    """GET /api/v3/account/commission"""
    symbol, owner = asked.market().instrument.symbol, asked.account
    none = dict.fromkeys(("maker", "taker", "buyer", "seller"), "0.00000000")
    standard = none | {"maker": number(owner.maker_fee), "taker": number(owner.taker_fee)}
    return {
        "symbol": symbol,
        "standardCommission": standard,
        "specialCommission": none,
        "taxCommission": none,
        "discount": {"enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "BNB",
                     "discount": "0.25000000"},
    }  # fmt: skip


def order(asked: Asked) -> Json:
    """GET /api/v3/order"""
    found = find(asked)
    if found is None:
        raise error("NO_SUCH_ORDER")
    return render.queried(found)


def open_orders(asked: Asked) -> list[Json]:
    """GET /api/v3/openOrders"""
    symbol = asked.parameters.symbol()
    if symbol is not None:
        asked.market_of(symbol)
    orders = asked.account.open_orders.values()
    return [render.queried(one) for one in orders if symbol in (None, one.instrument.symbol)]


def _span(asked: Asked) -> tuple[int, int]:
    start, end = asked.parameters.integer("startTime"), asked.parameters.integer("endTime")
    if start is not None and end is not None and end - start > DAY:
        raise error("TOO_LONG_A_SPAN", 24)
    return start or 0, asked.now + DAY if end is None else end


def all_orders(asked: Asked) -> list[Json]:
    """GET /api/v3/allOrders"""
    instrument, read = asked.market().instrument, asked.parameters
    first, limit = read.integer("orderId"), read.limit(500, 1000)
    start, end = _span(asked)
    found = [
        one
        for one in asked.account.orders.values()
        if one.instrument is instrument and one.id >= (first or 0) and start <= one.created <= end
    ]
    found.sort(key=lambda one: one.id)
    cut = found[-limit:] if first is None and not start else found[:limit]
    return [render.queried(one) for one in cut]


def my_trades(asked: Asked) -> list[Json]:
    """GET /api/v3/myTrades"""
    instrument, read = asked.market().instrument, asked.parameters
    order_id, first, limit = read.integer("orderId"), read.integer("fromId"), read.limit(500, 1000)
    start, end = _span(asked)
    found = [
        fill
        for fill in asked.account.fills
        if fill.order.instrument is instrument
        and order_id in (None, fill.order.id)
        and fill.trade_id >= (first or 0)
        and start <= fill.time <= end
    ]
    cut = found[-limit:] if first is None and not start else found[:limit]
    return [render.trade(fill) for fill in cut]


_LISTS = (
    "orderId",
    "limit",
    "startTime",
    "endTime",
    "preventedMatchId",
    "fromPreventedMatchId",
    "fromAllocationId",
    "fromId",
)


def nothing_of_symbol(asked: Asked) -> list[Json]:
    """myPreventedMatches, myAllocations, order/amendments: kept by nobody here."""
    asked.market()
    return nothing(asked)


def nothing(asked: Asked) -> list[Json]:
    """allOrderList, openOrderList: there are no order lists."""
    for name in _LISTS:
        asked.parameters.integer(name)
    return []
