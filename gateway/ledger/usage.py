"""What each token has used: rolling windows over its events, made when a policy first asks for them.

Law: a window is rebuilt from what is stored, so a policy may ask for any length at any time and a restart refills
nothing. Turnover, messages and denials are stored; requests and cancels are not, and count from the start anew.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from typing import Final

from gateway.ledger.book import Book
from gateway.ledger.storage import Change, Storage
from gateway.ledger.units import amount, units
from gateway.ledger.windows import BUCKETS, Window


class Kind(StrEnum):
    """What is counted."""

    TURNOVER = "turnover"
    MESSAGE = "message"
    DENIAL = "denial"
    REQUEST = "request"
    CANCEL = "cancel"


_FLEETING: Final = frozenset({Kind.REQUEST, Kind.CANCEL})
_RECENT: Final = 1024
"""How many requests a window of a new length can still count; those that came before it was asked for."""

_PLURAL: Final = {f"{kind}s": kind for kind in Kind}

_Key = tuple[str, Kind, str]


class Counts:
    """Every token's windows, and the counted events that are not stored yet."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._windows: defaultdict[_Key, dict[int, Window]] = defaultdict(dict)
        self._recent: defaultdict[_Key, deque[int]] = defaultdict(lambda: deque(maxlen=_RECENT))
        self._unwritten: dict[_Key, tuple[int, int]] = {}

    def add(self, token_id: str, kind: Kind, currency: str, at_ms: int, number: int) -> None:
        """Count what is stored already, or never will be: units of turnover, or events."""
        key = (token_id, kind, currency)
        for window in self._windows[key].values():
            window.add(at_ms, number)
        if kind in _FLEETING:
            self._recent[key].append(at_ms)

    def count(self, token_id: str, kind: Kind, at_ms: int) -> None:
        """Count one event; :meth:`write` stores it later, together with others and as late as the last of them."""
        self.add(token_id, kind, "", at_ms, 1)
        if kind not in _FLEETING:
            latest, number = self._unwritten.get((token_id, kind, ""), (at_ms, 0))
            self._unwritten[token_id, kind, ""] = (max(latest, at_ms), number + 1)

    def unwritten(self) -> int:
        """How many rows there are to write."""
        return len(self._unwritten)

    def write(self, change: Change, at_most: int) -> Collection[_Key]:
        """Store so much of what was only counted; pass the result to :meth:`written` once it is committed."""
        batch = dict(islice(self._unwritten.items(), at_most))
        for key, (at_ms, number) in batch.items():
            change.add_event(*key, at_ms, Decimal(number))
        return batch

    def written(self, batch: Collection[_Key]) -> None:
        """What :meth:`write` stored is committed."""
        for key in batch:
            del self._unwritten[key]

    def window(self, token_id: str, kind: Kind, currency: str, length_ms: int, as_of_ms: int) -> Window:
        """The token's window of that length, complete for every time from ``as_of_ms`` on."""
        key = (token_id, kind, currency)
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
        if key[1] in _FLEETING:
            yield from ((at_ms, 1) for at_ms in self._recent[key])
            return
        yield from self._stored(key, since_ms)
        if key in self._unwritten:
            yield self._unwritten[key]

    def _stored(self, key: _Key, since_ms: int) -> Iterable[tuple[int, int]]:
        number = units if key[1] is Kind.TURNOVER else int
        return ((at_ms, number(total)) for at_ms, total in self._storage.events(*key, since_ms))


@dataclass(frozen=True, slots=True)
class UsageAt:
    """One token's usage at one time; ``clock_ms`` is the ledger's clock, up to which its events may be stamped.

    A time before that clock is taken as it is: more is in the windows then, never less.
    """

    token_id: str
    now_ms: int
    clock_ms: int
    counts: Counts
    book: Book

    def turnover(self, currency: str, window_ms: int) -> Decimal:
        """Committed within the window plus everything reserved now, in ``currency``."""
        committed = self._window(Kind.TURNOVER, window_ms, currency).total(self.now_ms)
        return amount(committed + self.book.reserved(self.token_id, currency))

    def messages(self, window_ms: int) -> int:
        """New orders within the window, denied ones included."""
        return self._window(Kind.MESSAGE, window_ms).total(self.now_ms)

    def requests(self, window_ms: int) -> int:
        """Requests of any kind within the window."""
        return self._window(Kind.REQUEST, window_ms).total(self.now_ms)

    def cancels(self, window_ms: int) -> int:
        """Cancel requests within the window."""
        return self._window(Kind.CANCEL, window_ms).total(self.now_ms)

    def denials(self, window_ms: int) -> int:
        """Denials within the window."""
        return self._window(Kind.DENIAL, window_ms).total(self.now_ms)

    def open_orders(self, market_id: str | None) -> int:
        """Orders that work, are on their way, or may be working."""
        return self.book.open_orders(self.token_id, market_id)

    def retry_after_ms(self, kind: str, window_ms: int) -> int:
        """When the oldest counted ``messages``, ``requests``, … leave the window; 0 if nothing is in it."""
        leaves = self._window(_PLURAL[kind], window_ms).oldest_leaves(self.now_ms)
        return 0 if leaves is None else leaves - self.now_ms

    def _window(self, kind: Kind, window_ms: int, currency: str = "") -> Window:
        # As of the earlier time: should the clock have jumped ahead only now, it may jump back and nothing be missing.
        as_of = min(self.now_ms, self.clock_ms)
        return self.counts.window(self.token_id, kind, currency, window_ms, as_of)
