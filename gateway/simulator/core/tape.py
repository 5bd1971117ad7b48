"""What has traded: prints, minute bars, and an invented past for charts that begin before the start.

Rule: the past is a fixed function of the time (triangles around the starting price), so two runs that
begin at the same moment draw the same chart; from the first print on, only real prints count.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from .instruments import Instrument

MINUTE = 60_000
PRINTS = 10_000
BARS = 20_160
ZERO = Decimal(0)
#         period (minutes), depth (millionths of the price)
_WAVES = ((1440, 20_000), (240, 6_000), (37, 1_000))
_SAMPLES = 8


@dataclass(frozen=True, slots=True)
class Print:
    """One public trade."""

    id: int
    price: Decimal
    quantity: Decimal
    quote: Decimal
    time: int
    buyer_is_maker: bool


@dataclass(slots=True)
class Bar:
    """What happened to the price between two moments."""

    start: int
    end: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    quote: Decimal = ZERO
    count: int = 0
    taker_volume: Decimal = ZERO
    taker_quote: Decimal = ZERO
    first_id: int = -1
    last_id: int = -1

    def add(self, trade: Print) -> None:
        """Counts one print."""
        self.touch(trade.price)
        self.volume += trade.quantity
        self.quote += trade.quote
        self.count += 1
        if not trade.buyer_is_maker:
            self.taker_volume += trade.quantity
            self.taker_quote += trade.quote
        self.first_id = trade.id if self.first_id < 0 else self.first_id
        self.last_id = trade.id

    def touch(self, price: Decimal) -> None:
        """Moves the close, and the extremes if need be."""
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price

    def merge(self, later: "Bar") -> None:
        """Appends a later bar to this one."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.quote += later.quote
        self.count += later.count
        self.taker_volume += later.taker_volume
        self.taker_quote += later.taker_quote
        self.first_id = later.first_id if self.first_id < 0 else self.first_id
        self.last_id = later.last_id if later.last_id >= 0 else self.last_id


class Tape:
    """The record of one instrument's trades."""

    def __init__(self, instrument: Instrument, now: int) -> None:
        self.instrument = instrument
        self.born = now // MINUTE * MINUTE
        self.last = instrument.start_price
        self.prints: deque[Print] = deque(maxlen=PRINTS)
        self._minutes: list[int] = []
        self._bars: dict[int, Bar] = {}
        self._next_id = 1
        self.record(instrument.start_price, instrument.step, now, buyer_is_maker=False)

    def record(self, price: Decimal, quantity: Decimal, now: int, *, buyer_is_maker: bool) -> Print:
        """Writes down one trade."""
        trade = Print(self._next_id, price, quantity, price * quantity, now, buyer_is_maker)
        self._next_id += 1
        self.prints.append(trade)
        self.last = price
        self._bar(now).add(trade)
        return trade

    def _bar(self, now: int) -> Bar:
        minute = now // MINUTE * MINUTE
        if self._minutes:
            minute = max(minute, self._minutes[-1])
        bar = self._bars.get(minute)
        if bar is None:
            price = self.last
            bar = self._bars[minute] = Bar(minute, minute + MINUTE, price, price, price, price)
            self._minutes.append(minute)
            if len(self._minutes) > BARS:
                del self._bars[self._minutes.pop(0)]
        return bar

    def average(self, now: int, minutes: int = 5) -> Decimal:
        """The volume-weighted price of the last minutes; the last price if nothing traded."""
        volume = quote = ZERO
        for minute in reversed(self._minutes):
            if minute <= now - (minutes + 1) * MINUTE:
                break
            volume += self._bars[minute].volume
            quote += self._bars[minute].quote
        return quote / volume if volume else self.last

    def window(self, start: int, end: int) -> Bar:
        """One bar for any span of time, invented where it lies before the first print."""
        if start < self.born:
            bar = self._invented(start, min(end, self.born))
            bar.end = end
        else:
            price = self._price_before(start)
            bar = Bar(start, end, price, price, price, price)
        for live in self._between(start, end):
            bar.merge(live)
        return bar

    def bars(self, first: int, length: int, count: int) -> Iterator[Bar]:
        """So many bars in a row."""
        for number in range(count):
            start = first + number * length
            yield self.window(start, start + length)

    def _between(self, start: int, end: int) -> Iterator[Bar]:
        low, high = bisect_left(self._minutes, start), bisect_left(self._minutes, end)
        for minute in self._minutes[low:high]:
            yield self._bars[minute]

    def _price_before(self, moment: int) -> Decimal:
        position = bisect_right(self._minutes, moment - 1)
        if position == 0:
            return self._bars[self._minutes[0]].open
        return self._bars[self._minutes[position - 1]].close

    def _invented(self, start: int, end: int) -> Bar:
        prices = [self._past(start + (end - start) * n // _SAMPLES) for n in range(_SAMPLES + 1)]
        minutes = Decimal(max(end - start, 0)) / MINUTE
        quote = (self.instrument.level_notional * minutes).quantize(self.instrument.tick)
        volume = (quote / self.instrument.start_price).quantize(self.instrument.step)
        bar = Bar(start, end, prices[0], max(prices), min(prices), prices[-1], volume, quote)
        bar.count = int(minutes) * 10 + 1
        bar.taker_volume, bar.taker_quote = volume / 2, quote / 2
        return bar

    def _past(self, moment: int) -> Decimal:
        minutes = (moment - self.born) // MINUTE
        millionths = 1_000_000
        for period, depth in _WAVES:
            half = period // 2
            millionths -= depth * (half - abs(minutes % period - half)) // half
        return (self.instrument.start_price * millionths / 1_000_000).quantize(self.instrument.tick)
