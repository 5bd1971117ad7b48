"""Finding records, newest first, without reading what cannot hold them.

Records have one encoding, so a line that lacks the bytes of a wanted field is passed over unread; a segment is
passed over whole where its first and last times lie outside the wanted span (within a segment time never runs back).
What is not a whole record is passed over too: ``verify`` is who reports it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec

from gateway.audit.line import Entry, read
from gateway.audit.segments import Segment, backward, first_entry, last_entry, segments
from gateway.core.errors import Misuse
from gateway.core.ulid import ulid_time_ms


@dataclass(frozen=True, slots=True)
class Filters:
    """What is wanted; None is anything. Times are ms since the epoch, from ``since_ms`` up to before ``until_ms``.

    ``text`` stands anywhere in the record, upper and lower case told apart.
    """

    token: str | None = None
    account: str | None = None
    decision_id: str | None = None
    type: str | None = None
    text: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    denied: bool = False

    @property
    def fields(self) -> dict[str, str]:
        """The wanted values by the name that the record gives them."""
        named = {"token": self.token, "account": self.account, "d": self.decision_id, "type": self.type}
        wanted = {name: value for name, value in named.items() if value is not None}
        return wanted | ({"verdict": "deny"} if self.denied else {})


def search(directory: Path, filters: Filters, limit: int) -> Iterator[Entry]:
    """The newest ``limit`` records that pass the filters, newest first."""
    return islice(_matches(directory, filters), limit)


def find(directory: Path, decision_id: str) -> list[Entry]:
    """Every record of one decision, oldest first. Raises Misuse for what is no decision id.

    The id carries its time, and no record of it is older: segments that ended before it are not read.
    """
    try:
        made_ms = ulid_time_ms(decision_id)
    except ValueError as wrong:
        raise Misuse(str(wrong), "it stands after `d=` in a denial and in every answer's headers") from wrong
    filters = Filters(decision_id=decision_id, since_ms=made_ms)
    return list(_matches(directory, filters))[::-1]


def _matches(directory: Path, filters: Filters) -> Iterator[Entry]:
    needles = _needles(filters)
    for segment in reversed(segments(directory)):
        if not _overlaps(segment, filters):
            continue
        for _, line in backward(segment.path):
            if all(needle in line for needle in needles):
                entry = read(line)
                if entry is not None and _passes(entry, filters):
                    yield entry


def _needles(filters: Filters) -> list[bytes]:
    encode = msgspec.json.encode
    needles = [b"%b:%b" % (encode(name), encode(value)) for name, value in filters.fields.items()]
    return needles + ([encode(filters.text)[1:-1]] if filters.text else [])


def _passes(entry: Entry, filters: Filters) -> bool:
    if filters.since_ms is not None and entry.at_ms < filters.since_ms:
        return False
    if filters.until_ms is not None and entry.at_ms >= filters.until_ms:
        return False
    fields = entry.fields
    return all(fields.get(name) == value for name, value in filters.fields.items())


def _overlaps(segment: Segment, filters: Filters) -> bool:
    if filters.until_ms is not None:
        first = first_entry(segment.path)
        if first is not None and first.at_ms >= filters.until_ms:
            return False
    if filters.since_ms is not None:
        last, _ = last_entry(segment.path)
        if last is not None and last.at_ms < filters.since_ms:
            return False
    return True
