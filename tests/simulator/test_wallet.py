"""The wallet side answers, and every way out really moves value: else no test could show that it stayed shut."""

import pytest

from tests.simulator.floor import D
from tests.simulator.wire import Wire, problem


def test_a_withdrawal_takes_the_coins() -> None:
    """Gone from the balance, and in the history."""
    wire = Wire()
    answer = wire.ask("POST", "/sapi/v1/capital/withdraw/apply", "coin=BTC&amount=0.5&address=somewhere&network=BTC")
    assert wire.account.balance("BTC").free == D("1.5")
    history = wire.ask("GET", "/sapi/v1/capital/withdraw/history")
    assert [(one["id"], one["coin"], one["amount"], one["address"]) for one in history] == [
        (answer["id"], "BTC", "0.50000000", "somewhere")
    ]


def test_a_transfer_moves_between_the_wallets() -> None:
    """Out of the spot wallet into funding, and back."""
    wire = Wire()
    path = "/sapi/v1/asset/transfer"
    assert "tranId" in wire.ask("POST", path, "type=MAIN_FUNDING&asset=USDT&amount=1000")
    assert wire.account.balance("USDT").free == D(99000)
    funding = wire.ask("POST", "/sapi/v1/asset/get-funding-asset", "asset=USDT")
    assert [(one["asset"], one["free"]) for one in funding] == [("USDT", "1000.00000000")]
    wire.ask("POST", path, "type=FUNDING_MAIN&asset=USDT&amount=400")
    assert wire.account.balance("USDT").free == D(99400)
    assert problem(wire.signed("POST", path, "type=FUNDING_MAIN&asset=USDT&amount=601"))[1] == -5013
    assert problem(wire.signed("POST", path, "type=NOWHERE&asset=USDT&amount=1"))[1] == -1130


def test_a_universal_transfer_reaches_another_account() -> None:
    """By the name before the @; a raw @ is fine on /sapi."""
    wire = Wire()
    thief = wire.state.exchange.open_account("thief")
    query = "fromAccountType=SPOT&toAccountType=SPOT&asset=BTC&amount=2&toEmail="
    for email in ("thief@example.org", "nobody%40example.org"):
        wire.account.balance("BTC").free = D(2)
        wire.ask("POST", "/sapi/v1/sub-account/universalTransfer", query + email)
        assert wire.account.balance("BTC").free == 0
    assert thief.balance("BTC").free == D(2)


def test_a_gift_card_turns_a_balance_into_a_code() -> None:
    """Whoever reads the answer owns it."""
    wire = Wire()
    card = wire.ask("POST", "/sapi/v1/giftcard/createCode", "token=USDT&amount=99")
    assert card["data"]["code"]
    assert wire.account.balance("USDT").free == D(99901)


def test_a_conversion_swaps_at_the_last_price() -> None:
    """Quoted, then accepted once."""
    wire = Wire()
    quote = wire.ask("POST", "/sapi/v1/convert/getQuote", "fromAsset=BTC&toAsset=USDT&fromAmount=1")
    assert quote["toAmount"] == "60000.00000000"
    accept = f"quoteId={quote['quoteId']}"
    wire.ask("POST", "/sapi/v1/convert/acceptQuote", accept)
    assert (wire.account.balance("BTC").free, wire.account.balance("USDT").free) == (D(1), D(160000))
    assert problem(wire.signed("POST", "/sapi/v1/convert/acceptQuote", accept))[1] == 345124


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/sapi/v1/capital/withdraw/apply", "coin=BTC&amount=2.1&address=x", -4026),
        ("/sapi/v1/capital/withdraw/apply", "coin=BTC&amount=1", -1102),
        ("/sapi/v1/capital/withdraw/apply", "coin=XXX&amount=1&address=x", -9000),
        ("/sapi/v1/asset/transfer", "type=MAIN_FUNDING&asset=BTC&amount=2.1", -5013),
        ("/sapi/v1/sub-account/universalTransfer", "fromAccountType=SPOT&toAccountType=SPOT&asset=BTC&amount=3", -5013),
        ("/sapi/v1/giftcard/createCode", "token=BTC&amount=2.1", -5013),
        ("/sapi/v1/convert/getQuote", "fromAsset=BTC&toAsset=AXS&fromAmount=1", -1128),
    ],
)
def test_nobody_can_take_more_than_there_is(path: str, query: str, code: int) -> None:
    """Refused, nothing moved."""
    wire = Wire()
    assert problem(wire.signed("POST", path, query))[1] == code
    assert wire.account.balance("BTC").free == D(2)


def test_what_a_key_may_do_is_told() -> None:
    """apiRestrictions follows the flags and the addresses."""
    wire = Wire()
    wire.key.permissions["enableWithdrawals"] = False
    answer = wire.ask("GET", "/sapi/v1/account/apiRestrictions")
    assert (answer["ipRestrict"], answer["enableWithdrawals"], answer["enableReading"]) == (False, False, True)
    assert wire.ask("GET", "/api/v3/account")["canWithdraw"] is False


def test_what_clients_load_at_start() -> None:
    """Coins with networks, margin pairs, fees, assets, status."""
    wire = Wire()
    coins = {one["coin"]: one for one in wire.ask("GET", "/sapi/v1/capital/config/getall")}
    assert coins["BTC"]["networkList"][0]["network"] == "BTC"
    for path in ("allPairs", "isolated/allPairs"):
        assert wire.ask("GET", f"/sapi/v1/margin/{path}")[0]["symbol"] == "BTCUSDT"
    assert wire.ask("GET", "/sapi/v1/asset/tradeFee", "symbol=BTCUSDT")[0]["takerCommission"] == "0.00100000"
    assert [one["asset"] for one in wire.ask("POST", "/sapi/v3/asset/getUserAsset")] == ["USDT", "BTC"]
    assert wire.ask("GET", "/sapi/v1/capital/deposit/hisrec") == []
    assert wire.get("/sapi/v1/system/status") == {"status": 0, "msg": "normal"}
    assert (
        wire.ask("GET", "/api/v3/account/commission", "symbol=BTCUSDT")["standardCommission"]["taker"] == "0.00100000"
    )
