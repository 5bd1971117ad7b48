"""The writer's promises: the next number and no other, all or nothing, synced when it says so, signed when it can."""

import errno
import stat
from collections.abc import Callable

import pytest

from gateway.audit.log import AuditLog
from gateway.audit.room import Marks, Room
from gateway.core.errors import Unavailable
from gateway.ports import Audit, Need, Record
from tests.audit.desk import Desk

Write = Callable[..., int]
BODY = {"type": "decision", "d": "01KDVC3SM00000000000000000"}


def test_it_is_the_pipelines_audit(desk: Desk) -> None:
    """AuditLog fits the port; its body comes back as it was drafted."""
    log = desk.open()
    audit: Audit = log
    record = audit.draft(BODY)
    audit.append(record, sync=True)
    assert record == Record(0, BODY)
    assert [entry.body for entry in log.records()] == [BODY]


def test_a_draft_takes_no_number(desk: Desk) -> None:
    """What is drafted and never appended leaves no gap."""
    log = desk.open()
    assert log.draft(BODY).number == log.draft(BODY).number == log.next == 0


def test_only_the_next_number_is_written(desk: Desk) -> None:
    """A record of another number is refused and leaves the log as it was."""
    log = desk.open()
    log.append(Record(0, BODY), sync=False)
    for number in (0, 2, -1):
        with pytest.raises(ValueError, match="1 is"):
            log.append(Record(number, BODY), sync=False)
    assert (log.next, log.head) == (1, desk.verify().head)


def test_what_is_appended_is_the_record_given(desk: Desk) -> None:
    """Not whatever was drafted last under the same number."""
    log = desk.open()
    log.draft({"type": "drafted"})
    log.append(Record(0, {"type": "given"}), sync=True)
    log.append(log.draft({"type": "drafted"}), sync=True)
    assert [entry.type for entry in log.records()] == ["given", "drafted"]


def test_a_bad_body_fails_before_a_number_is_drafted(desk: Desk) -> None:
    """So that nothing is reserved for a record that cannot be written."""
    log = desk.open()
    with pytest.raises(TypeError, match="float"):
        log.draft({"type": "x", "price": 1.5})
    assert desk.bytes() == b""


@pytest.mark.parametrize("own", ["checkpoint", "recovered", "pruned", "lost"])
def test_nobody_else_writes_what_the_log_says_of_itself(desk: Desk, own: str) -> None:
    """Not by a draft and not by a record made elsewhere: a forged ``pruned`` would excuse missing segments."""
    log = desk.open()
    with pytest.raises(ValueError, match="only the log itself"):
        log.draft({"type": own})
    with pytest.raises(ValueError, match="only the log itself"):
        log.append(Record(0, {"type": own}), sync=False)


def test_only_sync_waits_for_the_disk(desk: Desk, write: Write) -> None:
    """An unsynced append is with the kernel at once, and on the disk with the next tick; an idle tick costs nothing."""
    log = desk.open()
    write(desk, log)
    assert desk.disk.syncs == 0
    assert desk.bytes().endswith(b"}\n")
    log.tick()
    log.tick()
    assert desk.disk.syncs == 1
    log.append(log.draft(BODY), sync=True)
    assert desk.disk.syncs == 2


def test_files_are_the_owners_alone(desk: Desk) -> None:
    """0700 and 0600."""
    log = desk.open(marks=Marks(1, 1, 4096, 1, 4096))
    assert stat.S_IMODE(desk.directory.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in desk.directory.iterdir()}
    assert modes == {"000000000000.jsonl": 0o600, "reserve": 0o600}
    log.close()


def test_reopening_goes_on_where_it_ended(desk: Desk, write: Write) -> None:
    """Number and head survive, and the whole verifies."""
    log = desk.open()
    for _ in range(3):
        write(desk, log)
    end = log.next, log.head
    log.close()
    log = desk.open()
    assert (log.next, log.head) == end
    write(desk, log)
    assert log.checkpoint()
    assert desk.verify().sound
    assert desk.verify().records == 5


def test_a_checkpoint_signs_what_is_unsigned_once(desk: Desk, write: Write) -> None:
    """It is on the disk before it is noted, and a second one without anything new is not written."""
    log = desk.open()
    assert not log.checkpoint()
    write(desk, log)
    assert log.checkpoint()
    assert not log.checkpoint()
    assert desk.disk.syncs == 1
    assert desk.noted == [(1, log.head)]
    assert desk.verify(noted=desk.noted[0]).signed_to == 1
    log.close()
    assert not desk.open().checkpoint()


