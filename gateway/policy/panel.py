"""Who is asked: of controls in a fixed order those that a kind of intent concerns. The others are silent on it.

Law: the findings are those of asking everybody, each in its place; only the asking of the silent is spared.
"""

from collections.abc import Sequence

from gateway.core.decision import Finding
from gateway.core.intent import Intent
from gateway.core.request import Call
from gateway.core.snapshot import Snapshot
from gateway.policy.controls.control import Control, Valued, ask

_Asked = tuple[tuple[int, Control], ...]


class Panel:
    """Controls that are asked together."""

    __slots__ = ("_controls", "_seated")

    def __init__(self, controls: Sequence[Control]) -> None:
        self._controls = tuple(controls)
        self._seated: dict[type[Intent], tuple[list[Finding], _Asked]] = {}

    def findings(self, call: Call, snapshot: Snapshot, valued: Valued) -> tuple[Finding, ...]:
        """Every control's finding on the call, in their order."""
        kind = type(call.intent)
        if kind not in self._seated:
            self._seated[kind] = self._seat(kind)
        silent, asked = self._seated[kind]
        found = silent.copy()
        for place, control in asked:
            found[place] = ask(control, call, snapshot, valued)
        return tuple(found)

    def _seat(self, kind: type[Intent]) -> tuple[list[Finding], _Asked]:
        asked = enumerate(self._controls)
        return (
            [control.silent for control in self._controls],
            tuple((place, control) for place, control in asked if control.concerns is None or kind in control.concerns),
        )
