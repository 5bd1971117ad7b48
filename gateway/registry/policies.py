"""The policies in force. A valid change takes effect at once; an invalid one leaves the old in force, and shouts.

A policy that extends another stands under the one in force: when that is tightened, so are its children, at once, even
those whose own file is now looser than it may be (which is shouted, too).
"""

import contextlib
import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from gateway.policy.document import Policy, load
from gateway.policy.inherit import NoParent, Parents
from gateway.policy.strict_yaml import DocumentError

log = structlog.get_logger()

MAX_CHAIN: Final = 32
"""Where reading parents of parents ends; how deep policies may stand is fewer, and told by the loader."""
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
        """Read every file again; take what is valid and changed, parents before their children."""
        found = {path.stem: path for path in sorted(self._directory.glob("*.yaml")) if _is_policy(path)}
        parents = _walk(lambda name, parents: self._in_force(name, found, parents))
        for name in found:
            with contextlib.suppress(NoParent):
                parents(name)
        for name in self._shelf.keys() - found.keys():
            self._shout(name, f"{name}.yaml is gone; the last version stays in force")
        for name in self.problems.keys() - found.keys() - self._shelf.keys():
            del self.problems[name]

    def _in_force(self, name: str, found: Mapping[str, Path], parents: Parents) -> Policy:
        """The policy, with its newest version taken if that can be."""
        if name in found:
            self._take(name, found[name], parents)
        if name not in self._shelf:
            raise NoParent(f"there is no policy {name!r}" if name not in found else f"policy {name!r} is not in force")
        return self._shelf[name].policy

    def _take(self, name: str, path: Path, parents: Parents) -> None:
        old = self._shelf.get(name)
        try:
            raw = path.read_bytes()
            policy = load(raw, name, parents)
        except (OSError, DocumentError) as failure:
            self._shout(name, str(failure))
            if old is not None:
                self._hold(name, old, parents)
            return
        self.problems.pop(name, None)
        self._shelve(name, old, policy, raw.decode())

    def _hold(self, name: str, old: _Shelved, parents: Parents) -> None:
        """The old version stays in force, under what its parent allows now; while that cannot be told, as it was."""
        with contextlib.suppress(DocumentError):
            self._shelve(name, old, load(old.text, name, parents, clamp=True), old.text)

    def _shelve(self, name: str, old: _Shelved | None, policy: Policy, text: str) -> None:
        self._shelf[name] = _Shelved(policy, text)
        if old is None or old.text != text or old.policy.digest != policy.digest:
            self._changed(name, old, policy, text)

    def _changed(self, name: str, old: _Shelved | None, policy: Policy, text: str) -> None:
        before = old.text.splitlines() if old else []
        difference = list(difflib.unified_diff(before, text.splitlines(), lineterm="", n=0))[2:]
        body = {"type": "policy", "policy": name, "digest": policy.digest, "was": old.policy.digest if old else None}
        body |= {"extends": policy.parent.name, "parent": policy.parent.digest} if policy.parent else {}
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


def beside(directory: Path) -> Parents:
    """The parents that a policy of this directory may extend, read from its files as they are now."""

    def read(name: str, parents: Parents) -> Policy:
        try:
            return load((directory / f"{name}.yaml").read_bytes(), name, parents)
        except OSError:
            raise NoParent(f"there is no policy {name!r}") from None
        except DocumentError as failure:
            raise NoParent(f"policy {name!r} cannot be used: {failure.problems[0].message}") from None

    return _walk(read)


def _walk(read: Callable[[str, Parents], Policy]) -> Parents:
    """Each policy read once, after its parents; no circles, and no chain that never ends."""
    known: dict[str, Policy | NoParent] = {}
    walking: list[str] = []

    def find(name: str) -> Policy:
        if name in walking:
            raise NoParent(f"policies extend each other: {', '.join([*walking[walking.index(name) :], name])}")
        if len(walking) >= MAX_CHAIN:
            raise NoParent(f"more than {MAX_CHAIN} policies stand above {walking[0]!r}")
        if name not in known:
            known[name] = attempt(name)
        if isinstance(found := known[name], NoParent):
            raise found
        return found

    def attempt(name: str) -> Policy | NoParent:
        walking.append(name)
        try:
            return read(name, find)
        except NoParent as failure:
            return failure
        finally:
            walking.pop()

    return find
