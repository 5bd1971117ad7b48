"""Records of requests that nobody signed: enough to see what goes on, never so many that a flood fills the disk.

What a token signed is always recorded. The rest is counted in any case, and recorded while the bucket lasts.
"""

from typing import Final

PER_SECOND: Final = 100
BURST: Final = 500


class Sparing:
    """A bucket of records for everybody who presents no token."""

    def __init__(self) -> None:
        self._left = float(BURST)
        self._at_ms = 0

    def admits(self, now_ms: int) -> bool:
        """Whether one more may be recorded at this time."""
        gained = max(0, now_ms - self._at_ms) * PER_SECOND / 1000
        self._left = min(float(BURST), self._left + gained)
        self._at_ms = now_ms
        if self._left < 1:
            return False
        self._left -= 1
        return True
