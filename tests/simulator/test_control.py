"""The controls, in Python and on their own port."""

from typing import Any

import msgspec
import pytest

from gateway.simulator import Simulator
from gateway.simulator.switchboard import CONTROLS
from tests.simulator.running import Client, plain, signed, with_simulator

LIMIT = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=59000"


async def control(simulator: Simulator, name: str, **arguments: Any) -> tuple[int, Any]:
    """One call on the control port."""
    client = await Client.to(simulator.control_url)
    body = msgspec.json.encode(arguments)
    status, answer = await client.ask(plain("POST", f"/{name}", f"Content-Length: {len(body)}\r\n") + body)
    await client.close()
    return status, msgspec.json.decode(answer)


def test_every_control_exists_and_is_told() -> None:
    """The names that the port answers to are methods with a sentence each."""
    for name in CONTROLS:
        assert getattr(Simulator, name).__doc__


def test_prices_move_the_book_and_fill_what_lies_between() -> None:
    """set_price, set_spread, set_book, book, trade."""
    simulator = Simulator()
    simulator.set_price("BTCUSDT", 50_000)
    simulator.set_spread("BTCUSDT", "0.01")
    book = simulator.book("BTCUSDT", limit=1)
    assert (book["last"], book["bids"][0][0], book["asks"][0][0]) == ("50000", "49750", "50250")
    simulator.set_book("BTCUSDT", bids=[["49000", "1"]], asks=[["51000", "2"]])
    assert simulator.book("BTCUSDT")["asks"] == [["51000", "2"]]
    assert simulator.trade("BTCUSDT", "BUY", "1")["status"] == "FILLED"
    assert simulator.trade("BTCUSDT", "BUY", "5", "50000")["status"] == "NEW"
    assert simulator.book("BTCUSDT", limit=1)["bids"] == [["50000", "5"]]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("set_price", {"symbol": "NOPE", "price": "1"}),
        ("set_price", {"symbol": "BTCUSDT", "price": "0"}),
        ("set_price", {"symbol": "BTCUSDT", "price": "-1"}),
        ("set_price", {"symbol": "BTCUSDT", "price": "NaN"}),
        ("set_price", {"symbol": "BTCUSDT", "price": "many"}),
        ("set_price", {"symbol": "BTCUSDT"}),
        ("set_spread", {"symbol": "BTCUSDT", "spread": "1"}),
        ("set_book", {"symbol": "BTCUSDT", "bids": [["2", "1"]], "asks": [["1", "1"]]}),
        ("trade", {"symbol": "BTCUSDT", "side": "HOLD", "quantity": "1"}),
        ("add_account", {"account": "demo"}),
        ("add_key", {"account": "nobody"}),
        ("add_key", {"account": "demo", "public_pem": "no key"}),
        ("set_permissions", {"api_key": "none", "permissions": {}}),
        ("add_account", {"account": "x", "permissions": {"enableEverything": True}}),
        ("remove_key", {"api_key": "none"}),
        ("balances", {"account": "nobody"}),
        ("add_fault", {"kind": "earthquake"}),
        ("add_fault", {"kind": "delay", "colour": "red"}),
    ],
)
def test_a_bad_control_is_a_400_that_says_why(name: str, arguments: dict[str, Any]) -> None:
    """And nothing else happens."""

    async def test(simulator: Simulator) -> None:
        status, answer = await control(simulator, name, **arguments)
        assert status == 400
        assert answer["error"]

    with_simulator(test)


def test_unknown_controls_and_methods() -> None:
    """404 with the list of names; attributes are no controls."""

    async def test(simulator: Simulator) -> None:
        for name in ("nothing", "stop", "state", "_ms", ""):
            status, answer = await control(simulator, name)
            assert (status, answer["controls"]) == (404, list(CONTROLS))

    with_simulator(test)


