"""What a replay of the log under two policies came to, as one document and in words. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.admin.looking import when
from gateway.policy.document import Policy


@dataclass(frozen=True, slots=True)
class Change:
    """One decision that would be another; ``was`` and ``now`` in the words of a test's expectation."""

    at_ms: int
    decision_id: str
    token: str
    asked: str
    was: str
    now: str
    detail: str

    def document(self) -> dict[str, Any]:
        """The change for ``--json``."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Replayed:
    """The comparison. ``drift``: decisions that the old file, replayed, would not take as the log says it did."""

    decisions: int = 0
    drift: int = 0
    without_slow: int = 0
    other_digest: int = 0
    changes: list[Change] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    def document(self) -> dict[str, Any]:
        """The comparison for ``--json``."""
        return {
            "decisions": self.decisions, "changed": [change.document() for change in self.changes],
            "skipped": dict(self.skipped), "drift": self.drift, "other_digest": self.other_digest,
            "without_anchor_and_volumes": self.without_slow,
        }  # fmt: skip


def as_text(result: Replayed, old: Policy, new: Policy) -> str:
    """The comparison for a person."""
    decisions = f"{result.decisions} decision{'' if result.decisions == 1 else 's'}"
    changes = {0: "none changes", 1: "1 changes"}.get(len(result.changes), f"{len(result.changes)} change")
    lines = [f"{decisions} under {old.name}, replayed against {new.name}: {changes}"]
    for one in result.changes:
        why = f"  ({one.detail})" if one.detail else ""
        verdicts = f"{one.was} -> {one.now}{why}"
        lines.append(f"  {_when(one.at_ms)}  {one.token}  {one.asked}: {verdicts}  d={one.decision_id}")
    lines += [f"  not replayed: {count} ({reason})" for reason, count in sorted(result.skipped.items()) if count]
    lines += [f"  note: {count} {what}" for count, what in _notes(result) if count]
    return "\n".join(lines)


def _notes(result: Replayed) -> Sequence[tuple[int, str]]:
    return (
        (result.drift, "of them the old file, replayed, would not decide as the log says (prices, states, restarts)"),
        (result.other_digest, "of them were decided by another version of the file"),
        (result.without_slow, "of them record no 24 h average and volumes; price.anchor and liquidity pass there"),
    )


def _when(at_ms: int) -> str:
    return str(when(at_ms))
