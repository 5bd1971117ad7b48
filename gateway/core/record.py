"""A record of the audit log as its writers say it: a mapping, or a template whose few open members are filled in.

Law: a filled template is the same record as its body. It says which members recur, so that the log encodes those once.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

Body = dict[str, Any]
"""``type`` and what is told, by name."""


class Template(Struct, frozen=True, eq=False):
    """What many records have in common, and the names of those members that each of them fills in."""

    fixed: Mapping[str, Any]
    open: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raises ValueError for open members that are not in the order of their names, or not open."""
        if list(self.open) != sorted(set(self.open) - self.fixed.keys()):
            raise ValueError(f"the open members of a record stand in order, each once: {', '.join(self.open)}")


class Filled(Struct, frozen=True):
    """One such record: a value for each open member."""

    template: Template
    values: tuple[Any, ...]

    @property
    def body(self) -> Body:
        """The record as a mapping."""
        return {**self.template.fixed, **dict(zip(self.template.open, self.values, strict=True))}
