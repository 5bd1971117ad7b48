"""Which segments may go. Only whole ones, the oldest first, and only up to one that begins with a checkpoint.

That checkpoint signs the head before it, so that the rest still begins with something signed. A ``pruned`` record,
written before the files go, names the oldest number kept: a log that lacks more than that was robbed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.audit.line import CHECKPOINT
from gateway.audit.segments import Segment, first_entry, last_entry, segments

ALWAYS_KEPT: Final = 2


@dataclass(frozen=True, slots=True)
class Old:
    """Segments that may go, oldest first, and the number of the first record that stays."""

    segments: tuple[Segment, ...]
    first_kept: int


def prunable(directory: Path, before_ms: int) -> Old:
    """What may go of a log when everything whose last record is older than ``before_ms`` should."""
    found = segments(directory)
    count = 0
    for index, segment in enumerate(found[:-ALWAYS_KEPT], start=1):
        if not _ended_before(segment, before_ms):
            break
        if _begins_signed(found[index]):
            count = index
    return Old(tuple(found[:count]), found[count].first if found else 0)


def _ended_before(segment: Segment, before_ms: int) -> bool:
    last, _ = last_entry(segment.path)
    return last is not None and last.at_ms < before_ms


def _begins_signed(segment: Segment) -> bool:
    first = first_entry(segment.path)
    return first is not None and first.type == CHECKPOINT
