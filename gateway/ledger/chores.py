"""What the ledger does now and then: store what was only counted, prune what no window reaches any more.

Every step is bounded, so that no chore holds up a decision for long; what is left over is done by the next tick.
"""

from typing import Final

from gateway.ledger.marks import Marks
from gateway.ledger.storage import Storage
from gateway.ledger.usage import Counts
from gateway.ledger.windows import BUCKETS
from gateway.policy.grammar import MAX_WINDOW_MS

WRITE_EVERY_MS: Final = 1_000
"""How often counts that no money depends on are stored; a crash forgets at most these."""

PRUNE_EVERY_MS: Final = 60_000
AT_ONCE: Final = 256
"""How many rows of a kind one tick stores, and how many it prunes, at most."""

KEEP_MS: Final = MAX_WINDOW_MS + MAX_WINDOW_MS // BUCKETS + 24 * 3_600_000
"""Usage events and prices are kept for the longest window that a policy may state, its rounding, and a day to spare."""


class Chores:
    """When each was done last, by the local clock."""

    def __init__(self, storage: Storage, counts: Counts, marks: Marks) -> None:
        self._storage = storage
        self._counts = counts
        self._marks = marks
        self._write_at = self._prune_at = 0

    def tick(self, now_ms: int, clock_ms: int) -> None:
        """Do what is due; cheap where nothing is. ``clock_ms`` is the ledger's. Raises Unavailable (try again)."""
        writes = self._waiting() and _due(now_ms, self._write_at, WRITE_EVERY_MS)
        if writes or _due(now_ms, self._prune_at, PRUNE_EVERY_MS):
            self._write(now_ms, clock_ms)

    def finish(self, clock_ms: int) -> None:
        """Store all that waits."""
        while self._waiting():
            self._write(self._write_at, clock_ms)

    def _waiting(self) -> int:
        return self._counts.unwritten() + self._marks.unwritten()

    def _write(self, now_ms: int, clock_ms: int) -> None:
        with self._storage.transaction(synced=False) as change:
            counts = self._counts.write(change, AT_ONCE)
            prices = self._marks.write(change, AT_ONCE)
            before_ms = min(now_ms, clock_ms) - KEEP_MS
            pruned = max(change.prune_events(before_ms, AT_ONCE), change.prune_prices(before_ms, AT_ONCE))
        self._counts.written(counts)
        self._marks.written(prices)
        self._write_at = now_ms - WRITE_EVERY_MS if max(len(counts), len(prices)) == AT_ONCE else now_ms
        self._prune_at = now_ms - PRUNE_EVERY_MS if pruned == AT_ONCE else now_ms


def _due(now_ms: int, last_ms: int, every_ms: int) -> bool:
    # Either way: a clock that was set back must not stop it until the old time comes round again.
    return abs(now_ms - last_ms) >= every_ms
