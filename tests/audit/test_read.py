"""Reading in order: from a number with the chain checked, the last few, and what is still to come."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from gateway.audit.log import AuditLog
from gateway.audit.read import follow, records, tail
from gateway.core.errors import Misuse
from tests.audit.desk import Desk

Write = Callable[..., int]


def filled(desk: Desk, write: Write, count: int = 12) -> AuditLog:
    log = desk.open(segment_bytes=600)
    for _ in range(count):
        write(desk, log)
    return log


def test_records_begin_where_asked(desk: Desk, write: Write) -> None:
    """At every number, over every segment, to the end; beyond the end there is nothing."""
    log = filled(desk, write)
    assert len(desk.segments()) > 2
    for since in range(log.next + 2):
        assert [entry.number for entry in records(desk.directory, since)] == list(range(since, log.next))
    assert list(records(Path("/nonexistent"))) == []


def test_records_read_only_the_segments_they_need(desk: Desk, write: Write) -> None:
    """Start folds what happened since its anchor; damage in older segments does not stop it."""
    filled(desk, write)
    names = desk.segments()
    (desk.directory / names[0]).write_bytes(b"damage\n")
    since = int(names[1][:12])
    assert next(records(desk.directory, since)).number == since


@pytest.mark.parametrize("change", [(b'"d":', b'"e":'), (b'{"n":8', b'{"n":9'), (b'"type"', b'"Type"')])
def test_a_broken_chain_stops_the_reading(desk: Desk, write: Write, change: tuple[bytes, bytes]) -> None:
    """What is folded into the state must be what was written; a torn end stops it too."""
    filled(desk, write)
    name = next(name for name in desk.segments() if b'{"n":8' in desk.bytes(name))
    path = desk.directory / name
    whole = path.read_bytes()
    at = whole.index(b'{"n":8')
    path.write_bytes(whole[:at] + whole[at:].replace(*change, 1))
    with pytest.raises(Misuse, match="audit verify"):
        list(records(desk.directory, 0))
    path.write_bytes(whole[:-1])
    with pytest.raises(Misuse, match="broken at byte"):
        list(records(desk.directory, 0))


def test_a_missing_segment_stops_the_reading(desk: Desk, write: Write) -> None:
    """The number in a name is not believed."""
    filled(desk, write)
    (desk.directory / desk.segments()[1]).unlink()
    with pytest.raises(Misuse):
        list(records(desk.directory))


def test_a_segment_under_another_name_stops_the_reading(desk: Desk, write: Write) -> None:
    """Else a copy under a later name could be taken for what happened since."""
    filled(desk, write)
    copied = desk.directory / "000000000900.jsonl"
    copied.write_bytes(desk.bytes())
    with pytest.raises(Misuse):
        list(records(desk.directory, 900))


@pytest.mark.parametrize("count", [0, 1, 5, 100])
def test_tail_gives_the_last_ones_in_order(desk: Desk, write: Write, count: int) -> None:
    """As many as there are, across segments; a torn end is passed over."""
    log = filled(desk, write)
    path = desk.directory / desk.segments()[-1]
    path.write_bytes(path.read_bytes() + b'{"n":99')
    expected = list(range(max(log.next - count, 0), log.next))
    assert [entry.number for entry in tail(desk.directory, count)] == expected


def test_follow_gives_each_record_once_as_it_comes(desk: Desk, write: Write) -> None:
    """None when there is no more; over rotations, and never half a line."""
    watched = follow(desk.directory, 0)
    assert next(watched) is None
    log = filled(desk, write)
    seen = [entry.number for entry in islice(watched, log.next) if entry]
    assert next(watched) is None
    known = log.next
    for _ in range(7):
        write(desk, log)
    seen += [entry.number for entry in islice(watched, log.next - known) if entry]
    assert next(watched) is None
    assert seen == list(range(log.next))
    path = desk.directory / desk.segments()[-1]
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"n":')
    assert next(watched) is None
    path.write_bytes(whole)
    write(desk, log)
    late = next(watched)
    assert late is not None
    assert late.number == log.next - 1 or late.type == "checkpoint"
