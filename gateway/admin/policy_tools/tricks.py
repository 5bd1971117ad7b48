"""Requests that mean two things, or that move value by another door. Each is sent as it stands; none may pass or cost.

A trick that passes is no loss by itself: what it did is measured like every drain, by what the account is worth.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from gateway.admin.policy_tools.drains import (
    PACE_MS,
    Strike,
    clear,
    collar,
    markets,
    order_value,
    quantity,
    wall,
    worst,
)
from gateway.admin.policy_tools.house import House
from gateway.core.intent import OrderKind
from gateway.core.money import plain

_NUMBERS: Final = (
    "NaN", "nan", "Infinity", "-1", "+5", "1e3", "1E3", "0x10", "1_000", "1,000", "\uff10", "\uff11\uff12", " 1", "1 ",
    "01", ".5", "5.", "1e-9", "", "0", "-0", "1%00", "999999999999999999999", "0.0000000000000000000001",
)  # fmt: skip
_CHILDREN: Final = (
    ("POST", "/api/v3/orderList/oco"), ("POST", "/api/v3/order/oco"), ("POST", "/api/v3/orderList/oto"),
    ("POST", "/api/v3/orderList/otoco"), ("POST", "/api/v3/sor/order"), ("POST", "/api/v3/orderList/opo"),
    ("POST", "/sapi/v1/algo/spot/newOrderTwap"), ("POST", "/fapi/v1/batchOrders"), ("POST", "/sapi/v1/margin/order"),
)  # fmt: skip
_OUT: Final = (
    ("POST", "/sapi/v1/capital/withdraw/apply", "coin=USDT&address=TThief&amount=1000&network=TRX"),
    ("POST", "/sapi/v1/asset/transfer", "type=MAIN_FUNDING&asset=USDT&amount=1000"),
    ("POST", "/sapi/v1/sub-account/universalTransfer", "fromAccountType=SPOT&toAccountType=SPOT&asset=USDT&amount=9"),
    ("POST", "/sapi/v1/giftcard/createCode", "token=USDT&amount=1000"),
    ("POST", "/sapi/v1/convert/getQuote", "fromAsset=USDT&toAsset=AXS&fromAmount=1000"),
    ("POST", "/sapi/v1/localentity/withdraw/apply", "coin=USDT&address=T&amount=1000&questionnaire=%7B%7D"),
    ("POST", "/sapi/v1/simple-earn/flexible/subscribe", "productId=USDT001&amount=1000"),
    ("POST", "/sapi/v1/margin/transfer", "asset=USDT&amount=1000&type=1"),
    ("POST", "/sapi/v1/loan/borrow", "loanCoin=USDT&loanAmount=1000"),
    ("POST", "/sapi/v1/sub-account/subAccountApi/ipRestriction", "email=a@b.c"),
    ("POST", "/api/v3/userDataStream", ""),
)  # fmt: skip


def _order(house: House, **changes: str) -> dict[str, str]:
    """A plain small buy at the fair price, with these parameters other."""
    symbol = markets(house)[0]
    small = Strike(symbol, "BUY", collar(house) * 0, max(order_value(house) / 10, Decimal(10)))
    rests = OrderKind.POST_ONLY in house.policy.orders and OrderKind.LIMIT not in house.policy.orders
    kind = {"type": "LIMIT_MAKER"} if rests else {"type": "LIMIT", "timeInForce": "GTC"}
    usual = {"quantity": plain(quantity(house, small)), "price": plain(worst(house, small))}
    return {"symbol": symbol, "side": "BUY"} | kind | usual | changes


def _trap(house: House) -> str:
    """The thief's book at the worst price that may pass, for whatever gets through; the market it is in."""
    symbol = markets(house)[0]
    wall(house, symbol, "BUY", worst(house, Strike(symbol, "BUY", collar(house), order_value(house))))
    return symbol


def _joined(parameters: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in parameters)


