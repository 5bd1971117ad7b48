"""How often the exchange has said that it does not know an order. Kept in memory: a restart asks anew."""

from typing import Final

APART_MS: Final = 5_000
"""Answers nearer to each other may come from the same stale copy and count once."""


class Absences:
    """Independent answers in a row, by account and client id."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[int, int]] = {}

    def note(self, account: str, client_id: str, now_ms: int) -> int:
        """One more answer at that time; how many independent ones there are."""
        number, last_ms = self._seen.get((account, client_id), (0, now_ms - APART_MS))
        if now_ms - last_ms >= APART_MS:
            number, last_ms = number + 1, now_ms
        self._seen[account, client_id] = (number, last_ms)
        return number

    def forget(self, account: str, client_id: str) -> None:
        """The exchange knows it after all, or it is over."""
        self._seen.pop((account, client_id), None)
