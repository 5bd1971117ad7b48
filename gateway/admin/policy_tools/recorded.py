"""What a record of the audit log tells of every control that was asked, with the line of YAML that stated it then.

A line is told only from a file that still means what was decided by: its digest must be the record's. Older records
tell of the controls that failed, and of no others.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from gateway.admin.policy_tools import account_lines
from gateway.admin.policy_tools.explaining import Line, Sources, control_lines
from gateway.home import Home
from gateway.policy.account import PREFIX
from gateway.policy.document import Policy

Record = Mapping[str, Any]
SHOWN: Final = frozenset({"failed", "shadowed", "passed"})
"""The keys of a record that ``findings`` tells in full."""
_NOWHERE: Final[Line] = {"file": None, "line": None, "text": ""}


class Recorded:
    """The records of one home, and the files that they were decided by."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._sources = Sources(home.policies)

    def findings(self, record: Record) -> list[dict[str, Any]]:
        """Every control that had its say: verdict, numbers, and ``file``, ``line`` and ``yaml`` where it is stated."""
        policy, account = self._policy(record), self._account(record)
        told = []
        for found in _controls(record):
            line = self._line(found["rule"], policy, account) or _NOWHERE
            told.append(found | {"file": line["file"], "line": line["line"], "yaml": line["text"] or None})
        return told

    def text(self, record: Record) -> list[str]:
        """The same for a person, failures first, and what is to be said of files that have changed since."""
        policy, account = self._policy(record), self._account(record)
        controls = [found | {"yaml": self._line(found["rule"], policy, account)} for found in _controls(record)]
        return [*control_lines(controls), *self._changed(record, policy)]

    def _line(self, rule: str, policy: Policy | None, account: Mapping[str, Line]) -> Line | None:
        if rule.startswith(PREFIX):
            return account.get(rule)
        return self._sources.line(policy, rule) if policy else None

    def _policy(self, record: Record) -> Policy | None:
        """The policy that decided, while its file still says the same."""
        policy = self._sources.find(record["policy"]) if "policy" in record else None
        return policy if policy is not None and policy.digest == record.get("digest") else None

    def _account(self, record: Record) -> Mapping[str, Line]:
        limits = account_lines.stated(self._home, str(record.get("account")))
        if limits is None or limits.digest != record.get("account_digest"):
            return {}
        return account_lines.lines(self._home, limits)

    def _changed(self, record: Record, policy: Policy | None) -> Iterator[str]:
        if "policy" not in record or policy is not None or not SHOWN & record.keys():
            return
        now = self._sources.find(record["policy"])
        told = "it cannot be read now" if now is None else f"the file is {now.digest[:12]} now"
        yield f"  policy {record['policy']} as of digest {str(record.get('digest'))[:12]}; {told}"


def _controls(record: Record) -> Iterable[dict[str, Any]]:
    for word, key in (("fail", "failed"), ("shadow", "shadowed")):
        for found in record.get(key, ()):
            numbers = (str(found.get(name, "")) for name in ("observed", "limit", "before"))
            yield _control(str(found["rule"]), word, tuple(numbers), str(found.get("detail", "")))
    for rule, numbers in record.get("passed", {}).items():
        yield _control(rule, "pass", tuple(numbers), "" if numbers else "granted")


def _control(rule: str, verdict: str, numbers: tuple[str, ...], detail: str) -> dict[str, Any]:
    observed, limit, before = (*numbers, "", "", "")[:3]
    return {
        "rule": rule, "verdict": verdict, "observed": observed, "limit": limit, "before": before, "detail": detail,
    }  # fmt: skip
