"""Reading the log in order: from a number on with the chain checked, the last few, and whatever comes.

Nothing here writes, waits or needs a key; the writer may be at work meanwhile.
"""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

from gateway.audit.line import Entry, read
from gateway.audit.segments import Segment, entries_backward, forward, holding, segments
from gateway.core.errors import Misuse


def records(directory: Path, since: int = 0) -> Iterator[Entry]:
    """The records from this number to the end, oldest first; from the oldest kept if that one was pruned.

    The segment that holds it is read from its start, and every link from there on is checked: raises Misuse at the
    first line that does not follow from the one before it.
    """
    found = segments(directory)
    previous: Entry | None = None
    for segment in found[holding(found, since) :]:
        for offset, line in forward(segment.path):
            previous = _follows(previous, read(line), segment, offset)
            if previous.number >= since:
                yield previous


def _follows(previous: Entry | None, entry: Entry | None, segment: Segment, offset: int) -> Entry:
    if previous is None and offset == 0 and entry and entry.number == segment.first:
        return entry
    if previous and entry and (entry.number, entry.prev) == (previous.number + 1, previous.head):
        return entry
    raise Misuse(
        f"the audit log is broken at byte {offset} of {segment.path.name}",
        "run `tradewarden audit verify` to see what is wrong",
    )


def tail(directory: Path, count: int) -> list[Entry]:
    """The last ``count`` whole records, oldest first."""
    newest: deque[Entry] = deque()
    for segment in reversed(segments(directory)):
        for entry in entries_backward(segment.path):
            if len(newest) >= count:
                return list(newest)
            newest.appendleft(entry)
    return list(newest)


def follow(directory: Path, since: int) -> Iterator[Entry | None]:
    """The records from this number on as they are written, for ever; None whenever there is no more just now.

    The caller decides how long to wait after a None.
    """
    number, path, offset = since, None, 0
    while True:
        found = segments(directory)
        current = found[holding(found, number)].path if found else None
        if current != path:
            path, offset = current, 0
        known = number
        for start, line in forward(path, offset) if path else ():
            if not line.endswith(b"\n"):
                break
            offset = start + len(line)
            entry = read(line)
            if entry is not None and entry.number >= number:
                number = entry.number + 1
                yield entry
        if number == known:
            yield None
