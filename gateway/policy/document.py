"""A policy file: text in, one frozen Policy out, or every problem of the file at once.

The keys are those of ``controls.SETTINGS`` and ``version``; each control reads its own value. What is checked here
is what concerns several keys together: what must be stated where orders are allowed, and what cannot be meant.
A key of a later version is an error that says so, for nothing would enforce it.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from gateway.core.intent import OrderKind
from gateway.policy.controls import SETTINGS
from gateway.policy.controls.access import Cancels
from gateway.policy.controls.allow import MARKET_KINDS, Orders, Symbols
from gateway.policy.controls.control import BadSetting, Control, Key, Setting
from gateway.policy.controls.limited import Limited
from gateway.policy.controls.price import MarketPrice, StaleAfter
from gateway.policy.controls.reading import nearest
from gateway.policy.controls.sizes import OrderLimit
from gateway.policy.controls.volumes import Turnover
from gateway.policy.lint import warnings
from gateway.policy.strict_yaml import DocumentError, Mark, Node, Problem, Table, Text, read

VERSION: Final = Key("version", "1", "1", "The version of this format. Required.", {"enum": [1, "1"]})
SECTIONS: Final = ("allow", "limits", "price")
NOT_YET: Final = frozenset({
    "extends", "mode", "liquidity", "if_silent", "hours", "alerts",
    "allow.settings", "allow.endpoints",
    "limits.position", "limits.executions", "limits.loss", "limits.leverage",
    "price.collar", "price.anchor", "price.giveaway", "price.sources",
})  # fmt: skip
ELSEWHERE: Final = {
    "account": "a token's account stands on the token: token issue --account",
    "expires": "a token's lifetime stands on the token: token issue --expires",
    "from": "a token's addresses stand on the token: token issue --allow-ip",
    "name": "a policy is named by its file",
    "token": "a token names its policy, not the reverse: token issue --policy",
}
_BY_PATH: Final = {setting.key.path: setting for setting in SETTINGS}
_KNOWN: Final = {VERSION.path: None, **dict.fromkeys(SECTIONS), **dict.fromkeys(_BY_PATH), **dict.fromkeys(NOT_YET)}

S = TypeVar("S", bound=Control)


class PolicyError(DocumentError):
    """The policy cannot be used; ``problems`` holds every reason, in the order of the text."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a token may do. ``digest`` is the SHA-256 (hex) of what the file means, not of how it is written.

    ``controls`` are those that the file states or that stand by default; ``lines`` maps a rule to its line of the file.
    """

    name: str
    digest: str
    controls: tuple[Setting, ...]
    lines: tuple[tuple[str, int], ...]
    warnings: tuple[Problem, ...] = ()

    def find(self, kind: type[S]) -> S | None:
        """The policy's control of this class."""
        return next((control for control in self.controls if isinstance(control, kind)), None)

    def line(self, rule: str) -> int | None:
        """The line that states this rule; None where its default stands."""
        return dict(self.lines).get(rule)

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


def load(text: str | bytes, name: str) -> Policy:
    """The policy of this text; ``name`` is the file's stem. Raises PolicyError."""
    try:
        root = read(text, name)
    except DocumentError as error:
        raise PolicyError(name, error.problems) from None
    reader = _Reader()
    reader.document(root)
    reader.agree()
    if reader.problems:
        raise PolicyError(name, tuple(reader.problems))
    controls = reader.controls()
    lines = {path: mark.line for path, mark in reader.marks.items()}
    return Policy(name, _digest(controls), controls, tuple(lines.items()), warnings(controls, reader.marks))


def _digest(controls: tuple[Setting, ...]) -> str:
    content = {"version": "1"} | {control.rule: control.text for control in controls}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class _Reader:
    """Walks a document once and collects settings and problems."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.settings: dict[type[Setting], Setting] = {}
        self.marks: dict[str, Mark] = {}

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
        elif setting := _BY_PATH.get(path):
            self._setting(setting, path, node)
        elif path in NOT_YET:
            message = f"'{path}' is not supported yet by this version"
            self._problem(key.mark, path, message, "remove it: nothing would enforce it")
        else:
            self._problem(key.mark, path, f"unknown key '{path[:60]}'", _nearest(path))

    def _setting(self, setting: type[Setting], path: str, node: Node) -> None:
        try:
            self.settings[setting] = setting.read(node)
        except BadSetting as error:
            for fault in error.faults:
                self._problem(fault.mark, path, f"{path}: {fault.message}", fault.suggestion)

    def agree(self) -> None:
        """What must be stated where orders are allowed."""
        orders = self.settings.get(Orders)
        if not isinstance(orders, Orders) or not orders.kinds:
            return
        mark = self.marks[Orders.rule]
        symbols = self.settings.get(Symbols)
        if Symbols.rule not in self.marks or (isinstance(symbols, Symbols) and not symbols.names):
            self._missing(mark, Symbols, "orders are allowed, and no symbol is")
        for limit in (OrderLimit, Turnover):
            if limit.rule not in self.marks:
                self._missing(mark, limit, f"orders are allowed, and {limit.rule} is not stated")
        if orders.kinds & MARKET_KINDS and MarketPrice.rule not in self.marks:
            named = ", ".join(sorted(orders.kinds & MARKET_KINDS))
            what = f"orders without a limit ({named}) are allowed, and price.market is not stated"
            self._missing(mark, MarketPrice, what)

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
