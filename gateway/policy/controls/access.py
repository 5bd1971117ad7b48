"""Grants beyond orders: private reads, cancels of other tokens' orders, and extra parameters by name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self, assert_never

from gateway.core.decision import DenyCode, Finding
from gateway.core.intent import Cancel, CancelAll, Forbidden, Place, Public, Read, ReadName
from gateway.core.request import Call
from gateway.core.snapshot import Snapshot
from gateway.policy.controls.control import Key, Setting, Valued
from gateway.policy.controls.reading import listing, one_of, scalar, table
from gateway.policy.grammar import BadValue
from gateway.policy.strict_yaml import Node, Text

_READS: Final = {name.value: name for name in ReadName if name is not ReadName.INSTRUMENTS}
_OWN: Final = {"own": False, "account": True}
_ENDPOINT: Final = re.compile(r"(GET|POST|PUT|PATCH|DELETE) /[A-Za-z0-9/_{}.-]{1,200}", re.ASCII)
_PARAMETER: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reads(Setting):
    """The private reads it may make; instruments and public market data are for every token."""

    concerns = frozenset({Read})
    rule = "allow.reads"
    key = Key(
        "allow.reads",
        f"all, or list of {', '.join(_READS)}",
        "[balances, orders, trades]",
        "The private reads it may make; `all` by default. Public market data and instruments are always readable.",
        {"anyOf": [{"const": "all"}, {"type": "array", "items": {"enum": list(_READS)}, "uniqueItems": True}]},
    )
    names: frozenset[ReadName]

    @classmethod
    def read(cls, node: Node) -> Self:
        if isinstance(node, Text):
            return cls(scalar(node, one_of({"all": frozenset(_READS.values())}), f"all, or {cls.key.example}"))
        return cls(frozenset(listing(node, _read_name, cls.key.example)))

    @classmethod
    def absent(cls) -> Self:
        return cls(frozenset(_READS.values()))

    @property
    def text(self) -> str:
        return ", ".join(sorted(self.names))

    def under(self, parent: Self) -> Self:
        return type(self)(self.names & parent.names)

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Read():
                if intent.name in self.names or intent.name is ReadName.INSTRUMENTS:
                    return self.granted
                detail = f"reading {intent.name} is not in allow.reads"
                return self.fails(DenyCode.NOT_GRANTED, detail, self.text or "none", intent.name)
            case Place() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)


def _read_name(text: str) -> ReadName:
    if text == "all":
        raise BadValue("'all' is no item of a list", "write reads: all")
    if text == ReadName.INSTRUMENTS:
        raise BadValue("'instruments' is readable by every token", "remove it")
    return one_of(_READS)(text)


@dataclass(frozen=True, slots=True)
class Cancels(Setting):
    """Whether it may cancel orders that another live token placed. Its own it may always cancel."""

    suspends = False
    concerns = frozenset({Cancel, CancelAll})
    rule = "allow.cancel"
    key = Key(
        "allow.cancel",
        "own, or account",
        "own",
        "Whether it may cancel orders that another live token placed (`account`), or not (`own`, the default).",
        {"enum": list(_OWN)},
    )
    foreign: bool

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(scalar(node, one_of(_OWN), cls.key.example))

    @classmethod
    def absent(cls) -> Self:
        return cls(False)

    @property
    def text(self) -> str:
        return "account" if self.foreign else "own"

    def under(self, parent: Self) -> Self:
        return type(self)(self.foreign and parent.foreign)

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Cancel() | CancelAll():
                if self.foreign or not snapshot.cancels_foreign:
                    return self.granted
                return self.fails(DenyCode.NOT_GRANTED, "the order belongs to another token", self.text, "account")
            case Place() | Read() | Public() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)


@dataclass(frozen=True, slots=True)
class Parameters(Setting):
    """Extra parameters of a call that changes state, let through by name."""

    suspends = False
    rule = "parameters"
    key = Key(
        "parameters",
        "mapping of METHOD /path to a list of parameter names",
        "{POST /api/v3/order: [strategyId]}",
        "Extra parameters to let through, by endpoint and name; the exchange's table says which can be granted, "
        "and none that moves value can.",
        {
            "type": "object",
            "patternProperties": {
                f"^{_ENDPOINT.pattern}$": {
                    "type": "array",
                    "minItems": 1,
                    "uniqueItems": True,
                    "items": {"type": "string", "pattern": f"^{_PARAMETER.pattern}$"},
                }
            },
            "additionalProperties": False,
        },
    )
    names: Mapping[str, frozenset[str]]

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(table(node, _grants, cls.key.example))

    @classmethod
    def absent(cls) -> Self:
        return cls({})

    @property
    def text(self) -> str:
        return "; ".join(f"{row}: {', '.join(sorted(names))}" for row, names in sorted(self.names.items()))

    def under(self, parent: Self) -> Self:
        common = {row: names & parent.names.get(row, frozenset()) for row, names in self.names.items()}
        return type(self)({row: names for row, names in common.items() if names})

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        if not call.needs_grant:
            return self.silent
        row = str(call.endpoint)
        granted = self.names.get(row, frozenset())
        missing = sorted(call.needs_grant - granted)
        if not missing:
            return self.granted
        named = ", ".join(missing)
        return self.fails(DenyCode.PARAMETER, f"parameter {named} of {row} is not granted", self.text or "none", named)


def _grants(endpoint: str, node: Node) -> frozenset[str]:
    if not _ENDPOINT.fullmatch(endpoint):
        raise BadValue(f"{endpoint[:60]!r} is not an endpoint", "write METHOD /path, like POST /api/v3/order")
    names = listing(node, _parameter, "[strategyId]")
    if not names:
        raise BadValue("no parameter is named", "write it like [strategyId], or remove the line")
    return frozenset(names)


def _parameter(text: str) -> str:
    if not _PARAMETER.fullmatch(text):
        raise BadValue(f"{text[:40]!r} is not a parameter's name")
    return text
