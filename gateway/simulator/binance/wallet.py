"""The wallet side (/sapi): what a key may see of its account, and every way by which value leaves it.

These ways out really work: a withdrawal debits, a transfer credits another account. A test that finds the
balances unchanged has therefore shown that nothing got here.
"""

from decimal import Decimal
from hashlib import sha256

from ..core.account import Account
from ..core.refusals import Refused
from .errors import BinanceError, error
from .render import Json, number
from .state import Asked, Conversion

NETWORKS = {"BTC": "BTC", "ETH": "ETH", "SOL": "SOL", "BNB": "BSC", "DOGE": "DOGE", "AXS": "ETH", "USDT": "ETH"}
WITHDRAW_FEE = Decimal(0)


def _coin(asked: Asked, name: str) -> Json:
    balance = asked.account.balance(name)
    nothing = dict.fromkeys(("freeze", "ipoable", "ipoing", "storage", "withdrawing"), "0")
    return {
        "coin": name, "name": name, "depositAllEnable": True, "withdrawAllEnable": True, "trading": True,
        "isLegalMoney": False, "free": number(balance.free), "locked": number(balance.locked), **nothing,
        "networkList": [{
            "network": NETWORKS.get(name, "ETH"), "coin": name, "name": NETWORKS.get(name, "ETH"), "isDefault": True,
            "depositEnable": True, "withdrawEnable": True, "depositDesc": "", "withdrawDesc": "", "specialTips": "",
            "resetAddressStatus": False, "addressRegex": "", "memoRegex": "", "withdrawFee": number(WITHDRAW_FEE),
            "withdrawIntegerMultiple": "0.00000001", "withdrawMin": "0.00000001", "withdrawMax": "10000000000",
            "depositDust": "0.00000001", "minConfirm": 1, "unLockConfirm": 0, "sameAddress": False,
            "estimatedArrivalTime": 5, "busy": False,
        }],
    }  # fmt: skip


def coins(asked: Asked) -> list[Json]:
    """GET /sapi/v1/capital/config/getall"""
    return [_coin(asked, name) for name in asked.exchange.assets]


def margin_pairs(asked: Asked) -> list[Json]:
    """GET /sapi/v1/margin/allPairs and isolated/allPairs: listed, because clients load them at start-up."""
    asked.parameters.symbol()
    return [
        {"symbol": one.symbol, "base": one.base, "quote": one.quote, "isMarginTrade": True, "isBuyAllowed": True,
         "isSellAllowed": True, "id": str(number_)}
        for number_, one in enumerate((m.instrument for m in asked.exchange.markets.values()), 1)
    ]  # fmt: skip


def restrictions(asked: Asked) -> Json:
    """GET /sapi/v1/account/apiRestrictions"""
    key = asked.key
    if key is None:
        raise error("BAD_KEY_FORMAT")
    return {"ipRestrict": bool(key.addresses), "createTime": key.created, **key.permissions}


def trade_fee(asked: Asked) -> list[Json]:
    """GET /sapi/v1/asset/tradeFee"""
    owner, symbol = asked.account, asked.parameters.symbol()
    names = asked.exchange.markets if symbol is None else [asked.market_of(symbol).instrument.symbol]
    maker, taker = number(owner.maker_fee), number(owner.taker_fee)
    return [{"symbol": name, "makerCommission": maker, "takerCommission": taker} for name in names]


def status(asked: Asked) -> Json:
    """GET /sapi/v1/system/status"""
    return {"status": 0, "msg": "normal"}


def user_assets(asked: Asked) -> list[Json]:
    """POST /sapi/v3/asset/getUserAsset"""
    wanted = asked.parameters.get("asset")
    return [
        {"asset": name, "free": number(one.free), "locked": number(one.locked), "freeze": "0", "withdrawing": "0",
         "ipoable": "0", "btcValuation": "0"}
        for name, one in asked.account.balances.items()
        if wanted in (None, name) and (one.free or one.locked)
    ]  # fmt: skip


def funding_assets(asked: Asked) -> list[Json]:
    """POST /sapi/v1/asset/get-funding-asset"""
    wanted = asked.parameters.get("asset")
    return [
        {"asset": name, "free": number(amount), "locked": "0", "freeze": "0", "withdrawing": "0", "btcValuation": "0"}
        for name, amount in asked.account.funding.items()
        if wanted in (None, name) and amount
    ]


def _asset_and_amount(asked: Asked, asset: str = "asset") -> tuple[str, Decimal]:
    name = asked.parameters.need(asset)
    asked.parameters.need("amount")
    amount = asked.parameters.decimal("amount")
    if name not in asked.exchange.assets or amount is None:
        raise error("NO_SUCH_ASSET")
    return name, amount


def _debit(account: Account, asset: str, amount: Decimal, otherwise: str) -> None:
    try:
        account.debit(asset, amount)
    except Refused:
        raise error(otherwise) from None


def _reference(asked: Asked, kind: str) -> str:
    return sha256(f"{kind}{next(asked.state.ids)}".encode()).hexdigest()[:32]


