"""An unmodified ccxt, start to end: load_markets with keys and default options, orders, a fill, a withdrawal."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import ccxt  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.simulator.running import Beside, beside


def point(urls: Any, base: str) -> Any:
    """Every URL of a client's map, on another host."""
    if isinstance(urls, dict):
        return {name: point(url, base) for name, url in urls.items()}
    return base + urlsplit(urls).path


def client(floor: Beside, credentials: dict[str, str]) -> Any:
    """A ccxt client with these credentials."""
    found = ccxt.binance({"apiKey": credentials["apiKey"], "secret": credentials["secret"]})
    found.urls["api"] = point(found.urls["api"], floor.simulator.url)
    return found


@pytest.fixture
def floor() -> Iterator[Beside]:
    """A simulator beside the test."""
    with beside() as found:
        yield found


@pytest.fixture
def bot(floor: Beside) -> Iterator[Any]:
    """ccxt with the demo account's key."""
    found = client(floor, floor.simulator.demo)
    found.load_markets()
    yield found
    found.session.close()


def test_markets_load_with_default_options(bot: Any, floor: Beside) -> None:
    """Everything that ccxt asks for at start is answered."""
    assert {"BTC/USDT", "ETH/BTC", "BTC/USDT:USDT", "BTC/USD:BTC"} <= set(bot.symbols)
    assert bot.market("BTC/USDT")["limits"]["cost"]["min"] == 5
    precision = bot.market("BTC/USDT")["precision"]
    assert (precision["amount"], precision["price"]) == (1e-05, 0.01)
    journal = floor.call(floor.simulator.journal)
    assert {entry["status"] for entry in journal} == {200}
    assert any(entry["path"] == "/sapi/v1/capital/config/getall" and entry["authenticated"] for entry in journal)


def test_a_day_of_a_bot(bot: Any, floor: Beside) -> None:
    """Balance, limit order, cancel, market order, a fill by a move of the price."""
    assert bot.fetch_balance()["BTC"]["free"] == 1
    order = bot.create_order("BTC/USDT", "limit", "buy", 0.1, 59000)
    assert order["status"] == "open"
    assert [one["id"] for one in bot.fetch_open_orders("BTC/USDT")] == [order["id"]]
    assert bot.fetch_balance()["USDT"]["used"] == 5900
    assert bot.cancel_order(order["id"], "BTC/USDT")["status"] == "canceled"
    market = bot.create_order("BTC/USDT", "market", "buy", 0.1)
    assert (market["status"], market["filled"], market["fee"]["cost"]) == ("closed", 0.1, 0.0001)
    resting = bot.create_order("BTC/USDT", "limit", "sell", 0.1, 61000, {"postOnly": True})
    floor.call(floor.simulator.set_price, "BTCUSDT", "61500")
    assert bot.fetch_order(resting["id"], "BTC/USDT")["status"] == "closed"
    assert [one["side"] for one in bot.fetch_my_trades("BTC/USDT")] == ["buy", "sell"]
    stop = bot.create_order("BTC/USDT", "STOP_LOSS_LIMIT", "sell", 0.1, 60000, {"stopPrice": 60500})
    floor.call(floor.simulator.set_price, "BTCUSDT", "60400")
    assert bot.fetch_order(stop["id"], "BTC/USDT")["status"] == "closed"


def test_market_data_is_understood(bot: Any) -> None:
    """Tickers, book, candles, trades, fees."""
    assert bot.fetch_ticker("BTC/USDT")["last"] == 60000
    assert len(bot.fetch_tickers()) == 7
    assert bot.fetch_order_book("BTC/USDT", 5)["bids"][0][0] == 59997
    assert len(bot.fetch_ohlcv("BTC/USDT", "5m", limit=100)) == 100
    assert bot.fetch_trades("BTC/USDT")
    assert bot.fetch_trading_fees()["BTC/USDT"]["taker"] == 0.001


def test_errors_are_raised_as_what_they_are(bot: Any) -> None:
    """Too poor, too small, unknown."""
    with pytest.raises(ccxt.InsufficientFunds):
        bot.create_order("BTC/USDT", "limit", "buy", 100, 59000)
    with pytest.raises(ccxt.BadRequest, match="NOTIONAL"):
        bot.create_order("BTC/USDT", "limit", "buy", 0.00001, 59000)
    with pytest.raises(ccxt.OrderNotFound):
        bot.cancel_order("999999", "BTC/USDT")


def test_a_withdrawal_works_if_the_key_may(bot: Any, floor: Beside) -> None:
    """Refused to a trading key; done for one that can, and the coins are gone."""
    with pytest.raises(ccxt.AuthenticationError):
        bot.withdraw("BTC", 0.5, "somewhere")
    floor.call(floor.simulator.set_permissions, bot.apiKey, {"enableWithdrawals": True})
    bot.withdraw("BTC", 0.5, "somewhere")
    assert floor.call(floor.simulator.balances)["BTC"]["free"] == "0.5"


def test_an_ed25519_key_trades(floor: Beside) -> None:
    """ccxt signs with the private key, the exchange knows the public one."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    made = floor.call(floor.simulator.add_key, "demo", public)
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    bot = client(floor, {"apiKey": made["apiKey"], "secret": secret})
    try:
        assert bot.create_order("BTC/USDT", "market", "buy", 0.01)["status"] == "closed"
    finally:
        bot.session.close()
