"""Opening after a crash: whole records stay, the rest goes and is recorded, whatever byte the crash stopped at."""

import hashlib
from collections.abc import Callable

import pytest

from gateway.audit.log import MAX_LOST
from gateway.audit.read import records
from gateway.core.errors import Misuse
from gateway.ports import Record
from tests.audit.desk import Desk

Write = Callable[..., int]
BODY = {"type": "decision", "d": "01KDVC3SM00000000000000000"}


def written(desk: Desk, write: Write, count: int = 3) -> bytes:
    log = desk.open()
    for _ in range(count):
        write(desk, log)
    log.close()
    return desk.bytes()


def test_a_torn_tail_is_cut_at_every_byte(desk: Desk, write: Write) -> None:
    """Wherever the last line was cut short, the log goes on from the line before it, whole and saying what it cut."""
    whole = written(desk, write)
    last = whole.splitlines(keepends=True)[-1]
    path = desk.directory / "000000000000.jsonl"
    for kept in range(len(last)):
        torn = last[:kept]
        path.write_bytes(whole[: -len(last)] + torn)
        log = desk.open()
        assert log.next == 2
        assert path.read_bytes() == whole[: -len(last)]
        write(desk, log)
        log.checkpoint()
        log.close()
        found = [entry for entry in records(desk.directory) if entry.type == "recovered"]
        cut = {"offset": len(whole) - len(last), "bytes": kept, "sha256": hashlib.sha256(torn).hexdigest()}
        expected = [{"type": "recovered", "segment": path.name, **cut}] if kept else []
        assert [entry.body for entry in found] == expected
        assert desk.verify().findings == []


@pytest.mark.parametrize("tail", [bytes(9000), bytes(50) + b"}\n", b"\n", b"x" * (3 << 20), b"a\nb\n"])
def test_other_leftovers_of_a_power_loss_are_cut(desk: Desk, write: Write, tail: bytes) -> None:
    """Blocks of zeros, holes before a line's end, more than a line of them."""
    whole = written(desk, write)
    (desk.directory / "000000000000.jsonl").write_bytes(whole + tail)
    log = desk.open()
    assert (log.next, desk.bytes()) == (3, whole)
    log.checkpoint()
    assert next(log.records(3)).body["bytes"] == len(tail)
    assert desk.verify().sound


def test_the_ledgers_record_comes_before_the_logs_own(desk: Desk, write: Write) -> None:
    """The record that the ledger already holds keeps its number; what was cut is recorded after it."""
    whole = written(desk, write)
    (desk.directory / "000000000000.jsonl").write_bytes(whole[:-10])
    log = desk.open()
    log.append(Record(2, BODY), sync=True)
    write(desk, log)
    assert [entry.type for entry in log.records()] == ["decision"] * 3 + ["recovered", "decision"]


def test_what_the_ledger_holds_is_completed_under_its_own_numbers(desk: Desk, write: Write) -> None:
    """Records that nobody holds any more leave a mark in their place, so that every number stays what it was."""
    written(desk, write)
    log = desk.open()
    for number in (3, 6):
        log.complete(Record(number, BODY))
    assert desk.disk.syncs >= 2
    assert [(entry.number, entry.type) for entry in log.records(3)] == [
        (3, "decision"), (4, "lost"), (5, "lost"), (6, "decision"),
    ]
    assert desk.verify().sound
    with pytest.raises(ValueError, match="7 is"):
        log.complete(Record(6, BODY))


def test_a_gap_that_no_power_loss_makes_is_refused(desk: Desk, write: Write) -> None:
    """Filling it would hide that the log was cut off or exchanged."""
    written(desk, write)
    log = desk.open()
    before = desk.bytes()
    with pytest.raises(Misuse, match="ends at record 2"):
        log.complete(Record(3 + MAX_LOST + 1, BODY))
    assert desk.bytes() == before


@pytest.mark.parametrize("torn", [b"", b'{"n":3,"t":"2026'])
def test_a_segment_without_its_first_line_is_taken_back(desk: Desk, write: Write, torn: bytes) -> None:
    """A crash in the middle of a rotation: the log goes on in the segment before, and rotates again."""
    written(desk, write)
    (desk.directory / "000000000003.jsonl").write_bytes(torn)
    log = desk.open(segment_bytes=1)
    assert log.next == 3
    assert desk.segments() == ["000000000000.jsonl"]
    write(desk, log)
    assert len(desk.segments()) == 2
    assert desk.verify().sound


def test_a_crash_in_the_first_line_of_all_begins_again(desk: Desk) -> None:
    """A new log with half a record is still a new log."""
    desk.directory.mkdir()
    (desk.directory / "000000000000.jsonl").write_bytes(b'{"n":0,')
    log = desk.open()
    log.checkpoint()
    assert [entry.type for entry in log.records()] == ["recovered", "checkpoint"]


@pytest.mark.parametrize(("name", "size"), [("000000000000.jsonl", 2 << 20), ("000000000003.jsonl", 40)])
def test_a_log_that_is_all_damage_is_left_alone(desk: Desk, name: str, size: int) -> None:
    """Nothing to go on from, and more than a new log's torn line: a person must look; not a byte is removed."""
    desk.directory.mkdir()
    damage = b"x" * size
    (desk.directory / name).write_bytes(damage)
    with pytest.raises(Misuse, match="holds no whole record"):
        desk.open()
    assert desk.bytes(name) == damage


def test_opening_reads_no_older_segment(desk: Desk, write: Write) -> None:
    """Unreadable older segments do not matter to a start; they are ``verify``'s to find."""
    log = desk.open(segment_bytes=400)
    for _ in range(9):
        write(desk, log)
    end = log.next, log.head
    log.close()
    for name in desk.segments()[:-1]:
        (desk.directory / name).write_bytes(b"damage\n")
    log = desk.open()
    assert (log.next, log.head) == end
