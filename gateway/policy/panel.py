"""Who is asked: of controls in a fixed order those that a kind of intent concerns. What they are silent on is left out.

Law: the findings are those of asking everybody, in their order, without the silent ones.
"""

from collections.abc import Sequence

from gateway.core.decision import Finding
from gateway.core.intent import Intent
from gateway.core.request import Call
from gateway.core.snapshot import Snapshot
from gateway.policy.controls.control import Control, Valued, heard


class Panel:
    """Controls that are asked together."""

    __slots__ = ("_concerned", "_controls")

    def __init__(self, controls: Sequence[Control]) -> None:
        self._controls = tuple(controls)
        self._concerned: dict[type[Intent], tuple[Control, ...]] = {}

    def findings(self, call: Call, snapshot: Snapshot, valued: Valued) -> tuple[Finding, ...]:
        """The finding on the call of every control that has a say, in their order."""
        kind = type(call.intent)
        if kind not in self._concerned:
            self._concerned[kind] = self._concerned_by(kind)
        return heard(self._concerned[kind], call, snapshot, valued)

    def _concerned_by(self, kind: type[Intent]) -> tuple[Control, ...]:
        return tuple(one for one in self._controls if one.concerns is None or kind in one.concerns)