def withdraw(asked: Asked) -> Json:
    """POST /sapi/v1/capital/withdraw/apply"""
    coin, amount = _asset_and_amount(asked, "coin")
    address = asked.parameters.need("address")
    _debit(asked.account, coin, amount, "NO_FUNDS_TO_WITHDRAW")
    number_ = _reference(asked, "withdrawal")
    asked.state.withdrawals.append({
        "id": number_, "account": asked.account.name, "coin": coin, "amount": number(amount), "address": address,
        "applyTime": asked.now,
    })  # fmt: skip
    return {"id": number_}


def withdrawals(asked: Asked) -> list[Json]:
    """GET /sapi/v1/capital/withdraw/history"""
    mine = [one for one in asked.state.withdrawals if one["account"] == asked.account.name]
    return [{name: value for name, value in one.items() if name != "account"} | {"status": 6} for one in mine]


def deposits(asked: Asked) -> list[Json]:
    """GET /sapi/v1/capital/deposit/hisrec: deposits are made by control, and leave no history."""
    return []


def transfer(asked: Asked) -> Json:
    """POST /sapi/v1/asset/transfer between the wallets of one account; what is not MAIN is its funding wallet."""
    way = asked.parameters.need("type")
    asset, amount = _asset_and_amount(asked)
    source, _, target = way.partition("_")
    if "MAIN" not in (source, target) or not target:
        raise error("BAD_VALUE", "type")
    owner = asked.account
    if source == "MAIN":
        _debit(owner, asset, amount, "NO_FUNDS_TO_TRANSFER")
        owner.funding[asset] = owner.funding.get(asset, Decimal(0)) + amount
    else:
        if owner.funding.get(asset, Decimal(0)) < amount:
            raise error("NO_FUNDS_TO_TRANSFER")
        owner.funding[asset] -= amount
        owner.credit(asset, amount)
    return {"tranId": next(asked.state.ids)}


def universal_transfer(asked: Asked) -> Json:
    """POST /sapi/v1/sub-account/universalTransfer: `NAME@anything` is the account of that name, others are lost."""
    read = asked.parameters
    read.need("fromAccountType"), read.need("toAccountType")
    asset, amount = _asset_and_amount(asked)
    source = _by_email(asked, read.get("fromEmail")) or asked.account
    _debit(source, asset, amount, "NO_FUNDS_TO_TRANSFER")
    target = _by_email(asked, read.get("toEmail"))
    if target is not None:
        target.credit(asset, amount)
    return {"tranId": next(asked.state.ids), "clientTranId": read.get("clientTranId") or ""}


def _by_email(asked: Asked, email: str | None) -> Account | None:
    return asked.exchange.accounts.get(email.partition("@")[0]) if email else None


def gift_card(asked: Asked) -> Json:
    """POST /sapi/v1/giftcard/createCode: the balance becomes a code that anybody can redeem."""
    asset, amount = _asset_and_amount(asked, "token")
    _debit(asked.account, asset, amount, "NO_FUNDS_TO_TRANSFER")
    reference = _reference(asked, "gift")
    card = {"referenceNo": reference[:16], "code": reference[16:].upper(), "expiredTime": asked.now + 86_400_000}
    return {"code": "000000", "message": "success", "data": card, "success": True}


def conversion_quote(asked: Asked) -> Json:
    """POST /sapi/v1/convert/getQuote at the last price of the pair."""
    read = asked.parameters
    pay, receive = read.need("fromAsset"), read.need("toAsset")
    given, wanted = read.decimal("fromAmount"), read.decimal("toAmount")
    rate = _rate(asked, pay, receive)
    if rate is None or (given is None) == (wanted is None):
        raise error("BAD_COMBINATION")
    pay_amount = given if given is not None else (wanted or Decimal(0)) / rate
    offer = Conversion(asked.account, pay, receive, pay_amount, pay_amount * rate)
    quote_id = _reference(asked, "quote")
    asked.state.conversions[quote_id] = offer
    return {
        "quoteId": quote_id, "ratio": number(rate), "inverseRatio": number(1 / rate),
        "validTimestamp": asked.now + 10_000, "fromAmount": number(pay_amount),
        "toAmount": number(offer.receive_amount),
    }  # fmt: skip


def _rate(asked: Asked, pay: str, receive: str) -> Decimal | None:
    markets = asked.exchange.markets
    if pay + receive in markets:
        return markets[pay + receive].last
    return 1 / markets[receive + pay].last if receive + pay in markets else None


def accept_conversion(asked: Asked) -> Json:
    """POST /sapi/v1/convert/acceptQuote"""
    offer = asked.state.conversions.pop(asked.parameters.need("quoteId"), None)
    if offer is None or offer.account is not asked.account:
        raise BinanceError(345124, "quoteId does not exist.")
    _debit(offer.account, offer.pay, offer.pay_amount, "NO_FUNDS_TO_TRANSFER")
    offer.account.credit(offer.receive, offer.receive_amount)
    return {"orderId": str(next(asked.state.ids)), "createTime": asked.now, "orderStatus": "SUCCESS"}
