"""ARCHITECTURE.md shows the layers that import-linter holds, and names files that exist."""

import configparser
import re

from tests.world.home import ROOT

PAGE = (ROOT / "ARCHITECTURE.md").read_text()


def held() -> list[str]:
    """The layers of .importlinter, outermost first."""
    contracts = configparser.ConfigParser()
    contracts.read_string((ROOT / ".importlinter").read_text())
    return contracts["importlinter:contract:layers"]["layers"].split("\n")[1:]


def test_the_layers_shown_are_those_held() -> None:
    """Same layers, same order."""
    shown = re.search(r"^```layers\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert shown[1].splitlines() == held()


def test_the_files_named_exist() -> None:
    """Every path in backticks that looks like a file of the package is one."""
    named = re.findall(r"`((?:gateway/|stages/|docs/|tests/)?[a-z_/]+\.(?:py|md|tsv))`", PAGE)
    gone = [path for path in named if not ((ROOT / path).exists() or (ROOT / "gateway" / path).exists())]
    assert named
    assert [path for path in gone if path != "endpoints.tsv"] == []
