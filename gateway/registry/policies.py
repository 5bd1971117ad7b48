"""The policies in force. A valid change takes effect at once; an invalid one leaves the old in force, and shouts."""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from gateway.policy.document import Policy, load
from gateway.policy.strict_yaml import DocumentError

log = structlog.get_logger()

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
CANCELS_ONLY: Final = "version: 1\nallow:\n  reads: []\n"
"""What a token may do whose policy never loaded: cancel its own orders."""

Note = Callable[[dict[str, Any]], None]
"""Appends a record to the audit log."""


@dataclass(frozen=True, slots=True)
class _Shelved:
    policy: Policy
    text: str


class PolicyShelf:
    """The Policies of ports, from a directory of YAML files; the file's stem is the policy's name."""

    def __init__(self, directory: Path, note: Note) -> None:
        self._directory = directory
        self._note = note
        self._shelf: dict[str, _Shelved] = {}
        self.problems: dict[str, str] = {}
        """What is wrong with the file of each policy whose newest version is not in force."""

    def find(self, name: str) -> Policy:
        """The policy in force; one that never loaded lets its tokens only cancel."""
        shelved = self._shelf.get(name)
        return shelved.policy if shelved else load(CANCELS_ONLY, name)

    def known(self) -> list[str]:
        """Names of the policies in force."""
        return sorted(self._shelf)

    def reload(self) -> None:
        """Read every file again; take what is valid and changed."""
        found = {path.stem: path for path in sorted(self._directory.glob("*.yaml")) if _is_policy(path)}
        for name, path in found.items():
            self._take(name, path)
        for name in self._shelf.keys() - found.keys():
            self._shout(name, f"{name}.yaml is gone; the last version stays in force")
        for name in self.problems.keys() - found.keys() - self._shelf.keys():
            del self.problems[name]

    def _take(self, name: str, path: Path) -> None:
        try:
            raw = path.read_bytes()
            policy = load(raw, name)
        except (OSError, DocumentError) as failure:
            self._shout(name, str(failure))
            return
        text = raw.decode()
        self.problems.pop(name, None)
        old = self._shelf.get(name)
        if old is not None and old.text == text:
            return
        self._shelf[name] = _Shelved(policy, text)
        self._changed(name, old, policy, text)

    def _changed(self, name: str, old: _Shelved | None, policy: Policy, text: str) -> None:
        before = old.text.splitlines() if old else []
        difference = list(difflib.unified_diff(before, text.splitlines(), lineterm="", n=0))[2:]
        body = {"type": "policy", "policy": name, "digest": policy.digest, "was": old.policy.digest if old else None}
        self._note(body | ({"difference": difference[:200]} if old else {}))
        if old is not None:
            log.warning("policy changed", policy=name, difference=difference[:50])

    def _shout(self, name: str, problem: str) -> None:
        if self.problems.get(name) == problem:
            return
        self.problems[name] = problem
        log.error("policy not taken; the old one stays in force", policy=name, problem=problem)
        self._note({"type": "policy", "policy": name, "refused": problem[:2000]})


def _is_policy(path: Path) -> bool:
    return not path.name.endswith(".test.yaml") and NAME.fullmatch(path.stem) is not None
