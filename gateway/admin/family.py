"""A process and what it has begun, as far as the system tells."""

from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


def family(pid: str) -> list[str]:
    """The process and its descendants; where they cannot be seen, itself alone."""
    parents = dict(filter(None, map(_parent, _PROC.glob("[0-9]*/stat"))))
    members = [pid]
    for member in members:
        members += [child for child, parent in parents.items() if parent == member]
    return members


def _parent(stat: Path) -> tuple[str, str] | None:
    try:
        return stat.parent.name, stat.read_text().rpartition(")")[2].split()[1]
    except OSError:
        return None  # it has just ended
