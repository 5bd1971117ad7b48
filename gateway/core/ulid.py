"""Decision ids: ULIDs, sortable by time. Pure: time and randomness are arguments."""

from collections.abc import Callable
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
"""Two characters for every 10 bits: half the steps of one at a time."""
_SHIFTS: Final = tuple(range(120, -1, -10))
_TAIL: Final = (1 << 20) - 1
"""What an id's last four characters can say."""


def ulid(now_ms: int, entropy: bytes) -> str:
    """26 characters of Crockford's base 32: 48 bits of time, 80 bits of ``entropy`` (10 bytes)."""
    number = (now_ms & (1 << 48) - 1) << 80 | int.from_bytes(entropy[:10])
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


class Ulids:
    """Ids one after the other: of one ms each is the last one's successor (the specification's monotonic form).

    So they sort as they were made, and under load few are spelt from scratch.
    """

    __slots__ = ("_ms", "_random", "_spelt", "_tail")

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._ms, self._tail = -1, _TAIL
        self._spelt = ""

    def __call__(self, now_ms: int) -> str:
        """The next one, at that time."""
        if now_ms != self._ms or self._tail == _TAIL:
            entropy = self._random(10)
            self._ms, self._spelt = now_ms, ulid(now_ms, entropy)[:22]
            self._tail = int.from_bytes(entropy[7:]) & _TAIL >> 1  # room for half a million more
        else:
            self._tail += 1
        return f"{self._spelt}{_PAIRS[self._tail >> 10]}{_PAIRS[self._tail & 1023]}"


def ulid_time_ms(text: str) -> int:
    """The time (ms) that a decision id carries. Raises ValueError for anything that is no ULID."""
    if len(text) != 26:
        raise ValueError(f"{text[:40]!r} is not a decision id")
    return sum(_ALPHABET.index(char) << shift for char, shift in zip(text[:10], range(45, -1, -5), strict=True))
