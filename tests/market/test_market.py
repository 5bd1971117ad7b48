"""References as orders get them: the own book through our own pool, other venues through the price process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from structlog.testing import capture_logs

from gateway.core.errors import GatewayError, Unavailable
from gateway.core.request import Answer, Call
from gateway.core.snapshot import Reference
from gateway.edge.upstream import UpstreamPool
from gateway.exchanges.exchange import Exchange
from gateway.exchanges.registry import EXCHANGES
from gateway.market import market
from gateway.market.clock import Clocks
from gateway.market.feed import Reaching
from gateway.market.market import LIVE, Markets
from gateway.ports import Held
from tests.market.prices import D
from tests.market.venues import Venue, Venues, answer

MAX_AGE_MS = 3_000


class Time:
    """A clock that a test moves, in ms."""

    def __init__(self) -> None:
        self.ms = 1_795_000_000_000
        self.clocks = Clocks(lambda: self.ms * 1_000_000, lambda: self.ms * 1_000_000)


class Shop:
    """Markets over Binance alone, without any process."""

    def __init__(self) -> None:
        self.time = Time()
        self.venue = Venue("binance")
        self.venue.scale("1")
        self.silent = False
        self.failure: GatewayError = Unavailable("nobody answers")
        self.answer_ms = 0
        self.seen: Callable[[Call], None] = lambda call: None
        self.markets = Markets(dict(EXCHANGES), self.fetch, self.time.clocks)

    async def fetch(self, adapter: Exchange, call: Call, environment: str) -> Answer:
        import json

        self.seen(call)
        self.time.ms += self.answer_ms
        if self.silent:
            raise self.failure
        told = answer(self.venue, call.endpoint.path, dict(call.extras))
        return Answer(200, (), json.dumps(told).encode())

    def reference(self, environment: str = LIVE, market_id: str = "BTCUSDT") -> Reference | None:
        """What an order gets."""
        asyncio.run(self.markets.refresh("binance", environment, market_id, MAX_AGE_MS))
        instrument = self.markets.instrument("binance", environment, market_id)
        assert instrument is not None
        return self.markets.reference(instrument, environment, MAX_AGE_MS)


@pytest.mark.parametrize("environment", ["live", "testnet", "demo"])
def test_the_own_book_alone_is_one_source(environment: str) -> None:
    shop = Shop()
    reference = shop.reference(environment)
    assert reference is not None
    assert (reference.price, reference.sources, reference.source) == (D(64000), 1, "binance book")
    assert reference.at_ms == shop.time.ms


def test_an_own_book_that_is_not_renewed_is_no_reference_on_a_live_account() -> None:
    shop = Shop()
    assert shop.reference() is not None
    shop.silent = True
    shop.time.ms += MAX_AGE_MS + 1
    with capture_logs() as logs:
        assert shop.reference() is None
        assert shop.reference() is None
    assert [entry["why"] for entry in logs if entry["event"] == "no reference price"] == ["no source is fresh"]


def test_a_reference_that_was_worked_out_before_still_ages() -> None:
    shop = Shop()
    assert shop.reference() == shop.reference()
    shop.silent = True
    shop.time.ms += MAX_AGE_MS
    assert shop.reference() is not None
    shop.time.ms += 1
    assert shop.reference() is None


def test_a_price_that_is_no_longer_fresh_is_the_last_good_one() -> None:
    """For reductions: with its own time, for as many sources as it had, and not while there are fresh ones."""
    shop = Shop()
    reference = shop.reference()
    instrument = shop.markets.instrument("binance", LIVE, "BTCUSDT")
    assert instrument is not None
    assert shop.markets.last_good(instrument, LIVE, 1, MAX_AGE_MS) is None
    shop.silent = True
    shop.time.ms += MAX_AGE_MS + 1
    assert shop.reference() is None
    assert shop.markets.last_good(instrument, LIVE, 1, MAX_AGE_MS) == reference
    assert shop.markets.last_good(instrument, LIVE, 2, MAX_AGE_MS) is None


def test_a_book_that_changed_is_seen_at_once() -> None:
    shop = Shop()
    shop.reference()
    shop.venue.scale("2")
    shop.time.ms += MAX_AGE_MS + 1
    reference = shop.reference()
    assert reference is not None
    assert reference.price == D(128000)


def test_an_unknown_market_has_no_instrument() -> None:
    shop = Shop()
    asyncio.run(shop.markets.refresh("binance", LIVE, "NOSUCH", MAX_AGE_MS))
    assert shop.markets.instrument("binance", LIVE, "NOSUCH") is None


def test_a_clock_that_was_told_too_late_is_not_gone_by() -> None:
    """It may be wrong by half of what the answer took; what was measured before goes on to count."""
    shop = Shop()
    shop.answer_ms = 2_000
    assert asyncio.run(shop.markets.measure("binance", LIVE))
    measured = shop.time.clocks.offset_ms("binance")
    shop.answer_ms = 2_001
    with capture_logs() as logs:
        assert not asyncio.run(shop.markets.measure("binance", LIVE))
    assert shop.time.clocks.offset_ms("binance") == measured
    assert [entry["event"] for entry in logs] == ["the exchange told its time too late to go by it"]


def test_an_exchange_that_wants_to_be_left_alone_is_not_complained_of_at_every_look() -> None:
    shop = Shop()
    assert shop.reference() is not None
    shop.silent, shop.failure = True, Held("left alone")
    shop.time.ms += MAX_AGE_MS + 1
    with capture_logs() as logs:
        asyncio.run(shop.markets.refresh("binance", LIVE, "BTCUSDT", MAX_AGE_MS))
    assert logs == []


class Round:
    """A shop that says which books were asked for, and when a look at all of them was over."""

    def __init__(self) -> None:
        self.shop = Shop()
        self.asked: list[str] = []
        self.stirred = asyncio.Event()
        self.shop.seen = self.see

    def see(self, call: Call) -> None:
        self.asked += [value for name, value in call.extras if name == "symbol"]
        self.stirred.set()

    async def use(self, *market_ids: str) -> None:
        for market_id in market_ids:
            await self.shop.markets.refresh("binance", LIVE, market_id, MAX_AGE_MS)

    async def keep(self, books: int) -> list[str]:
        """What the loop asks for, up to so many books."""
        self.asked.clear()
        self.shop.time.ms += 1_000
        keeping = asyncio.create_task(self.shop.markets.keep_fresh())
        async with asyncio.timeout(20):
            while len(self.asked) < books:
                self.stirred.clear()
                await self.stirred.wait()
                self.shop.time.ms += 1_000
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        return self.asked


def test_only_so_many_markets_are_kept_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were used last; an order in another one still gets its price, when it comes."""
    monkeypatch.setattr(market, "MOST_USED", 2)

    async def story() -> None:
        made = Round()
        await made.use("BTCUSDT", "ETHUSDT", "BTCUSDT", "USDCUSDT")
        assert set(await made.keep(4)) == {"BTCUSDT", "USDCUSDT"}
        made.shop.time.ms += MAX_AGE_MS + 1
        made.asked.clear()
        await made.use("ETHUSDT")
        assert made.asked == ["ETHUSDT"]

    asyncio.run(story())


