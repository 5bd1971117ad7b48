"""`policy`: is a file right, and what is the worst it allows."""

import json as jsonlib
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.admin.terminal import JsonOption, say, show

app = typer.Typer(no_args_is_help=True)


@app.command()
def check(
    policy_files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Policy files.")],
    json: JsonOption = False,
) -> None:
    """Validate; every error with file:line:column; print the blast radius."""
    reports = [_report(path) for path in policy_files]
    shown = reports[0] if len(reports) == 1 else {"ok": all(r["ok"] for r in reports), "files": reports}
    if json:
        show(shown, True, "")
    else:
        for report in reports:
            _tell(report)
    if not all(report["ok"] for report in reports):
        raise typer.Exit(1)


@app.command()
def schema() -> None:
    """JSON Schema of a policy, for editors."""
    from gateway.policy.schema import schema as policy_schema

    print(jsonlib.dumps(policy_schema(), indent=2))


def _report(path: Path) -> dict[str, Any]:
    from gateway.policy.blast import blast_radius
    from gateway.policy.document import load
    from gateway.policy.strict_yaml import DocumentError

    base: dict[str, Any] = {"file": str(path), "ok": False, "errors": [], "warnings": [], "blast_radius": None}
    try:
        policy = load(path.read_bytes(), path.stem)
    except OSError as failure:
        return base | {"errors": [_problem(path, 1, 1, "", f"cannot be read: {failure.strerror}", "")]}
    except DocumentError as failure:
        return base | {"errors": [_told(path, problem) for problem in failure.problems]}
    return base | {
        "ok": True,
        "warnings": [_told(path, problem) for problem in policy.warnings],
        "blast_radius": blast_radius(policy).document(),
    }


def _told(path: Path, problem: Any) -> dict[str, Any]:
    return _problem(path, problem.line, problem.column, problem.path, problem.message, problem.suggestion)


def _problem(path: Path, line: int, column: int, key: str, message: str, suggestion: str) -> dict[str, Any]:
    return {
        "file": str(path), "line": line, "column": column, "path": key, "message": message, "suggestion": suggestion,
    }  # fmt: skip


def _tell(report: dict[str, Any]) -> None:
    for kind in ("errors", "warnings"):
        for found in report[kind]:
            tail = f"; {found['suggestion']}" if found["suggestion"] else ""
            say(f"{found['file']}:{found['line']}:{found['column']}: {kind[:-1]}: {found['message']}{tail}")
    if report["ok"]:
        radius = report["blast_radius"]
        print(f"{report['file']}: ok")
        for name in ("drain", "exposure"):
            print(f"  {name}: {_bound(radius[name])}")


def _bound(bound: dict[str, Any] | None) -> str:
    if bound is None:
        return "not bounded"
    if bound["currency"] is None:
        return "nothing: it places no orders"
    return f"at most {bound['amount']} {bound['currency']} per {bound['per']}, plus fees"
