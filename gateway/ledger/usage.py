"""What each token has used: rolling windows over its events, made when a policy first asks for them.

Law: a window is rebuilt from what is stored, so a policy may ask for any length at any time and a restart refills
nothing. Turnover, messages and denials are stored; requests and cancels are not, and count from the start anew.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Final

from msgspec import Struct

from gateway.core.intent import Side
from gateway.core.money import EXACT
from gateway.ledger.book import Book
from gateway.ledger.flows import AMOUNTS, Kind
from gateway.ledger.holders import Holder, holders
from gateway.ledger.marks import Market, Marks
from gateway.ledger.positions import Positions
from gateway.ledger.storage import Change, Storage
from gateway.ledger.units import amount, units
from gateway.ledger.windows import BUCKETS, Window, begins_ms

_FLEETING: Final = frozenset({Kind.REQUEST, Kind.CANCEL})
_RECENT: Final = 1024
"""How many requests a window of a new length can still count; those that came before it was asked for."""

_PLURAL: Final = {f"{kind}s": kind for kind in Kind if kind not in AMOUNTS}
_ZERO: Final = Decimal(0)

_Key = tuple[Holder, Kind, str]
_Counted = tuple[str, str, Kind]


class Counts:
    """Every holder's windows, and the counted events that are not stored yet."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._windows: defaultdict[_Key, dict[int, Window]] = defaultdict(dict)
        self._recent: defaultdict[_Key, deque[int]] = defaultdict(lambda: deque(maxlen=_RECENT))
        self._unwritten: dict[_Counted, tuple[int, int]] = {}

    def add(self, token_id: str, account: str, kind: Kind, unit: str, at_ms: int, number: int) -> None:
        """Count what is stored already, or never will be, for the token and for its account."""
        for holder in holders(token_id, account):
            key = (holder, kind, unit)
            if key in self._windows:
                for window in self._windows[key].values():
                    window.add(at_ms, number)
            if kind in _FLEETING:
                self._recent[key].append(at_ms)

    def count(self, token_id: str, account: str, kind: Kind, at_ms: int) -> None:
        """Count one event; :meth:`write` stores it later, together with others and as late as the last of them."""
        self.add(token_id, account, kind, "", at_ms, 1)
        if kind not in _FLEETING:
            latest, number = self._unwritten.get((token_id, account, kind), (at_ms, 0))
            self._unwritten[token_id, account, kind] = (max(latest, at_ms), number + 1)

    def unwritten(self) -> int:
        """How many rows there are to write."""
        return len(self._unwritten)

    def write(self, change: Change, at_most: int) -> Collection[_Counted]:
        """Store so much of what was only counted; pass the result to :meth:`written` once it is committed."""
        batch = dict(islice(self._unwritten.items(), at_most))
        for (token_id, account, kind), (at_ms, number) in batch.items():
            change.add_event(token_id, account, kind, "", at_ms, Decimal(number))
        return batch

    def written(self, batch: Collection[_Counted]) -> None:
        """What :meth:`write` stored is committed."""
        for key in batch:
            del self._unwritten[key]

    def window(self, holder: Holder, kind: Kind, unit: str, length_ms: int, as_of_ms: int) -> Window:
        """The holder's window of that length, complete for every time from ``as_of_ms`` on."""
        key = (holder, kind, unit)
        windows = self._windows[key]
        if length_ms not in windows:
            windows[length_ms] = self._rebuilt(key, length_ms, as_of_ms)
        return windows[length_ms]

    def _rebuilt(self, key: _Key, length_ms: int, as_of_ms: int) -> Window:
        window = Window(length_ms)
        since = as_of_ms - length_ms - length_ms // BUCKETS
        for at_ms, number in self._history(key, since):
            window.add(at_ms, number)
        return window

    def _history(self, key: _Key, since_ms: int) -> Iterator[tuple[int, int]]:
        holder, kind, _ = key
        if kind in _FLEETING:
            yield from ((at_ms, 1) for at_ms in self._recent[key])
            return
        yield from self._stored(key, since_ms)
        for (token_id, account, counted), told in self._unwritten.items():
            if counted is kind and holder in holders(token_id, account):
                yield told

    def _stored(self, key: _Key, since_ms: int) -> Iterable[tuple[int, int]]:
        holder, kind, unit = key
        events = self._storage.account_events if holder.is_account else self._storage.events
        number = units if kind in AMOUNTS else int
        return ((at_ms, number(total)) for at_ms, total in events(holder.name, kind, unit, since_ms))


