"""The documents name the commands that there are, all of them, with options that exist."""

import re
import shlex
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from gateway.admin.cli import app
from gateway.admin.pointing.clients import CLIENTS
from tests.docs import commands_page
from tests.world.home import ROOT

DOCUMENTS = (
    "README.md", "SECURITY.md", "ARCHITECTURE.md", "CHANGELOG.md", "deploy/README.md", "docs/policy.md", "docs/bots.md",
)  # fmt: skip
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`tradewarden ([^`]+)`")


def lines(document: str) -> Iterator[list[str]]:
    """The words of every `tradewarden …` line in the document's shell blocks."""
    for block in FENCE.findall((ROOT / document).read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.partition("  #")[0])
            starts = [index for index, word in enumerate(words) if word.rpartition("/")[2] == "tradewarden"]
            if starts and words[0] not in ("python3", "pipx", "docker", "useradd", "install", "systemctl"):
                yield words[starts[-1] + 1 :]


def named(document: str) -> Iterator[list[str]]:
    """The words of every `tradewarden …` in running text."""
    for found in INLINE.findall((ROOT / document).read_text()):
        yield found.split()


def refusal(words: list[str]) -> str:
    """What the command line has against these words; an unknown command or option is an error even before --help.

    What follows ``--`` is another program's.
    """
    words = words[: words.index("--")] if "--" in words else words
    told = CliRunner().invoke(app, [*words, "--help"], prog_name="tradewarden")
    return "" if told.exit_code == 0 else told.output


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_line_in_a_document_is_one(document: str) -> None:
    """Commands and options in shell blocks exist."""
    wrong = {" ".join(words): told for words in lines(document) if words and (told := refusal(words))}
    assert wrong == {}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_named_in_running_text_exists(document: str) -> None:
    """`tradewarden X` in a sentence is a command, with options that exist."""
    wrong = {" ".join(words): told for words in named(document) if (told := refusal(words))}
    assert wrong == {}


def test_every_command_is_documented() -> None:
    """docs/commands.md is what the command line says of itself; `make docs` writes it."""
    assert commands_page.PAGE.read_text() == commands_page.page()


def test_a_check_can_fail() -> None:
    """An unknown command and an unknown option are found."""
    assert refusal(["token", "isue", "bot"])
    assert refusal(["token", "revoke", "bot", "--cancel-order"])


def test_the_readme_lists_every_client() -> None:
    """Each that `token issue --for` knows."""
    assert set(CLIENTS) <= set(re.findall(r"`([a-z-]+)`", (ROOT / "README.md").read_text()))
