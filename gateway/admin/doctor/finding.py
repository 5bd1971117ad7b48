"""What a check looks at, and what it says."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gateway.core.errors import Misuse
from gateway.core.secret import Secret
from gateway.home import Home
from gateway.settings import Settings


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. ``next`` says what to do, where there is something to do."""

    level: Level
    what: str
    next: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """A home and what is known of it.

    ``running`` is the status that its gateway tells, None where none answers; it is empty where the gateway answers
    with ``trouble``. ``passphrase`` is there only if a person named a file of it at this command.
    """

    home: Home
    settings: Settings | None
    running: dict[str, Any] | None
    pid: str
    accounts: Callable[[], list[dict[str, Any]]] = field(repr=False)
    passphrase: Callable[[], Secret] | None = field(repr=False)
    trouble: Misuse | None = None

    def loaded(self) -> Settings:
        """The settings. Raises Misuse where they do not load, which another check tells."""
        if self.settings is None:
            raise Misuse("this was not looked at: gateway.yaml does not load", "correct it first")
        return self.settings


Check = Callable[[Patient], Iterable[Finding]]
"""Raises Misuse for what it could not look at: that is a warning. Whatever else flies is our own fault, and wrong."""


def ok(what: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, what)


def warning(what: str, following: str) -> Finding:
    """It works, and should be better."""
    return Finding(Level.WARNING, what, following)


def wrong(what: str, following: str) -> Finding:
    """It does not work, or is not safe."""
    return Finding(Level.WRONG, what, following)


def refusal(failure: Misuse) -> Finding:
    """What a part of the gateway would refuse to start with, in its own words."""
    return wrong(failure.message, failure.hint)
