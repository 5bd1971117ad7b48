"""Finding records: each filter, newest first, without reading segments that cannot hold them."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.audit.log import AuditLog
from gateway.audit.search import Filters, find, search
from gateway.core.errors import Misuse
from gateway.core.ulid import ulid
from tests.audit.desk import Desk

Write = Callable[..., int]
Wanted = Callable[[dict[str, Any]], bool]
MINUTE = 60_000


def decision_id(desk: Desk) -> str:
    return ulid(desk.clock.ms, desk.clock.ms.to_bytes(10))


@pytest.fixture
def log(desk: Desk, write: Write) -> AuditLog:
    """Fifteen decisions a minute apart in many segments: two tokens, every fifth denied; outcomes name no token."""
    log = desk.open(segment_bytes=900)
    for index in range(15):
        desk.clock.ms += MINUTE
        known = decision_id(desk)
        write(
            desk, log, d=known, token=f"bot{index % 2}", account="main",
            verdict="allow" if index % 5 else "deny", detail=f'nümber {index} "quoted"',
            nested={"token": "bot9"},
        )
        write(desk, log, type="outcome", d=known)
    return log


EXPECTED: list[tuple[dict[str, Any], Wanted]] = [
    ({}, lambda body: True),
    ({"token": "bot1"}, lambda body: body.get("token") == "bot1"),
    ({"token": "bot9"}, lambda body: False),
    ({"account": "main", "denied": True}, lambda body: body.get("verdict") == "deny"),
    ({"type": "outcome"}, lambda body: body["type"] == "outcome"),
    ({"type": "checkpoint"}, lambda body: body["type"] == "checkpoint"),
    ({"text": 'nümber 7 "quoted"'}, lambda body: body.get("detail") == 'nümber 7 "quoted"'),
    ({"text": "bot9", "token": "bot0"}, lambda body: body.get("token") == "bot0"),
]


@pytest.mark.parametrize(("filters", "wanted"), EXPECTED, ids=[str(case[0]) for case in EXPECTED])
def test_each_filter_finds_exactly_its_records(
    desk: Desk, log: AuditLog, filters: dict[str, Any], wanted: Wanted
) -> None:
    """The same as reading everything and keeping what fits, newest first; a nested field is not the record's own."""
    everything = [entry for entry in log.records() if wanted(entry.body)]
    assert list(search(desk.directory, Filters(**filters), 1000)) == everything[::-1]
    assert list(search(desk.directory, Filters(**filters), 3)) == everything[::-1][:3]


@pytest.mark.parametrize("minutes", [0, 1, 7])
def test_times_bound_the_search(desk: Desk, log: AuditLog, minutes: int) -> None:
    """From since, up to before until, to the ms, wherever segments begin and end."""
    times = [entry.at_ms for entry in log.records()]
    for since in times:
        until = since + minutes * MINUTE
        found = search(desk.directory, Filters(since_ms=since, until_ms=until), 1000)
        assert [entry.at_ms for entry in found] == [at for at in reversed(times) if since <= at < until]


def test_find_gives_all_records_of_a_decision(desk: Desk, log: AuditLog, write: Write) -> None:
    """In order, also one that came much later; an unknown id gives none."""
    known = next(entry.body["d"] for entry in log.records(20) if entry.type == "decision")
    write(desk, log, type="outcome", d=known)
    numbers = [entry.number for entry in log.records() if entry.body.get("d") == known]
    assert [entry.number for entry in find(desk.directory, known)] == numbers
    assert len(numbers) == 3
    assert find(desk.directory, decision_id(desk)[:-1] + "Z") == []


def test_segments_before_the_decision_are_not_read(desk: Desk, log: AuditLog) -> None:
    """The id carries its time: a line planted in an older segment is not even looked at."""
    known = next(log.records(log.next - 1)).body["d"]
    oldest = desk.directory / desk.segments()[0]
    lines = oldest.read_bytes().splitlines(keepends=True)
    newest = next(log.records(log.next - 1)).line
    oldest.write_bytes(b"".join([lines[0], newest, *lines[1:]]))
    assert [entry.line for entry in find(desk.directory, known)].count(newest) == 1


@pytest.mark.parametrize("text", ["", "x", "0" * 27, "U" * 26, "01KDVC3SM0"])
def test_find_says_what_is_no_decision_id(desk: Desk, log: AuditLog, text: str) -> None:
    """With a hint where to find one."""
    with pytest.raises(Misuse, match="d="):
        find(desk.directory, text)


def test_what_is_no_record_is_passed_over(desk: Desk, log: AuditLog) -> None:
    """Damage does not stop a search: it is for ``verify`` to report."""
    path = desk.directory / desk.segments()[2]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"x" * (3 << 20) + b"\n", bytes(10) + b"\n", *lines[1:], b'{"n":']))
    found = list(search(desk.directory, Filters(), 1000))
    assert [entry.number for entry in found] == list(reversed(range(log.next)))
