"""How commands speak: data on stdout (one JSON document with --json), prose and progress on stderr."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.core.errors import Misuse
from gateway.home import Home

HomeOption = Annotated[Path | None, typer.Option("--home", help="Else $TRADEWARDEN_HOME, else ~/.tradewarden.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else there.")]
PassphraseOption = Annotated[
    Path | None, typer.Option("--passphrase-file", help="A file that holds the vault's passphrase.")
]

CREDENTIALS_LIMIT = 64 * 1024


def show(value: Any, as_json: bool, text: str) -> None:
    """Print a result: the value as JSON, or the text for a person."""
    print(json.dumps(value, indent=2, ensure_ascii=False) if as_json else text)


def say(text: str) -> None:
    """Prose, to stderr."""
    print(text, file=sys.stderr)


def table(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    """Rows as aligned text; plain, so that grep and awk work on it."""
    cells = [list(columns)] + [[_cell(row[column]) for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    return "\n".join(_line(line, widths) for line in cells)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)) or "any"
    return "-" if value is None else str(value)


def read_document(source: str) -> dict[str, str]:
    """A JSON object of texts from a file or standard input (``-``); never from argv. Raises Misuse."""
    raw = sys.stdin.buffer.read(CREDENTIALS_LIMIT + 1) if source == "-" else _file(source)
    try:
        document = json.loads(raw)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not all(isinstance(value, str) for value in document.values()):
        raise Misuse(
            "the credentials are not a JSON object of texts",
            'write {"apiKey": "…", "secret": "…"}, and "password" or "privateKey" where the exchange has one',
        )
    return document


def _file(source: str) -> bytes:
    try:
        with open(source, "rb") as file:
            return file.read(CREDENTIALS_LIMIT + 1)
    except OSError as failure:
        raise Misuse(f"{source} cannot be read: {failure.strerror}") from failure


def existing(option: Path | None) -> Home:
    """The home, which must exist and be closed to others."""
    from gateway.admin.hardening import check_home

    home = Home.find(option)
    home.require()
    check_home(home.path)
    return home


def reachable(option: Path | None) -> Home:
    """The home for what only looks or narrows: a mode that is too loose is told, and stops nobody from revoking."""
    from gateway.admin.hardening import check_home

    home = Home.find(option)
    home.require()
    try:
        check_home(home.path)
    except Misuse as complaint:
        say(f"warning: {complaint}")
    return home
