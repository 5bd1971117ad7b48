"""One encoding for each record, and nothing that must not be in the log fits into it."""

from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.line import MAX_LINE, Stamp, encode, line, read
from gateway.core.money import Money
from gateway.core.secret import Secret

AT = "2026-01-01T00:00:00.000Z"
PREV = "0" * 64


class Word(StrEnum):
    """An enum as the nouns have them."""

    ONE = "one"


def body_of(body: dict[str, Any]) -> dict[str, Any]:
    entry = read(line(7, AT, PREV, encode(body)))
    assert entry is not None
    return entry.body


def test_a_line_is_these_bytes() -> None:
    """The chain fields, the type, then the other keys sorted: byte for byte."""
    encoded = encode({"z": 1, "type": "decision", "a": {"y": None, "x": [True, "ü"]}})
    expected = f'{{"n":0,"t":"{AT}","prev":"{PREV}","type":"decision","a":{{"x":[true,"ü"],"y":null}},"z":1}}\n'
    assert line(0, AT, PREV, encoded) == expected.encode()
    expected = f'{{"n":1,"t":"{AT}","prev":"{PREV}","type":"stop"}}\n'
    assert line(1, AT, PREV, encode({"type": "stop"})) == expected.encode()


@pytest.mark.parametrize(
    ("number", "text"),
    [("1E-8", "0.00000001"), ("1E+3", "1000"), ("0.100", "0.1"), ("-2", "-2")],
)
def test_decimals_become_plain_text(number: str, text: str) -> None:
    """Money is text without exponent, so that no reader makes a float of it."""
    assert body_of({"type": "x", "q": [Decimal(number)]}) == {"type": "x", "q": [text]}


def test_enums_become_their_text() -> None:
    """As values and as keys."""
    assert body_of({"type": Word.ONE, Word.ONE: Word.ONE}) == {"type": "one", "one": "one"}


REFUSED: dict[str, Any] = {
    "float": 1.5,
    "whole float": 1.0,
    "not a number": Decimal("NaN"),
    "infinite": Decimal("Infinity"),
    "secret": Secret("hunter2"),
    "bytes": b"hunter2",
    "our own class": Money(Decimal(1), "USDT"),
    "set": {"a"},
    "too large a whole number": 1 << 63,
    "a key that is no text": {1: "x"},
    "half a character": "\ud800",
    "too long": "x" * MAX_LINE,
}


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED)
def test_what_the_log_cannot_hold_is_refused(value: Any) -> None:
    """At any depth; a Secret is among it, so that no secret that knows it is one gets in."""
    for body in ({"type": "x", "v": value}, {"type": "x", "v": [{"deep": value}]}):
        with pytest.raises((TypeError, ValueError)) as refusal:
            encode(body)
        assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("kind", [None, 1, "Upper", "", "x" * 41, "x\n"])
def test_a_body_needs_a_type(kind: Any) -> None:
    """A word of lower-case letters."""
    for body in ({"type": kind}, {}):
        with pytest.raises(ValueError, match="type"):
            encode(body)


@pytest.mark.parametrize("key", ["n", "t", "prev"])
def test_a_body_cannot_name_chain_fields(key: str) -> None:
    """Else one line could say two numbers."""
    with pytest.raises(ValueError, match="belongs to the chain"):
        encode({"type": "x", key: "5"})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text().filter(lambda key: key not in {"n", "t", "prev", "type"}), VALUES, max_size=4))
def test_a_body_reads_back_and_has_one_encoding(body: dict[str, Any]) -> None:
    """What is read back is what was written, and writing it again gives the same bytes."""
    body["type"] = "decision"
    encoded = encode(body)
    written = line(3, AT, PREV, encoded)
    assert written.count(b"\n") == 1
    assert body_of(body) == body
    assert encode(dict(reversed(list(body.items())))) == encoded


WHOLE = line(12, AT, PREV, encode({"type": "x", "word": "ü"}))
NO_RECORD = {
    "torn": WHOLE[:-1],
    "torn earlier": WHOLE[:-2] + b"\n",
    "nothing": b"",
    "zeros": bytes(40) + b"\n",
    "a hole": WHOLE.replace(b"word", bytes(4)),
    "no text": WHOLE.replace("ü".encode(), b"\xff\xff"),
    "another month": WHOLE.replace(b"-01-01T", b"-13-01T"),
    "a leading zero": WHOLE.replace(b'"n":12', b'"n":012'),
    "a space": WHOLE.replace(b'{"n"', b'{ "n"'),
    "an upper-case hash": WHOLE.replace(b"0" * 64, b"A" * 64),
}


@pytest.mark.parametrize("damaged", NO_RECORD.values(), ids=NO_RECORD)
def test_damaged_bytes_are_no_record(damaged: bytes) -> None:
    """``read`` accepts only what ``line`` writes."""
    assert read(WHOLE) is not None
    assert read(damaged) is None


def test_a_time_that_cannot_be_written_leaves_no_other_in_its_place() -> None:
    """Neither the first time nor the second."""
    for before in ([], [1_767_225_600_000]):
        stamp = Stamp()
        told = [stamp(at_ms) for at_ms in before]
        for _ in range(3):
            with pytest.raises((ValueError, OverflowError)):
                stamp(10**15)
        assert [stamp(at_ms) for at_ms in before] == told
        assert stamp(1_767_225_600_001) == "2026-01-01T00:00:00.001Z"


@given(st.integers(0, 253_402_300_799_999))
def test_times_read_back(at_ms: int) -> None:
    """Every ms until the year 9999, whatever the last one was."""
    stamp = Stamp()
    stamp(at_ms - at_ms % 1000)
    entry = read(line(0, stamp(at_ms), PREV, encode({"type": "x"})))
    assert entry is not None
    assert entry.at_ms == at_ms
