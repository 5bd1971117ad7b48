"""`audit` and `why`: reading the decision log. No lock, no vault; beside a running gateway or without one."""

import json as jsonlib
import time
from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import islice
from typing import Annotated, Any

import typer

from gateway.admin.terminal import HomeOption, JsonOption, reachable, say, show
from gateway.core.errors import Misuse

app = typer.Typer(no_args_is_help=True)

PAUSE_S = 0.2
NumberOption = Annotated[int, typer.Option("-n", "--number", min=1, help="How many records.")]


def register(parent: typer.Typer) -> None:
    """Put `why` on the command line."""
    parent.command()(why)


@app.command()
def tail(
    number: NumberOption = 20,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as records are written.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """The newest records, oldest of them first."""
    from gateway.audit import read

    where = reachable(home)
    entries = read.tail(where.audit, number)
    if json and not follow:
        show([entry.fields for entry in entries], True, "")
        return
    for entry in entries:
        _print(entry, json)
    if follow:
        for entry in _following(read.follow(where.audit, entries[-1].number + 1 if entries else 0)):
            _print(entry, json)


@app.command()
def search(
    text: Annotated[str | None, typer.Argument(help="Text that stands in the record.")] = None,
    token: Annotated[str | None, typer.Option("--token")] = None,
    account: Annotated[str | None, typer.Option("--account")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="decision, outcome, lifecycle, policy, …")] = None,
    since: Annotated[str | None, typer.Option("--since", help="A time like 2026-01-31T12:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="A time; records before it.")] = None,
    denied: Annotated[bool, typer.Option("--denied", help="Denials only.")] = False,
    number: NumberOption = 100,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Records that pass every filter, newest first."""
    from gateway.audit.search import Filters
    from gateway.audit.search import search as find

    filters = Filters(token, account, None, kind, text, _time(since), _time(until), denied)
    entries = list(find(reachable(home).audit, filters, number))
    if json:
        show([entry.fields for entry in entries], True, "")
        return
    for entry in entries:
        _print(entry, False)


@app.command()
def export(
    since: Annotated[int, typer.Option("--since", min=0, help="The first record's number.")] = 0,
    home: HomeOption = None,
) -> None:
    """The log's own lines, oldest first, as JSONL on stdout; the chain is checked on the way."""
    from gateway.audit.read import records

    for entry in records(reachable(home).audit, since):
        print(entry.line.decode(), end="")


@app.command()
def verify(
    expect: Annotated[str | None, typer.Option("--expect", help="A head noted elsewhere, to be in the chain.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Check the whole log with the public key alone; exit 1 and say where if anything was changed."""
    from gateway.audit.verify import verify as check
    from gateway.store.sqlite import SqliteStore
    from gateway.vault.envelope import LockedVault

    where = reachable(home)
    store = SqliteStore.open_for_reading(where.state)
    header, noted = store.vault(), store.checkpoint()
    store.close()
    if header is None:
        raise Misuse("state.db has no vault in it", "restore a backup")
    report = check(where.audit, LockedVault(header).audit_key, expect, noted)
    result = _verdict(report)
    if json:
        show(result, True, "")
    else:
        for finding in result["findings"]:
            where_found = f"{finding['segment']}:{finding['line']} (byte {finding['offset']})"
            say(f"{where_found}: {finding['kind']}: {finding['detail']}")
        signed = f"signed up to {report.signed_to}" if report.signed_to is not None else "no checkpoint yet"
        print(f"{'ok' if report.sound else 'NOT ok'}: {report.records} records, {signed}, head {report.head}")
    if not report.sound:
        raise typer.Exit(1)


def why(
    decision_id: Annotated[str, typer.Argument(help="What stands after d= in a denial, or in X-Tradewarden-Decision.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Everything that was recorded of one decision: every control with its numbers and its line of YAML."""
    from gateway.admin.policy_tools.recorded import SHOWN, Recorded
    from gateway.audit.search import find

    where = reachable(home)
    entries, recorded = find(where.audit, decision_id), Recorded(where)
    if not entries:
        raise Misuse(f"no record of decision {decision_id}", "it may have been pruned, or belong to another home")
    if json:
        records = [entry.fields for entry in entries]
        findings = [found for record in records for found in recorded.findings(record)]
        show({"decision": decision_id, "records": records, "findings": findings}, True, "")
        return
    for entry in entries:
        print("\n".join([_explained(entry.fields, SHOWN), *recorded.text(entry.fields)]))


def _verdict(report: Any) -> dict[str, Any]:
    findings = [
        {
            "kind": finding.kind.value, "segment": finding.segment, "line": finding.line, "offset": finding.offset,
            "record": finding.number, "detail": finding.detail, "harmless": finding.harmless,
        }
        for finding in report.findings
    ]  # fmt: skip
    return {
        "ok": report.sound,
        "records": report.records,
        "head": report.head,
        "signed_to": report.signed_to,
        "checkpoints": report.checkpoints,
        "findings": findings,
        "unlisted": report.unlisted,
    }


def _following(entries: Iterator[Any]) -> Iterator[Any]:
    for entry in entries:
        if entry is None:
            time.sleep(PAUSE_S)
        else:
            yield entry


def _print(entry: Any, as_json: bool) -> None:
    print(entry.line.decode().rstrip("\n") if as_json else _line(entry.fields), flush=True)


def _line(fields: dict[str, Any]) -> str:
    """One record in one line."""
    told = " ".join(str(fields[key]) for key in ("verdict", "outcome", "act", "status") if key in fields)
    rest = {key: value for key, value in fields.items() if key not in _HEAD and value not in (None, [], {})}
    return f"{fields['t']} {fields['n']:>6} {fields['type']:<9} {told:<9} {_compact(rest)}".rstrip()


_HEAD = frozenset((
    "n", "t", "prev", "type", "verdict", "outcome", "act", "status", "digest", "account_digest", "generation", "passed",
))  # fmt: skip


def _compact(rest: dict[str, Any]) -> str:
    return " ".join(f"{key}={_told(value)}" for key, value in islice(rest.items(), 12))


def _told(value: Any) -> str:
    return value if isinstance(value, str) else jsonlib.dumps(value, ensure_ascii=False)


def _explained(fields: dict[str, Any], without: Collection[str]) -> str:
    """One record over several lines, but for what is told otherwise."""
    told = {key: value for key, value in fields.items() if key not in ("n", "t", "prev", "type", *without)}
    head = f"{fields['t']}  record {fields['n']}  {fields['type']}"
    return "\n".join([head, *(f"  {key}: {_told(value)}" for key, value in told.items())])


def _time(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time like 2026-01-31T12:00:00Z") from None
