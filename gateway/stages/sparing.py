"""Records of denials and of strangers' reads: enough to see what goes on, never so many that a flood fills the disk.

Law: what a token proved to be its own and was allowed is always recorded, and every denial is answered and counted. A
denial has a record of its own while its bucket lasts: one bucket for each token that proved itself, one for everybody
else, who may only know a token's id. What is beyond is told in one record for each token and code.
"""

from dataclasses import dataclass
from typing import Final

from gateway.core.decision import DenyCode
from gateway.core.token import Token

PER_SECOND: Final = 100
BURST: Final = 500
"""Strangers' reads: each of them waits for the exchange, which is a limit of its own."""
STRANGERS: Final = (500, 10)
"""Burst and rate a second of the denials of everybody who did not prove to be a token."""
OWN: Final = (300, 1)
"""The same of each token that did."""
SUM_AFTER_MS: Final = 10_000
"""How long denials are counted before the record that sums them up."""


class Sparing:
    """A bucket of records."""

    def __init__(self, burst: int = BURST, per_second: int = PER_SECOND) -> None:
        self._burst = float(burst)
        self._per_second = per_second
        self._left = self._burst
        self._at_ms = 0

    def admits(self, now_ms: int) -> bool:
        """Whether one more may be recorded at this time."""
        self._fill(now_ms)
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def full(self, now_ms: int) -> bool:
        """Whether it is as good as new."""
        self._fill(now_ms)
        return self._left >= self._burst

    def _fill(self, now_ms: int) -> None:
        gained = max(0, now_ms - self._at_ms) * self._per_second / 1000
        self._left = min(self._burst, self._left + gained)
        self._at_ms = now_ms


@dataclass(slots=True)
class Spared:
    """Denials of one kind that have no records of their own; ``token`` is None for strangers. Local times."""

    token: Token | None
    code: DenyCode
    since_ms: int
    until_ms: int
    count: int = 0


class Denials:
    """Which denials are recorded, and the count of those that are not."""

    def __init__(self) -> None:
        self._strangers = Sparing(*STRANGERS)
        self._own: dict[str, Sparing] = {}
        self._spared: dict[tuple[str, DenyCode], Spared] = {}

    def admits(self, token: Token | None, code: DenyCode, now_ms: int) -> bool:
        """Whether this denial has a record of its own; else it is counted. ``token``: the one that proved itself."""
        bucket = self._strangers if token is None else self._own.setdefault(token.id, Sparing(*OWN))
        if bucket.admits(now_ms):
            return True
        key = (token.id if token else "", code)
        spared = self._spared.setdefault(key, Spared(token, code, now_ms, now_ms))
        spared.until_ms = now_ms
        spared.count += 1
        return False

    def due(self, now_ms: int, *, at_once: bool = False) -> list[Spared]:
        """The counts that are to be recorded now; with ``at_once`` all of them. They begin anew."""
        due = {
            key: spared for key, spared in self._spared.items()
            if at_once or abs(now_ms - spared.since_ms) >= SUM_AFTER_MS
        }  # fmt: skip
        self._spared = {key: spared for key, spared in self._spared.items() if key not in due}
        self._own = {token_id: bucket for token_id, bucket in self._own.items() if not bucket.full(now_ms)}
        return list(due.values())
