"""What every control is: a frozen value with one rule, asked about one call at a time.

A control never sees another control's answer, changes nothing and raises nothing on purpose. What it has no word on
gets its ``silent`` finding, what it merely grants its ``granted`` one: both are made once, for speed. A Setting is a
control that a policy file states; it declares its own key, grammar, schema and sentence for the documentation, so
that these cannot drift from what is enforced.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from gateway.core.decision import SEVERITY, SILENT, Action, DenyCode, Finding
from gateway.core.intent import Intent, Place
from gateway.core.request import Call
from gateway.core.snapshot import Snapshot
from gateway.policy.strict_yaml import Mark, Node
from gateway.policy.valuation import Unvalued, Valuation

Valued = Valuation | Unvalued | None
"""The call's order valued; None for a call that places none."""
FAILED: Final = "failed ({}); denied to be safe"
ORDERS: Final[frozenset[type[Intent]]] = frozenset({Place})


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the policy file. ``form`` is its grammar in one line, ``example`` a value of it, as YAML."""

    path: str
    form: str
    example: str
    meaning: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a key's value."""

    mark: Mark
    message: str
    suggestion: str = ""


class BadSetting(ValueError):
    """A key's value cannot be read; every fault found in it."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(faults[0].message)
        self.faults = faults


class Control(ABC):
    """One reason to deny. ``rule`` names it in findings.

    ``concerns``: the kinds of intent that it is asked about; on all others it is silent. None: it is always asked.
    """

    __slots__ = ()
    rule: ClassVar[str]
    concerns: ClassVar[frozenset[type[Intent]] | None] = None
    silent: ClassVar[Finding]
    granted: ClassVar[Finding]

    def __init_subclass__(cls) -> None:
        if rule := getattr(cls, "rule", ""):
            cls.silent = Finding(rule, True, SILENT)
            cls.granted = Finding(rule, True, "granted")

    @abstractmethod
    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        """This control's word on the call. Pure."""

    def passes(self, limit: str = "", observed: str = "", wait_ms: int | None = None, before: str = "") -> Finding:
        """A finding that lets the call go on."""
        return Finding(self.rule, True, "", limit, observed, retry_after_ms=wait_ms, before=before)

    def fails(
        self,
        code: DenyCode,
        detail: str,
        limit: str = "",
        observed: str = "",
        retry_after_ms: int | None = None,
        action: Action = Action.DENY,
        action_ms: int = 0,
        before: str = "",
    ) -> Finding:
        """A finding that denies the call."""
        return Finding(
            self.rule, False, detail, limit, observed, code, retry_after_ms, action, action_ms, before=before
        )

    def never(self, what: str, limit: str) -> Finding:
        """The failure of an order whose market nobody will ever tell this of: final, for trying again helps nobody."""
        detail = f"{what} is told by nobody here: on a testnet or demo account, or without the extra `prices`, never"
        return self.fails(DenyCode.SYMBOL, detail, limit)

    def unvalued(self, valued: Valued) -> Finding:
        """The failure of a control that needs a value where there is none; never the first reason told."""
        if isinstance(valued, Unvalued):
            code = max(valued.code, DenyCode.UNPRICED, key=SEVERITY.__getitem__)
            return self.fails(code, f"not valued: {valued.detail}")
        return self.fails(DenyCode.INTERNAL, "the order was not valued")


class Setting(Control):
    """A control that a policy file states under ``key``.

    ``suspends``: ``mode: shadow`` lets its denials pass. ``ordered``: of two values one may be the looser.
    """

    __slots__ = ()
    key: ClassVar[Key]
    suspends: ClassVar[bool] = True
    ordered: ClassVar[bool] = True

    @classmethod
    @abstractmethod
    def read(cls, node: Node) -> Self:
        """The control that this value states. Raises BadSetting."""

    @classmethod
    def absent(cls) -> "Setting | None":
        """The control that stands where the file says nothing; None = none is needed."""
        return None

    @property
    @abstractmethod
    def text(self) -> str:
        """The value in its canonical form: what the policy's digest is made of."""

    @abstractmethod
    def under(self, parent: Self) -> Self:
        """What allows no more than this and no more than ``parent``'s; equal to this where this is no looser.

        Raises BadValue where the two cannot be compared.
        """


def heard(controls: Sequence[Control], call: Call, snapshot: Snapshot, valued: Valued) -> tuple[Finding, ...]:
    """The word of each that has one. One that raises has denied, and tells the error's class and nothing of its text.

    Every request goes through here, hence no call but the control's own.
    """
    findings = []
    for control in controls:
        try:
            found = control.check(call, snapshot, valued)
        except Exception as error:
            found = control.fails(DenyCode.INTERNAL, FAILED.format(type(error).__name__))
        if found is not control.silent:
            findings.append(found)
    return tuple(findings)
