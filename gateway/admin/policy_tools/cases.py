"""``NAME.test.yaml``: the cases beside a policy, read as strictly as the policy itself.

    version: 1
    policy: grid                # the file's own name where it is left out
    given: {price: 60_000}      # the world of every case; a case's own ``given`` adds to it
    cases:
      - name: one order at the limit
        given: {turnover: 100}
        when: buy 0.003 BTC/USDT limit 60000
        expect: allow           # or: deny RULE (the one the bot hears of), or: shadow RULE

Pure: text in, a Suite or every problem of the file out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from gateway.admin.policy_tools import words
from gateway.admin.policy_tools.dials import Scene
from gateway.admin.policy_tools.given import NOTHING, READERS, Given
from gateway.policy.controls import FLOORS, SETTINGS
from gateway.policy.controls.reading import nearest
from gateway.policy.grammar import BadValue
from gateway.policy.strict_yaml import DocumentError, Items, Mark, Node, Problem, Table, Text, read

RULES: Final = frozenset([*(floor.rule for floor in FLOORS), *(setting.rule for setting in SETTINGS)])
_LIKE: Final = "write it like: allow, or deny limits.order"
_CASE_KEYS: Final = ("name", "given", "when", "expect")
_KEYS: Final = ("version", "policy", "given", "cases")
MOST_CASES: Final = 1000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Case:
    """One case; ``expect`` is ``allow``, or ``deny`` or ``shadow`` with a rule. ``line`` is where it begins."""

    name: str
    scene: Scene
    expect: str
    line: int


@dataclass(frozen=True, slots=True)
class Suite:
    """A file of cases. ``policy`` is the name of the policy that they are about."""

    policy: str
    cases: tuple[Case, ...]


def load(source: str | bytes, name: str) -> Suite:
    """The cases of this text; ``name`` is the policy's where the file names none. Raises DocumentError."""
    root = read(source, name)
    reader = _Reader()
    suite = reader.suite(root, name)
    if reader.problems:
        raise DocumentError(name, tuple(reader.problems))
    return suite


class _Reader:
    """Walks a document once and collects cases and problems."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def suite(self, root: Node, name: str) -> Suite:
        entries = self._entries(root, _KEYS, "a test file")
        version = entries.get("version")
        if not isinstance(version, Text) or version.text != "1":
            told = "version: this version of the gateway reads version 1 only"
            self._problem(version or root, told, "write version: 1")
        named = self._text(entries.get("policy"), str, name)
        given = self._given(entries.get("given"), NOTHING)
        listed = entries.get("cases")
        if not isinstance(listed, Items) or not listed.items:
            self._problem(listed or root, "cases: expected a list of cases", "begin one with - name:")
            return Suite(named, ())
        if len(listed.items) > MOST_CASES:
            self._problem(listed, f"cases: more than {MOST_CASES}", "split the file")
            return Suite(named, ())
        cases = [self._case(node, given) for node in listed.items]
        self._distinct(cases, listed)
        return Suite(named, tuple(cases))

    def _case(self, node: Node, given: Given) -> Case:
        entries = self._entries(node, _CASE_KEYS, "a case")
        for key in ("name", "when", "expect"):
            if key not in entries:
                self._problem(node, f"{key}: is missing in this case", f"add {key}:")
        asked = self._text(entries.get("when"), words.read, None)
        expect = self._text(entries.get("expect"), _expected, "")
        world = self._given(entries.get("given"), given)
        name = self._text(entries.get("name"), str, "")
        return Case(name, Scene(asked or _NOBODY, world), expect, node.mark.line)

    def _given(self, node: Node | None, base: Given) -> Given:
        if node is None:
            return base
        found: dict[str, Any] = {}
        for key, value in self._entries(node, tuple(READERS), "given").items():
            found[key] = self._text(value, READERS[key], getattr(base, key), key)
        return replace(base, **found)

    def _entries(self, node: Node, known: tuple[str, ...], what: str) -> Mapping[str, Node]:
        if not isinstance(node, Table):
            self._problem(node, f"{what} is a mapping of keys to values", f"known: {', '.join(known)}")
            return {}
        for key, _ in node.entries:
            if key.text not in known:
                near = nearest(key.text, dict.fromkeys(known))
                told = f"did you mean {near}?" if near else f"known: {', '.join(known)}"
                self._problem(key, f"unknown key '{key.text[:60]}'", told)
        return {key.text: value for key, value in node.entries if key.text in known}

    def _text(self, node: Node | None, reader: Callable[[str], T], absent: T | None, key: str = "") -> Any:
        if node is None:
            return absent
        lead = f"{key}: " if key else ""
        if not isinstance(node, Text) or not node.text:
            self._problem(node, f"{lead}expected one value")
            return absent
        try:
            return reader(node.text)
        except BadValue as wrong:
            self._problem(node, f"{lead}{wrong.message}", wrong.suggestion)
            return absent

    def _distinct(self, cases: list[Case], listed: Node) -> None:
        first: dict[str, int] = {}
        for case in cases:
            if case.name and first.setdefault(case.name, case.line) != case.line:
                told = f"it stands on line {first[case.name]} already"
                here = Text("", Mark(case.line, listed.mark.column))
                self._problem(here, f"name: {case.name!r} stands here twice", told)

    def _problem(self, node: Node, message: str, suggestion: str = "") -> None:
        self.problems.append(Problem(node.mark.line, node.mark.column, "", message, suggestion))


_NOBODY: Final = words.read("cancel own")


def _expected(text: str) -> str:
    verdict, _, rule = text.partition(" ")
    if text == "allow":
        return text
    if verdict not in ("deny", "shadow"):
        raise BadValue(f"{text[:60]!r} is no expectation", _LIKE)
    if rule not in RULES:
        near = nearest(rule, dict.fromkeys(sorted(RULES)))
        raise BadValue(f"{rule[:60]!r} is no rule", f"did you mean {near}?" if near else _LIKE)
    return text
