"""Two clocks. The local one never steps back; each exchange's is measured, since bots sign by it and so do we.

Between measurements an exchange's clock runs on the monotonic one, so that a step of the local clock moves nothing.
"""

import time
from collections.abc import Callable
from typing import Final

LONGEST_ROUND_US: Final = 2_000_000
"""Exchanges take a time that is at most a second ahead of theirs."""


class Clocks:
    """The Clock of ports. ``wall_ns`` and ``steady_ns`` are the system's, given as arguments for tests."""

    def __init__(
        self, wall_ns: Callable[[], int] = time.time_ns, steady_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._wall_ns = wall_ns
        self._steady_ns = steady_ns
        self._latest_ns = 0
        self._latest_steady_ns = 0
        self._is_behind = False
        self._offsets_us: dict[str, int] = {}

    def now_ms(self) -> int:
        """Local wall clock in ms since the epoch; where the system's was set back, the time that has passed since.

        It must not stand still until the system's clock catches up: prices would stay fresh, and tokens live.
        """
        wall_ns, steady_ns = self._wall_ns(), self._steady_ns()
        least_ns = self._latest_ns
        if self._is_behind or wall_ns < least_ns:
            least_ns += steady_ns - self._latest_steady_ns
            self._is_behind = wall_ns < least_ns
        if self._is_behind:
            return least_ns // 1_000_000
        self._latest_ns, self._latest_steady_ns = wall_ns, steady_ns
        return wall_ns // 1_000_000

    def exchange_us(self, exchange: str) -> int:
        """The exchange's clock in µs; the local one until it was measured."""
        offset_us = self._offsets_us.get(exchange)
        return self._wall_ns() // 1000 if offset_us is None else self._steady_ns() // 1000 + offset_us

    def steady_us(self) -> int:
        """The monotonic clock in µs, for measuring how long an answer took."""
        return self._steady_ns() // 1000

    def measured(self, exchange: str, server_us: int, asked_us: int, answered_us: int) -> bool:
        """Take in one measurement: what the exchange said, between two readings of the monotonic clock.

        False for one that took too long: it may be wrong by half of that, which is more than exchanges forgive.
        """
        if answered_us - asked_us > LONGEST_ROUND_US:
            return False
        self._offsets_us[exchange] = server_us - (asked_us + answered_us) // 2
        return True

    def offset_ms(self, exchange: str) -> int | None:
        """How far the exchange's clock is ahead of the local one, or None if it was never measured."""
        if exchange not in self._offsets_us:
            return None
        return (self.exchange_us(exchange) - self._wall_ns() // 1000) // 1000
