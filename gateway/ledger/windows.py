"""Rolling windows in constant time and space: sixty buckets, rounded against the bot.

An event counts until the end of its bucket has left the window: never shorter than the window, and longer by at most
one sixtieth of it. Reading changes nothing, so that a clock that jumps ahead and back again frees nothing.
"""

from collections import deque
from typing import Final

BUCKETS: Final = 60


def bucket_width(length_ms: int) -> int:
    """How long one bucket of a window of that length is."""
    return max(1, length_ms // BUCKETS)


def begins_ms(length_ms: int, now_ms: int) -> int:
    """When the oldest bucket that such a window still counts at that time began."""
    width = bucket_width(length_ms)
    return (now_ms - length_ms) // width * width


class Window:
    """A rolling sum over ``length_ms``. Times are ms; one that lies before the last counts as at the last."""

    __slots__ = ("_buckets", "_length", "_total", "_width")

    def __init__(self, length_ms: int) -> None:
        self._length = length_ms
        self._width = bucket_width(length_ms)
        self._buckets: deque[list[int]] = deque()
        self._total = 0

    def add(self, at_ms: int, amount: int) -> None:
        """Count an event, and forget the buckets that its time leaves behind."""
        bucket = at_ms // self._width
        if self._buckets and self._buckets[-1][0] >= bucket:
            self._buckets[-1][1] += amount
        else:
            self._buckets.append([bucket, amount])
        self._total += amount
        while self._leaves(self._buckets[0][0]) <= at_ms:
            self._total -= self._buckets.popleft()[1]

    def total(self, now_ms: int) -> int:
        """The sum of what is in the window at that time."""
        left, gone = now_ms - self._length, 0
        for bucket, amount in self._buckets:
            if (bucket + 1) * self._width > left:
                break
            gone += amount
        return self._total - gone

    def oldest_leaves(self, now_ms: int) -> int | None:
        """When the oldest bucket in the window leaves it; None if there is none."""
        return next((leaves for bucket, _ in self._buckets if (leaves := self._leaves(bucket)) > now_ms), None)

    def __len__(self) -> int:
        """How many buckets it holds; never more than the window's sixty and two broken ones."""
        return len(self._buckets)

    def _leaves(self, bucket: int) -> int:
        return (bucket + 1) * self._width + self._length
