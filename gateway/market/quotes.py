"""One fair price from several venues' books. Pure: values in, a Reference out, whatever order they came in.

Law: half of the sources may lie, and the fair price charged to an order is never better for a thief than the best
honest one: a buy is charged against the lower median, a sell against the upper (of two: the less favourable). What is
stale is left out; sources that disagree by more than MAX_DISAGREEMENT mean that nobody knows.

A price in another dollar is converted by a rate that at least two venues quote, as an interval: a buy's fair price by
the rate that makes it lowest, a sell's by the one that makes it highest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import Final, NamedTuple

from gateway.core.snapshot import Instrument, Reference
from gateway.market.venues import PIVOT, RATES, Pair, pairs_of

MAX_DISAGREEMENT: Final = Decimal("0.05")
"""Between the lowest and the highest source. Liquid markets differ by tenths of a percent; beyond this one is wrong."""
MAX_RATE_DISAGREEMENT: Final = Decimal("0.01")
"""The same for dollars: a peg that breaks does so everywhere within seconds."""
MAX_SPREAD: Final = Decimal("0.05")
"""The middle of another venue's wider book is no price; the traded venue's own always counts."""
SLOW_AGE_MS: Final = 300_000
"""How old a 24 h average or a volume may be: they are asked for once a minute."""

_DIGITS: Final = 28
_DOWN: Final = Context(prec=_DIGITS, rounding=ROUND_FLOOR)
_NEAR: Final = Context(prec=_DIGITS, rounding=ROUND_HALF_EVEN)
_UP: Final = Context(prec=_DIGITS, rounding=ROUND_CEILING)
_TOLD: Final = 12
_DOWN_TOLD: Final = Context(prec=_TOLD, rounding=ROUND_FLOOR)
_NEAR_TOLD: Final = Context(prec=_TOLD, rounding=ROUND_HALF_EVEN)
_UP_TOLD: Final = Context(prec=_TOLD, rounding=ROUND_CEILING)
_HALF: Final = Decimal("0.5")
_ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class Slow:
    """What changes slowly, of the trailing 24 h and 1 h: average price, and volumes in the quote."""

    vwap_24h: Decimal
    volume_24h: Decimal
    volume_1h: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True)
class Quote:
    """The best prices of one venue's market, and the local time (ms) when they were asked for.

    ``middle`` is half way between them; ``is_tight``: they are near enough for the middle to be a price.
    """

    venue: str
    base: str
    quote: str
    bid: Decimal
    ask: Decimal
    at_ms: int
    middle: Decimal = field(init=False)
    is_tight: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "middle", _NEAR.multiply(_NEAR.add(self.bid, self.ask), _HALF))
        object.__setattr__(self, "is_tight", self.ask - self.bid <= MAX_SPREAD * self.bid)


class _Span(NamedTuple):
    """A number that sources do not quite agree on, and the time of the oldest of them."""

    low: Decimal
    middle: Decimal
    high: Decimal
    at_ms: int


class Quotes:
    """The last word of every venue. ``version`` rises with every change."""

    def __init__(self) -> None:
        self.version = 0
        self._quotes: dict[Pair, Quote] = {}
        self._slow: dict[Pair, Slow] = {}
        self._unlisted: dict[str, frozenset[Pair]] = {}

    def put(self, quote: Quote) -> None:
        """A newer quote of a market; one that is older than what is known changes nothing."""
        pair = (quote.venue, quote.base, quote.quote)
        known = self._quotes.get(pair)
        if known is None or known.at_ms <= quote.at_ms:
            self._quotes[pair] = quote
            self.version += 1

    def put_slow(self, pair: Pair, slow: Slow) -> None:
        """Newer averages and volumes of a market."""
        self._slow[pair] = slow
        self.version += 1

    def put_unlisted(self, venue: str, pairs: Iterable[Pair]) -> None:
        """All that this venue is asked for and does not list."""
        self._unlisted[venue] = frozenset(pairs)

    def unlisted(self, pair: Pair) -> bool:
        """Whether the venue said that it does not list this market."""
        return pair in self._unlisted.get(pair[0], ())

    def find(self, pair: Pair) -> Quote | None:
        """The last quote of a market, whatever its age."""
        return self._quotes.get(pair)

    def fresh(self, pair: Pair, now_ms: int, max_age_ms: int) -> Quote | None:
        """The quote, if it is no older than that and not from the future."""
        quote = self._quotes.get(pair)
        return quote if quote is not None and 0 <= now_ms - quote.at_ms <= max_age_ms else None

    def slow(self, pair: Pair, now_ms: int) -> Slow | None:
        """The market's averages and volumes, if they are fresh enough to mean something."""
        slow = self._slow.get(pair)
        return slow if slow is not None and 0 <= now_ms - slow.at_ms <= SLOW_AGE_MS else None


def combine(quotes: Quotes, instrument: Instrument, now_ms: int, max_age_ms: int) -> Reference | None:
    """The instrument's fair price from all venues, the traded one counting as one; None where nobody knows it."""
    sources, slow = _gather(quotes, instrument, now_ms, max_age_ms)
    if not sources or not _agree([span.middle for _, span in sources], MAX_DISAGREEMENT):
        return None
    return _reference(sources, slow)


