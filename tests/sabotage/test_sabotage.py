"""The tests can fail: each promise and each control is broken once, and a named test must notice."""

import os
import subprocess
import sys

import pytest

from gateway.policy.controls import FLOORS, SETTINGS
from tests.sabotage.mutations import CONTROLS, MUTATIONS, SILENT_KEYS
from tests.world.home import ROOT

FAILED = 1
"""pytest's exit code where tests ran and some failed: an import that broke ends with another."""
OPTIONS = ("-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist")


def outcome(name: str, plugin: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """The mutation's tests, run in a process of their own."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS, *plugin, *MUTATIONS[name].tests],
        env={**os.environ, "SABOTAGE": name}, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_promise_turns_a_test_red(name: str) -> None:
    """Some test fails, and every one of them could be run."""
    done = outcome(name, ("-p", "tests.sabotage.plugin"))
    assert done.returncode == FAILED, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def test_without_sabotage_the_same_tests_pass() -> None:
    """What turns red is the mutation's doing."""
    assert outcome("price.collar", ()).returncode == 0


def test_every_control_is_broken_once() -> None:
    """A new control without a mutation is found."""
    rules = {control.rule for control in (*map(type, FLOORS), *SETTINGS)}
    assert CONTROLS.keys() | SILENT_KEYS == rules
