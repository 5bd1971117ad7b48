"""Old segments go whole, the newest two never, and what is left still verifies from a signed start."""

from collections.abc import Callable

import pytest

from gateway.audit.log import AuditLog
from gateway.audit.verify import Kind
from gateway.core.errors import Unavailable
from tests.audit.desk import Desk

Write = Callable[..., int]
DAY = 86_400_000


def filled(desk: Desk, write: Write, locked: bool = False, days: int = 10) -> AuditLog:
    """A log with two segments a day."""
    log = desk.open(locked=locked, segment_bytes=500)
    for _ in range(days):
        for _ in range(6):
            write(desk, log)
        desk.clock.ms += DAY
    return log


@pytest.mark.parametrize("days", [0, 1, 3, 9])
def test_pruned_logs_verify(desk: Desk, write: Write, days: int) -> None:
    """Everything younger than asked for is there, the chain is whole, and it goes on."""
    log = filled(desk, write)
    before = desk.segments()
    youngest = [entry.number for entry in log.records() if entry.at_ms >= desk.clock.ms - days * DAY]
    removed = log.prune(desk.clock.ms, days * DAY)
    assert removed == len(before) - len([name for name in before if name in desk.segments()]) > 0
    kept = [entry.number for entry in log.records()]
    assert set(youngest) <= set(kept)
    assert len(desk.segments()) >= 2
    write(desk, log)
    log.checkpoint()
    assert desk.verify(noted=desk.noted[-1]).findings == []
    log.close()
    assert desk.open().next == log.next


def test_the_newest_two_segments_stay(desk: Desk, write: Write) -> None:
    """However old they are."""
    log = filled(desk, write)
    newest = desk.segments()[-2:]
    log.prune(desk.clock.ms + 1000 * DAY, 0)
    assert desk.segments() == newest


def test_nothing_old_means_nothing_is_written(desk: Desk, write: Write) -> None:
    """A prune that removes nothing leaves no trace."""
    log = filled(desk, write)
    end = log.next
    assert log.prune(desk.clock.ms, 1000 * DAY) == 0
    assert log.next == end


def test_an_unsigned_start_is_never_left_behind(desk: Desk, write: Write) -> None:
    """Segments that began while the vault was locked cannot be the oldest: nothing would vouch for the rest."""
    log = filled(desk, write, locked=True)
    count = len(desk.segments())
    assert log.prune(desk.clock.ms, 0) == 0
    log.sign = desk.sign
    for _ in range(12):
        write(desk, log)
        desk.clock.ms += 1000
    assert log.prune(desk.clock.ms + DAY, 0) >= count
    log.checkpoint()
    assert desk.verify().findings == []


def test_a_segment_robbed_beyond_the_pruning_is_found(desk: Desk, write: Write) -> None:
    """What the gateway removed it said; one more missing segment is a finding though it, too, leaves a signed start."""
    log = filled(desk, write)
    log.prune(desk.clock.ms, 5 * DAY)
    log.checkpoint()
    (desk.directory / desk.segments()[0]).unlink()
    assert [finding.kind for finding in desk.verify().findings] == [Kind.START]


def test_a_crash_before_the_files_are_gone_is_harmless(desk: Desk, write: Write) -> None:
    """The record comes first; segments that it says are gone and are still there are whole all the same."""
    log = filled(desk, write)
    before = {name: desk.bytes(name) for name in desk.segments()}
    log.prune(desk.clock.ms, 5 * DAY)
    log.checkpoint()
    removed = [name for name in before if name not in desk.segments()]
    for name in reversed(removed):
        (desk.directory / name).write_bytes(before[name])
        assert desk.verify(noted=desk.noted[-1]).findings == []


def test_without_room_for_its_record_nothing_is_removed(desk: Desk, write: Write) -> None:
    """Else the missing segments would look stolen."""
    log = filled(desk, write)
    before = desk.segments()
    desk.disk.left = 0
    with pytest.raises(Unavailable):
        log.prune(desk.clock.ms, 0)
    assert desk.segments() == before
