"""Decision ids: ULIDs, sortable by time. Pure: time and randomness are arguments."""

from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
"""Two characters for every 10 bits: half the steps of one at a time."""
_SHIFTS: Final = tuple(range(120, -1, -10))


def ulid(now_ms: int, entropy: bytes) -> str:
    """26 characters of Crockford's base 32: 48 bits of time, 80 bits of ``entropy`` (10 bytes)."""
    number = (now_ms & (1 << 48) - 1) << 80 | int.from_bytes(entropy[:10])
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def ulid_time_ms(text: str) -> int:
    """The time (ms) that a decision id carries. Raises ValueError for anything that is no ULID."""
    if len(text) != 26:
        raise ValueError(f"{text[:40]!r} is not a decision id")
    return sum(_ALPHABET.index(char) << shift for char, shift in zip(text[:10], range(45, -1, -5), strict=True))
