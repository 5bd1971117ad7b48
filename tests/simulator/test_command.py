"""`python -m gateway.simulator`: one line when it is ready, nothing after, and it goes when it is told."""

import json
import signal
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

PATIENCE = 20
COMMAND = [sys.executable, "-m", "gateway.simulator", "--port", "0", "--control-port", "0"]


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("plain", [True, False])
def test_it_says_where_it_is_and_leaves_cleanly(plain: bool, signal_number: int, tmp_path: Path) -> None:
    """The line has all that a client needs; the exit code is 0."""
    more = ["--plain"] if plain else ["--dir", str(tmp_path)]
    with subprocess.Popen([*COMMAND, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        about = json.loads(process.stdout.readline())
        context = None if plain else ssl.create_default_context(cafile=about["ca"])
        with urllib.request.urlopen(f"{about['url']}/api/v3/time", timeout=PATIENCE, context=context) as answer:
            assert "serverTime" in json.load(answer)
        assert about["ca"] == (None if plain else str(tmp_path / "ca.pem"))
        assert set(about["credentials"]) == {"apiKey", "secret"}
        process.send_signal(signal_number)
        rest = process.communicate(timeout=PATIENCE)
    assert (process.returncode, rest) == (0, ("", ""))
