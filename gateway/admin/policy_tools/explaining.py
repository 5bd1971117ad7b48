"""Every control with PASS or FAIL, its numbers, and the line of YAML that states it. Pure but for reading policy files.

A line is shown only from a file that means what was decided by: its digest must be the decision's.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from gateway.core.decision import SILENT, Allow, Decision, Deny, Finding
from gateway.core.money import plain
from gateway.core.snapshot import Reference
from gateway.policy.controls import FLOORS
from gateway.policy.document import Policy
from gateway.policy.inherit import NoParent
from gateway.registry.policies import beside

Line = dict[str, Any]
_COMMENT: Final = re.compile(r"""((?:[^"'#]|"[^"]*"|'[^']*'|(?<!\s)#)*)\s#.*""")


class Sources:
    """The policy files of one directory, to quote from."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._find = beside(directory)

    def find(self, name: str) -> Policy | None:
        """The policy as its file says now; None where it cannot be used."""
        try:
            return self._find(name)
        except NoParent:
            return None

    def line(self, policy: Policy, rule: str) -> Line | None:
        """Where this rule is stated, and the words that stand there; None for what stands by default."""
        origin = policy.origin(rule)
        if origin is None:
            return None
        name, number = origin
        return {"file": f"{name}.yaml", "line": number, "text": self._text(name, number)}

    def _text(self, name: str, number: int) -> str:
        return quoted_line(self._directory / f"{name}.yaml", number)


def quoted_line(path: Path, number: int) -> str:
    """The words of a file's line, without its comment; empty where it cannot be read."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, ValueError):
        return ""
    line = lines[number - 1] if number <= len(lines) else ""
    commented = _COMMENT.fullmatch(line)
    return (commented[1] if commented else line).strip()


def explained(
    decision: Decision,
    policy: Policy,
    sources: Sources,
    reference: Reference | None,
    beside: Mapping[str, Line] | None = None,
) -> dict[str, Any]:
    """The decision as one document: the verdict, every control, and the price that it was measured by.

    ``beside``: the lines of rules that no policy states.
    """
    in_files = sources.find(policy.name)
    quoted = in_files if in_files is not None and in_files.digest == policy.digest else None
    document: dict[str, Any] = {
        "policy": policy.name, "digest": policy.digest,
        "verdict": "allow" if isinstance(decision, Allow) else "deny",
        "rule": decision.rule if isinstance(decision, Deny) else None,
        "detail": decision.detail if isinstance(decision, Deny) else "",
        "reference": None if reference is None else _reference(reference),
        "controls": [_control(found, policy, quoted, sources, beside or {}) for found in _every(policy, decision)],
    }  # fmt: skip
    if isinstance(decision, Allow) and decision.reserve is not None:
        document["reserve"] = {
            "value": str(decision.reserve.value),
            "giveaway": str(decision.reserve.giveaway) if decision.reserve.giveaway else None,
        }
    return document


def _every(policy: Policy, decision: Decision) -> list[Finding]:
    """The decision's findings, and the silent ones of the policy's controls and the floors, each in its place."""
    heard = {found.rule: found for found in decision.findings}
    own = [heard.pop(control.rule, control.silent) for control in (*policy.controls, *FLOORS)]
    return [*own, *heard.values()]


def _control(
    found: Finding, policy: Policy, quoted: Policy | None, sources: Sources, beside: Mapping[str, Line]
) -> dict[str, Any]:
    line = sources.line(quoted, found.rule) if quoted else _line_only(policy, found.rule)
    word = "pass" if found.passed else "shadow" if found.suspended else "fail"
    return {
        "rule": found.rule, "verdict": word, "silent": found.passed and found.detail == SILENT,
        "limit": found.limit, "observed": found.observed, "before": found.before, "detail": found.detail,
        "code": "" if found.passed else found.code.value,
        "yaml": line or beside.get(found.rule),
    }  # fmt: skip


def _line_only(policy: Policy, rule: str) -> Line | None:
    """The number without the words: the file has changed since."""
    origin = policy.origin(rule)
    return None if origin is None else {"file": f"{origin[0]}.yaml", "line": origin[1], "text": ""}


def _reference(reference: Reference) -> dict[str, Any]:
    return {
        "price": plain(reference.price), "at_ms": reference.at_ms, "source": reference.source,
        "sources": reference.sources,
        "quoted": {name: plain(price) for name, price in reference.quoted},
    }  # fmt: skip


def as_text(document: Mapping[str, Any]) -> str:
    """The document for a person: failures first, what has no say left out."""
    verdict = "ALLOWED" if document["verdict"] == "allow" else f"DENIED by {document['rule']}: {document['detail']}"
    lines = [verdict]
    if (reference := document["reference"]) is not None:
        lines.append(f"  fair price {reference['price']} ({reference['source']})")
    if reserve := document.get("reserve"):
        given = f", giveaway {reserve['giveaway']}" if reserve["giveaway"] else ""
        lines.append(f"  would reserve {reserve['value']}{given}")
    spoken = [control for control in document["controls"] if not control["silent"]]
    return "\n".join([*lines, *control_lines(spoken)])


def control_lines(controls: Iterable[Mapping[str, Any]]) -> list[str]:
    """One line for each control: verdict, numbers and line of YAML; failures first."""
    ranked = sorted(controls, key=lambda control: bool(control["verdict"] == "pass"))
    width = max((len(control["rule"]) for control in ranked), default=0)
    return [_told(control, width) for control in ranked]


def _told(control: Mapping[str, Any], width: int) -> str:
    numbers = f"{control['observed']} of {control['limit']}" if control["observed"] else control["limit"]
    numbers += f" ({control['before']} before)" if control["before"] else ""
    why = control["detail"] if control["verdict"] != "pass" else ""
    told = "; ".join(filter(None, [why, numbers if not why else ""])) or control["detail"]
    where = control["yaml"]
    line = f"   [{where['file']}:{where['line']}{': ' if where['text'] else ''}{where['text']}]" if where else ""
    return f"  {control['verdict'].upper():<6} {control['rule']:<{width}}  {told}{line}"
