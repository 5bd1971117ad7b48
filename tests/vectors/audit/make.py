"""Makes the vectors beside it, from the words of docs/audit-format.md alone: nothing of the gateway is imported.

    python tests/vectors/audit/make.py

Source of every case: this script. Each is a small log with one thing done to it, and what the check must say of it.
The key is no secret: its seed is 32 times 0x07.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

KEY = SigningKey(b"\x07" * 32)
OTHER = SigningKey(b"\x08" * 32)
Segments = dict[str, list[str]]
Case = tuple[str, str, Segments, list[dict[str, Any]], dict[str, Any]]
"""Its name, what is wrong, the log, what must be found, and what the check is given to compare with."""


def head(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


GENESIS = head("tradewarden audit log 1\n")


def line(n: int, prev: str, rest: str, second: int | None = None) -> str:
    at = f"2026-01-01T00:00:{n if second is None else second:02}.000Z"
    return f'{{"n":{n},"t":"{at}","prev":"{prev}","type":{rest}}}\n'


def signed(n: int, prev: str, key: SigningKey = KEY) -> str:
    part = line(n, prev, '"checkpoint"')[:-2]
    signature = key.sign(b"tradewarden audit checkpoint 1\0" + part.encode()).signature.hex()
    return f'{part},"signature":"{signature}"}}\n'


def chain(kinds: str, first: int = 0, prev: str = GENESIS, key: SigningKey = KEY, word: str = "allow") -> list[str]:
    """One line a letter: d a decision, c a checkpoint, p the record of a pruning that kept the log from 3 on."""
    lines: list[str] = []
    for n, kind in enumerate(kinds, start=first):
        match kind:
            case "d":
                made = line(n, prev, f'"decision","d":"01KDVC3SM0000000000000000{n}","token":"grid","verdict":"{word}"')
            case "c":
                made = signed(n, prev, key)
            case _:
                made = line(n, prev, '"pruned","first":3')
        lines.append(made)
        prev = head(made)
    return lines


def log(*kinds: str) -> Segments:
    made: Segments = {}
    n, prev = 0, GENESIS
    for part in kinds:
        lines = chain(part, n, prev)
        made[f"{n:012}.jsonl"] = lines
        n, prev = n + len(lines), head(lines[-1])
    return made


ONE, TWO, THREE = (f"{n:012}.jsonl" for n in (0, 3, 6))


def found(kind: str, segment: str, line: int, offset: int, number: int | None) -> dict[str, Any]:
    return {"kind": kind, "segment": segment, "line": line, "offset": offset, "number": number}


def at(lines: list[str], index: int) -> int:
    return len("".join(lines[:index]))


def cases() -> Iterator[Case]:
    yield from harmless()
    yield from changed_lines()
    yield from changed_segments()
    yield from signatures()
    yield from compared()


def harmless() -> Iterator[Case]:
    yield "whole", "nothing is wrong", log("ddc", "cddc"), [], {}
    yield "empty", "a log without a record", {ONE: []}, [found("empty", ONE, 0, 0, None)], {}
    one = log("ddd")
    yield "unsigned", "no checkpoint yet", one, [found("unsigned", ONE, 3, at(one[ONE], 2), None)], {}
    torn = log("ddcd")
    torn[ONE][3] = torn[ONE][3][:50]
    yield "torn_last_line", "half a record at the end", torn, [found("torn", ONE, 4, at(torn[ONE], 3), 3)], {}
    pruned = log("ddd", "cddp", "cdd")
    del pruned[ONE]
    yield "pruned_start", "older segments went, and the log says so", pruned, [], {}
    pruned = log("dd", "d", "cddp", "cdd")
    del pruned[ONE]
    yield "pruned_halfway", "a crash between two removals", pruned, [], {}


def changed_lines() -> Iterator[Case]:
    lines = log("dddc")[ONE]
    one = [lines[0], lines[1].replace('"allow"', '"Allow"'), *lines[2:]]
    yield "flipped_byte", "one letter of record 1", {ONE: one}, [found("changed", ONE, 3, at(one, 2), 2)], {}
    one = [lines[0], lines[1].replace('","type"', 'x","type"', 1), *lines[2:]]
    expected = [found("malformed", ONE, 2, at(one, 1), 1), found("changed", ONE, 3, at(one, 2), 2)]
    yield "malformed_line", "record 1 is no record any more", {ONE: one}, expected, {}
    first = lines[0].replace(GENESIS, "0" * 64)
    one = [first, *chain("ddc", 1, head(first))]
    yield "foreign_start", "a chain that begins elsewhere", {ONE: one}, [found("changed", ONE, 1, 0, 0)], {}
    one = [lines[0], *lines[2:]]
    yield "removed_line", "record 1 is gone", {ONE: one}, [found("missing", ONE, 2, at(one, 1), 2)], {}
    one = lines[1:]
    expected = [found("misnamed", ONE, 1, 0, 1), found("start", ONE, 1, 0, 1)]
    yield "removed_first_line", "record 0 is gone", {ONE: one}, expected, {}
    one = [*lines[:2], *lines[1:]]
    yield "duplicated_line", "record 1 stands twice", {ONE: one}, [found("repeated", ONE, 3, at(one, 2), 1)], {}
    one = [lines[0], lines[2], lines[1], lines[3]]
    expected = [
        found("missing", ONE, 2, at(one, 1), 2),
        found("repeated", ONE, 3, at(one, 2), 1),
        found("missing", ONE, 4, at(one, 3), 3),
    ]
    yield "swapped_lines", "records 1 and 2 changed places", {ONE: one}, expected, {}
    two = log("ddd", "cdc")
    two[ONE][2] = two[ONE][2][:-1]
    expected = [found("malformed", ONE, 3, at(two[ONE], 2), 2), found("changed", TWO, 1, 0, 3)]
    yield "torn_in_the_middle", "half a record, and the log goes on", two, expected, {}


def changed_segments() -> Iterator[Case]:
    three = log("ddd", "cdd", "cddc")
    del three[TWO]
    yield "missing_segment", "the middle segment is gone", three, [found("missing", THREE, 1, 0, 6)], {}
    two = log("ddd", "cddc")
    del two[ONE]
    yield "missing_first_segment", "a start nobody pruned", two, [found("start", TWO, 1, 0, 3)], {}
    three = log("ddd", "cddp", "cddc")
    del three[ONE], three[TWO]
    expected = [found("start", "000000000007.jsonl", 1, 0, 7)]
    yield "start_later_than_pruned", "more is gone than the log says", three, expected, {}
    two = log("ddd", "ddpc")
    del two[ONE]
    yield "start_without_checkpoint", "the start is not signed", two, [found("start", TWO, 1, 0, 3)], {}
    two = log("ddd", "cddc")
    two["000000000004.jsonl"] = two.pop(TWO)
    yield "renamed_segment", "named 4, begins with 3", two, [found("misnamed", "000000000004.jsonl", 1, 0, 3)], {}


def signatures() -> Iterator[Case]:
    one = chain("ddc", key=OTHER)
    place = at(one, 2)
    expected = [found("signature", ONE, 3, place, 2), found("unsigned", ONE, 3, place, None)]
    yield "signed_by_another_key", "another vault's checkpoint", {ONE: one}, expected, {}
    lines = log("ddcddc")[ONE]
    forged = chain("ddc", 3, head(lines[2]), OTHER, "deny")
    one = [*lines[:3], *forged]
    expected = [found("signature", ONE, 6, at(one, 5), 5)]
    yield "rewritten_tail", "a whole new chain after record 2", {ONE: one}, expected, {}
    one = [*lines[:2], lines[2].replace('"checkpoint",', '"checkpoint","more":1,'), *lines[3:]]
    expected = [found("signature", ONE, 3, at(one, 2), 2), found("changed", ONE, 4, at(one, 3), 3)]
    yield "checkpoint_says_more", "a key that nobody signed", {ONE: one}, expected, {}


def compared() -> Iterator[Case]:
    lines = log("ddcddc")[ONE]
    heads = [head(made) for made in lines]
    one = lines[:4]
    noted = {"noted": [5, heads[5]]}
    yield "truncated", "the end is gone", {ONE: one}, [found("truncated", ONE, 4, at(one, 3), 3)], noted
    one = [*lines[:5], lines[5][:40]]
    expected = [found("torn", ONE, 6, at(one, 5), 5), found("truncated", ONE, 6, at(one, 5), 4)]
    yield "truncated_in_a_line", "cut within a noted checkpoint", {ONE: one}, expected, noted
    expected = [found("noted", ONE, 6, at(lines, 5), 5)]
    yield "noted_differs", "another record 5 was noted", {ONE: lines}, expected, {"noted": [5, heads[4]]}
    expected = [found("head", ONE, 6, at(lines, 5), 5)]
    yield "head_differs", "a head this log never had", {ONE: lines}, expected, {"expect_head": GENESIS[::-1]}
    yield "head_noted_earlier", "the log has grown since", {ONE: lines}, [], {"expect_head": heads[3]}


def document(what: str, made: Segments, expected: list[dict[str, Any]], given: dict[str, Any]) -> str:
    vector = {
        "source": "make.py, from docs/audit-format.md",
        "what": what,
        "audit_key": KEY.verify_key.encode().hex(),
        "given": given,
        "findings": expected,
        "segments": made,
    }
    return json.dumps(vector, indent=1) + "\n"


if __name__ == "__main__":
    for name, what, made, expected, given in cases():
        Path(__file__).with_name(f"{name}.json").write_text(document(what, made, expected, given))