async def _send(house: House, parameters: str, body: str = "", path: str = "/api/v3/order", verb: str = "POST") -> bool:
    passed = await house.ask(verb, path, parameters, body)
    await house.pass_time(PACE_MS)
    return passed


async def numbers(house: House) -> None:
    """NaN, exponents, signs, full-width digits and the like, as a quantity and as a price."""
    _trap(house)
    for text in _NUMBERS:
        for name in ("quantity", "price"):
            await _send(house, _joined(_order(house, **{name: text}).items()))


async def duplicates(house: House) -> None:
    """The same parameter twice: in the query, in the body, across both, and spelt another way."""
    symbol, usual = _trap(house), _order(house)
    absurd, whole = plain(house.fair(symbol) * 3), _joined(usual.items())
    without_price = _joined((name, value) for name, value in usual.items() if name != "price")
    for parameters, body in (
        (f"{whole}&price={absurd}", ""), (f"price={absurd}&{whole}", ""), (whole, f"price={absurd}"),
        (f"price={absurd}", whole), (f"{whole}&p%72ice={absurd}", ""), (f"{whole}&Price={absurd}", ""),
        (f"{without_price}&price[]={absurd}", ""), (f"{without_price}&price=1;price={absurd}", ""),
        (f"{whole}&quantity=1000", ""), (f"{whole}&symbol=AXSUSDT", ""), (f"{whole}&side=SELL", ""),
    ):  # fmt: skip
        await _send(house, parameters, body)


async def children(house: House) -> None:
    """Lists of orders, routed orders and other products: a parent as small as it gets, a child as absurd."""
    symbol = _trap(house)
    absurd, size = plain(house.fair(symbol) * 3), _order(house)["quantity"]
    legs = f"aboveType=LIMIT_MAKER&belowType=STOP_LOSS_LIMIT&abovePrice={absurd}&belowPrice={absurd}"
    for verb, path in _CHILDREN:
        sent = f"symbol={symbol}&side=BUY&quantity={size}&price={absurd}&stopPrice={absurd}&type=LIMIT&{legs}"
        await _send(house, sent, path=path, verb=verb)


async def amend_up(house: House) -> None:
    """A small order that passes, then made larger, or replaced by an absurd one in the same breath."""
    symbol, usual = markets(house)[0], _order(house)
    absurd = plain(house.fair(symbol) * 3)
    clear(house, symbol, house.fair(symbol))
    await _send(house, _joined(usual.items()))
    order_id = house.last_order().get("orderId", 1)
    _trap(house)
    named = f"symbol={symbol}&orderId={order_id}"
    await _send(house, f"{named}&newQty=1000", path="/api/v3/order/amend/keepPriority", verb="PUT")
    larger = _joined((_order(house, price=absurd, quantity="1")).items())
    for mode in ("STOP_ON_FAILURE", "ALLOW_FAILURE"):
        sent = f"{larger}&cancelReplaceMode={mode}&cancelOrderId={order_id}"
        await _send(house, sent, path="/api/v3/order/cancelReplace")
    await house.ask("DELETE", "/api/v3/openOrders", f"symbol={symbol}")


async def self_trade(house: House) -> None:
    """Self-trade prevention that moves the quantity to another account of the group instead of trading it."""
    clear(house, markets(house)[0], house.fair(markets(house)[0]))
    for mode in ("TRANSFER", "transfer", "TRANSFER%20", "NONE%26TRANSFER"):
        await _send(house, f"{_joined(_order(house).items())}&selfTradePreventionMode={mode}")


async def out(house: House) -> None:
    """Withdrawals, transfers, gift cards, converts, earn, loans: with a real key that may do all of them."""
    for verb, path, parameters in _OUT:
        await _send(house, parameters, path=path, verb=verb)
        await _send(house, parameters, path=path + "/", verb=verb)
        await _send(house, parameters, path=path.replace("/sapi", "//sapi"), verb=verb)
        await _send(house, parameters, path="/api/v3/order/.." + path, verb=verb)
