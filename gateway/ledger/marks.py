"""What markets were worth before: one price for each sixtieth of a window, kept for windows that somebody asks for.

A question costs the same however long the window, and the space is bounded. Prices are stored, so that a loss that
began before a restart is still one after it. What nobody asks about is neither kept nor stored.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from itertools import islice
from typing import Final, NamedTuple

from gateway.ledger.storage import Change, Storage
from gateway.ledger.windows import bucket_width

_MORE: Final = 3
"""How many buckets a ring holds beyond the window's own: the broken ones, and the last before them."""


class Market(NamedTuple):
    """A market as an account trades it."""

    account: str
    market_id: str


class Ring:
    """The first price in each bucket of one window's length."""

    __slots__ = ("_prices", "_width")

    def __init__(self, length_ms: int) -> None:
        self._width = bucket_width(length_ms)
        self._prices: deque[tuple[int, Decimal]] = deque(maxlen=length_ms // self._width + _MORE)

    def note(self, at_ms: int, price: Decimal) -> bool:
        """Take in a price; whether it is the first of its bucket. One of an earlier bucket is passed over."""
        bucket = at_ms // self._width
        if self._prices and self._prices[-1][0] >= bucket:
            return False
        self._prices.append((bucket, price))
        return True

    def around(self, at_ms: int) -> tuple[Decimal, ...]:
        """The price of that time's bucket; where it has none, of those next to it on either side, as there are."""
        bucket, before = at_ms // self._width, None
        for known, price in self._prices:
            if known == bucket:
                return (price,)
            if known > bucket:
                return (price,) if before is None else (before, price)
            before = price
        return () if before is None else (before,)


class Marks:
    """The rings of every market, by window, and the prices that are not stored yet."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._rings: defaultdict[Market, dict[int, Ring]] = defaultdict(dict)
        self._unwritten: dict[tuple[Market, int], Decimal] = {}

    def wanted(self) -> Collection[Market]:
        """The markets whose prices somebody asks for."""
        return tuple(self._rings)

    def note(self, market: Market, at_ms: int, price: Decimal) -> None:
        """What it is worth at that time; worth keeping only if some window has no price of then."""
        kept = [ring.note(at_ms, price) for ring in self._rings[market].values()] if market in self._rings else []
        if any(kept):
            self._unwritten[market, at_ms] = price

    def around(self, market: Market, length_ms: int, at_ms: int) -> tuple[Decimal, ...]:
        """The prices known nearest to that time, for a window of that length: none, one, or one on either side."""
        rings = self._rings[market]
        if length_ms not in rings:
            rings[length_ms] = self._rebuilt(market, length_ms, at_ms)
        return rings[length_ms].around(at_ms)

    def _rebuilt(self, market: Market, length_ms: int, at_ms: int) -> Ring:
        ring = Ring(length_ms)
        for told_ms, price in self._history(market, at_ms):
            ring.note(told_ms, price)
        return ring

    def _history(self, market: Market, since_ms: int) -> Iterable[tuple[int, Decimal]]:
        yield from self._storage.prices(market.account, market.market_id, since_ms)
        yield from sorted((at, price) for (known, at), price in self._unwritten.items() if known == market)

    def unwritten(self) -> int:
        """How many prices there are to write."""
        return len(self._unwritten)

    def write(self, change: Change, at_most: int) -> Mapping[tuple[Market, int], Decimal]:
        """Store so many of the prices; pass the result to :meth:`written` once it is committed."""
        batch = dict(islice(self._unwritten.items(), at_most))
        for (market, at_ms), price in batch.items():
            change.add_price(market.account, market.market_id, at_ms, price)
        return batch

    def written(self, batch: Mapping[tuple[Market, int], Decimal]) -> None:
        """What :meth:`write` stored is committed."""
        for key in batch:
            del self._unwritten[key]
