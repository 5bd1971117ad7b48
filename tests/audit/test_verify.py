"""Whatever is done to a log is found and named, by the public key alone."""

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.audit.verify import MAX_FINDINGS, Kind, Report, verify
from tests.audit.desk import Desk

Write = Callable[..., int]
VECTORS = Path(__file__).parents[1] / "vectors" / "audit"
CASES = {path.stem: json.loads(path.read_text()) for path in sorted(VECTORS.glob("*.json"))}


def lay_out(directory: Path, segments: dict[str, Any]) -> None:
    for name, lines in segments.items():
        (directory / name).write_text("".join(lines))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_each_vector_has_its_findings(case: dict[str, Any], tmp_path: Path) -> None:
    """What is wrong is said, and where: segment, line, byte offset and record number."""
    lay_out(tmp_path, case["segments"])
    given = case["given"]
    noted = tuple(given["noted"]) if "noted" in given else None
    report = verify(tmp_path, bytes.fromhex(case["audit_key"]), given.get("expect_head"), noted)
    found = [
        {"kind": f.kind.value, "segment": f.segment, "line": f.line, "offset": f.offset, "number": f.number}
        for f in report.findings
    ]
    assert found == case["findings"]
    assert report.sound == all(f.kind in {Kind.TORN, Kind.UNSIGNED, Kind.EMPTY} for f in report.findings)
    assert all(finding.detail for finding in report.findings)


def test_every_kind_has_a_vector() -> None:
    """No way to be wrong goes without its file."""
    assert {found["kind"] for case in CASES.values() for found in case["findings"]} == set(Kind)


def test_the_vectors_are_what_their_script_makes() -> None:
    """It knows the format only from its description, so the two agree or one is wrong."""
    script = runpy.run_path(str(VECTORS / "make.py"))
    made = {name: script["document"](*case) for name, *case in script["cases"]()}
    assert made == {name: (VECTORS / f"{name}.json").read_text() for name in CASES}


class Written:
    """A log of several segments whose last record is a noted checkpoint, and a place to break copies of it."""

    def __init__(self, desk: Desk, write: Write) -> None:
        log = desk.open(segment_bytes=900)
        for number in range(14):
            write(desk, log, token="grid", number=number)
            if number % 5 == 3:
                log.checkpoint()
        log.checkpoint()
        log.close()
        self._desk = desk
        self.segments = {name: desk.bytes(name) for name in desk.segments()}
        self.noted = desk.noted[-1]

    def lines(self) -> list[tuple[str, bytes]]:
        return [(name, line) for name, data in self.segments.items() for line in data.splitlines(keepends=True)]

    def check(self, changed: dict[str, bytes]) -> Report:
        for name in self._desk.segments():
            (self._desk.directory / name).unlink()
        for name, data in changed.items():
            (self._desk.directory / name).write_bytes(data)
        return self._desk.verify(noted=self.noted)

    def check_lines(self, lines: list[tuple[str, bytes]]) -> Report:
        return self.check({name: b"".join(line for at, line in lines if at == name) for name in self.segments})


@pytest.fixture
def log(desk: Desk, write: Write) -> Written:
    """A sound log."""
    written = Written(desk, write)
    assert len(written.segments) > 3
    assert written.check(written.segments).findings == []
    return written


EVERY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@EVERY
@given(where=st.randoms(use_true_random=False), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found(log: Written, where: Random, bit: int) -> None:
    """In any byte of any segment, the newlines and signatures included."""
    name = where.choice(sorted(log.segments))
    data = bytearray(log.segments[name])
    data[where.randrange(len(data))] ^= 1 << bit
    assert not log.check(log.segments | {name: bytes(data)}).sound


@EVERY
@given(where=st.randoms(use_true_random=False), act=st.sampled_from(["delete", "repeat", "swap", "move"]))
def test_any_moved_line_is_found(log: Written, where: Random, act: str) -> None:
    """Deleted, written twice, exchanged with its neighbour or with any other line."""
    lines = log.lines()
    names, texts = [name for name, _ in lines], [text for _, text in lines]
    index, other = where.sample(range(len(lines)), 2)
    match act:
        case "delete":
            del names[index], texts[index]
        case "repeat":
            names.insert(index, names[index])
            texts.insert(index, texts[index])
        case "swap":
            texts[index], texts[other] = texts[other], texts[index]
        case "move":
            texts.insert(other, texts.pop(index))
    assert not log.check_lines(list(zip(names, texts, strict=True))).sound


def test_any_missing_segment_is_found(log: Written) -> None:
    """The first and the last too."""
    for name in log.segments:
        assert not log.check({other: data for other, data in log.segments.items() if other != name}).sound


def test_any_end_cut_before_the_noted_checkpoint_is_found(log: Written) -> None:
    """At every byte of the last segment, and by whole segments."""
    name, data = list(log.segments.items())[-1]
    for kept in range(0, len(data), 7):
        assert Kind.TRUNCATED in {f.kind for f in log.check(log.segments | {name: data[:kept]}).findings}


def test_the_head_may_be_any_that_was_ever_noted(desk: Desk, write: Write) -> None:
    """A head noted elsewhere stays good while the log grows, and says up to where the log is that log."""
    log = desk.open()
    heads = [log.head]
    for _ in range(4):
        write(desk, log)
        heads.append(log.head)
    for count, head in enumerate(heads):
        report = desk.verify(expect_head=head)
        assert (report.expected_at, Kind.HEAD in {f.kind for f in report.findings}) == (count - 1, False)
    assert not desk.verify(expect_head=heads[1][:-1] + "g").sound
    assert desk.verify().head == log.head


def test_findings_are_counted_when_they_are_too_many_to_list(desk: Desk, write: Write) -> None:
    """Memory is bounded by the worst log too, and such a log is not sound."""
    log = desk.open()
    write(desk, log)
    path = desk.directory / "000000000000.jsonl"
    path.write_bytes(desk.bytes() * (MAX_FINDINGS + 5))
    report = desk.verify()
    assert len(report.findings) + report.unlisted == MAX_FINDINGS + 5
    assert len(report.findings) == MAX_FINDINGS


def test_a_line_without_end_takes_no_memory(desk: Desk, write: Write) -> None:
    """A segment that is one long line is reported, and what follows it is read."""
    log = desk.open()
    write(desk, log)
    (desk.directory / "000000000000.jsonl").write_bytes(b"x" * (5 << 20) + b"\n" + desk.bytes())
    report = desk.verify()
    assert [f.kind for f in report.findings][:1] == [Kind.MALFORMED]
    assert (report.records, report.findings[0].offset, report.findings[0].detail) == (
        1, 0, "these 1048576 bytes are no record",
    )


def test_verify_needs_no_directory(tmp_path: Path) -> None:
    """No log yet is an empty log."""
    assert verify(tmp_path / "none", bytes(32)).sound
