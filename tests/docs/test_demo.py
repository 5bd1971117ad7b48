"""`tradewarden demo` tells the whole story, and what it says is what happened."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.world.home import ROOT

DEMO = (sys.executable, "-m", "gateway.admin.cli", "demo")
DEMO_SECONDS = 240

ESSENTIAL = (
    r"^  ALLOWED  limit buy 0\.002 BTC: filled at [\d,.]+$",
    r"^  ALLOWED  market sell 0\.002 BTC: filled at [\d,.]+$",
    r"^  record \d+  allow  POST /api/v3/order  reserved [\d.]+ USDT  d=[0-9A-Z]{26}$",
    r"^  DENIED   buy 1 BTC at once$",
    r"the bot sees InvalidOrder: .*\[tradewarden:limits\.order d=[0-9A-Z]{26}\]",
    r"^  DENIED   withdraw 10,000 USDT$",
    r"the bot sees AuthenticationError: .*\[tradewarden:forbidden d=[0-9A-Z]{26}\]",
    r"^  DENIED   buy DOGE$",
    r"^  record \d+  deny  POST /sapi/v1/capital/withdraw/apply  forbidden: ",
    r"^  revoked bot; \d+ of its orders still work$",
    r"^  and every further one: AuthenticationError: .*\[tradewarden:token d=[0-9A-Z]{26}\]",
    r"^  \d+ requests, \d+ of them orders\. Withdrawals: 0\. DOGE: 0\. Oversized: 0$",
    r"^  the last order came \d+ ms before `token revoke` returned; none came after$",
    r"^  ok: \d+ records, signed up to \d+, head [0-9a-f]{64}$",
)


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """An environment that would lead the demo astray if it listened: a proxy, a home, a temporary directory."""
    return os.environ | {
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(tmp_path),
        "TRADEWARDEN_HOME": str(tmp_path / "persons-own-home"),
        "HTTP_PROXY": "http://127.0.0.1:1",
        "HTTPS_PROXY": "http://127.0.0.1:1",
    }


def played(environment: dict[str, str], place: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        DEMO, env=environment, cwd=place, capture_output=True, text=True, timeout=DEMO_SECONDS, check=False
    )


@pytest.mark.timeout(DEMO_SECONDS + 30)
def test_the_story_is_told_to_its_end(elsewhere: dict[str, str], tmp_path: Path) -> None:
    """Every essential line is there, without colour codes in a pipe, and not one file is left."""
    told = played(elsewhere, tmp_path)
    assert told.returncode == 0, told.stdout + told.stderr
    missing = [line for line in ESSENTIAL if not re.search(line, told.stdout, re.MULTILINE)]
    assert missing == [], told.stdout
    assert "\x1b" not in told.stdout
    assert list(tmp_path.iterdir()) == []


def test_without_ccxt_it_says_which_extra_is_missing(elsewhere: dict[str, str], tmp_path: Path) -> None:
    """One line on stderr, exit 1."""
    blocker = tmp_path / "blocked"
    blocker.mkdir()
    (blocker / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, package=None: None if name == 'ccxt' else find(name, package)\n"
    )
    told = played(elsewhere | {"PYTHONPATH": f"{blocker}:{ROOT}"}, tmp_path)
    assert told.returncode == 1
    assert told.stderr == (
        "error: the demo's bot is a real one and needs ccxt; pip install 'tradewarden[demo]' brings it\n"
    )


def test_a_story_that_breaks_ends_with_an_error(elsewhere: dict[str, str], tmp_path: Path) -> None:
    """A process that fails is not told as a success: here none can write its files."""
    blocker = tmp_path / "broken"
    blocker.mkdir()
    (blocker / "sitecustomize.py").write_text("import sys\nif sys.argv[1:2] == ['init']: sys.exit('no')\n")
    told = played(elsewhere | {"PYTHONPATH": f"{blocker}:{ROOT}", "TMPDIR": str(tmp_path)}, tmp_path)
    assert told.returncode == 1
    assert "the story broke" in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]
