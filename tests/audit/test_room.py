"""Promise 9: orders stop first, reads next, and exits have room that is really there."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.audit.log import AuditLog
from gateway.audit.room import MIB, Marks, Reserve, Room, free_bytes, write_blocks
from gateway.core.errors import Unavailable
from gateway.ports import Need
from tests.audit.desk import Desk

SMALL = Marks(order=64 * MIB, read=32 * MIB, reserve=64 << 10, exit=1 * MIB, step=16 << 10)


class Filesystem:
    """Says how much is free, and how often it was asked."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.asked = 0
        self.now_ns = 0

    def __call__(self, directory: Path) -> int:
        self.asked += 1
        return self.free

    def room(self, directory: Path, marks: Marks = SMALL) -> Room:
        return Room(directory, marks, lambda: self.now_ns, self)


STOPS = [
    (64 * MIB, {Need.ORDER, Need.READ, Need.EXIT}),
    (64 * MIB - 1, {Need.READ, Need.EXIT}),
    (32 * MIB, {Need.READ, Need.EXIT}),
    (32 * MIB - 1, {Need.EXIT}),
    (0, {Need.EXIT}),
]


@pytest.mark.parametrize(("free", "allowed"), STOPS)
def test_each_need_stops_at_its_mark(tmp_path: Path, free: int, allowed: set[Need]) -> None:
    """To the byte, with the reserve in place."""
    assert Reserve(tmp_path / "reserve", SMALL.reserve).fill()
    room = Filesystem(free).room(tmp_path)
    assert {need for need in Need if room.allows(need)} == allowed


def test_the_marks_are_those_of_the_promise() -> None:
    """64 MiB for orders, 16 held for exits, and reads between."""
    marks = Marks()
    assert (marks.order, marks.read, marks.reserve) == (64 << 20, 32 << 20, 16 << 20)


def test_without_the_reserve_no_order_and_at_last_no_exit(tmp_path: Path) -> None:
    """Who could not leave may not enter; an exit without reserve needs real room."""
    disk = Filesystem(70 * MIB)
    assert not disk.room(tmp_path).allows(Need.ORDER)
    assert disk.room(tmp_path).allows(Need.EXIT)
    disk.free = MIB - 1
    assert not disk.room(tmp_path).allows(Need.EXIT)


def test_the_filesystem_is_asked_five_times_a_second_at_most(tmp_path: Path) -> None:
    """Every request asks for room; the answer may be 200 ms old."""
    disk = Filesystem(100 * MIB)
    room = disk.room(tmp_path)
    for disk.now_ns in range(0, 200_000_000, 50_000_000):
        assert room.allows(Need.READ)
    assert disk.asked == 1
    disk.free = 0
    disk.now_ns = 200_000_000
    assert not room.allows(Need.READ)


def test_the_reserve_is_filled_again_only_when_there_is_plenty(tmp_path: Path) -> None:
    """Above 64 MiB and the reserve itself: filling it must not be what stops the orders."""
    disk = Filesystem(SMALL.order + SMALL.reserve)
    room = disk.room(tmp_path)
    room.tend()
    assert not (tmp_path / "reserve").exists()
    disk.free += 1
    room.tend()
    assert room.allows(Need.ORDER)
    room.give_all_back()
    assert not room.allows(Need.ORDER)
    room.tend()
    assert room.allows(Need.ORDER)


def test_the_reserve_goes_a_step_at_a_time(tmp_path: Path) -> None:
    """And survives a restart with what is left of it."""
    reserve = Reserve(tmp_path / "reserve", 64 << 10)
    assert reserve.fill()
    assert reserve.give_back(48 << 10)
    assert not reserve.whole
    again = Reserve(tmp_path / "reserve", 64 << 10)
    assert again.held == 16 << 10
    assert again.give_back(48 << 10)
    assert not (tmp_path / "reserve").exists()
    assert not again.give_back(48 << 10)
    assert again.fill()
    assert again.whole


def test_the_reserve_is_really_allocated(tmp_path: Path) -> None:
    """Blocks, not a length: by the system call, and by writing where there is none; holes do not count."""
    path = tmp_path / "reserve"
    Reserve(path, 256 << 10).fill()
    assert path.stat().st_blocks * 512 >= 256 << 10
    written = tmp_path / "written"
    with written.open("wb") as file:
        write_blocks(file.fileno(), 1000, 3 << 20)
    assert written.stat().st_size == 3 << 20
    assert written.stat().st_blocks * 512 >= (3 << 20) - 4096
    path.unlink()
    with path.open("wb") as file:
        file.truncate(256 << 10)
    holes = Reserve(path, 256 << 10)
    assert holes.held == 0
    assert holes.fill()
    assert path.stat().st_blocks * 512 >= 256 << 10


def test_a_reserve_that_cannot_be_made_for_another_reason_is_an_error(tmp_path: Path) -> None:
    """Only missing room is an everyday answer."""
    (tmp_path / "target").touch()
    (tmp_path / "reserve").symlink_to(tmp_path / "target")
    with pytest.raises(Unavailable, match="held back for exits"):
        Reserve(tmp_path / "reserve", 4096).fill()


@pytest.mark.parametrize("has_call", [True, False])
def test_a_reserve_that_does_not_fit_takes_nothing(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, has_call: bool
) -> None:
    """With and without the system call: what was there stays, and so does the room for everybody else."""
    if not has_call:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    assert Reserve(small_disk / "reserve", 64 << 10).fill()
    before = free_bytes(small_disk)
    reserve = Reserve(small_disk / "reserve", 4 * MIB)
    assert not reserve.fill()
    assert (reserve.held, free_bytes(small_disk)) == (64 << 10, before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 1 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount") or "/bin/false"
    asked = [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small filesystem is not permitted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(path: Path) -> None:
    """Write until the kernel says that the disk is full."""
    with path.open("wb", buffering=0) as file:
        for _ in range(1 << 20):
            try:
                file.write(bytes(4096))
            except OSError as full:
                if full.errno != errno.ENOSPC:
                    raise
                return


def write_exits(log: AuditLog) -> int:
    """Record exits until none can be recorded any more; how many could."""
    for count in range(100_000):
        record = log.draft({"type": "decision", "d": "x" * 26, "detail": "y" * 800})
        try:
            log.append(record, sync=True, need=Need.EXIT)
        except Unavailable:
            return count
    raise AssertionError("the disk never got full")


def test_a_disk_that_is_really_full(small_disk: Path, desk: Desk, write: Callable[..., int]) -> None:
    """Orders stop, writes fail in the middle of a line, exits go on out of the reserve, the chain is whole."""
    marks = Marks(order=256 << 10, read=128 << 10, reserve=128 << 10, exit=8 << 10, step=16 << 10)
    desk.directory = small_disk / "audit"
    desk.directory.mkdir()
    log = desk.open(room=Room(desk.directory, marks, lambda: 0))
    assert log.room(Need.ORDER)
    fill(small_disk / "others")
    log = desk.open(room=Room(desk.directory, marks))
    assert {need for need in Need if log.room(need)} == {Need.EXIT}
    exits = write_exits(log)
    assert exits >= (128 << 10) // 1100
    assert not any(log.room(need) for need in Need)
    assert (desk.verify().records, desk.verify().sound) == (exits, True)
    (small_disk / "others").unlink()
    log.tick()
    assert log.room(Need.ORDER)
    assert free_bytes(small_disk) > marks.order
    write(desk, log)
    assert desk.verify().sound
