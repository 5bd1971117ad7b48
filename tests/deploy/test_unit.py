"""The systemd unit: what it takes away, that its command is one, and what systemd says of it where it is installed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.admin.cli import app
from gateway.admin.passphrase import CREDENTIAL_NAME
from gateway.admin.serve import DRAIN_S
from tests.world.home import ROOT

UNIT = ROOT / "deploy" / "tradewarden.service"
ANALYZE = shutil.which("systemd-analyze")
WORST_EXPOSURE = 20
"""In tenths, as systemd-analyze counts: 2.0 of 10."""

HARDENED = {
    "User": "tradewarden", "StateDirectoryMode": "0700", "UMask": "0077", "LimitCORE": "0",
    "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "AmbientCapabilities": "", "ProtectSystem": "strict",
    "ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes", "ProtectProc": "invisible",
    "MemoryDenyWriteExecute": "yes", "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "SystemCallFilter": "@system-service ~@privileged @resources", "SystemCallArchitectures": "native",
    "RestrictNamespaces": "yes", "LockPersonality": "yes", "Restart": "on-failure", "KillSignal": "SIGTERM",
}  # fmt: skip


def directives() -> dict[str, str]:
    """What the unit sets; a directive given twice is joined."""
    found: dict[str, str] = {}
    for name, value in re.findall(r"^([A-Za-z]+)=(.*)$", UNIT.read_text(), re.MULTILINE):
        found[name] = f"{found[name]} {value}" if name in found else value
    return found


@pytest.fixture
def runnable(tmp_path: Path) -> Path:
    """The unit with a command that exists on this machine, which is all that verify minds."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/tradewarden/bin/tradewarden", shutil.which("true") or "/bin/true"))
    return unit


@pytest.mark.parametrize("name", HARDENED)
def test_the_unit_takes_away_what_it_can(name: str) -> None:
    """Each hardening directive stands there as the table says."""
    assert directives()[name] == HARDENED[name]


def test_its_command_is_one() -> None:
    """ExecStart parses, and serves a home inside the state directory, where a restore has room beside it."""
    words = directives()["ExecStart"].split()
    assert CliRunner().invoke(app, [*words[1:], "--help"]).exit_code == 0
    assert words[words.index("--home") + 1].startswith(f"/var/lib/{directives()['StateDirectory']}/")


def test_the_passphrase_comes_as_a_credential() -> None:
    """Under the name that the gateway looks for, and not through the environment."""
    assert directives()["LoadCredential"].split(":")[0] == CREDENTIAL_NAME
    assert "PASSPHRASE" not in UNIT.read_text()


def test_the_end_leaves_time_to_finish() -> None:
    """systemd waits longer than the gateway does for requests in flight."""
    assert int(directives()["TimeoutStopSec"].removesuffix("s")) > DRAIN_S


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
def test_systemd_finds_no_fault(runnable: Path) -> None:
    """`systemd-analyze verify` has nothing to say."""
    words = [str(ANALYZE), "verify", "--man=no", str(runnable)]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
def test_systemd_calls_it_little_exposed(runnable: Path) -> None:
    """`systemd-analyze security` stays below 2.0."""
    words = [str(ANALYZE), "security", "--offline=yes", f"--threshold={WORST_EXPOSURE}", str(runnable)]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    if "--offline" in told.stderr:
        pytest.skip("this systemd-analyze cannot look at a file alone")
    assert told.returncode == 0, told.stdout[-500:] + told.stderr
