"""`exec`: what the command gets, what it does not, and when nothing is run at all."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.admin.pointing.variables import direct
from tests.world import World
from tests.world.home import PASSPHRASE, Done, Home
from tests.world.processes import Process
from tests.world.world import BotCredential

SHOW = (sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))")
BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "TRADEWARDEN_CA_BUNDLE")
PROXIES = ("HTTPS_PROXY", "https_proxy", "WSS_PROXY", "wss_proxy")


@pytest.fixture(scope="module")
def token(shared_world: World) -> BotCredential:
    return shared_world.issue_new("under-exec")


def run(home: Home, *words: str, **environment: str) -> Done:
    done = subprocess.run(
        home.command("exec", *words), env={**home.environment, **environment},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def seen(world: World, token: BotCredential, *words: str, **environment: str) -> dict[str, str]:
    """The environment of a command."""
    found: dict[str, str] = run(world.home, "--token", token.name, *words, "--", *SHOW, **environment).json()
    return found


def handed(world: World, token: BotCredential) -> list[dict[str, Any]]:
    """What the log says of secrets that were handed out."""
    return [one for one in world.audit() if one["type"] == "secret" and one["token"] == token.name]


def test_the_command_is_pointed_at_the_forward_port(shared_world: World, token: BotCredential) -> None:
    """Proxies without credentials, certificates in files that are there, and the token's public half."""
    found, certs = seen(shared_world, token), shared_world.home.path / "certs"
    assert {found[name] for name in PROXIES} == {shared_world.addresses.forward}
    assert {found[name] for name in BUNDLES} == {str(certs / "bundle.pem")}
    assert found["NODE_EXTRA_CA_CERTS"] == str(certs / "ca.pem")
    assert (found["TRADEWARDEN_TOKEN"], found["TRADEWARDEN_API_KEY"]) == (token.name, token.key)
    assert found["PYTHONPATH"].split(os.pathsep)[1:] == [shared_world.home.environment["PYTHONPATH"]]
    assert (Path(found["PYTHONPATH"].split(os.pathsep)[0]) / "sitecustomize.py").is_file()


def test_no_secret_is_in_it_unless_asked_for(shared_world: World) -> None:
    """Nor the way to the vault's passphrase. Nothing is recorded, since nothing was given away."""
    token = shared_world.issue_new("without-secret")
    found = seen(shared_world, token)
    assert "TRADEWARDEN_PASSPHRASE_FILE" not in found
    secrets = (token.secret, PASSPHRASE, shared_world.real_key.key, shared_world.real_key.secret)
    assert [name for name, value in found.items() if any(secret in value for secret in secrets)] == []
    assert handed(shared_world, token) == []


def test_the_secret_is_handed_over_and_recorded(shared_world: World) -> None:
    """In one variable of the environment; the log says to which command, and not what."""
    given = shared_world.issue_new("with-secret")
    found = seen(shared_world, given, "--with-secret")
    assert [name for name, value in found.items() if given.secret in value] == ["TRADEWARDEN_SECRET"]
    [record] = handed(shared_world, given)
    assert (record["act"], record["to"]) == ("handed", sys.executable)
    assert given.secret not in json.dumps(record)


def test_a_private_key_that_the_gateway_never_had_cannot_be_handed_over(shared_world: World) -> None:
    """Of an Ed25519 token it knows the public half; without the secret the command runs."""
    name = shared_world.new_name("ed25519")
    shared_world.home.run("token", "issue", name, "--account", "main", "--policy", "trader", "--kind", "ed25519")
    done = run(shared_world.home, "--token", name, "--with-secret", "--", "true")
    assert (done.code, done.out) == (1, "")
    assert "does not know the secret" in done.err
    assert run(shared_world.home, "--token", name, "--", "true").code == 0


def test_the_command_line_stays_as_it_was_typed(shared_world: World, token: BotCredential) -> None:
    """No secret is added to it, an option of the command's is its own, and it may do without the dashes."""
    show = (sys.executable, "-c", "import sys; print(sys.argv[1:])")
    for dashes in (("--",), ()):
        done = run(shared_world.home, "--token", token.name, "--with-secret", *dashes, *show, "--token", "x", "--help")
        assert done.out == "['--token', 'x', '--help']\n"


@pytest.mark.parametrize(("command", "code"), [("no-such-command", 127), ("/no/such", 127), ("/etc/passwd", 126)])
def test_what_cannot_be_run_ends_as_in_a_shell(
    command: str, code: int, shared_world: World, token: BotCredential
) -> None:
    """One line that names it."""
    done = run(shared_world.home, "--token", token.name, "--", command)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
    assert f"error: {command} cannot be run" in done.err


