"""A policy file: text in, one frozen Policy out, or every problem of the file at once.

The keys are those of ``controls.SETTINGS``, ``version`` and ``extends``; ``reader.py`` walks the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar, cast

from gateway.core.intent import OrderKind
from gateway.policy.controls import FLOORS
from gateway.policy.controls.access import Cancels
from gateway.policy.controls.allow import Orders, Symbols
from gateway.policy.controls.conduct import Alerts, IfSilent, Mode
from gateway.policy.controls.control import Control, Setting
from gateway.policy.controls.liquidity import Share, Volume
from gateway.policy.controls.price import StaleAfter
from gateway.policy.controls.references import DEFAULT_SOURCES, Anchor, Sources
from gateway.policy.inherit import Parents, nobody
from gateway.policy.lint import warnings
from gateway.policy.measures import digest, needs_marks
from gateway.policy.panel import Panel
from gateway.policy.reader import Reader
from gateway.policy.strict_yaml import DocumentError, Problem, read

S = TypeVar("S", bound=Control)

TOLD_BY_VENUES: Final = 2
"""More than one source: then other venues than the exchange itself are asked."""


class PolicyError(DocumentError):
    """The policy cannot be used; ``problems`` holds every reason, in the order of the text."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a token may do. ``digest`` is the SHA-256 (hex) of what the file means, not of how it is written.

    ``controls`` are those that the file or its ``parent`` states or that stand by default; ``lines`` maps a rule to
    its line of the file. ``needs_marks``: an order needs the prices of the other instruments that the token holds.
    ``shadow``: what it would deny passes, and is only written down. ``alerts``: what is to be told at once.
    ``panel``: who is asked about a call, the floors last.
    """

    name: str
    digest: str
    controls: tuple[Setting, ...]
    lines: tuple[tuple[str, int], ...]
    warnings: tuple[Problem, ...] = ()
    parent: "Policy | None" = None
    needs_marks: bool = field(init=False, repr=False, compare=False)
    shadow: bool = field(init=False, repr=False, compare=False)
    alerts: Alerts = field(init=False, repr=False, compare=False)
    panel: Panel = field(init=False, repr=False, compare=False)
    _kinds: Mapping[type[Control], Setting] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "needs_marks", needs_marks(self.controls))
        object.__setattr__(self, "panel", Panel((*self.controls, *FLOORS)))
        object.__setattr__(self, "_kinds", {type(control): control for control in self.controls})
        mode = self.find(Mode)
        object.__setattr__(self, "shadow", mode is not None and mode.shadow)
        object.__setattr__(self, "alerts", self.find(Alerts) or Alerts(frozenset()))

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
    def sources(self) -> int:
        """How many independent venues must stand behind a reference price."""
        found = self.find(Sources)
        return found.count if found else DEFAULT_SOURCES

    @property
    def venues(self) -> int:
        """How many venues must be asked for it: averages and volumes are told by the venues, never by the book."""
        told = any(self.find(kind) is not None for kind in (Anchor, Share, Volume))
        return max(self.sources, TOLD_BY_VENUES if told else 1)

    @property
    def silent_after_ms(self) -> int | None:
        """After how long without a request its own orders are cancelled; None: never."""
        found = self.find(IfSilent)
        return found.after_ms if found else None


def load(text: str | bytes, name: str, parents: Parents = nobody, clamp: bool = False) -> Policy:
    """The policy of this text; ``name`` is the file's stem, ``parents`` finds what it extends. Raises PolicyError.

    ``clamp``: what is looser than its parent is taken as the parent would have it, instead of refused.
    """
    try:
        root = read(text, name)
    except DocumentError as error:
        raise PolicyError(name, error.problems) from None
    reader = Reader(parents, clamp)
    reader.document(root)
    reader.inherit()
    reader.agree()
    if reader.problems:
        raise PolicyError(name, tuple(reader.problems))
    controls = reader.controls()
    lines = tuple((path, mark.line) for path, mark in reader.marks.items())
    return Policy(name, digest(controls), controls, lines, warnings(controls, reader.marks), reader.parent)