@dataclass(frozen=True, slots=True)
class Books:
    """Everything that usage is read from."""

    counts: Counts
    book: Book
    positions: Positions
    marks: Marks


class UsageAt(Struct, frozen=True):
    """One holder's usage at one time; ``clock_ms`` is the ledger's clock, up to which its events may be stamped.

    A time before that clock is taken as it is: more is in the windows then, never less.
    """

    holder: Holder
    now_ms: int
    clock_ms: int
    books: Books

    def turnover(self, currency: str, window_ms: int) -> Decimal:
        """Committed within the window plus everything reserved now, in ``currency``."""
        reserved = self.books.book.working(self.holder).value[currency]
        return amount(self._total(Kind.TURNOVER, window_ms, currency) + reserved)

    def giveaway(self, currency: str, window_ms: int) -> Decimal:
        """Lost against the fair price within the window, fees included, plus everything reserved now."""
        reserved = self.books.book.working(self.holder).giveaway[currency]
        return amount(self._total(Kind.GIVEAWAY, window_ms, currency) + reserved)

    def executions(self, window_ms: int) -> int:
        """Orders whose first fill was learnt within the window."""
        return self._total(Kind.EXECUTION, window_ms)

    def messages(self, window_ms: int) -> int:
        """New orders within the window, denied ones included."""
        return self._total(Kind.MESSAGE, window_ms)

    def requests(self, window_ms: int) -> int:
        """Requests of any kind within the window."""
        return self._total(Kind.REQUEST, window_ms)

    def cancels(self, window_ms: int) -> int:
        """Cancel requests within the window."""
        return self._total(Kind.CANCEL, window_ms)

    def denials(self, window_ms: int) -> int:
        """Denials within the window."""
        return self._total(Kind.DENIAL, window_ms)

    def open_orders(self, market_id: str | None) -> int:
        """Orders that work, are on their way, or may be working."""
        working = self.books.book.working(self.holder)
        return working.orders if market_id is None else working.orders_in[market_id]

    def position(self, market_id: str) -> Decimal:
        """Its own net fills since issue, in base: buys minus sells."""
        return amount(self.books.positions.base(self.holder, market_id))

    def working_quantity(self, market_id: str, side: Side) -> Decimal:
        """Base that may still fill on that side."""
        return amount(self.books.book.working(self.holder).quantity[market_id, side])

    def markets(self) -> Sequence[str]:
        """The markets where it has a position or working orders."""
        working = self.books.book.working(self.holder).orders_in
        return sorted({*self.books.positions.markets(self.holder), *(name for name, n in working.items() if n)})

    def equity_change(self, currency: str, window_ms: int, prices: Mapping[str, Decimal]) -> Decimal | None:
        """What its own trading in markets quoted in ``currency`` gained within the window; None = not known."""
        change = amount(self._total(Kind.CASH, window_ms, currency))
        for market_id in self.books.positions.traded(self.holder, currency):
            gained = self._held(market_id, window_ms, prices.get(market_id))
            if gained is None:
                return None
            change = EXACT.add(change, gained)
        return change

    def _held(self, market_id: str, window_ms: int, price: Decimal | None) -> Decimal | None:
        """How much more the position is worth than the one that it had when the window began was worth then."""
        now = self.books.positions.base(self.holder, market_id)
        then = now - self._total(Kind.BASE, window_ms, market_id)
        market = Market(self.books.positions.account(self.holder), market_id)
        before = self.books.marks.around(market, window_ms, begins_ms(window_ms, self.now_ms))
        if (now and price is None) or (then and not before):
            return None
        worth = EXACT.multiply(amount(now), price) if now and price is not None else _ZERO
        # Of two prices the one that makes the past look better: a gap must not hide a loss.
        was = max((EXACT.multiply(amount(then), known) for known in before), default=_ZERO)
        return EXACT.subtract(worth, was)

    def retry_after_ms(self, kind: str, window_ms: int) -> int:
        """When the oldest counted ``messages``, ``requests``, … leave the window; 0 if nothing is in it."""
        leaves = self._window(_PLURAL[kind], window_ms).oldest_leaves(self.now_ms)
        return 0 if leaves is None else leaves - self.now_ms

    def _total(self, kind: Kind, window_ms: int, unit: str = "") -> int:
        return self._window(kind, window_ms, unit).total(self.now_ms)

    def _window(self, kind: Kind, window_ms: int, unit: str = "") -> Window:
        # As of the earlier time: should the clock have jumped ahead only now, it may jump back and nothing be missing.
        as_of = min(self.now_ms, self.clock_ms)
        return self.books.counts.window(self.holder, kind, unit, window_ms, as_of)
