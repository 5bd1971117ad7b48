"""Is this log what the gateway wrote? Needs the files and the vault's public audit key, nothing else.

Every line must be a record, numbered one higher than the line before it and naming that line's hash; every
checkpoint must carry the vault's signature; and what was noted elsewhere (the newest checkpoint in the state, a head
on paper) must be found in the chain. After a fault the check goes on from the line as it stands, so that one
change is reported where it is and does not hide the next. What the check cannot know stands in
``docs/audit-format.md``: records after the last checkpoint are only as trustworthy as the disk.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from gateway.audit.line import CHECKPOINT, GENESIS, MAX_LINE, PRUNED, Entry, head_after, read, signature_of
from gateway.audit.segments import Segment, forward, segments
from gateway.vault import envelope

MAX_FINDINGS: Final = 100


class Kind(StrEnum):
    """What a finding is. The last three are no sign of tampering."""

    MALFORMED = "malformed"    # a line that is no record of this log
    CHANGED = "changed"        # a record does not name the hash of the line before it
    MISSING = "missing"        # record numbers are left out
    REPEATED = "repeated"      # a record stands where a later one should: a copy, or moved
    MISNAMED = "misnamed"      # a segment's name is not its first record's number
    SIGNATURE = "signature"    # a checkpoint is not signed by this vault
    START = "start"            # the log begins later than the gateway itself left it
    TRUNCATED = "truncated"    # the log ends before a checkpoint noted elsewhere
    NOTED = "noted"            # a record is not the one that was noted elsewhere
    HEAD = "head"              # the expected head is not in the chain
    TORN = "torn"              # the last line is half-written: the gateway is writing it, or a crash cut it short
    UNSIGNED = "unsigned"      # no checkpoint yet: nothing vouches for the log but its own chain
    EMPTY = "empty"            # no record at all


HARMLESS: Final = frozenset({Kind.TORN, Kind.UNSIGNED, Kind.EMPTY})


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and where: segment, line (from 1), byte offset of the line, record number where it is known."""

    kind: Kind
    segment: str
    line: int
    offset: int
    number: int | None
    detail: str

    @property
    def harmless(self) -> bool:
        """Whether this is only worth knowing."""
        return self.kind in HARMLESS


@dataclass(slots=True)
class Report:
    """What the check found. ``first`` to ``last`` are the record numbers present, ``head`` the last line's hash.

    ``signed_to`` is the last record that a good signature covers; ``expected_at`` the record whose hash was the
    expected head (-1: the start of the log). ``findings`` stops at 100; ``unlisted`` counts the rest.
    """

    findings: list[Finding] = field(default_factory=list)
    unlisted: int = 0
    segments: int = 0
    records: int = 0
    first: int | None = None
    last: int | None = None
    head: str = ""
    checkpoints: int = 0
    signed_to: int | None = None
    expected_at: int | None = None

    @property
    def sound(self) -> bool:
        """Whether nothing points at tampering or loss."""
        return all(finding.harmless for finding in self.findings)


def verify(
    directory: Path,
    audit_key: bytes,
    expect_head: str | None = None,
    noted: tuple[int, str] | None = None,
) -> Report:
    """Check the whole log, a line at a time. ``noted`` is a checkpoint's number and head as kept in the state.

    ``expect_head`` may be any head the log ever had: it goes on growing after somebody notes one.
    """
    check = _Check(audit_key, expect_head, noted)
    found = segments(directory)
    for segment in found:
        check.segment(segment, is_last=segment is found[-1])
    return check.finish()


@dataclass(slots=True)
class _Place:
    segment: str = ""
    line: int = 0
    offset: int = 0


