"""The strict reader: text stays text, places are right, and nothing has two readings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.strict_yaml import MAX_BYTES, DocumentError, Items, Mark, Node, Problem, Table, Text, read


def plain(node: Node) -> object:
    """The node's bare values."""
    match node:
        case Text():
            return node.text
        case Items():
            return [plain(item) for item in node.items]
        case Table():
            return {key.text: plain(value) for key, value in node.entries}


@pytest.mark.parametrize(
    "text",
    [
        "NO",
        "on",
        "true",
        "10:30",
        "1:20:30",
        "0123",
        "1e3",
        "1_000",
        "2026-12-31",
        "~",
        "null",
        ".nan",
        ".inf",
        "0x1f",
        "1.0",
    ],
)
def test_every_scalar_stays_the_text_it_was(text: str) -> None:
    """YAML's implicit types do not exist here."""
    assert plain(read(f"key: {text}\n", "x")) == {"key": text}


def test_nodes_know_their_place() -> None:
    """Lines and columns count from 1, in flow and in block style."""
    root = read("a: [x, y]\nb:\n  c: z\n", "x")
    assert isinstance(root, Table)
    (_, items), (b, inner) = root.entries
    assert isinstance(items, Items)
    assert [item.mark for item in items.items] == [Mark(1, 5), Mark(1, 8)]
    assert b.mark == Mark(2, 1)
    assert isinstance(inner, Table)
    assert inner.entries[0][1].mark == Mark(3, 6)


def test_quoting_is_told() -> None:
    """A reader of settings can tell "null" from null."""
    root = read("a: null\nb: \"null\"\nc: 'null'\nd:\n", "x")
    assert isinstance(root, Table)
    assert [isinstance(node, Text) and node.quoted for _, node in root.entries] == [False, True, True, False]


@pytest.mark.parametrize("source", ["\ufeffa: 1\nb: 2\n", "a: 1\r\nb: 2\r\n", b"\xef\xbb\xbfa: 1\r\nb: 2\r\n"])
def test_windows_editors_may_write_it(source: str | bytes) -> None:
    """A leading byte-order mark and CRLF change nothing, not even the places."""
    root = read(source, "x")
    assert plain(root) == {"a": "1", "b": "2"}
    assert isinstance(root, Table)
    assert root.entries[1][0].mark == Mark(2, 1)


def test_the_largest_file_is_read_and_a_larger_one_is_not() -> None:
    """64 KiB is the limit, in bytes."""
    padding = "#" * (MAX_BYTES - len("a: 1\n"))
    assert plain(read("a: 1\n" + padding, "x")) == {"a": "1"}
    with pytest.raises(DocumentError, match="larger than 64 KiB"):
        read("a: 1\n" + padding + "#", "x")


def test_eight_levels_are_read_and_nine_are_not() -> None:
    """Depth is limited, and a pathological depth costs nothing."""
    assert plain(read("[" * 8 + "]" * 8, "x")) == [[[[[[[[]]]]]]]]
    with pytest.raises(DocumentError, match="deeper than 8"):
        read("[" * 9 + "]" * 9, "x")
    with pytest.raises(DocumentError, match="deeper than 8"):
        read("[" * 60_000, "x")


@pytest.mark.parametrize("character", ["\0", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\u202e", "\u2066", "\ufeff"])
def test_no_invisible_character_hides_in_a_comment(character: str) -> None:
    """What a person reads is what the gateway reads."""
    with pytest.raises(DocumentError, match=f"U\\+{ord(character):04X}"):
        read(f"a: 1\n# x{character}y\n", "x")


def test_bytes_that_are_no_text_are_refused_at_their_place() -> None:
    """UTF-16 and Latin-1 files are refused, and so are lone surrogates in a str."""
    with pytest.raises(DocumentError, match=r"x:2:4: not UTF-8"):
        read(b"a: 1\nb: \xe4\n", "x")
    with pytest.raises(DocumentError, match="not UTF-8"):
        read("a: 1\n".encode("utf-16"), "x")
    with pytest.raises(DocumentError, match="not UTF-8"):
        read("a: \udc80\n", "x")


def test_all_faults_are_told_in_the_order_of_the_text() -> None:
    """One run of check mends a file."""
    with pytest.raises(DocumentError) as caught:
        read("a: &x 1\na: !t 2\nb: *x\n", "x")
    assert [problem.line for problem in caught.value.problems] == [1, 2, 2, 3]
    assert str(caught.value).splitlines()[0].startswith("x:1:4: an anchor (&x); ")


def test_a_problem_renders_with_its_file() -> None:
    """file:line:column: message; suggestion, which editors can follow."""
    assert Problem(3, 5, "a", "wrong", "write b").render("p.yaml") == "p.yaml:3:5: wrong; write b"
    assert Problem(3, 5, "a", "wrong").render("p.yaml") == "p.yaml:3:5: wrong"


def refusals(source: str | bytes) -> tuple[Problem, ...] | None:
    """The problems of a source; None for one that is read."""
    try:
        read(source, "x")
    except DocumentError as error:
        return error.problems
    return None


@given(st.text(st.sampled_from("ab:,-#[]{}&*!|>'\"%@`?<~ \n\t\ufeff\u2028\r.019"), max_size=60))
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    """No input raises anything but DocumentError, and every problem lies within the text."""
    problems = refusals(text)
    assert problems is None or problems
    lines = text.count("\n") + 2
    assert all(1 <= problem.line <= lines and problem.column >= 1 for problem in problems or ())


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(source: bytes) -> None:
    """Nothing but DocumentError comes out."""
    problems = refusals(source)
    assert problems is None or problems
