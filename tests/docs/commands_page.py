"""docs/commands.md, written from the command line itself: ``make docs`` writes it, test_commands.py finds drift."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from typer.testing import CliRunner

from gateway.admin.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
HEAD = """\
# Commands

Written by `make docs` from the command line's own help; do not edit.

Data goes to standard output, with `--json` as one JSON document; prose goes to standard error. Exit codes: 0 done,
1 refused or failed (one line says why and what to do), 2 wrong usage. Secrets are never taken from the command line:
credentials come from a file or standard input (`-`), the vault's passphrase from the first of `--passphrase-file`,
`$TRADEWARDEN_PASSPHRASE_FILE`, systemd's `$CREDENTIALS_DIRECTORY/tradewarden-passphrase`, the operating system's
keyring (extra `keyring`), a prompt. Commands that change something work whether or not the gateway runs; a running one
obeys at once.
"""


def commands() -> Iterator[str]:
    """Every command, with the groups it stands in, in the order of ``--help``."""
    yield from _walk(typer.main.get_command(app), ())


def _walk(command: Any, words: tuple[str, ...]) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield " ".join(words)
        return
    for word, one in inner.items():
        yield from _walk(one, (*words, word))


def page() -> str:
    """The whole page."""
    return HEAD + "".join(f"\n## {command}\n\n```\n{_help(command)}\n```\n" for command in commands())


def _help(command: str) -> str:
    told = CliRunner().invoke(
        app, [*command.split(), "--help"], prog_name="tradewarden", env={"COLUMNS": "80", "NO_COLOR": "1"}
    )
    if told.exit_code != 0:
        raise RuntimeError(f"{command} --help ended with {told.exit_code}: {told.output}")
    return "\n".join(line.rstrip() for line in told.stdout.strip().splitlines())


if __name__ == "__main__":
    PAGE.write_text(page())