def test_exit_code_umask_and_signals_are_the_commands_own(shared_world: World, token: BotCredential) -> None:
    """The umask is the caller's, not that of a process which guards a vault."""
    words = ("--token", token.name, "--", "sh", "-c")
    before = os.umask(0o027)
    try:
        assert run(shared_world.home, *words, "umask; exit 7") == Done(7, "0027\n", "")
    finally:
        os.umask(before)
    ignored = run(shared_world.home, "--token", token.name, "--", "grep", "SigIgn", "/proc/self/status").out.split()[1]
    assert int(ignored, 16) & (1 << (signal.SIGPIPE - 1)) == 0


def test_the_process_becomes_the_command(shared_world: World, token: BotCredential, tmp_path: Path) -> None:
    """The same process id, so that a signal reaches the bot and nothing is left behind."""
    home = shared_world.home
    script = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    command = home.command("exec", "--token", token.name, "--", sys.executable, "-c", script)
    with Process("bot", command, tmp_path, home.environment) as bot:
        told = bot.until(lambda: bot.out.read_text().strip(), 30, "its process id")
        assert int(told) == bot.pid
        bot.interrupt(signal.SIGTERM)
        assert bot.ended(10) == -signal.SIGTERM


def test_a_paused_token_runs_with_a_word(shared_world: World) -> None:
    """Its bot may cancel and read."""
    paused = shared_world.issue_new("paused-under-exec")
    shared_world.home.run("token", "pause", paused.name)
    done = run(shared_world.home, "--token", paused.name, "--", "true")
    assert (done.code, done.err) == (0, f"note: token {paused.name} is paused\n")


def test_a_token_that_cannot_be_used_runs_nothing(shared_world: World, tmp_path: Path) -> None:
    """One line that says what to do."""
    revoked = shared_world.issue_new("revoked-under-exec")
    shared_world.home.run("token", "revoke", revoked.name)
    expected = {"nobody": "there is no token 'nobody'; `tradewarden token list` shows them", revoked.name: "is revoked"}
    for name, words in expected.items():
        done = run(shared_world.home, "--token", name, "--", "touch", str(tmp_path / "ran"))
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
        assert words in done.err
    assert not (tmp_path / "ran").exists()


def test_without_a_forward_port_or_a_gateway_nothing_runs(world: World, tmp_path: Path) -> None:
    """Nobody would answer the command."""
    token = world.issue("lonely")
    settings = world.home.path / "gateway.yaml"
    world.stop()
    stopped = run(world.home, "--token", token.name, "--", "touch", str(tmp_path / "ran"))
    assert stopped.code == 1
    assert "start it with `tradewarden serve`" in stopped.err
    text = settings.read_text().replace(f"forward: 127.0.0.1:{world.addresses.forward_port}", "forward: null")
    world.home.write("gateway.yaml", text)
    world.start()
    closed = run(world.home, "--token", token.name, "--", "touch", str(tmp_path / "ran"))
    assert closed.code == 1
    assert "listen.forward is null" in closed.err
    assert not (tmp_path / "ran").exists()


def test_what_led_past_the_gateway_before_does_not_any_more(shared_world: World, token: BotCredential) -> None:
    """Other exceptions of the caller's stay."""
    was = "*, .binance.com,api.binance.com:443, intranet.example,127.0.0.1,com,fd00::1"
    found = seen(shared_world, token, NO_PROXY=was, no_proxy="10.0.0.0/8")
    direct = "localhost,127.0.0.1,::1,intranet.example,fd00::1,10.0.0.0/8"
    assert (found["NO_PROXY"], found["no_proxy"]) == (direct, direct)


@pytest.mark.parametrize(
    "entry",
    ["api.binance.com", "api.binance.com.", ".binance.com.:443", "API.Binance.com.", "https://api.binance.com/", "*."],
)
@pytest.mark.parametrize("between", [" ", "\t", ",", ", \n"])
def test_however_it_is_written_nothing_leads_past_the_gateway(entry: str, between: str) -> None:
    """Some clients split at white space too, take a URL, or know a name by its last dot."""
    was = {"NO_PROXY": between.join(("intranet.example", entry, "10.0.0.0/8"))}
    for host in ("api.binance.com", "api.binance.com."):
        assert direct(was, [host])["no_proxy"] == "localhost,127.0.0.1,::1,intranet.example,10.0.0.0/8"


def test_what_the_caller_had_of_the_gateways_is_kept_back(
    shared_world: World, token: BotCredential, tmp_path: Path
) -> None:
    """Another token's secret, and systemd's credentials where the passphrase is among them."""
    given = {"TRADEWARDEN_SECRET": "another's", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert seen(shared_world, token, **given).items() & given.items() == {("CREDENTIALS_DIRECTORY", str(tmp_path))}
    (tmp_path / "tradewarden-passphrase").touch()
    assert seen(shared_world, token, **given).keys() & given.keys() == set()
    other = shared_world.issue_new("asked-for")
    assert seen(shared_world, other, "--with-secret", **given)["TRADEWARDEN_SECRET"] == other.secret
