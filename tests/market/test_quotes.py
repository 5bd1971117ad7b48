"""One fair price of many: who counts, when nobody knows, and that a liar gains nothing."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.intent import Side
from gateway.core.snapshot import Reference
from gateway.market.quotes import MAX_DISAGREEMENT, SLOW_AGE_MS, Quotes, Slow, combine
from tests.market.prices import AGE_MS, BTC_USDT, ETH_BTC, NOW_MS, PAIRS, PEGS, D, book, quote, told

HONEST = {"binance": "64000", "coinbase": "64010", "bitget": "63990", "kraken": "64020"}


def combined(quotes: Quotes) -> Reference:
    reference = combine(quotes, BTC_USDT, NOW_MS, AGE_MS)
    assert reference is not None
    return reference


def test_four_venues_make_one_price_and_are_all_named() -> None:
    reference = combined(book(told(HONEST)))
    assert (reference.price, reference.sources) == (D(64005), 4)
    assert dict(reference.quoted) == {name: D(price) for name, price in HONEST.items()}
    assert reference.source == "median of binance, coinbase, bitget, kraken"


@pytest.mark.parametrize(
    ("prices", "buy", "sell"),
    [
        ({"binance": "100"}, "100", "100"),
        ({"binance": "100", "bitget": "101"}, "100", "101"),
        ({"binance": "102", "bitget": "101", "coinbase": "100"}, "101", "101"),
        ({"binance": "102", "bitget": "101", "coinbase": "100", "kraken": "103"}, "101", "102"),
    ],
)
def test_a_buy_is_charged_against_the_lower_median_and_a_sell_against_the_upper(
    prices: dict[str, str], buy: str, sell: str
) -> None:
    reference = combined(book(told(prices)))
    assert (reference.fair(Side.BUY), reference.fair(Side.SELL)) == (D(buy), D(sell))
    assert reference.sources == len(prices)


def test_dollars_are_converted_never_equated() -> None:
    """One USDT is worth 0.98 USD: 62720 USD are 64000 USDT."""
    reference = combined(book(told({"coinbase": "62720"}, usdt="0.98")))
    assert reference.price == D(64000)


def test_a_rate_needs_two_venues() -> None:
    only = [quote(PAIRS["coinbase"], D(64000)), quote(PEGS[0], D(1))]
    assert combine(book(only), BTC_USDT, NOW_MS, AGE_MS) is None
    assert combined(book([*only, quote(PEGS[1], D(1))])).sources == 1


def test_two_rates_that_differ_charge_the_less_favourable_one() -> None:
    """Between 1 and 1.005 USD for a USDT, 64000 USD are 63681.59… to 64000 USDT."""
    reference = combined(book([quote(PAIRS["coinbase"], D(64000)), quote(PEGS[0], D(1)), quote(PEGS[1], D("1.005"))]))
    assert reference.fair(Side.BUY) <= D(64000) / D("1.005") < reference.price < reference.fair(Side.SELL)
    assert reference.fair(Side.SELL) >= 64000


def test_rates_that_disagree_leave_other_dollars_out() -> None:
    quotes = [quote(PAIRS["binance"], D(64000)), quote(PAIRS["coinbase"], D(64000))]
    reference = combined(book([*quotes, quote(PEGS[0], D(1)), quote(PEGS[1], D("1.02"))]))
    assert [name for name, _ in reference.quoted] == ["binance"]


def test_an_instrument_that_is_quoted_in_no_dollar_needs_no_rate() -> None:
    quotes = book([quote((name, "ETH", "BTC"), D("0.05")) for name in PAIRS])
    reference = combine(quotes, ETH_BTC, NOW_MS, AGE_MS)
    assert reference is not None
    assert reference.sources == 4


def test_a_stale_source_is_left_out() -> None:
    old = quote(PAIRS["bitget"], D(64000), NOW_MS - AGE_MS - 1)
    assert combined(book([*told({"binance": "64000"}), old])).sources == 1


def test_a_source_from_the_future_is_left_out() -> None:
    """It would never age."""
    assert combine(book([quote(PAIRS["binance"], D(64000), NOW_MS + 1)]), BTC_USDT, NOW_MS, AGE_MS) is None


def test_a_stale_rate_leaves_its_sources_out() -> None:
    quotes = [quote(PAIRS["coinbase"], D(64000)), quote(PEGS[0], D(1)), quote(PEGS[1], D(1), NOW_MS - AGE_MS - 1)]
    assert combine(book(quotes), BTC_USDT, NOW_MS, AGE_MS) is None


def test_the_reference_is_as_old_as_the_oldest_of_what_it_is_made_of() -> None:
    quotes = [quote(PAIRS["binance"], D(64000)), quote(PAIRS["coinbase"], D(64000), NOW_MS - 5)]
    assert combined(book([*quotes, quote(PEGS[0], D(1), NOW_MS - 9), quote(PEGS[1], D(1))])).at_ms == NOW_MS - 9


def test_sources_that_disagree_mean_that_nobody_knows() -> None:
    wrong = HONEST | {"kraken": "70400"}
    assert combine(book(told(wrong)), BTC_USDT, NOW_MS, AGE_MS) is None


def test_a_thin_book_elsewhere_is_no_source_and_no_rate() -> None:
    thin = quote(PAIRS["bitget"], D(64000), spread=D("0.06"))
    assert combined(book([*told({"binance": "64000"}), thin])).sources == 1
    peg = quote(PEGS[0], D(1), spread=D("0.06"))
    assert combine(book([quote(PAIRS["coinbase"], D(64000)), peg, quote(PEGS[1], D(1))]), BTC_USDT, NOW_MS, 1) is None


def test_the_traded_venue_counts_however_thin_its_book_is() -> None:
    assert combined(book([quote(PAIRS["binance"], D(64000), spread=D("0.06"))])).sources == 1


def test_nothing_known_is_no_reference() -> None:
    assert combine(Quotes(), BTC_USDT, NOW_MS, AGE_MS) is None


def test_an_older_quote_does_not_replace_a_newer_one() -> None:
    quotes = book([quote(PAIRS["binance"], D(2), NOW_MS), quote(PAIRS["binance"], D(1), NOW_MS - 1)])
    assert combined(quotes).price == 2


def averages(vwap: str, day: str = "100", hour: str = "10", at_ms: int = NOW_MS) -> Slow:
    return Slow(D(vwap), D(day), D(hour), at_ms)


def test_the_anchor_is_the_median_of_fresh_averages_and_volumes_the_lower_median() -> None:
    slow = [
        (PAIRS["binance"], averages("60000", "900", "90")),
        (PAIRS["bitget"], averages("61000", "500", "70")),
        (PAIRS["kraken"], averages("99", at_ms=NOW_MS - SLOW_AGE_MS - 1)),
    ]
    reference = combined(book(told({"binance": "64000"}), slow))
    assert (reference.anchor, reference.volume_24h, reference.volume_1h) == (D(60500), D(500), D(70))


def test_averages_are_converted_like_prices() -> None:
    reference = combined(book(told({"binance": "64000"}, usdt="0.98"), [(PAIRS["kraken"], averages("62720", "98"))]))
    assert (reference.anchor, round(reference.volume_24h or D(0), 6)) == (D(64000), D(100))


def test_averages_that_disagree_are_no_anchor() -> None:
    slow = [(PAIRS["binance"], averages("60000")), (PAIRS["bitget"], averages("66000"))]
    assert combined(book(told({"binance": "64000"}), slow)).anchor is None


def test_without_averages_there_is_no_anchor_and_no_volume() -> None:
    reference = combined(book(told(HONEST)))
    assert (reference.anchor, reference.volume_24h, reference.volume_1h) == (None, None, None)


# -- a liar gains nothing ---------------------------------------------------------------------------------------------

PRICES = st.decimals("63000", "65000", places=2)
PEGGED = st.decimals("0.995", "1.004", places=4)
LIES = st.decimals("62000", "67000", places=2) | st.decimals("0.01", "200000", places=2)
"""Mostly small enough not to be a disagreement: those are the ones that pay."""
WORLDS = st.fixed_dictionaries(dict.fromkeys(PAIRS, PRICES))
VENUES = st.lists(st.sampled_from(sorted(PAIRS)), min_size=2, unique=True)


def in_usdt(name: str, price: Decimal, usdt: Decimal) -> Fraction:
    """What an honest venue's price is worth, worked out exactly."""
    return Fraction(price) / Fraction(usdt) if PAIRS[name][2] == "USD" else Fraction(price)


