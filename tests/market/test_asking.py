"""What candles are worth: averages, and volumes that are never more than what was traded."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from gateway.market.asking import CANDLE_MS, DAY_MS, HOUR_MS, averages_of
from tests.market.prices import NOW_MS, D

Row = list[object]


def row(ago_ms: int, low: str = "90", high: str = "110", close: str = "100", volume: str = "2") -> Row:
    return [NOW_MS - ago_ms, D(close), D(high), D(low), D(close), D(volume)]


def test_a_candle_counts_at_its_typical_price_and_for_volume_at_its_lowest() -> None:
    averages = averages_of([row(CANDLE_MS), row(HOUR_MS + 1, low="180", high="220", close="200")], NOW_MS)
    assert averages is not None
    assert averages.vwap_24h == D(150)
    assert (averages.volume_24h, averages.volume_1h) == (D(540), D(180))


def test_candles_from_before_the_window_do_not_count() -> None:
    assert averages_of([row(DAY_MS + 1)], NOW_MS) is None


def test_no_trade_is_no_average() -> None:
    assert averages_of([row(CANDLE_MS, volume="0")], NOW_MS) is None
    assert averages_of([], NOW_MS) is None


def test_a_candle_that_makes_no_sense_is_passed_over() -> None:
    """ccxt says None for what it could not read; NaN is no number."""
    broken: list[Row] = [[NOW_MS, None, D(1), D(1), D(1), D(1)], [NOW_MS, D(1), D("NaN"), D(1), D(1), D(1)],
                         [NOW_MS, D(1), D(1), D(0), D(1), D(1)], [NOW_MS, D(1), D(1), D(1), D(1), None],
                         [NOW_MS, 1.0, 1.0, 1.0, 1.0, 1.0]]  # fmt: skip
    assert averages_of(broken, NOW_MS) is None


NUMBERS = st.decimals("0.01", "100000", places=2)


@given(rows=st.lists(st.tuples(st.integers(0, 2 * DAY_MS), NUMBERS, NUMBERS, NUMBERS, NUMBERS), min_size=1))
def test_the_average_lies_within_what_was_traded_and_the_hour_within_the_day(
    rows: list[tuple[int, Decimal, Decimal, Decimal, Decimal]],
) -> None:
    candles: list[Row] = [[NOW_MS - ago, c, max(a, b, c), min(a, b, c), b, volume] for ago, a, b, c, volume in rows]
    averages = averages_of(candles, NOW_MS)
    counted = [candle for candle in rows if candle[0] <= DAY_MS]
    if averages is None:
        assert not counted
        return
    low, high = min(min(one[1:4]) for one in counted), max(max(one[1:4]) for one in counted)
    assert low * D("0.999999") <= averages.vwap_24h <= high * D("1.000001")
    assert averages.volume_1h <= averages.volume_24h <= sum(one[4] for one in counted) * high
