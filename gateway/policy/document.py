"""A policy file: text in, one frozen Policy out, or every problem of the file at once.

The keys are those of ``controls.SETTINGS``, ``version`` and ``extends``; each control reads its own value. What is
checked here is what concerns several keys together: what must be stated where orders are allowed, and what cannot be
meant.
A key of a later version is an error that says so, for nothing would enforce it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar, cast

from gateway.core.intent import OrderKind
from gateway.policy.controls import MUST_STATE, SETTINGS
from gateway.policy.controls.access import Cancels
from gateway.policy.controls.allow import MARKET_KINDS, Orders, Symbols
from gateway.policy.controls.conduct import Alerts, IfSilent, Mode
from gateway.policy.controls.control import BadSetting, Control, Key, Setting
from gateway.policy.controls.limited import Limited
from gateway.policy.controls.price import MarketPrice, StaleAfter
from gateway.policy.controls.reading import nearest
from gateway.policy.controls.references import DEFAULT_SOURCES, Sources
from gateway.policy.inherit import MAX_DEPTH, NoParent, Parents, depth, inherited, nobody
from gateway.policy.lint import warnings
from gateway.policy.measures import currencies, digest, needs_marks
from gateway.policy.panel import Panel
from gateway.policy.strict_yaml import DocumentError, Mark, Node, Problem, Table, Text, read

VERSION: Final = Key("version", "1", "1", "The version of this format. Required.", {"enum": [1, "1"]})
EXTENDS: Final = Key(
    "extends",
    "a policy's name",
    "house-rules",
    "The policy that this one stands under. What this file leaves out is that one's; what it states may only be "
    "tighter: sets lie within, limits are no larger in the same unit, and looser is an error. At most five deep.",
    {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"},
)
SECTIONS: Final = ("allow", "limits", "price", "liquidity")
NOT_YET: Final = frozenset({"allow.settings", "allow.endpoints", "limits.leverage"})
ELSEWHERE: Final = {
    "account": "a token's account stands on the token: token issue --account",
    "expires": "a token's lifetime stands on the token: token issue --expires",
    "from": "a token's addresses stand on the token: token issue --allow-ip",
    "name": "a policy is named by its file",
    "token": "a token names its policy, not the reverse: token issue --policy",
}
_BY_PATH: Final = {setting.key.path: setting for setting in SETTINGS}
_KNOWN: Final = dict.fromkeys([VERSION.path, EXTENDS.path, *SECTIONS, *_BY_PATH, *NOT_YET])
_NAME: Final = re.compile(str(EXTENDS.schema["pattern"]), re.ASCII)

S = TypeVar("S", bound=Control)


class PolicyError(DocumentError):
    """The policy cannot be used; ``problems`` holds every reason, in the order of the text."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a token may do. ``digest`` is the SHA-256 (hex) of what the file means, not of how it is written.

    ``controls`` are those that the file or its ``parent`` states or that stand by default; ``lines`` maps a rule to
    its line of the file. ``needs_marks``: an order needs the prices of the other instruments that the token holds.
    """

    name: str
    digest: str
    controls: tuple[Setting, ...]
    lines: tuple[tuple[str, int], ...]
    warnings: tuple[Problem, ...] = ()
    parent: "Policy | None" = None
    needs_marks: bool = field(init=False, repr=False, compare=False)
    panel: Panel = field(init=False, repr=False, compare=False)
    _kinds: Mapping[type[Control], Setting] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "needs_marks", needs_marks(self.controls))
        object.__setattr__(self, "panel", Panel(self.controls))
        object.__setattr__(self, "_kinds", {type(control): control for control in self.controls})

    def find(self, kind: type[S]) -> S | None:
        """The policy's control of this class."""
        return cast("S | None", self._kinds.get(kind))

    def line(self, rule: str) -> int | None:
        """The line that states this rule; None where its default stands, or the parent's."""
        return dict(self.lines).get(rule)

    def origin(self, rule: str) -> tuple[str, int] | None:
        """The policy and the line that state this rule: its own, or the nearest parent's. None for a default."""
        line = self.line(rule)
        if line is not None:
            return self.name, line
        return self.parent.origin(rule) if self.parent else None

    @property
    def symbols(self) -> frozenset[str]:
        """The symbols and globs it may trade."""
        found = self.find(Symbols)
        return found.names if found else frozenset()

    @property
    def orders(self) -> frozenset[OrderKind]:
        """The kinds of order it may send; empty for a policy that only reads."""
        found = self.find(Orders)
        return found.kinds if found else frozenset()

    @property
    def cancels_any(self) -> bool:
        """Whether it may cancel orders that another live token placed."""
        found = self.find(Cancels)
        return found is not None and found.foreign

    @property
    def stale_after_ms(self) -> int:
        """How old a reference price may be for an order."""
        found = self.find(StaleAfter)
        return found.ms if found else 0

    @property
    def shadow(self) -> bool:
        """Whether what it would deny passes, and is only written down."""
        found = self.find(Mode)
        return found is not None and found.shadow

    @property
    def sources(self) -> int:
        """How many independent venues must stand behind a reference price."""
        found = self.find(Sources)
        return found.count if found else DEFAULT_SOURCES

    @property
    def silent_after_ms(self) -> int | None:
        """After how long without a request its own orders are cancelled; None: never."""
        found = self.find(IfSilent)
        return found.after_ms if found else None

    @property
    def alerts(self) -> Alerts:
        """What is to be told at once."""
        return self.find(Alerts) or Alerts(frozenset())


