"""The look at the world: prices of the other markets, where the policy needs them and they are fresh."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, cast

import pytest

from gateway.core.intent import OrderKind, Place, Side
from gateway.core.request import Call, Endpoint, EndpointClass, Security
from gateway.core.snapshot import Instrument, Reference
from gateway.exchanges.registry import EXCHANGES
from gateway.policy.document import load
from gateway.ports import Surroundings
from gateway.stages.turn import Turn, look
from tests.policy.cases import FakeUsage
from tests.stages.gatehouse import POLICY, Accounts, Clock, Gatehouse, Market

ENDPOINT = Endpoint("POST", "host", "/api/v3/order", EndpointClass.ORDER_PLACE, Security.SIGNED, None, "order")
QUOTES = {"BTCUSDT": "USDT", "ETHUSDT": "USDT", "ETHBTC": "BTC"}
HELD = FakeUsage(held={**dict.fromkeys(QUOTES, Decimal(1)), "GONE": Decimal(1)})
ORDER = Place("BTCUSDT", Side.BUY, OrderKind.LIMIT, Decimal(1), price=Decimal(1))


class Several(Market):
    """Three instruments; the price of each may be replaced."""

    references: dict[str, Reference]

    def instrument(self, exchange: str, environment: str, market_id: str) -> Instrument | None:
        known = super().instrument(exchange, environment, "BTCUSDT")
        quote = QUOTES.get(market_id)
        return replace(known, market_id=market_id, quote=quote) if known and quote else None

    def reference(self, instrument: Instrument, environment: str, max_age_ms: int) -> Reference | None:
        return self.references.get(instrument.market_id)


class Holding:
    """A ledger whose every token holds the same."""

    def usage(self, token_id: str, now_ms: int) -> FakeUsage:
        return HELD


class World(NamedTuple):
    """What a look needs of its surroundings."""

    clock: Clock
    ledger: Holding
    market: Several
    accounts: Accounts


class Scene:
    """A gatehouse whose bot trades BTCUSDT and holds more."""

    def __init__(self, directory: Path, limit: str) -> None:
        house = Gatehouse(directory)
        self.now_ms = house.clock.now_ms()
        self.market = Several(house.clock)
        self.market.references = {name: self.reference() for name in QUOTES}
        self.world = cast("Surroundings", World(house.clock, Holding(), self.market, Accounts()))
        account = house.accounts.find("main")
        assert account is not None
        policy = load(POLICY.replace("limits:", f"limits:\n  {limit}"), "x")
        self.turn = Turn("d", EXCHANGES["binance"], Call(ENDPOINT, ORDER), house.bot, account, policy)

    def reference(self, price: int = 20, age_ms: int = 0, sources: int = 1) -> Reference:
        return Reference(Decimal(price), self.now_ms - age_ms, "test", sources=sources)

    def marks(self) -> dict[str, Decimal]:
        return dict(look(self.turn, self.world).marks)


@pytest.mark.parametrize("limit", ["position: 9 USDT in all", "loss: 9 USDT per 24h"])
def test_the_other_markets_in_the_same_quote_are_priced(tmp_path: Path, limit: str) -> None:
    """Not the order's own, not one in another quote, not one that nobody knows."""
    assert Scene(tmp_path, limit).marks() == {"ETHUSDT": Decimal(20)}


@pytest.mark.parametrize("limit", ["position: 9 USDT each", "messages: 9 per 1s"])
def test_a_policy_that_needs_none_asks_for_none(tmp_path: Path, limit: str) -> None:
    """The path of most orders stays short."""
    assert Scene(tmp_path, limit).marks() == {}


@pytest.mark.parametrize(
    ("changes", "known"),
    [({"age_ms": 3_000}, True), ({"age_ms": 3_001}, False), ({"sources": 0}, False), ({"price": 0}, False)],
)
def test_a_price_that_the_policy_would_not_trade_on_marks_nothing(
    tmp_path: Path, changes: dict[str, int], known: bool
) -> None:
    """Stale, of too few sources, or none."""
    scene = Scene(tmp_path, "position: 9 USDT in all")
    scene.market.references["ETHUSDT"] = scene.reference(**changes)
    assert ("ETHUSDT" in scene.marks()) is known
    del scene.market.references["ETHUSDT"]
    assert scene.marks() == {}
