"""A store that fails: Unavailable, nothing counted, and the ledger in memory equal to the one on the disk."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.core.errors import Refused, Unavailable
from gateway.ledger.ledger import Ledger
from gateway.store.memory import MemoryStore
from gateway.store.sqlite import SqliteStore
from tests.ledger.orders import ACCOUNT, DAY, Story, fill, token


class Disk(sqlite3.Connection):
    """A connection whose disk can be told to fail when a transaction commits."""

    broken = False

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        if self.broken and sql == "COMMIT":
            raise sqlite3.OperationalError("database or disk is full")
        return super().execute(sql, *values)  # type: ignore[arg-type]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk that works so far, with an empty store on it."""
    SqliteStore.create(tmp_path / "state.db").close()
    connection = sqlite3.connect(tmp_path / "state.db", isolation_level=None, factory=Disk)
    yield connection
    connection.close()


def picture(story: Story) -> object:
    """Everything that a decision could ask."""
    usage = story.ledger.usage("bot", story.now)
    return (
        usage.turnover("USDT", DAY), usage.messages(DAY), usage.denials(DAY), usage.open_orders(None),
        story.ledger.working(ACCOUNT), story.ledger.clock, story.ledger.surprises, story.ledger.knows(ACCOUNT, "new"),
    )  # fmt: skip


STEPS: dict[str, Callable[[Story], object]] = {
    "reserve": lambda story: story.reserve("new"),
    "settle": lambda story: story.settle(fill("c1", "1", "90", order_id="77", final=True)),
    "release": lambda story: story.release("c1"),
    "unknown": lambda story: story.unknown("c1"),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
def test_a_step_that_cannot_be_stored_is_not_taken(disk: Disk, step: Callable[[Story], object]) -> None:
    """And it is taken when it is tried again on a disk that works."""
    store = SqliteStore(disk)
    story = Story(Ledger.open(store))
    story.reserve("c1")
    story.now += 1
    before = picture(story)
    disk.broken = True
    with pytest.raises(Unavailable, match="full"):
        step(story)
    assert picture(story) == before
    disk.broken = False
    step(story)
    after = picture(story)
    assert after != before
    story.ledger = Ledger(store, [*store.working_orders()])
    assert picture(story) == after


def test_a_reservation_is_on_the_disk_before_it_is_answered(disk: Disk) -> None:
    """Not merely handed to the system: the last level set before its commit is the one that syncs."""
    story = Story(Ledger.open(SqliteStore(disk)))
    said: list[str] = []
    disk.set_trace_callback(said.append)
    story.reserve("c1")
    disk.set_trace_callback(None)
    levels = [statement for statement in said if "synchronous" in statement]
    assert (levels, said[-1]) == (["PRAGMA synchronous = FULL"], "COMMIT")


def test_counts_that_could_not_be_stored_are_stored_by_a_later_tick(disk: Disk) -> None:
    store = SqliteStore(disk)
    ledger = Ledger.open(store)
    ledger.count(token(), "denial", 1000)
    disk.broken = True
    with pytest.raises(Unavailable):
        ledger.tick(100_000)
    disk.broken = False
    ledger.count(token(), "denial", 2000)
    ledger.tick(100_000)
    assert [number for _, number in store.events("bot", "denial", "", 0)] == [2]
    assert ledger.usage("bot", 3000).denials(DAY) == 2


def test_a_known_id_is_told_on_a_disk_that_fails_too(disk: Disk) -> None:
    """Else a bot would be told to try again with an id that is working."""
    story = Story(Ledger.open(SqliteStore(disk)))
    story.reserve("c1")
    disk.broken = True
    with pytest.raises(Refused, match="used before"):
        story.reserve("c1")
    with pytest.raises(Unavailable):
        story.reserve("new")


def test_a_known_id_is_told_while_the_log_is_behind() -> None:
    """Then no record can be kept beside a change, and nothing is reserved."""
    story = Story(Ledger.open(MemoryStore()))
    story.reserve("c1")
    story._number -= 1
    with pytest.raises(Refused, match="used before"):
        story.reserve("c1")
    story._number -= 1
    with pytest.raises(Unavailable, match="behind"):
        story.reserve("new")