def test_many_markets_are_looked_at_more_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """All looks together stay within a half of what the exchange allows."""
    monkeypatch.setattr(market, "LOOKS_PER_S", 1)

    async def story() -> None:
        made, loop = Round(), asyncio.get_running_loop()
        await made.use("BTCUSDT", "ETHUSDT")
        began = loop.time()
        await made.keep(3)
        assert loop.time() - began > 1.9

    asyncio.run(story())


class Floor:
    """Markets over all four venues, as the gateway runs them."""

    def __init__(self, venues: Venues, pool: UpstreamPool) -> None:
        self._pool = pool
        self.clocks = Clocks()
        reaching = Reaching(venues.connect_to, venues.ca_file)
        self.markets = Markets(dict(EXCHANGES), self._fetch, self.clocks, reaching)

    async def _fetch(self, adapter: Exchange, call: Call, environment: str) -> Answer:
        return await self._pool.send(adapter.sign(call, environment, None, 0), "gateway", lambda: None)

    async def order(self, market_id: str = "BTCUSDT") -> Reference | None:
        """What an order in this market gets."""
        await self.markets.refresh("binance", LIVE, market_id, MAX_AGE_MS, sources=2)
        instrument = self.markets.instrument("binance", LIVE, market_id)
        assert instrument is not None
        return self.markets.reference(instrument, LIVE, MAX_AGE_MS)

    async def until(self, true: Callable[[Reference | None], bool]) -> Reference | None:
        """Order after order, until the reference is like this."""
        while not true(reference := await self.order()):  # noqa: ASYNC110 - a bot tries again, nothing tells it when
            await asyncio.sleep(0.05)
        return reference


