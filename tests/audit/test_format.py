"""docs/audit-format.md is true: its example verifies, its tables are the code's."""

import re
from hashlib import sha256
from pathlib import Path

from gateway.audit import line
from gateway.audit.log import SEGMENT_BYTES
from gateway.audit.room import MIB, Marks
from gateway.audit.verify import HARMLESS, Kind, verify

TEXT = (Path(__file__).parents[2] / "docs" / "audit-format.md").read_text()


def test_the_example_verifies(tmp_path: Path) -> None:
    """With the key beside it, to the head below it, without a finding; and not with a letter changed."""
    example = "".join(re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL))
    (key,) = re.findall(r"audit key is `([0-9a-f]{64})`", TEXT)
    (head,) = re.findall(r"The head is `([0-9a-f]{64})`", TEXT)
    path = tmp_path / "000000000000.jsonl"
    path.write_text(example)
    report = verify(tmp_path, bytes.fromhex(key), expect_head=head)
    assert (report.findings, report.records, report.expected_at, report.checkpoints) == ([], 3, 2, 1)
    assert sha256(example.encode().splitlines(keepends=True)[-1]).hexdigest() == head
    path.write_text(example.replace("grid", "Grid"))
    assert not verify(tmp_path, bytes.fromhex(key)).sound


def test_its_lines_are_what_the_log_writes() -> None:
    """Reading one and writing its body again gives the same bytes."""
    for text in re.findall(r"^\{.*\}$", TEXT, re.MULTILINE):
        entry = line.read(text.encode() + b"\n")
        assert entry is not None
        own = entry.type in line.OWN_TYPES
        assert line.line(entry.number, entry.at, entry.prev, line.encode(entry.body, own)) == entry.line or (
            entry.type == line.CHECKPOINT
        )


def test_every_finding_is_explained() -> None:
    """In the order of the code, the harmless ones called so."""
    rows = re.findall(r"^\| `([a-z]+)` \| (.*) \|$", TEXT.partition("## What verification finds")[2], re.MULTILINE)
    assert [Kind(name) for name, _ in rows] == list(Kind)
    assert {Kind(name) for name, meaning in rows if meaning.startswith("harmless")} == HARMLESS


def test_the_logs_own_types_are_all_there() -> None:
    """None more, none less."""
    section = TEXT.partition("## Records of the log's own")[2].partition("##")[0]
    assert set(re.findall(r"^\| `([a-z]+)` \|", section, re.MULTILINE)) == line.OWN_TYPES


def test_its_numbers_are_the_codes() -> None:
    """Sizes as they are set."""
    marks = Marks()
    assert f"A new one begins after {SEGMENT_BYTES // MIB} MiB" in TEXT
    assert f"{marks.reserve // MIB} MiB of allocated blocks" in TEXT
    assert f"less than {marks.order // MIB} MiB are free" in TEXT
    assert f"reads below {marks.read // MIB} MiB" in TEXT
    assert f"more than {(marks.order + marks.reserve) // MIB} MiB are free" in TEXT
    assert f"at most {line.MAX_LINE // MIB} MiB" in TEXT
    assert line.GENESIS.decode().strip() in TEXT
