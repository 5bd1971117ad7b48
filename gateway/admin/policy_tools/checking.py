"""``policy check``: what one file gets wrong, what it probably does not mean, and the worst that it allows.

Law: the document is for ``--json`` and holds everything; prose goes to stderr, the bounds to stdout.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.admin import radius
from gateway.admin.terminal import say
from gateway.policy import alone
from gateway.policy.document import Policy, load
from gateway.policy.strict_yaml import DocumentError, Problem
from gateway.registry.policies import beside


def report(path: Path, environment: str) -> dict[str, Any]:
    """The whole check of one file, for ``--json``; ``environment`` is that of the accounts that it is for."""
    base: dict[str, Any] = {"file": str(path), "ok": False, "errors": [], "warnings": [], "blast_radius": None}
    try:
        policy = load(path.read_bytes(), path.stem, beside(path.parent))
    except OSError as failure:
        return base | {"errors": [_problem(path, 1, 1, "", f"cannot be read: {failure.strerror}", "")]}
    except DocumentError as failure:
        return base | {"errors": [_told(path, problem) for problem in failure.problems]}
    return base | {
        "ok": True,
        "warnings": [*(_told(path, problem) for problem in policy.warnings), *_unmet(path, policy, environment)],
        "blast_radius": radius.of_policy(policy),
    }


def _unmet(path: Path, policy: Policy, environment: str) -> Iterator[dict[str, Any]]:
    for rule, mend in alone.unmet(policy, environment).items():
        message = f"{rule}: on {environment} nobody but the exchange itself tells a price, so every order is denied"
        yield _problem(path, policy.line(rule) or 1, 1, rule, message, mend)


def _told(path: Path, problem: Problem) -> dict[str, Any]:
    return _problem(path, problem.line, problem.column, problem.path, problem.message, problem.suggestion)


def _problem(path: Path, line: int, column: int, key: str, message: str, suggestion: str) -> dict[str, Any]:
    return {
        "file": str(path), "line": line, "column": column, "path": key, "message": message, "suggestion": suggestion,
    }  # fmt: skip


def tell(report: dict[str, Any]) -> None:
    """The check for a person."""
    for kind in ("errors", "warnings"):
        for found in report[kind]:
            tail = f"; {found['suggestion']}" if found["suggestion"] else ""
            say(f"{found['file']}:{found['line']}:{found['column']}: {kind[:-1]}: {found['message']}{tail}")
    if report["ok"]:
        print(f"{report['file']}: ok")
        print("\n".join(f"  {line}" for line in radius.text(report["blast_radius"]).splitlines()))
