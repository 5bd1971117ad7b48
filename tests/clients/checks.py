"""What must have come of a bot's story: what its library returned, what it raised, and what reached the exchange."""

import re
from decimal import Decimal

from tests.clients.clients import TRADING, Client
from tests.clients.running import Step
from tests.world import World
from tests.world.exchange import Arrival

DECISION = re.compile(r"\[tradewarden:[a-z_.]+ d=([0-9A-Z]{26})\]")


def check_trading(client: Client, told: dict[str, Step]) -> None:
    assert [told[name] for name in TRADING if told[name].error] == []
    resting, cancelled, filled = client.statuses
    assert told["start"].result is True
    assert Decimal(told["balance"].result) > 0
    assert told["buy_low"].result in told["open_orders"].result
    assert told["order"].result == resting
    assert told["cancel"].result == cancelled
    assert (told["buy_market"].result, told["sell_market"].result) == (filled, filled)
    assert {"buy", "sell"} <= set(told["trades"].result)


def check_refusals(client: Client, told: dict[str, Step]) -> None:
    """Every refusal is of the fitting class, shows the exchange's own code, and names its decision."""
    refused, forbidden = (client.refused, "-2010"), (client.forbidden, "-1002")
    expected = {"withdraw": forbidden, "transfer": forbidden, "oversized": refused, "foreign": refused}
    for name, (kind, code) in expected.items():
        step = told[name]
        assert kind in step.kinds, step
        assert code in step.message, step
        assert DECISION.search(step.message), step


def check_arrivals(world: World, arrived: list[Arrival]) -> None:
    """Nothing forbidden reached the exchange; what did was signed with the real key, and three orders were placed."""
    changes = [(one.method, one.path) for one in arrived if one.method != "GET"]
    assert sorted(changes) == [("DELETE", "/api/v3/order")] + [("POST", "/api/v3/order")] * 3
    assert {(one.host, one.key) for one in arrived if one.signed} == {("api.binance.com", world.real_key.key)}
    placed = [one.parameters for one in arrived if one.method == "POST"]
    assert {one["symbol"] for one in placed} == {"BTCUSDT"}
    assert {Decimal(one["quantity"]) for one in placed} == {Decimal("0.002")}
    assert [(one["side"], one["type"], one["timeInForce"]) for one in placed] == [
        ("BUY", "LIMIT", "GTC"), ("BUY", "LIMIT", "IOC"), ("SELL", "LIMIT", "IOC"),
    ]  # fmt: skip
