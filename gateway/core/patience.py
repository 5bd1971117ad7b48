"""Hosts that asked to be left alone, and until when. Pure: the time is an argument, in ms of any clock that only rises.

Law: 429 and 418 count with or without Retry-After, 503 only with one, and nothing else. A wait is never shorter than
what was asked for before it, and never longer than LONGEST_MS.
"""

from typing import Final

USUAL_MS: Final = 60_000
"""After a 429 that does not say how long: exchanges count by the minute."""
BANNED_MS: Final = 300_000
"""After a 418 that does not say how long."""
SHORTEST_MS: Final = 1_000
LONGEST_MS: Final = {429: 3_600_000, 418: 3 * 86_400_000, 503: 600_000}
"""The longest that each may ask for; a ban of three days is the longest that an exchange states (Binance)."""
ASKS: Final = LONGEST_MS.keys()
"""The statuses by which a host may ask for it."""
_UNSAID: Final = {429: USUAL_MS, 418: BANNED_MS}
_DIGITS: Final = 9


class Patience:
    """Until when each host is left alone."""

    def __init__(self) -> None:
        self._until_ms: dict[str, int] = {}

    def heard(self, host: str, status: int, retry_after: str | None, now_ms: int) -> bool:
        """Take in an answer. Whether the host asked to be left alone."""
        asked_ms = _asked_ms(status, retry_after)
        if asked_ms is None:
            return False
        until_ms = now_ms + min(max(asked_ms, SHORTEST_MS), LONGEST_MS[status])
        self._until_ms[host] = max(until_ms, self._until_ms.get(host, until_ms))
        return True

    def left_ms(self, host: str, now_ms: int) -> int:
        """How much longer it is to be left alone; 0 once it may be asked."""
        return max(0, self._until_ms.get(host, now_ms) - now_ms)


def _asked_ms(status: int, retry_after: str | None) -> int | None:
    """A date in Retry-After counts as none: its clock is not ours."""
    if status not in ASKS:
        return None
    said = retry_after.strip() if retry_after else ""
    if said.isascii() and said.isdigit() and len(said) <= _DIGITS:
        return int(said) * 1000
    return _UNSAID.get(status)