def test_a_locked_vault_signs_nothing_until_it_is_opened(desk: Desk, write: Write) -> None:
    """The log goes on meanwhile, over a rotation too."""
    log = desk.open(locked=True, segment_bytes=400)
    for _ in range(6):
        write(desk, log)
    assert not log.checkpoint()
    assert len(desk.segments()) > 1
    log.sign = desk.sign
    assert log.checkpoint()
    assert desk.verify().signed_to == 6


def test_segments_rotate_and_begin_with_a_checkpoint(desk: Desk, write: Write) -> None:
    """A full segment ends; the next is named by its first number, and that record signs everything before."""
    log = desk.open(segment_bytes=1000)
    for _ in range(20):
        write(desk, log)
    names = desk.segments()
    assert len(names) >= 4
    for name in names[1:]:
        assert b'"type":"checkpoint"' in desk.bytes(name).splitlines()[0]
        assert desk.bytes(name).startswith(b'{"n":%d,' % int(name[:12]))
    assert [number for number, _ in desk.noted] == [int(name[:12]) for name in names[1:]]
    assert desk.verify(noted=desk.noted[-1], expect_head=log.head).findings == []


def test_a_rotation_never_comes_between_draft_and_append(desk: Desk) -> None:
    """The number that a draft got is the number it is written under, however full the segment is."""
    log = desk.open(segment_bytes=1)
    for _ in range(5):
        record = log.draft(BODY)
        log.append(record, sync=False)
        assert log.next == record.number + 1
    assert desk.verify().findings == []


def test_everything_before_a_rotation_is_synced_first(desk: Desk, write: Write) -> None:
    """Else a power loss could take the end of one segment and leave the next."""
    log = desk.open(locked=True, segment_bytes=1)
    write(desk, log)
    assert desk.disk.syncs == 0
    log.draft(BODY)
    assert (desk.disk.syncs, len(desk.segments())) == (1, 2)


def test_time_never_runs_back_within_a_segment(desk: Desk, write: Write) -> None:
    """A small step back repeats the last time; a large one begins a new segment with the true time."""
    log = desk.open()
    write(desk, log)
    latest = desk.clock.ms
    desk.clock.ms -= 500
    write(desk, log)
    assert [entry.at_ms for entry in log.records()] == [latest, latest]
    log.close()
    desk.clock.ms -= 3_600_000
    log = desk.open()
    write(desk, log)
    assert len(desk.segments()) == 2
    assert [entry.at_ms for entry in log.records(3)] == [desk.clock.ms]
    assert desk.verify().sound


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_write_that_stops_anywhere_leaves_the_chain_whole(desk: Desk, write: Write, error: int) -> None:
    """At every byte of the line: Unavailable, the file as it was, and the same number goes on."""
    log = desk.open()
    write(desk, log)
    before = desk.bytes()
    desk.disk.full = error
    record = log.draft(BODY)
    for left in range(len(before)):
        desk.disk.left = left
        with pytest.raises(Unavailable):
            log.append(record, sync=True)
        assert desk.bytes() == before
        assert log.next == 1
    desk.disk.left = None
    log.append(record, sync=True)
    assert desk.verify().records == 2


def test_a_failed_sync_stops_the_log_until_it_is_opened_again(desk: Desk, write: Write) -> None:
    """Nobody knows what the disk holds then: no append, no room, no tick pretends otherwise."""
    log = desk.open()
    write(desk, log)
    desk.disk.broken_sync = True
    with pytest.raises(Unavailable, match="start the gateway again"):
        log.append(log.draft(BODY), sync=True)
    desk.disk.broken_sync = False
    for attempt in (
        lambda: log.append(Record(log.next, BODY), sync=False),
        log.tick,
        log.checkpoint,
    ):
        with pytest.raises(Unavailable):
            attempt()
    assert not any(log.room(need) for need in Need)
    assert desk.open().checkpoint()


@pytest.mark.parametrize("why", [errno.EIO, errno.ENOSPC])
def test_half_a_line_that_cannot_be_cut_stops_the_log(desk: Desk, write: Write, why: int) -> None:
    """Appending after it would bury it in the chain, out of the exits' room too; opening again cuts it and says so."""
    log = desk.open(marks=Marks(0, 0, 16384, 0, step=4096))
    write(desk, log)
    desk.disk.left, desk.disk.broken_cut = 10, why
    with pytest.raises(Unavailable):
        write(desk, log)
    desk.disk.left = None
    with pytest.raises(Unavailable, match="start the gateway again"):
        write(desk, log)
    desk.disk.broken_cut = 0
    log = desk.open()
    write(desk, log)
    assert [entry.type for entry in log.records()] == ["decision", "recovered", "decision"]


