"""Segments read the same from both ends, and are told from other files by their names."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.line import MAX_LINE
from gateway.audit.segments import BLOCK, backward, forward, holding, path_of, segments

LENGTHS = st.integers(0, 40) | st.integers(BLOCK - 3, BLOCK + 3)


@given(st.lists(LENGTHS, max_size=6), st.binary(max_size=30).filter(lambda tail: b"\n" not in tail))
def test_backward_is_forward_reversed(lengths: list[int], tail: bytes) -> None:
    """Lines and offsets alike, also across the blocks it reads, empty lines, and a torn end."""
    with TemporaryDirectory() as place:
        path = Path(place) / "segment"
        path.write_bytes(b"".join(b"x" * length + b"\n" for length in lengths) + tail)
        lines = list(forward(path))
        assert b"".join(line for _, line in lines) == path.read_bytes()
        assert list(backward(path)) == lines[::-1]


def test_a_line_too_long_keeps_the_others_in_place(tmp_path: Path) -> None:
    """Only 1 MiB of it is held; the offsets of its neighbours are true."""
    path = tmp_path / "segment"
    path.write_bytes(b"a\n" + b"x" * (2 * MAX_LINE + 9) + b"\nb\n")
    places = [0, 2, 2 * MAX_LINE + 12]
    assert [offset for offset, _ in forward(path)] == places
    assert [offset for offset, _ in backward(path)] == places[::-1]
    assert max(len(line) for _, line in backward(path)) <= MAX_LINE + BLOCK


def test_only_segments_are_segments(tmp_path: Path) -> None:
    """Sorted by number; a reserve, a copy, an editor's leftovers are none."""
    for name in ("000000000010.jsonl", "000000000002.jsonl", "reserve", "000000000002.jsonl~", "2.jsonl"):
        (tmp_path / name).touch()
    found = segments(tmp_path)
    assert [segment.first for segment in found] == [2, 10]
    assert [segment.path for segment in found] == [path_of(tmp_path, 2), path_of(tmp_path, 10)]
    assert [holding(found, number) for number in (0, 2, 9, 10, 99)] == [0, 0, 0, 1, 1]