def told(quotes: Quotes, instrument: Instrument, now_ms: int, max_age_ms: int) -> list[tuple[str, Decimal]]:
    """Each fresh source's name and price, whether they agree or not."""
    sources, _ = _gather(quotes, instrument, now_ms, max_age_ms)
    return [(name, span.middle) for name, span in sources]


def _gather(
    quotes: Quotes, instrument: Instrument, now_ms: int, max_age_ms: int
) -> tuple[list[tuple[str, _Span]], list[tuple[Slow, Decimal]]]:
    """What every venue says, in the instrument's quote."""
    rates: dict[str, _Span | None] = {}
    sources: list[tuple[str, _Span]] = []
    slow: list[tuple[Slow, Decimal]] = []
    for pair in pairs_of(instrument.exchange, instrument.base, instrument.quote):
        rate = _rate(quotes, pair[2], instrument.quote, now_ms, max_age_ms, rates)
        if rate is None:
            continue
        quote = quotes.fresh(pair, now_ms, max_age_ms)
        if quote is not None and (quote.is_tight or quote.venue == instrument.exchange):
            sources.append((quote.venue, _converted(quote, rate)))
        averages = quotes.slow(pair, now_ms)
        if averages is not None:
            slow.append((averages, rate.middle))
    return sources, slow


def _reference(sources: Sequence[tuple[str, _Span]], slow: Sequence[tuple[Slow, Decimal]]) -> Reference:
    names = ", ".join([name for name, _ in sources])
    lows, middles, highs, times = zip(*[span for _, span in sources], strict=True)
    anchor, day, hour = _slow(slow)
    return Reference(
        price=_median(middles),
        at_ms=min(times),
        source=f"median of {names}" if len(sources) > 1 else f"{names} book",
        buy=_lower_median(lows),
        sell=_upper_median(highs),
        sources=len(sources),
        quoted=tuple([(name, span.middle) for name, span in sources]),
        anchor=anchor,
        volume_24h=day,
        volume_1h=hour,
        told_at=times,
    )


def _slow(slow: Sequence[tuple[Slow, Decimal]]) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """Anchor and volumes of 24 h and 1 h. Averages that disagree are no anchor; of volumes the lower median counts,

    so that one venue cannot puff them up.
    """
    if not slow:
        return None, None, None
    averages = [_NEAR_TOLD.multiply(one.vwap_24h, rate) for one, rate in slow]
    return (
        _median(averages) if _agree(averages, MAX_DISAGREEMENT) else None,
        _lower_median([_DOWN_TOLD.multiply(one.volume_24h, rate) for one, rate in slow]),
        _lower_median([_DOWN_TOLD.multiply(one.volume_1h, rate) for one, rate in slow]),
    )


def _converted(quote: Quote, rate: _Span) -> _Span:
    middle = quote.middle
    if rate is _SAME:
        return _Span(middle, middle, middle, quote.at_ms)
    return _Span(
        _DOWN_TOLD.multiply(middle, rate.low),
        _NEAR_TOLD.multiply(middle, rate.middle),
        _UP_TOLD.multiply(middle, rate.high),
        min(quote.at_ms, rate.at_ms),
    )


_NEVER_MS: Final = 1 << 62
_SAME: Final = _Span(_ONE, _ONE, _ONE, _NEVER_MS)


def _rate(
    quotes: Quotes, source: str, target: str, now_ms: int, max_age_ms: int, known: dict[str, _Span | None]
) -> _Span | None:
    """What one ``source`` is worth in ``target``; ``known`` keeps what was worked out for other venues."""
    if source == target:
        return _SAME
    if source not in known:
        known[source] = _quotient(
            _worth(quotes, source, now_ms, max_age_ms), _worth(quotes, target, now_ms, max_age_ms)
        )
    return known[source]


def _quotient(above: _Span | None, below: _Span | None) -> _Span | None:
    if above is None or below is None:
        return None
    return _Span(
        _DOWN.divide(above.low, below.high),
        _NEAR.divide(above.middle, below.middle),
        _UP.divide(above.high, below.low),
        min(above.at_ms, below.at_ms),
    )


def _worth(quotes: Quotes, dollar: str, now_ms: int, max_age_ms: int) -> _Span | None:
    """What a dollar is worth in the pivot, from two venues or more that agree."""
    if dollar == PIVOT:
        return _SAME
    found = [quotes.fresh(pair, now_ms, max_age_ms) for pair in RATES.get(dollar, ())]
    told = [quote for quote in found if quote is not None and quote.is_tight]
    middles = [quote.middle for quote in told]
    if len(told) < 2 or not _agree(middles, MAX_RATE_DISAGREEMENT):
        return None
    span = _Span(min(middles), _median(middles), max(middles), min(quote.at_ms for quote in told))
    return span if told[0].base == dollar else _quotient(_SAME, span)


def _agree(prices: Sequence[Decimal], bound: Decimal) -> bool:
    low = min(prices)
    return max(prices) - low <= bound * low


def _median(prices: Sequence[Decimal]) -> Decimal:
    """Of an even number the middle between the two in the middle."""
    low, high = _lower_median(prices), _upper_median(prices)
    return low if low == high else _NEAR.multiply(_NEAR.add(low, high), _HALF)


def _lower_median(prices: Sequence[Decimal]) -> Decimal:
    return sorted(prices)[(len(prices) - 1) // 2]


def _upper_median(prices: Sequence[Decimal]) -> Decimal:
    return sorted(prices)[len(prices) // 2]