def test_a_rotation_without_room_waits(desk: Desk, write: Write) -> None:
    """The full segment takes more; an exit is never refused for a checkpoint's sake."""
    log = desk.open(segment_bytes=1)
    write(desk, log)
    desk.disk.left = 0
    record = log.draft(BODY)
    desk.disk.left = None
    log.append(record, sync=True)
    write(desk, log)
    assert desk.verify().sound
    assert desk.verify().records == log.next


def test_a_rotation_never_writes_into_a_file_that_is_there(desk: Desk, write: Write) -> None:
    """Whoever put it there: the log stays in its full segment."""
    log = desk.open(segment_bytes=1)
    write(desk, log)
    planted = desk.directory / "000000000001.jsonl"
    planted.write_bytes(b"planted\n")
    write(desk, log)
    assert planted.read_bytes() == b"planted\n"
    planted.unlink()
    assert desk.verify().records == 2


def scarce(desk: Desk, free: int) -> AuditLog:
    marks = Marks(order=6400, read=3200, reserve=16384, exit=100, step=4096)
    room = Room(desk.directory, marks, free=lambda _: free)
    return desk.open(room=room)


def test_orders_and_reads_do_not_take_the_exits_room(desk: Desk, write: Write) -> None:
    """Appended as what they are, they are refused below their marks, though the kernel would still take them."""
    desk.directory.mkdir()
    (desk.directory / "reserve").write_bytes(bytes(16384))
    log = scarce(desk, free=3000)
    for need in (Need.ORDER, Need.READ):
        with pytest.raises(Unavailable):
            log.append(log.draft(BODY), sync=False, need=need)
    log.append(log.draft(BODY), sync=False)


def test_an_exit_is_written_out_of_the_reserve(desk: Desk, write: Write) -> None:
    """On a full disk each step of the reserve is given back for it, until nothing is left."""
    log = scarce(desk, free=100_000)
    reserve = desk.directory / "reserve"
    assert reserve.stat().st_size == 16384
    desk.disk.full_while = lambda: reserve.exists() and reserve.stat().st_size > 8192
    log.append(log.draft(BODY), sync=True)
    assert reserve.stat().st_size == 8192
    assert not log.room(Need.ORDER)
    log.release_reserve()
    assert not reserve.exists()
    desk.disk.left = 0
    with pytest.raises(Unavailable):
        log.append(log.draft(BODY), sync=True)
    desk.disk.left = None
    log.tick()
    assert reserve.stat().st_size == 16384
    assert log.room(Need.ORDER)


@pytest.mark.parametrize("trouble", ["gone", "stuck"])
def test_a_reserve_that_cannot_be_freed_is_no_room(
    desk: Desk, write: Write, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """Whoever removed it, or whatever the filesystem forbids: Unavailable, and the file as it was."""
    log = scarce(desk, free=100_000)
    write(desk, log)
    before = desk.bytes()
    if trouble == "gone":
        (desk.directory / "reserve").unlink()
    else:
        monkeypatch.setattr("os.truncate", _read_only)
    desk.disk.left = 0
    for _ in range(2):
        with pytest.raises(Unavailable):
            log.append(log.draft(BODY), sync=True)
    assert desk.bytes() == before
    desk.disk.left = None
    write(desk, log)
    assert desk.verify().sound


def _read_only(*_: object) -> None:
    raise OSError(errno.EROFS, "read-only file system")


def test_a_broken_log_asks_no_disk(desk: Desk, write: Write) -> None:
    """It says what is wrong with it, and not how full a disk is that may not answer either."""

    def free(_: object) -> int:
        if desk.disk.broken_sync:
            raise OSError(errno.EIO, "input/output error")
        return 100_000

    log = desk.open(room=Room(desk.directory, Marks(0, 0, 0, 0), lambda: desk.clock.ms * 1_000_000, free))
    desk.disk.broken_sync = True
    desk.clock.ms += 1000
    with pytest.raises(Unavailable):
        log.append(log.draft(BODY), sync=True)
    with pytest.raises(Unavailable, match="start the gateway again"):
        log.note(BODY, need=Need.READ)