def load(text: str | bytes, name: str, parents: Parents = nobody, clamp: bool = False) -> Policy:
    """The policy of this text; ``name`` is the file's stem, ``parents`` finds what it extends. Raises PolicyError.

    ``clamp``: what is looser than its parent is taken as the parent would have it, instead of refused.
    """
    try:
        root = read(text, name)
    except DocumentError as error:
        raise PolicyError(name, error.problems) from None
    reader = _Reader(parents, clamp)
    reader.document(root)
    reader.inherit()
    reader.agree()
    if reader.problems:
        raise PolicyError(name, tuple(reader.problems))
    controls = reader.controls()
    lines = tuple((path, mark.line) for path, mark in reader.marks.items())
    return Policy(name, digest(controls), controls, lines, warnings(controls, reader.marks), reader.parent)


class _Reader:
    """Walks a document once and collects settings and problems."""

    def __init__(self, parents: Parents, clamp: bool) -> None:
        self.problems: list[Problem] = []
        self.settings: dict[type[Setting], Setting] = {}
        self.marks: dict[str, Mark] = {}
        self.parent: Policy | None = None
        self._parents = parents
        self._clamp = clamp

    def controls(self) -> tuple[Setting, ...]:
        """What was read, and the defaults of what was not, in the order of the list."""
        stated = (self.settings.get(setting) or setting.absent() for setting in SETTINGS)
        return tuple(control for control in stated if control is not None)

    def document(self, root: Node) -> None:
        """Read every key of the file."""
        if not isinstance(root, Table):
            self._problem(root.mark, "", "a policy is a mapping of keys to values", "begin with version: 1")
            return
        if not any(key.text == VERSION.path for key, _ in root.entries):
            self._problem(Mark(1, 1), VERSION.path, "'version' is missing", "begin with version: 1")
        for path, key, node in self._leaves(root):
            self._leaf(path, key, node)

    def _leaves(self, root: Table) -> Iterator[tuple[str, Text, Node]]:
        for key, node in root.entries:
            if "." in key.text:
                section, _, leaf = key.text.partition(".")
                self._problem(key.mark, "", f"unknown key '{key.text[:60]}'", f"write {section}: and {leaf}: below it")
            elif key.text not in SECTIONS:
                yield key.text, key, node
            elif not isinstance(node, Table):
                self._problem(node.mark, key.text, f"'{key.text}' is a mapping", f"indent its keys below {key.text}:")
            else:
                yield from ((f"{key.text}.{inner.text}", inner, value) for inner, value in node.entries)

    def _leaf(self, path: str, key: Text, node: Node) -> None:
        self.marks[path] = key.mark
        if path == VERSION.path:
            if not isinstance(node, Text) or node.text != "1":
                self._problem(node.mark, path, "this version of the gateway reads version 1 only", "write version: 1")
        elif path == EXTENDS.path:
            self._extend(node)
        elif setting := _BY_PATH.get(path):
            self._setting(setting, path, node)
        elif path in NOT_YET:
            message = f"'{path}' is not supported yet by this version"
            self._problem(key.mark, path, message, "remove it: nothing would enforce it")
        else:
            self._problem(key.mark, path, f"unknown key '{path[:60]}'", _nearest(path))

    def _extend(self, node: Node) -> None:
        if not isinstance(node, Text) or not _NAME.fullmatch(node.text):
            self._problem(node.mark, EXTENDS.path, "extends: expected a policy's name", "write it like house-rules")
            return
        try:
            self.parent = self._parents(node.text)
            if depth(self.parent) >= MAX_DEPTH:
                raise NoParent(f"more than {MAX_DEPTH} policies stand above this one")
        except NoParent as error:
            self._problem(node.mark, EXTENDS.path, f"extends: {error}", "name a policy of this directory, by its file")

    def inherit(self) -> None:
        """What the parent states, and what this file may not."""
        if self.parent is None:
            return
        self.settings, looser = inherited(self.settings, self.parent, self._clamp)
        for found in looser:
            self._problem(self.marks[found.rule], found.rule, f"{found.rule}: {found.message}", found.suggestion)

    def _setting(self, setting: type[Setting], path: str, node: Node) -> None:
        try:
            self.settings[setting] = setting.read(node)
        except BadSetting as error:
            for fault in error.faults:
                self._problem(fault.mark, path, f"{path}: {fault.message}", fault.suggestion)

    def agree(self) -> None:
        """What must be stated where orders are allowed, and in one currency."""
        orders = self.settings.get(Orders)
        if not isinstance(orders, Orders) or not orders.kinds:
            return
        mark = self._mark(Orders.rule)
        symbols = self.settings.get(Symbols)
        if not self._states(Symbols.rule) or (isinstance(symbols, Symbols) and not symbols.names):
            self._missing(mark, Symbols, "orders are allowed, and no symbol is")
        for limit in MUST_STATE:
            if not self._states(limit.rule):
                self._missing(mark, limit, f"orders are allowed, and {limit.rule} is not stated")
        if orders.kinds & MARKET_KINDS and not self._states(MarketPrice.rule):
            named = ", ".join(sorted(orders.kinds & MARKET_KINDS))
            what = f"orders without a limit ({named}) are allowed, and price.market is not stated"
            self._missing(mark, MarketPrice, what)
        self._one_currency()

    def _one_currency(self) -> None:
        units = currencies([self.settings[kind] for kind in SETTINGS if kind in self.settings])
        first = next(iter(units), "")
        for rule, unit in units.items():
            if unit != units[first]:
                what = f"{rule} is in {unit}, {first} in {units[first]}"
                self._problem(self._mark(rule), rule, what, "one policy, one quote currency")

    def _states(self, rule: str) -> bool:
        return rule in self.marks or (self.parent is not None and self.parent.origin(rule) is not None)

    def _mark(self, rule: str) -> Mark:
        """Where the rule stands, or what brings it in."""
        return self.marks.get(rule) or self.marks[EXTENDS.path]

    def _missing(self, mark: Mark, setting: type[Setting], message: str) -> None:
        section, _, leaf = setting.key.path.partition(".")
        lifted = f", or {leaf}: unlimited because <reason>" if issubclass(setting, Limited) else ""
        self._problem(mark, setting.key.path, message, f"add under {section}: {leaf}: {setting.key.example}{lifted}")

    def _problem(self, mark: Mark, path: str, message: str, suggestion: str = "") -> None:
        self.problems.append(Problem(mark.line, mark.column, path, message, suggestion))


def _nearest(path: str) -> str:
    if path in ELSEWHERE:
        return ELSEWHERE[path]
    section, _, leaf = path.rpartition(".")
    siblings = {known.rpartition(".")[2]: known for known in _KNOWN if known.rpartition(".")[0] == section}
    anywhere = {known.rpartition(".")[2]: known for known in _KNOWN}
    found = next((choices[near] for choices in (siblings, anywhere) if (near := nearest(leaf, choices))), "")
    return f"did you mean {found}?" if found else "see docs/policy.md for every key"
