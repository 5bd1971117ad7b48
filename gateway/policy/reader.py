"""How a policy file is read: its keys, each control reading its own value, and every problem of the file at once.

What is checked here is what concerns several keys together: what must be stated where orders are allowed, and what
cannot be meant. A key of a later version is an error that says so, for nothing would enforce it.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from gateway.policy.controls import MUST_STATE, SETTINGS
from gateway.policy.controls.allow import MARKET_KINDS, Orders, Symbols
from gateway.policy.controls.control import BadSetting, Key, Setting
from gateway.policy.controls.limited import Limited
from gateway.policy.controls.price import MarketPrice
from gateway.policy.controls.reading import nearest
from gateway.policy.inherit import MAX_DEPTH, NoParent, Parents, depth, inherited
from gateway.policy.measures import currencies
from gateway.policy.strict_yaml import Mark, Node, Problem, Table, Text

if TYPE_CHECKING:
    from gateway.policy.document import Policy

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


class Reader:
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
