"""Strict YAML: every scalar is text, every node knows its place, and nothing may be read in two ways.

Refused: duplicate keys, anchors, aliases, merge keys, tags, directives, several documents, tabs, control and
look-alike line-break characters, keys that are no plain text, more than 64 KiB, more than eight levels.
Accepted: a leading byte-order mark and CRLF line ends, as editors on Windows write them.
All faults of a document are reported together; only a syntax error ends the reading.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

import yaml

from gateway.core.errors import Misuse

MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 8
_UNREADABLE: Final = re.compile(
    "\t|\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in the text; line and column count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault of a document: where, under which key (``limits.order``), what, and what would be right."""

    line: int
    column: int
    path: str
    message: str
    suggestion: str = ""

    def render(self, file: str) -> str:
        """``file:line:column: message; suggestion``."""
        tail = f"; {self.suggestion}" if self.suggestion else ""
        return f"{file}:{self.line}:{self.column}: {self.message}{tail}"


class DocumentError(Misuse):
    """The document is not acceptable; ``problems`` says why, in the order of the text."""

    def __init__(self, name: str, problems: tuple[Problem, ...]) -> None:
        self.name = name
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(problem.render(name) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar, as text. ``quoted`` tells ``"null"`` from ``null``; an absent value is unquoted and empty."""

    text: str
    mark: Mark
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A sequence."""

    items: "tuple[Node, ...]"
    mark: Mark


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping, in the order of the text; its keys are distinct."""

    entries: "tuple[tuple[Text, Node], ...]"
    mark: Mark


Node = Text | Items | Table


def read(source: str | bytes, name: str) -> Node:
    """The document's tree. Raises DocumentError with every problem found."""
    text = _characters(_text(source, name), name)
    builder = _Builder()
    builder.build(text)
    if builder.problems:
        raise DocumentError(name, tuple(builder.problems))
    if builder.root is None:
        raise DocumentError(name, (Problem(1, 1, "", "the file is empty"),))
    return builder.root


def _text(source: str | bytes, name: str) -> str:
    encoded = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if len(encoded) > MAX_BYTES:
        raise DocumentError(name, (Problem(1, 1, "", f"the file is larger than {MAX_BYTES // 1024} KiB"),))
    try:
        return encoded.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = encoded[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise DocumentError(name, (Problem(line, column, "", "not UTF-8 text", "save the file as UTF-8"),)) from None


def _characters(text: str, name: str) -> str:
    problems = tuple(
        Problem(number, found.start() + 1, "", *_unreadable(found.group()))
        for number, line in enumerate(text.split("\n"), 1)
        for found in _UNREADABLE.finditer(line + "\n")
    )
    if problems:
        raise DocumentError(name, problems)
    return text


def _unreadable(character: str) -> tuple[str, str]:
    if character == "\t":
        return "a tab", "indent with spaces"
    return f"the invisible character U+{ord(character):04X}", "remove it"


@dataclass(slots=True)
class _Open:
    """A mapping or sequence that is still being read."""

    mark: Mark
    is_table: bool
    key: Text | None = None
    items: list[Node] = field(default_factory=list)
    entries: dict[str, tuple[Text, Node]] = field(default_factory=dict)

    def close(self) -> Node:
        return Table(tuple(self.entries.values()), self.mark) if self.is_table else Items(tuple(self.items), self.mark)


class _Builder:
    """Turns parser events into nodes with a stack of its own, so that depth costs no recursion."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self._stack: list[_Open] = []
        self._documents = 0

    def build(self, text: str) -> None:
        try:
            for event in _events(text):
                if not self._take(event):
                    return
        except yaml.MarkedYAMLError as error:
            mark = _mark(error.problem_mark or error.context_mark)
            if error.context == "while scanning an alias":
                self._problem(mark, "a value that begins with '*' is an alias", 'put it in quotes, like "*/USDT"')
            else:
                self._problem(mark, f"not YAML: {error.problem}")

    def _take(self, event: yaml.Event) -> bool:
        """Whether reading may go on."""
        mark = _mark(event.start_mark)
        match event:
            case yaml.DocumentStartEvent():
                return self._start(event, mark)
            case yaml.AliasEvent():
                self._problem(mark, f"an alias (*{event.anchor})", "write the value out")
                self._add(Text("", mark))
            case yaml.ScalarEvent():
                self._plain(event, mark)
                self._add(Text(event.value, mark, event.style is not None), event.style in ("|", ">"))
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._plain(event, mark)
                self._stack.append(_Open(mark, isinstance(event, yaml.MappingStartEvent)))
                if len(self._stack) > MAX_DEPTH:
                    self._problem(mark, f"nested deeper than {MAX_DEPTH} levels")
                    return False
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._add(self._stack.pop().close())
            case _:
                pass  # stream and document ends carry nothing
        return True

    def _start(self, event: yaml.DocumentStartEvent, mark: Mark) -> bool:
        self._documents += 1
        if self._documents > 1:
            self._problem(mark, "a second document", "one file holds one document; remove the '---'")
            return False
        if event.version or event.tags:
            self._problem(mark, "a YAML directive", "remove the line that begins with %")
        return True

    def _plain(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, mark: Mark) -> None:
        if event.anchor is not None:
            self._problem(mark, f"an anchor (&{event.anchor})", "write the value out where it is needed")
        if event.tag is not None:
            self._problem(mark, f"a tag ({event.tag})", "remove it; every value is text")

    def _add(self, node: Node, block: bool = False) -> None:
        if not self._stack:
            self.root = node
            return
        parent = self._stack[-1]
        if not parent.is_table:
            parent.items.append(node)
        elif parent.key is None:
            parent.key = self._key(node, block)
        else:
            self._entry(parent, parent.key, node)
            parent.key = None

    def _key(self, node: Node, block: bool) -> Text:
        if not isinstance(node, Text) or block:
            self._problem(node.mark, "a key that is no plain text")
            return Text("", node.mark)
        if node.text == "<<" and not node.quoted:
            self._problem(node.mark, "a merge key (<<)", "write the keys out")
        elif not node.text:
            self._problem(node.mark, "an empty key")
        return node

    def _entry(self, parent: _Open, key: Text, node: Node) -> None:
        first = parent.entries.get(key.text)
        if first is None:
            parent.entries[key.text] = (key, node)
        elif key.text:
            self._problem(key.mark, f"duplicate key '{key.text}'", f"it stands on line {first[0].mark.line} already")

    def _problem(self, mark: Mark, message: str, suggestion: str = "") -> None:
        self.problems.append(Problem(mark.line, mark.column, "", message, suggestion))


def _events(text: str) -> Iterator[yaml.Event]:
    yield from yaml.parse(text, Loader=yaml.SafeLoader)


class _Place(Protocol):
    line: int
    column: int


def _mark(place: _Place | None) -> Mark:
    return Mark(place.line + 1, place.column + 1) if place else Mark(1, 1)
