"""What can be traded, as exchangeInfo tells it: spot from the instruments, one perpetual each for fapi and dapi."""

from typing import Any

from ..core.instruments import Instrument
from ..core.orders import PRICELESS, STOPS
from .errors import error
from .render import Json, number
from .state import Asked

ORDER_TYPES = ("LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
SELF_TRADE_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")
WEIGHT_PER_MINUTE = 6000
ORDERS_PER_10S = 100
ORDERS_PER_DAY = 200_000
FOREVER = 4_133_404_800_000

assert set(ORDER_TYPES) >= STOPS | PRICELESS


def _limit(kind: str, interval: str, length: int, limit: int) -> Json:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": length, "limit": limit}


RATE_LIMITS = [
    _limit("REQUEST_WEIGHT", "MINUTE", 1, WEIGHT_PER_MINUTE),
    _limit("ORDERS", "SECOND", 10, ORDERS_PER_10S),
    _limit("ORDERS", "DAY", 1, ORDERS_PER_DAY),
    _limit("RAW_REQUESTS", "MINUTE", 5, 300_000),
]


def _filters(one: Instrument) -> list[Json]:
    low, high = one.trailing_bounds
    up, down = number(one.max_price_factor), number(one.min_price_factor)
    return [
        {"filterType": "PRICE_FILTER", "minPrice": number(one.tick), "maxPrice": number(one.max_price),
         "tickSize": number(one.tick)},
        {"filterType": "LOT_SIZE", "minQty": number(one.step), "maxQty": number(one.max_quantity),
         "stepSize": number(one.step)},
        {"filterType": "ICEBERG_PARTS", "limit": one.max_iceberg_parts},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": number(one.max_market_quantity),
         "stepSize": "0.00000000"},
        {"filterType": "TRAILING_DELTA", "minTrailingAboveDelta": low, "maxTrailingAboveDelta": high,
         "minTrailingBelowDelta": low, "maxTrailingBelowDelta": high},
        {"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": up, "bidMultiplierDown": down,
         "askMultiplierUp": up, "askMultiplierDown": down, "avgPriceMins": 5},
        {"filterType": "NOTIONAL", "minNotional": number(one.min_notional), "applyMinToMarket": True,
         "maxNotional": number(one.max_notional), "applyMaxToMarket": False, "avgPriceMins": 5},
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": one.max_orders},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": one.max_stop_orders},
    ]  # fmt: skip


_FLAGS = {
    "icebergAllowed": True,
    "ocoAllowed": False,
    "otoAllowed": False,
    "opoAllowed": False,
    "quoteOrderQtyMarketAllowed": True,
    "allowTrailingStop": True,
    "cancelReplaceAllowed": True,
    "amendAllowed": True,
    "pegInstructionsAllowed": False,
    "isSpotTradingAllowed": True,
    "isMarginTradingAllowed": False,
}


def _spot_symbol(one: Instrument, sets: list[list[str]]) -> Json:
    return {
        "symbol": one.symbol,
        "status": "TRADING",
        "baseAsset": one.base,
        "baseAssetPrecision": 8,
        "quoteAsset": one.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": list(ORDER_TYPES),
        **_FLAGS,
        "filters": _filters(one),
        "permissions": [],
        "permissionSets": sets,
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": list(SELF_TRADE_MODES),
    }


def _wanted(asked: Asked) -> list[str]:
    read = asked.parameters
    symbol, symbols, permissions = read.symbol(), read.symbols(), read.get("permissions")
    status = read.choice("symbolStatus", ("TRADING", "HALT", "BREAK"), "BAD_VALUE")
    if sum(value is not None for value in (symbol, symbols, permissions or status)) > 1:
        raise error("BAD_COMBINATION")
    if symbol is not None:
        return [symbol]
    if symbols is not None:
        return symbols
    if status in ("HALT", "BREAK") or (permissions is not None and "SPOT" not in permissions):
        return []
    return list(asked.exchange.markets)


def exchange_info(asked: Asked) -> Json:
    """GET /api/v3/exchangeInfo"""
    markets = [asked.market_of(symbol) for symbol in _wanted(asked)]
    sets = [] if asked.parameters.boolean("showPermissionSets") is False else [["SPOT"]]
    return {
        "timezone": "UTC",
        "serverTime": asked.now,
        "rateLimits": RATE_LIMITS,
        "exchangeFilters": [],
        "symbols": [_spot_symbol(market.instrument, sets) for market in markets],
    }


_FUTURES_TYPES = ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"]


def _perpetual(symbol: str, quote: str, margin: str, tick: str, step: str, **more: Any) -> Json:
    return {
        "symbol": symbol, "pair": "BTC" + quote, "contractType": "PERPETUAL", "deliveryDate": FOREVER,
        "onboardDate": 1_569_398_400_000, "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000", "baseAsset": "BTC", "quoteAsset": quote, "marginAsset": margin,
        "pricePrecision": 2, "quantityPrecision": 3, "baseAssetPrecision": 8, "quotePrecision": 8,
        "underlyingType": "COIN", "underlyingSubType": ["PoW"], "triggerProtect": "0.0500",
        "liquidationFee": "0.012500", "marketTakeBound": "0.05",
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "4529764", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "1000", "stepSize": step},
            {"filterType": "MARKET_LOT_SIZE", "minQty": step, "maxQty": "120", "stepSize": step},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": "100"},
            {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500",
             "multiplierDecimal": "4"},
        ],
        "orderTypes": _FUTURES_TYPES, "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        **more,
    }  # fmt: skip


def _futures(asked: Asked, weight: int, symbols: list[Json]) -> Json:
    return {
        "timezone": "UTC",
        "serverTime": asked.now,
        "futuresType": "U_MARGINED",
        "rateLimits": [
            _limit("REQUEST_WEIGHT", "MINUTE", 1, weight),
            _limit("ORDERS", "MINUTE", 1, 1200),
            _limit("ORDERS", "SECOND", 10, 300),
        ],
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": symbols,
    }


def usd_futures_info(asked: Asked) -> Json:
    """GET /fapi/v1/exchangeInfo: nothing trades there, but clients load it at start-up."""
    return _futures(asked, 2400, [_perpetual("BTCUSDT", "USDT", "USDT", "0.10", "0.001", status="TRADING")])


def coin_futures_info(asked: Asked) -> Json:
    """GET /dapi/v1/exchangeInfo"""
    symbol = _perpetual(
        "BTCUSD_PERP", "USD", "BTC", "0.1", "1", contractStatus="TRADING", contractSize=100, equalQtyPrecision=4
    )
    return _futures(asked, 2400, [symbol])