class _Check:
    """One pass. ``_prev`` is the hash the next line must name; None after a fault that makes it unknowable."""

    def __init__(self, audit_key: bytes, expect_head: str | None, noted: tuple[int, str] | None) -> None:
        self._audit_key = audit_key
        self._expect = expect_head
        self._noted = noted
        self._report = Report()
        self._place = _Place()
        self._next: int | None = None
        self._prev: str | None = None
        self._kept_from = 0
        self._start = _Place()
        self._start_signed = False

    def segment(self, segment: Segment, is_last: bool) -> None:
        """Check one segment's lines and its name."""
        self._report.segments += 1
        self._place = _Place(segment.path.name)
        for index, (offset, line) in enumerate(forward(segment.path), start=1):
            self._place = _Place(segment.path.name, index, offset)
            entry = read(line)
            if entry is not None:
                if index == 1 and entry.number != segment.first:
                    self._find(Kind.MISNAMED, entry.number, f"the segment's name says {segment.first}")
                self._entry(entry)
            elif is_last and not line.endswith(b"\n") and len(line) < MAX_LINE:
                self._find(Kind.TORN, self._next, f"the last line is torn after {len(line)} bytes")
            else:
                self._malformed(line)

    def finish(self) -> Report:
        """The report, with what can be said only at the end."""
        report = self._report
        if report.first is None:
            self._find(Kind.EMPTY, None, "the log holds no record")
        elif report.signed_to is None:
            self._find(Kind.UNSIGNED, None, "the log has no checkpoint that this key signed")
        if report.first and (report.first > self._kept_from or self._is_unsigned_cut()):
            self._place = self._start
            self._find(Kind.START, report.first, self._start_detail())
        if self._noted is not None and (report.last is None or report.last < self._noted[0]):
            self._find(Kind.TRUNCATED, report.last, f"a checkpoint was noted at record {self._noted[0]}")
        if self._expect is not None and report.expected_at is None:
            self._find(Kind.HEAD, report.last, f"no record's hash is {self._expect[:80]}")
        return report

    def _is_unsigned_cut(self) -> bool:
        """A pruning in progress still holds older segments, which owe no signature: only its own cut does."""
        return self._report.first == self._kept_from and not self._start_signed

    def _start_detail(self) -> str:
        if not self._start_signed:
            return "the log begins neither at record 0 nor with a signed checkpoint"
        return f"the gateway kept the log from record {self._kept_from} on"

    def _entry(self, entry: Entry) -> None:
        report = self._report
        if self._next is None:
            self._begin(entry)
        elif entry.number > self._next:
            self._find(Kind.MISSING, entry.number, f"records {self._next} to {entry.number - 1} are not here")
        elif entry.number < self._next:
            self._find(Kind.REPEATED, entry.number, f"record {self._next} should stand here")
        elif self._prev is not None and entry.prev != self._prev:
            detail = "it does not follow from the line before: one of the two was changed"
            self._find(Kind.CHANGED, entry.number, detail)
        if entry.type == CHECKPOINT:
            self._checkpoint(entry)
        elif entry.type == PRUNED:
            self._pruned(entry)
        self._link(entry.line)
        self._next = entry.number + 1
        report.records += 1
        report.last = entry.number
        self._compare(entry.number)

    def _begin(self, entry: Entry) -> None:
        self._report.first = entry.number
        self._start = self._place
        genesis = head_after(GENESIS)
        if entry.number == 0 and entry.prev != genesis:
            self._find(Kind.CHANGED, 0, "record 0 does not follow from the start of a log")
        if self._expect == entry.prev:
            self._report.expected_at = entry.number - 1

    def _malformed(self, line: bytes) -> None:
        self._find(Kind.MALFORMED, self._next, f"these {len(line)} bytes are no record")
        self._link(line)
        if self._next is not None:
            self._next += 1

    def _link(self, line: bytes) -> None:
        self._report.head = self._prev = head_after(line)

    def _checkpoint(self, entry: Entry) -> None:
        parts = signature_of(entry.line)
        if parts is None or not envelope.verify(self._audit_key, *parts):
            self._find(Kind.SIGNATURE, entry.number, "this vault's audit key did not sign this checkpoint")
            return
        self._report.checkpoints += 1
        self._report.signed_to = entry.number
        self._start_signed |= entry.number == self._report.first

    def _pruned(self, entry: Entry) -> None:
        first = entry.fields.get("first")
        if isinstance(first, int):
            self._kept_from = max(self._kept_from, first)

    def _compare(self, number: int) -> None:
        if self._noted is not None and number == self._noted[0] and self._prev != self._noted[1]:
            self._find(Kind.NOTED, number, "its hash is not the one that was noted")
        if self._expect is not None and self._prev == self._expect:
            self._report.expected_at = number

    def _find(self, kind: Kind, number: int | None, detail: str) -> None:
        if len(self._report.findings) == MAX_FINDINGS:
            self._report.unlisted += 1
            return
        place = self._place
        self._report.findings.append(Finding(kind, place.segment, place.line, place.offset, number, detail))
