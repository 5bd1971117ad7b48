"""``extends``: a policy under a parent allows no more than the parent, in every respect.

What the file leaves out is the parent's. What it states must be no looser, else that is a problem of the file; sets
are within the parent's, limits are at most the parent's in the same unit, a limit counts as less than unlimited.
``clamp`` takes what is looser as the parent would have it: so a parent that is tightened tightens its children at
once, whatever they say.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.policy.controls import SETTINGS
from gateway.policy.controls.control import Setting
from gateway.policy.grammar import BadValue

if TYPE_CHECKING:
    from gateway.policy.document import Policy

MAX_DEPTH: Final = 5
"""Parents above a policy."""

Parents = Callable[[str], "Policy"]
"""The policy of that name, as it is in force. Raises NoParent."""


class NoParent(LookupError):
    """There is no such policy to extend, or it must not be extended; the message says why."""


def nobody(name: str) -> "Policy":
    """The parents of a text that stands alone."""
    raise NoParent(f"there is no policy {name!r}")


@dataclass(frozen=True, slots=True)
class Looser:
    """A setting that its parent forbids; ``bound`` is what the parent would have."""

    rule: str
    message: str
    suggestion: str


def inherited(
    stated: Mapping[type[Setting], Setting], parent: "Policy", clamp: bool
) -> tuple[dict[type[Setting], Setting], tuple[Looser, ...]]:
    """The settings in force under ``parent``, and what was stated looser than it allows."""
    settings: dict[type[Setting], Setting] = {}
    looser: list[Looser] = []
    for kind in SETTINGS:
        own, above = stated.get(kind), parent.find(kind)
        if own is None or above is None:
            settings |= {kind: held} if (held := own or above) else {}
            continue
        try:
            settings[kind] = bound = own.under(above)
        except BadValue as error:
            looser.append(Looser(kind.rule, f"{error.message} with policy {parent.name!r}", error.suggestion))
            continue
        if bound.text != own.text and not clamp and kind.ordered:
            message = f"looser than in policy {parent.name!r}, where it is {above.text or 'none'}"
            looser.append(Looser(kind.rule, message, f"write {_written(bound)}, or leave it out"))
    return settings, tuple(looser)


def _written(bound: Setting) -> str:
    return bound.text if bound.text else "less"


def depth(policy: "Policy") -> int:
    """How many parents stand above it."""
    above = 0
    while policy.parent is not None:
        policy, above = policy.parent, above + 1
    return above