@given(world=WORLDS, usdt=PEGGED, present=VENUES, lies=st.tuples(LIES, LIES), peg_lie=PEGGED, draw=st.data())
def test_half_of_the_sources_may_lie_and_no_order_is_charged_better_than_the_best_honest_one(
    world: dict[str, Decimal], usdt: Decimal, present: list[str], lies: tuple[Decimal, Decimal], peg_lie: Decimal,
    draw: st.DataObject,
) -> None:  # fmt: skip
    """A liar lies about its price and about the dollar. One of two or three, two of four."""
    liars = draw.draw(st.lists(st.sampled_from(present), max_size=len(present) // 2, unique=True))
    said = {name: world[name] for name in present} | dict(zip(liars, lies, strict=False))
    pegs = [peg_lie if pair[0] in liars[:1] else usdt for pair in PEGS]
    quotes = [quote(PAIRS[name], price) for name, price in said.items()]
    reference = combine(
        book(quotes + [quote(pair, peg) for pair, peg in zip(PEGS, pegs, strict=True)]), BTC_USDT, NOW_MS, AGE_MS
    )
    if reference is None:
        return
    honest = [in_usdt(name, world[name], usdt) for name in present if name not in liars]
    assert reference.sources == len(present)
    assert Fraction(reference.fair(Side.BUY)) <= max(honest)
    assert Fraction(reference.fair(Side.SELL)) >= min(honest)
    assert reference.fair(Side.BUY) <= reference.price <= reference.fair(Side.SELL)


@given(truth=PRICES, lie=LIES)
def test_one_liar_of_two_never_moves_the_charge_in_the_thiefs_favour(truth: Decimal, lie: Decimal) -> None:
    reference = combine(book(told({"binance": str(lie), "bitget": str(truth)})), BTC_USDT, NOW_MS, AGE_MS)
    assert reference is None or (reference.fair(Side.BUY) <= truth <= reference.fair(Side.SELL))


@given(world=WORLDS, usdt=PEGGED, draw=st.data())
def test_the_order_in_which_sources_came_changes_nothing(
    world: dict[str, Decimal], usdt: Decimal, draw: st.DataObject
) -> None:
    quotes = told({name: str(price) for name, price in world.items()}, str(usdt))
    shuffled = draw.draw(st.permutations(quotes))
    assert combine(book(quotes), BTC_USDT, NOW_MS, AGE_MS) == combine(book(shuffled), BTC_USDT, NOW_MS, AGE_MS)


@given(low=PRICES, factor=st.decimals("1", "1.2", places=4))
def test_disagreement_is_measured_between_the_lowest_and_the_highest(low: Decimal, factor: Decimal) -> None:
    reference = combine(book(told({"binance": str(low), "bitget": str(low * factor)})), BTC_USDT, NOW_MS, AGE_MS)
    assert (reference is not None) == (factor <= 1 + MAX_DISAGREEMENT)


def test_what_a_venue_does_not_list_is_known_until_it_says_otherwise() -> None:
    quotes, pair = Quotes(), PAIRS["kraken"]
    assert not quotes.unlisted(pair)
    quotes.put_unlisted("kraken", [pair])
    quotes.put_unlisted("bitget", [])
    assert quotes.unlisted(pair)
    quotes.put_unlisted("kraken", [])
    assert not quotes.unlisted(pair)
