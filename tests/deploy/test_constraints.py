"""What is installed is pinned: every version, every hash, no host; and the small sets are parts of the tested one."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.world.home import ROOT

FOLDER = ROOT / "constraints"
FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.txt"))
PARTS = ("runtime", "prices", "build", "demo")
PINNED = re.compile(r"([a-z0-9-]+)==([^\s;]+)(?: ; .*)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)")


def pins(name: str) -> dict[str, tuple[str, str]]:
    """Each package with its version and its hashes; for which platforms it is, the sets may see differently."""
    return {found[1]: (found[2], found[3]) for found in PINNED.finditer((FOLDER / f"{name}.txt").read_text())}


def project() -> dict[str, list[str]]:
    """Names of what pyproject.toml asks for, by set."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = {
        "runtime": document["project"]["dependencies"],
        "demo": document["project"]["optional-dependencies"]["demo"],
        "prices": document["project"]["optional-dependencies"]["prices"],
        "dev": document["dependency-groups"]["dev"],
    }
    return {name: [re.split(r"[<>=!;\[ ]", line)[0].lower() for line in lines] for name, lines in asked.items()}


@pytest.mark.parametrize("name", FILES)
def test_every_line_is_a_pin_with_hashes(name: str) -> None:
    """Nothing in the file but versions and hashes: no URL, no option, no comment."""
    assert PINNED.sub("", (FOLDER / name).read_text()) == ""


def test_what_node_runs_is_pinned_too() -> None:
    """Every package with its hash, and nowhere a host that it comes from."""
    lock = json.loads((FOLDER / "clients" / "node" / "package-lock.json").read_text())
    packages = [entry for path, entry in lock["packages"].items() if path]
    assert packages
    assert [entry for entry in packages if not entry["integrity"].startswith("sha512-") or "resolved" in entry] == []


@pytest.mark.parametrize("name", PARTS)
def test_the_small_sets_are_parts_of_the_tested_one(name: str) -> None:
    """What users install is what the tests ran with."""
    whole = pins("dev")
    assert {package: pin for package, pin in pins(name).items() if whole.get(package) != pin} == {}


def test_each_set_has_what_the_project_asks_for() -> None:
    """A new dependency in pyproject.toml without `constraints/refresh.sh` is found."""
    asked = project()
    assert set(asked["runtime"]) <= pins("runtime").keys()
    assert {*asked["runtime"], *asked["demo"], "hatchling", "editables"} <= pins("demo").keys()
    assert {*asked["runtime"], *asked["prices"]} == {*asked["runtime"], "ccxt"} <= pins("prices").keys()
    assert {"hatchling", "editables"} <= pins("build").keys()
    assert {name.replace("_", "-") for names in asked.values() for name in names} <= pins("dev").keys()


def test_the_gateway_runs_without_the_exchange_library() -> None:
    """ccxt, and what it brings, is for other venues' prices, for the demo and for tests alone."""
    assert {"ccxt", "aiohttp", "requests"} & pins("runtime").keys() == set()


@pytest.mark.parametrize("script", ["constraints/install.sh", "constraints/refresh.sh"])
def test_the_scripts_are_plain_sh(script: str) -> None:
    """They parse, stop at the first failure, and can be executed."""
    text = (ROOT / script).read_text()
    assert text.startswith("#!/bin/sh\n")
    assert "\nset -eu\n" in text
    assert (ROOT / script).stat().st_mode & 0o111
    subprocess.run(["/bin/sh", "-n", str(ROOT / script)], check=True)


def test_without_a_fitting_python_it_says_so(tmp_path: Path) -> None:
    """On a machine whose Python is too old, one clear line and exit 1; nothing is made."""
    place = tmp_path / "checkout" / "constraints"
    place.mkdir(parents=True)
    shutil.copy2(FOLDER / "install.sh", place)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("dirname", "cat"):
        (tools / name).symlink_to(str(shutil.which(name)))
    old = tools / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", str(place / "install.sh"), "demo"],
        env={"PATH": str(tools)}, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: no Python 3.11 or newer")
    assert [path.name for path in (tmp_path / "checkout").iterdir()] == ["constraints"]


def test_ci_runs_the_tests_and_nothing_else() -> None:
    """.ci/run is `make test`."""
    first, *lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert first == "#!/usr/bin/env bash"
    assert [line for line in lines if not line.startswith(("set ", "cd "))] == ["exec make test"]
