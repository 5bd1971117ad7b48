"""`policy`: is a file right, what is the worst it allows, and what would it have done."""

import json as jsonlib
import time
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from gateway.admin.terminal import HomeOption, JsonOption, existing, reachable, say, show, table
from gateway.core.errors import Misuse

app = typer.Typer(no_args_is_help=True)
T = TypeVar("T")

LONGEST_LOG = 1_000_000


class Environment(StrEnum):
    """What an account may be."""

    LIVE = "live"
    TESTNET = "testnet"
    DEMO = "demo"
"""How many records a replay reads at the most."""


@app.command()
def check(
    policy_files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Policy files.")],
    environment: Annotated[Environment, typer.Option(help="Of the accounts that it is for.")] = Environment.LIVE,
    json: JsonOption = False,
) -> None:
    """Validate; every error with file:line:column; print the blast radius."""
    from gateway.admin.policy_tools.checking import report, tell

    reports = [report(path, environment.value) for path in policy_files]
    shown = reports[0] if len(reports) == 1 else {"ok": all(r["ok"] for r in reports), "files": reports}
    if json:
        show(shown, True, "")
    else:
        for one in reports:
            tell(one)
    if not all(one["ok"] for one in reports):
        raise typer.Exit(1)


@app.command()
def schema() -> None:
    """JSON Schema of a policy, for editors."""
    from gateway.policy.schema import schema as policy_schema

    print(jsonlib.dumps(policy_schema(), indent=2))


@app.command()
def test(
    directory: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Else the home's policies/.")] = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="A limit with a side untested fails, too.")] = False,
    generate: Annotated[Path | None, typer.Option("--generate", metavar="FILE", help="Begin a policy's tests.")] = None,
    price: Annotated[str, typer.Option("--price", help="The price that generated cases are around.")] = "1000",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Run the *.test.yaml beside the policies; tell which limits they hold on both sides of their edge."""
    from gateway.admin.policy_tools.testing import as_text, test_directory

    if generate is not None:
        _generate(generate, price, json)
        return
    reports = test_directory(directory or _policies(home))
    good = all(not report.problem and not report.failures for report in reports)
    covered = not any(report.uncovered for report in reports)
    if json:
        show({"ok": good, "covered": covered, "files": [report.document() for report in reports]}, True, "")
    else:
        for report in reports:
            print(as_text(report))
    if not good or (coverage and not covered):
        raise typer.Exit(1)


@app.command()
def explain(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="Like 'buy 0.1 BTC/USDT limit 64000'.")],
    token: Annotated[str | None, typer.Option("--token", help="Whose order it would be, now.")] = None,
    policy: Annotated[Path | None, typer.Option("--policy", metavar="FILE", help="A dry look, with --price.")] = None,
    price: Annotated[str | None, typer.Option("--price", help="The fair price of a dry look.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Every control with PASS or FAIL, its numbers and its line of YAML, against live state; nothing is counted."""
    from gateway.admin.policy_tools import words
    from gateway.admin.policy_tools.explaining import as_text

    if (token is None) is (policy is None) or (policy is None) is not (price is None):
        raise typer.BadParameter("give --token T, or --policy FILE with --price P")
    _read(words.read, order, "ORDER")
    document = _live(home, token, order) if token is not None else _dry(policy, order, price)
    show(document, json, as_text(document))


@app.command()
def diff(
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The file that might come.")],
    replay: Annotated[str, typer.Option("--replay", help="How much of the log: 24h, 7d.")] = "7d",
    policy: Annotated[str | None, typer.Option("--policy", help="Else the one of NEW's name.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Replay the log's decisions under NEW; print which would change, and why."""
    from gateway.admin.policy_tools.compared import as_text
    from gateway.admin.policy_tools.dry import read_candidate, read_policy
    from gateway.admin.policy_tools.replay import Replay, longest_window_ms
    from gateway.audit.search import Filters, search

    length_ms, where = _window(replay), reachable(home)
    candidate = read_candidate(new, where.policies)
    in_force = where.policies / f"{policy or candidate.name}.yaml"
    if not in_force.exists():
        raise Misuse(f"there is no policy {in_force.stem!r} to compare with", "name the one it would replace: --policy")
    old = read_policy(in_force)
    since_ms = time.time_ns() // 1_000_000 - length_ms
    begin_ms = since_ms - longest_window_ms([old, candidate])
    entries = list(search(where.audit, Filters(since_ms=begin_ms), LONGEST_LOG))[::-1]
    result = Replay(old, candidate, since_ms).run(entries)
    if len(entries) == LONGEST_LOG:
        say(f"warning: only the newest {LONGEST_LOG} records were read; budgets may begin too low")
    show({"policy": old.name, "new": str(new)} | result.document(), json, as_text(result, old, candidate))


@app.command()
def attack(
    policy_file: Annotated[Path, typer.Argument(metavar="FILE", help="A policy file.")],
    json: JsonOption = False,
) -> None:
    """Play known drains and parser tricks on a simulated exchange under this file; print what each would have cost."""
    from gateway.admin.policy_tools.attack import play
    from gateway.admin.policy_tools.dry import read_policy

    report = play(read_policy(policy_file))
    columns = ("attack", "sent", "passed", "loss", "what")
    show(report, json, f"{table(columns, report['attacks'])}\n{report['verdict']}")
    if not report["ok"]:
        raise typer.Exit(1)


def _policies(option: Path | None) -> Path:
    """The home's policies, or those of the directory one stands in."""
    from gateway.home import Home

    here, at_home = Path("policies"), Home.find(option).policies
    return here if option is None and not at_home.is_dir() and here.is_dir() else at_home


def _generate(path: Path, price: str, json: bool) -> None:
    from gateway.admin.policy_tools.dry import read_policy
    from gateway.admin.policy_tools.edges import generated

    around, policy = _price(price), read_policy(path)
    target = path.with_name(f"{path.stem}.test.yaml")
    text = generated(policy, around)
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Misuse(f"{target} exists", "move it away to have another one written") from None
    written = {"file": str(target), "cases": text.count("\n  - name: ")}
    show(written, json, f"{target}: written; read it before trusting it")


def _live(option: Path | None, token: str, order: str) -> dict[str, Any]:
    from gateway.admin.control import Silent, ask

    try:
        told: dict[str, Any] = ask(existing(option), "policy.explain", {"token": token, "words": order})
    except Silent:
        hint = "start it with `tradewarden serve`, or give --policy FILE --price P for a dry look"
        raise Misuse("no gateway is running, and live state is what it knows", hint) from None
    return told


def _dry(path: Path | None, order: str, price: str | None) -> dict[str, Any]:
    from gateway.admin.policy_tools.dry import explain as look

    assert path is not None
    assert price is not None
    return look(path, order, _price(price))


def _price(text: str) -> Decimal:
    from gateway.policy.grammar import positive

    return _read(positive, text, "--price")


def _window(text: str) -> int:
    from gateway.policy.grammar import window

    return _read(window, text, "--replay")


def _read(reader: Callable[[str], T], text: str, named: str) -> T:
    """A value from the command line; what is not in its grammar is wrong usage."""
    from gateway.policy.grammar import BadValue

    try:
        return reader(text)
    except BadValue as wrong:
        told = f"{wrong.message}; {wrong.suggestion}" if wrong.suggestion else wrong.message
        raise typer.BadParameter(told, param_hint=named) from None
