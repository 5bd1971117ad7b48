"""The grammar of limits, and what they come to: one sentence in, one frozen Limit out.

    limit   = number [currency] ["each" | "in all"] ["per" window] ["then" action]  |  "unlimited because" reason

Every limit prints back as the text it reads from (``str``), in its shortest form.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from gateway.core.decision import Action
from gateway.core.money import Money, plain
from gateway.policy.grammar import NUMBER, BadValue, count, currency, positive, quoted, window, window_text

UNLIMITED: Final = r"unlimited because \S.*"
_ACTIONS: Final = {action.value: action for action in Action}
_ACTIONS_LIKE: Final = "an action is deny, reduce_only, cancel_only or halt"
_SEVERITY: Final = {action: rank for rank, action in enumerate(Action)}
PASSING: Final = frozenset({Action.REDUCE_ONLY, Action.CANCEL_ONLY})
"""Actions that end with the limit's window; after a halt only a person resumes."""
_WORDS: Final = frozenset({"each", "in", "per", "then"})
_GLUED: Final = re.compile(rf"({NUMBER})([A-Za-z]{{3,}})", re.ASCII)


class Scope(StrEnum):
    """What a limit counts over."""

    EACH = "each"
    IN_ALL = "in all"


@dataclass(frozen=True, slots=True)
class Unlimited:
    """No limit, by a written decision."""

    because: str

    def __str__(self) -> str:
        return f"unlimited because {self.because}"


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as written. ``unit`` is a currency, empty for a count; ``window_ms`` 0 = it has none."""

    number: Decimal
    unit: str = ""
    scope: Scope | None = None
    window_ms: int = 0
    action: Action = Action.DENY

    def __str__(self) -> str:
        parts = [plain(self.number), self.unit, self.scope if self.scope is Scope.EACH else ""]
        parts.append(f"per {window_text(self.window_ms)}" if self.window_ms else "")
        parts.append(f"then {self.action}" if self.action is not Action.DENY else "")
        return " ".join(filter(None, parts))

    @property
    def money(self) -> Money:
        """The number as money of its unit."""
        return Money(self.number, self.unit)


@dataclass(frozen=True, slots=True)
class Shape:
    """Which parts of the grammar one limit has. ``must_act``: it must say what follows; ``acts``: it may."""

    example: str
    money: bool = False
    scoped: bool = False
    windowed: bool = False
    must_act: bool = False
    acts: bool = True

    @property
    def like(self) -> str:
        """The suggestion for a value that has another shape."""
        return f"write it like {self.example}"


def limit(text: str, shape: Shape) -> Limit:
    """A limit of this shape. Raises BadValue."""
    words = [word for word in text.split(" ") if word]
    if not words:
        raise BadValue("an empty value", shape.like)
    if glued := _GLUED.fullmatch(words[0]):
        raise BadValue(f"{quoted(words[0])} is not a number", _unglued(glued, words[1:], shape))
    amount = positive(words[0]) if shape.money else Decimal(count(words[0]))
    rest = words[1:]
    unit = _unit(rest, shape)
    scope = _scope(rest, shape)
    length = _per(rest, shape)
    action = _then(rest, shape)
    if rest:
        raise BadValue(f"unexpected {quoted(rest[0])}", shape.like)
    return Limit(amount, unit, scope, length, action)


def limit_or_unlimited(text: str, shape: Shape) -> Limit | Unlimited:
    """A limit of this shape, or ``unlimited because <reason>``."""
    if text.split(" ", 1)[0].lower() != "unlimited":
        return limit(text, shape)
    if shape.must_act:
        raise BadValue("this one cannot be unlimited", f"{shape.like}, or leave the key out")
    if not re.fullmatch(UNLIMITED, text) or "\n" in text:
        raise BadValue("a limit that is lifted needs its reason", "write: unlimited because <reason>")
    return Unlimited(text.removeprefix("unlimited because ").strip())


def tighter(one: Limit | Unlimited, other: Limit | Unlimited) -> Limit | Unlimited:
    """What is at most as much as either: the smaller number in the longer window, the graver action.

    Raises BadValue where they are in different currencies.
    """
    if isinstance(one, Unlimited) or isinstance(other, Unlimited):
        return other if isinstance(one, Unlimited) and isinstance(other, Limit) else one
    if one.unit != other.unit:
        raise BadValue(f"{one} and {other} cannot be compared", "one policy, one quote currency")
    return Limit(
        min(one.number, other.number),
        one.unit,
        one.scope if one.scope is other.scope else Scope.IN_ALL,
        max(one.window_ms, other.window_ms),
        max(one.action, other.action, key=_SEVERITY.__getitem__),
    )


def money(text: str, like: str) -> Money:
    """An amount of a currency: ``500 USDT``."""
    return limit(text, Shape(like, money=True, acts=False)).money


def _unglued(glued: re.Match[str], rest: list[str], shape: Shape) -> str:
    spaced = " ".join([glued[1], glued[glued.lastindex or 0].upper(), *rest])
    return f"write {spaced}" if shape.money and _reads(spaced, shape) else shape.like


def _reads(text: str, shape: Shape) -> bool:
    try:
        limit(text, shape)
    except BadValue:
        return False
    return True


def _unit(rest: list[str], shape: Shape) -> str:
    if not shape.money:
        return ""
    if not rest or rest[0] in _WORDS:
        raise BadValue("the currency is missing", shape.like)
    return currency(rest.pop(0))


def _scope(rest: list[str], shape: Shape) -> Scope | None:
    if not shape.scoped:
        return None
    if rest[:1] == ["each"]:
        del rest[:1]
        return Scope.EACH
    if rest[:2] == ["in", "all"]:
        del rest[:2]
    return Scope.IN_ALL


def _per(rest: list[str], shape: Shape) -> int:
    return _word(rest, "per", window, shape) if shape.windowed else 0


def _word(rest: list[str], word: str, read: Callable[[str], int], shape: Shape) -> int:
    if rest[:1] != [word] or len(rest) < 2:
        raise BadValue(
            f"'{word} …' is missing" if not rest or rest == [word] else f"unexpected {quoted(rest[0])}", shape.like
        )
    value = read(rest[1])
    del rest[:2]
    return value


def _then(rest: list[str], shape: Shape) -> Action:
    if rest[:1] != ["then"] or not shape.acts:
        if shape.must_act and not rest:
            raise BadValue("'then …' is missing", shape.like)
        return Action.DENY
    if len(rest) == 1:
        raise BadValue("'then …' is missing its action", shape.like if shape.must_act else _ACTIONS_LIKE)
    if len(rest) != 2 or rest[1] not in _ACTIONS:
        raise BadValue(f"{quoted(' '.join(rest[1:]))} is no action", _ACTIONS_LIKE)
    action = _ACTIONS[rest[1]]
    _applies(action, shape)
    rest.clear()
    return action


def _applies(action: Action, shape: Shape) -> None:
    if action in PASSING and not shape.windowed:
        raise BadValue(f"'then {action}' ends with a window, and this limit has none", "write 'then halt'")
    if action is Action.DENY and shape.must_act:
        raise BadValue("'then deny' does nothing here", shape.like)
