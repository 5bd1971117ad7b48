"""Settings that say how the policy itself is to be taken. They deny nothing; others read them."""

from dataclasses import dataclass
from typing import Final, Self

from gateway.core.decision import Finding
from gateway.core.money import Money
from gateway.core.request import Call
from gateway.core.snapshot import Snapshot
from gateway.policy import grammar, limits
from gateway.policy.controls.control import BadSetting, Fault, Key, Setting, Valued
from gateway.policy.controls.reading import listing, one_of, scalar
from gateway.policy.grammar import BadValue
from gateway.policy.strict_yaml import Node

_MODES: Final = {"enforce": False, "shadow": True}
_EVENTS: Final = {"denied": "denied", "halted": "halted", "new_ip": "new_ip"}
_LARGE: Final = "large "
_THEN: Final = " then cancel_orders"


class Conduct(Setting):
    """A setting that has no say on any call."""

    __slots__ = ()
    concerns = frozenset()

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        return self.silent


@dataclass(frozen=True, slots=True)
class Mode(Conduct):
    """Whether denials are answered, or only written down."""

    rule = "mode"
    key = Key(
        "mode",
        "enforce, or shadow",
        "enforce",
        "`shadow` writes down what it would deny, and lets it pass; `enforce` is the default. What it never lets pass "
        "is listed below. A token under a policy in shadow has no bound.",
        {"enum": list(_MODES)},
    )
    shadow: bool

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(scalar(node, one_of(_MODES), cls.key.example))

    @classmethod
    def absent(cls) -> Self:
        return cls(False)

    @property
    def text(self) -> str:
        return "shadow" if self.shadow else "enforce"

    def under(self, parent: Self) -> Self:
        return type(self)(self.shadow and parent.shadow)


@dataclass(frozen=True, slots=True)
class IfSilent(Conduct):
    """The dead man's switch: a token not heard of for so long has its own orders cancelled."""

    rule = "if_silent"
    key = Key(
        "if_silent",
        "<window> then cancel_orders",
        "90s then cancel_orders",
        "A dead man's switch: after so long without a request the token's own working orders are cancelled.",
        {"type": "string", "pattern": f"^{grammar.WINDOW}{_THEN}$"},
    )
    after_ms: int

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(scalar(node, _silence, cls.key.example))

    @property
    def text(self) -> str:
        return f"{grammar.window_text(self.after_ms)}{_THEN}"

    def under(self, parent: Self) -> Self:
        return type(self)(min(self.after_ms, parent.after_ms))


@dataclass(frozen=True, slots=True)
class Alerts(Conduct):
    """What somebody wants to hear of at once. ``large``: an order of at least this value."""

    rule = "alerts"
    key = Key(
        "alerts",
        f"list of {', '.join(_EVENTS)}, large <amount> <currency>",
        "[denied, halted, new_ip, large 5_000 USDT]",
        "What is told at once: a denial, a limit that stops the token (`halted`), a first request from an address "
        "(`new_ip`), an order of at least this value (`large`). None by default.",
        {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "anyOf": [
                    {"enum": list(_EVENTS)},
                    {"type": "string", "pattern": f"^{_LARGE}{grammar.NUMBER} {grammar.CURRENCY}$"},
                ]
            },
        },
    )
    events: frozenset[str]
    large: Money | None = None

    @classmethod
    def read(cls, node: Node) -> Self:
        listed = listing(node, _event, cls.key.example)
        large = [event for event in listed if isinstance(event, Money)]
        if len(large) > 1:
            raise BadSetting(Fault(node.mark, "'large' stands here twice", "keep the smaller amount"))
        return cls(frozenset(event for event in listed if isinstance(event, str)), large[0] if large else None)

    @classmethod
    def absent(cls) -> Self:
        return cls(frozenset())

    @property
    def text(self) -> str:
        return ", ".join([*sorted(self.events), *([f"{_LARGE}{self.large}"] if self.large else [])])

    def under(self, parent: Self) -> Self:
        return type(self)(self.events | parent.events, _smaller(self.large, parent.large))


def _silence(text: str) -> int:
    return grammar.window(grammar.between(text, "", _THEN, IfSilent.key.example))


def _event(text: str) -> str | Money:
    if not text.startswith(_LARGE):
        return one_of({**_EVENTS, "large": ""})(text) or _bare()
    return limits.money(text.removeprefix(_LARGE), "large 5_000 USDT")


def _bare() -> str:
    raise BadValue("'large' needs an amount", "write it like large 5_000 USDT")


def _smaller(one: Money | None, other: Money | None) -> Money | None:
    if one is None or other is None:
        return one or other
    if one.currency != other.currency:
        raise BadValue(f"{one} and {other} cannot be compared", "one policy, one quote currency")
    return one if one.amount <= other.amount else other