def test_the_port_does_what_the_methods_do() -> None:
    """One session: account, price, order, journal, clock."""

    async def test(simulator: Simulator) -> None:
        _, made = await control(simulator, "add_account", account="bot", balances={"USDT": "500"})
        assert (await control(simulator, "balances", account="bot"))[1] == {"USDT": {"free": "500", "locked": "0"}}
        assert (await control(simulator, "deposit", account="bot", asset="BTC", amount=1))[0] == 200
        assert set((await control(simulator, "balances", account="bot"))[1]) == {"USDT", "BTC"}
        client = await Client.to(simulator.url)
        assert (await client.ask(signed(simulator, "POST", "/api/v3/order", LIMIT)))[0] == 200
        assert len((await control(simulator, "orders", open_only=True))[1]) == 1
        assert (await control(simulator, "set_price", symbol="BTCUSDT", price="58000"))[0] == 200
        assert (await control(simulator, "orders", open_only=True))[1] == []
        assert (await control(simulator, "trades"))[1][0]["price"] == "59000.00000000"
        assert (await control(simulator, "wait_journal", number=1))[1] is True
        assert (await control(simulator, "wait_journal", number=2, seconds=0))[1] is False
        entries = (await control(simulator, "journal", method="POST", path="/api/v3/order"))[1]
        assert [(one["number"], one["account"], one["status"]) for one in entries] == [(1, "demo", 200)]
        assert (await control(simulator, "journal", since=1))[1] == []
        assert (await control(simulator, "reset_journal"))[0] == 200
        assert (await client.ask(plain("GET", "/api/v3/ping")))[0] == 200
        assert [one["number"] for one in (await control(simulator, "journal"))[1]] == [2]
        about = (await control(simulator, "about"))[1]
        assert (about["url"], about["credentials"]["apiKey"]) == (simulator.url, simulator.demo["apiKey"])
        assert made["apiKey"] in simulator.state.keys
        await client.close()

    with_simulator(test)


def test_the_clock_can_be_shifted() -> None:
    """The exchange lives in another time, and judges timestamps by it."""

    async def test(simulator: Simulator) -> None:
        client = await Client.to(simulator.url)
        request = signed(simulator, "GET", "/api/v3/account")
        assert (await client.ask(request))[0] == 200
        simulator.shift_clock(60_000)
        assert b"-1021" in (await client.ask(request))[1]
        assert (await client.ask(signed(simulator, "GET", "/api/v3/account")))[0] == 200
        await client.close()

    with_simulator(test)


def test_keys_come_and_go() -> None:
    """A removed key is unknown, a permission taken away is gone, an address binds."""

    async def test(simulator: Simulator) -> None:
        client = await Client.to(simulator.url)
        simulator.set_permissions(simulator.demo["apiKey"], {"enableReading": False})
        assert b"-2015" in (await client.ask(signed(simulator, "GET", "/api/v3/account")))[1]
        first = simulator.demo
        simulator.demo = simulator.add_key("demo", addresses=["10.1.2.3"])
        assert b"-2015" in (await client.ask(signed(simulator, "GET", "/api/v3/account")))[1]
        simulator.demo = simulator.add_key("demo", api_key="mine", secret="known")
        assert (await client.ask(signed(simulator, "GET", "/api/v3/account")))[0] == 200
        simulator.remove_key("mine")
        assert b"-2015" in (await client.ask(signed(simulator, "GET", "/api/v3/account")))[1]
        simulator.demo = first
        await client.close()

    with_simulator(test)


def test_headers_can_be_added() -> None:
    """For tests of what a proxy lets through."""

    async def test(simulator: Simulator) -> None:
        simulator.set_headers({"Set-Cookie": "a=b"})
        client = await Client.to(simulator.url)
        client.writer.write(plain("GET", "/api/v3/ping", "Connection: close\r\n"))
        assert b"Set-Cookie: a=b\r\n" in await client.reader.read()
        await client.close()

    with_simulator(test)


def test_withdrawals_are_told() -> None:
    """Of all accounts, with the address."""

    async def test(simulator: Simulator) -> None:
        simulator.set_permissions(simulator.demo["apiKey"], {"enableWithdrawals": True})
        client = await Client.to(simulator.url)
        query = "coin=BTC&amount=1&address=far"
        assert (await client.ask(signed(simulator, "POST", "/sapi/v1/capital/withdraw/apply", query)))[0] == 200
        assert [(one["account"], one["address"]) for one in simulator.withdrawals()] == [("demo", "far")]
        assert "BTC" not in simulator.balances()
        simulator.set_limits(weight=1)
        assert (await client.ask(signed(simulator, "GET", "/api/v3/account")))[0] == 429
        await client.close()

    with_simulator(test)
