"""Local mode: an unmodified bot with no proxy setting at all, captured by its process id.

It needs root, eBPF and cgroup v2. Where the system mounts that elsewhere, a mount namespace of the test's own puts it
in place; where there is no sudo, root needs none. Elsewhere these tests are skipped, and say why.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.admin.capture.captured import Captured, children
from tests.clients import environments
from tests.clients.clients import CLIENTS
from tests.clients.running import BOTS
from tests.world import World
from tests.world.home import Home

UNIFIED = Path("/sys/fs/cgroup/unified")
HERE = Path("/sys/fs/cgroup")
BOT_SECONDS = 120
ENDS_SECONDS = 30
SUDO = '#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do shift; done\nexec "$@"\n'
MOUNTED = ("unshare", "--mount", "sh", "-c", f'mount --bind {UNIFIED} {HERE} && exec "$0" "$@"')


def lacking() -> str | None:
    """What this machine does not have."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "local mode needs Linux and root"
    if not (HERE / "cgroup.controllers").exists() and not (UNIFIED.exists() and shutil.which("unshare")):
        return "there is no cgroup v2"
    return None


@pytest.fixture
def within() -> Sequence[str]:
    """What runs a command where mitmproxy finds cgroup v2."""
    why = lacking()
    if why:
        pytest.skip(why)
    return () if (HERE / "cgroup.controllers").exists() else MOUNTED


@pytest.fixture
def path(tmp_path: Path) -> str:
    """The search path, with a sudo for root where there is none."""
    if shutil.which("sudo") is None:
        sudo = tmp_path / "sudo"
        sudo.write_text(SUDO)
        sudo.chmod(0o700)
    return f"{os.environ['PATH']}:{tmp_path}"


class Bot:
    """A client's script that waits for its assignment, so that its id is known before it says a word."""

    def __init__(self, script: str, environment: str, **variables: str) -> None:
        words = [environments.python(environment), str(BOTS / f"{script}.py")]
        plain = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=plain | variables, text=True
        )

    @property
    def pid(self) -> str:
        return str(self._process.pid)

    def live(self, assignment: object) -> dict[str, dict[str, object]]:
        """Its steps by name."""
        out, _ = self._process.communicate(json.dumps(assignment), timeout=BOT_SECONDS)
        assert self._process.returncode == 0, out
        return {step["step"]: step for step in map(json.loads, out.splitlines())}


def test_a_bot_without_any_setting_trades_and_is_denied(
    within: Sequence[str], path: str, world: World, capturing: Callable[..., Captured]
) -> None:
    """Its own URLs, names that no resolver is asked for, the CA in the environment; nothing of it goes elsewhere."""
    client = next(client for client in CLIENTS if client.script == "python_binance_sync")
    bundle = world.home.path / "certs" / "bundle.pem"
    bot = Bot(client.script, client.environment, REQUESTS_CA_BUNDLE=str(bundle))
    capturing(world, "--mode", "local", bot.pid, within=within, PATH=path)
    token = world.issue("local")
    told = bot.live(client.assignment("https://{host}", token.key, token.secret))
    assert [step for name, step in told.items() if step.get("error") and name in ("start", "buy_low", "trades")] == []
    for name in ("withdraw", "oversized"):
        assert "[tradewarden:" in str(told[name]["message"])
    changes = [(one.method, one.path) for one in world.exchange.arrivals() if one.method != "GET"]
    assert sorted(changes) == [("DELETE", "/api/v3/order")] + [("POST", "/api/v3/order")] * 3


LOOK = """
import socket, sys
sys.stdin.readline()
for host in ("api.binance.com", "example.com"):
    try:
        print(socket.gethostbyname(host))
    except socket.gaierror as failure:
        print("no such name")
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5).recv(1)
    print("ended")
except OSError as failure:
    print(type(failure).__name__)
"""


def test_names_lead_nowhere_and_the_loopback_is_not_reached(
    within: Sequence[str], path: str, world: World, capturing: Callable[..., Captured]
) -> None:
    """An exchange's name leads to a stand-in, a foreign one to nothing; an address of this machine is not dialled."""
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.setblocking(False)
        words = [sys.executable, "-c", LOOK, str(canary.getsockname()[1])]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as looker:
            capturing(world, "--mode", "local", str(looker.pid), within=within, PATH=path)
            told, _ = looker.communicate("\n", timeout=BOT_SECONDS)
        stand_in, foreign, _ = told.splitlines()
        assert stand_in.startswith("198.18.")
        assert foreign == "no such name"
        with pytest.raises(BlockingIOError):
            canary.accept()


def descendants(pid: int) -> list[int]:
    """The processes below this one."""
    below = children(pid)
    return below + [deeper for child in below for deeper in descendants(child)]


def test_it_ends_when_the_redirector_does(
    within: Sequence[str], path: str, world: World, capturing: Callable[..., Captured]
) -> None:
    """Else mitmproxy would live on and capture nothing."""
    captured = capturing(world, "--mode", "local", "1", within=within, PATH=path)
    below = {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in descendants(captured.process.pid)}
    [redirector] = [pid for pid, line in below.items() if "linux-redirector" in line]
    os.kill(redirector, signal.SIGKILL)
    assert captured.process.ended(ENDS_SECONDS) == 1
    assert "redirector" in captured.said


def test_what_the_machine_lacks_is_said_plainly(initialised_home: Home, program: Path, tmp_path: Path) -> None:
    """In one line, before anything begins."""
    if sys.platform != "linux":
        pytest.skip("what others lack, mitmproxy says")
    words = initialised_home.command("capture", "--mode", "local", "1", "--mitmdump", str(program))
    environment = {**initialised_home.environment, "PATH": str(tmp_path)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "sudo" in done.stderr
    assert len(done.stderr.splitlines()) == 1
