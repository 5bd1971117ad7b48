"""What the gateway and its price process say to each other: one JSON object a line, numbers as text, no secrets.

    gateway ─▶  {"connect_to": {…}, "ca_file": …}      once, first
    gateway ─▶  {"books": […], "candles": […], "interval_ms": 1000}   whenever it changes
    process ─▶  {"type": "quote" | "slow" | "unlisted" | "trouble", …}

Times are µs of the machine's monotonic clock, which both processes share. What the gateway reads is judged strictly:
the process parses foreign bytes all day.
"""

from typing import Final

import msgspec

from gateway.core.errors import Unavailable
from gateway.market.venues import Pair

LINE_LIMIT: Final = 64 * 1024
"""The longest line either side takes, in bytes."""


class Begin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the venues are reached: the ``upstream`` of gateway.yaml."""

    connect_to: dict[str, str]
    ca_file: str | None


class Want(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to ask for from now on; ``interval_ms`` between two looks at a book."""

    books: tuple[Pair, ...]
    candles: tuple[Pair, ...]
    interval_ms: int


class QuoteLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="quote"):
    """The best prices of one market."""

    pair: Pair
    bid: str
    ask: str
    asked_us: int


class SlowLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="slow"):
    """Averages and volumes (in the quote) of one market."""

    pair: Pair
    vwap_24h: str
    volume_24h: str
    volume_1h: str
    asked_us: int


class UnlistedLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="unlisted"):
    """All that is asked for at a venue and that it does not list."""

    venue: str
    pairs: tuple[Pair, ...]


class TroubleLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="trouble"):
    """A venue that does not answer as it should."""

    venue: str
    why: str


Told = QuoteLine | SlowLine | UnlistedLine | TroubleLine

_TOLD: Final[msgspec.json.Decoder[Told]] = msgspec.json.Decoder(Told)
_BEGIN: Final = msgspec.json.Decoder(Begin)
_WANT: Final = msgspec.json.Decoder(Want)


class Garbled(Unavailable):
    """The other side said something that is no line of ours; it is not listened to any more."""


def line(said: Begin | Want | Told) -> bytes:
    """One line, its newline included. Raises Garbled for one that the other side would not take."""
    wire = msgspec.json.encode(said) + b"\n"
    if len(wire) > LINE_LIMIT:
        raise Garbled(f"a line of {len(wire)} bytes is too long")
    return wire


def told(wire: bytes) -> Told:
    """A line of the price process. Raises Garbled."""
    try:
        return _TOLD.decode(wire)
    except (msgspec.DecodeError, UnicodeDecodeError) as failure:
        raise Garbled(f"the price process said no line of ours: {failure}") from None


def begin(wire: bytes) -> Begin:
    """The gateway's first line. Raises msgspec.DecodeError: the gateway is trusted."""
    return _BEGIN.decode(wire)


def want(wire: bytes) -> Want:
    """A later line of the gateway. Raises msgspec.DecodeError."""
    return _WANT.decode(wire)