@contextlib.asynccontextmanager
async def floor(venues: Venues) -> AsyncIterator[Floor]:
    pool = UpstreamPool(frozenset({"api.binance.com"}), venues.connect_to, venues.ca_file)
    made = Floor(venues, pool)
    made.markets.needs = lambda: {("binance", "BTC/USDT")}
    keeping = asyncio.create_task(made.markets.keep_fresh())
    try:
        async with asyncio.timeout(60):
            yield made
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await pool.close()


def sources(count: int) -> Callable[[Reference | None], bool]:
    return lambda reference: reference is not None and reference.sources == count


def test_a_days_prices_from_four_venues(venues: Venues) -> None:
    """All agree; one is wrong by 10 %; it goes down; a market that no policy names is traded."""

    async def story() -> None:
        async with floor(venues) as ours:
            reference = await ours.until(lambda one: sources(4)(one) and one is not None and one.anchor is not None)
            assert reference is not None
            assert (reference.price, reference.buy, reference.sell) == (D(64000), D(64000), D(64000))
            assert reference.volume_24h
            assert reference.volume_1h
            venues["kraken"].scale("1.1")
            await ours.until(lambda one: one is None)
            venues["kraken"].down = True
            reference = await ours.until(sources(2))
            assert reference is not None
            assert [name for name, _ in reference.quoted] == ["binance", "bitget"], "one rate source is none"
            other = await ours.order("ETHUSDT")
            assert other is not None
            assert other.sources == 2, "the first order waited for another venue"

    with capture_logs() as logs:
        asyncio.run(story())
    assert "the sources disagree" in [entry.get("why") for entry in logs]


def test_how_many_venues_could_ever_agree(venues: Venues) -> None:
    """Four list the one market; the other is listed by the traded exchange alone, and its first order soon knows."""
    venues["binance"].lists = ("BTC/USDT", "USDC/USDT", "ODD/USDT")
    venues["binance"].set_middle("ODD/USDT", D(5))

    async def story() -> None:
        async with floor(venues) as ours:
            await ours.until(sources(4))
            btc = ours.markets.instrument("binance", LIVE, "BTCUSDT")
            odd = ours.markets.instrument("binance", LIVE, "ODDUSDT")
            assert btc is not None
            assert odd is not None
            assert [ours.markets.most_sources(btc, where) for where in (LIVE, "testnet")] == [4, 1]
            assert [ours.markets.averages(where) for where in (LIVE, "testnet")] == [True, False]
            while ours.markets.most_sources(odd, LIVE) > 1:
                await ours.order("ODDUSDT")
                await asyncio.sleep(0.05)
            assert ours.markets.most_sources(btc, LIVE) == 4

    asyncio.run(story())


def test_without_other_venues_there_is_one_source() -> None:
    shop = Shop()
    shop.reference()
    instrument = shop.markets.instrument("binance", LIVE, "BTCUSDT")
    assert instrument is not None
    assert shop.markets.most_sources(instrument, LIVE) == 1
    assert not shop.markets.averages(LIVE)
