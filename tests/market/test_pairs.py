"""Which pairs are asked for follows from the table of venues alone."""

from gateway.exchanges.registry import EXCHANGES
from gateway.market.venues import DOLLARS, PIVOT, RATES, VENUES, Wanted, pairs_of, wanted
from tests.market.prices import BTC_USDT


def test_every_exchange_that_can_be_traded_is_a_venue() -> None:
    """Else its own book would not count."""
    assert set(EXCHANGES) <= set(VENUES)


def test_every_dollar_but_the_pivot_has_a_rate_of_two_venues_or_more() -> None:
    assert set(RATES) == DOLLARS - {PIVOT}
    for dollar, pairs in RATES.items():
        assert len({venue for venue, _, _ in pairs}) == len(pairs) >= 2
        assert {frozenset(pair[1:]) for pair in pairs} == {frozenset({dollar, PIVOT})}
        assert len({pair[1:] for pair in pairs}) == 1, "all say it the same way round"


def test_other_venues_are_asked_in_their_own_dollar_and_the_traded_one_for_what_is_traded() -> None:
    assert [pair[1:] for pair in pairs_of("binance", "BTC", "USDC")] == [
        ("BTC", "USDC"), ("BTC", "USD"), ("BTC", "USDT"), ("BTC", "USD"),
    ]  # fmt: skip


def test_what_is_wanted_for_one_market() -> None:
    """Its own book comes through the gateway's own pool; its candles do not."""
    books = {("coinbase", "BTC", "USD"), ("bitget", "BTC", "USDT"), ("kraken", "BTC", "USD")}
    asked = wanted([("binance", "BTC", "USDT")])
    assert asked.books == books | set(RATES["USD"])
    assert asked.candles == books | {("binance", "BTC", "USDT")}


def test_nothing_is_wanted_for_no_market() -> None:
    assert not wanted([])
    assert wanted([]) == Wanted()


def test_a_pair_of_dollars_is_asked_for_as_it_is() -> None:
    assert {pair[1:] for pair in pairs_of("binance", "USDC", "USDT")} == {("USDC", "USDT")}


def test_a_market_in_no_dollar_is_asked_for_as_it_is_and_needs_no_rate() -> None:
    asked = wanted([("binance", "ETH", "BTC")])
    assert asked.books == {(name, "ETH", "BTC") for name in VENUES if name != BTC_USDT.exchange}
