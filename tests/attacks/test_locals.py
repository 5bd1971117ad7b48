"""Other programs on the same machine: pages in the operator's browser, other users, a second gateway, a signal."""

import os
import resource
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.attacks.thief import Thief, Wire, ask, pour, raw, statuses
from tests.world import World
from tests.world.home import Home
from tests.world.settings import Addresses

NOBODY = 65534


def admin(world: World, path: str, *more: str, host: str | None = None) -> int:
    """The status of a GET at the admin port."""
    named = f"127.0.0.1:{world.addresses.admin_port}" if host is None else host
    lines = [f"GET {path} HTTP/1.1", f"Host: {named}", *more, "Connection: close", "", ""]
    return ask(world.addresses.admin_port, "\r\n".join(lines).encode()).status


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", "",
     "0.0.0.0:{port}", "[::ffff:127.0.0.1]:{port}", "2130706433:{port}", "127.0.0.1:{port}.evil.example",
     "127.1:{port}", "localhost.:{port}"],
)  # fmt: skip
def test_a_name_that_was_rebound_to_loopback_gets_nothing(shared_world: World, path: str, host: str) -> None:
    """DNS rebinding: the browser sends the attacker's name, and that is not ours."""
    named = host.format(port=shared_world.addresses.admin_port)
    assert admin(shared_world, path, host=named) in (400, 421)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1", "file://"]
)
def test_another_pages_script_gets_nothing(shared_world: World, origin: str) -> None:
    """A foreign Origin is refused, with or without the bearer."""
    bearer = (shared_world.home.path / "metrics.token").read_text().strip()
    for path in ("/healthz", "/metrics"):
        assert admin(shared_world, path, f"Origin: {origin}", f"Authorization: Bearer {bearer}") == 403


def test_metrics_need_their_bearer(shared_world: World) -> None:
    """Nothing, a wrong one, another scheme, a part of it: 401; the right one: 200."""
    bearer = (shared_world.home.path / "metrics.token").read_text().strip()
    for wrong in (
        "",
        "Bearer ",
        "Bearer x",
        f"Basic {bearer}",
        f"bearer {bearer}",
        f"Bearer {bearer[:-1]}",
        f"Bearer {bearer}x",
    ):
        assert admin(shared_world, "/metrics", f"Authorization: {wrong}") == 401
    assert admin(shared_world, f"/metrics?token={bearer}") == 401
    assert admin(shared_world, "/metrics", f"Authorization: Bearer {bearer}") == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_the_admin_port_changes_nothing(shared_world: World, method: str) -> None:
    """There is no way to do anything there yet; a form or a script that tries gets no success."""
    for path in ("/healthz", "/metrics", "/tokens", "/api/tokens", "/"):
        body = "do=token.revoke&all=true"
        sent = raw(method, path, body, None).replace(
            b"127.0.0.1", b"127.0.0.1:%d" % shared_world.addresses.admin_port, 1
        )
        assert ask(shared_world.addresses.admin_port, sent).status >= 400


def test_the_bots_ports_serve_no_administration(shared_world: World) -> None:
    """Neither by the paths of the admin port nor by what a control command looks like."""
    for port in (shared_world.addresses.binance_port, shared_world.addresses.shared_port):
        for path in ("/healthz", "/metrics", "/tokens", "/control", "/admin", "/.well-known/x", "/debug/pprof", "/"):
            for method in ("GET", "POST"):
                assert 400 <= ask(port, raw(method, path)).status < 500
        assert set(statuses(pour(port, b'{"do": "token.revoke", "with": {"all": true, "names": []}}\n'))) <= {400}


def test_a_page_cannot_read_or_send_with_a_tokens_name(shared_world: World) -> None:
    """A browser asks first, for a header of its own; the preflight is refused and nothing invites a page in."""
    asked = raw("OPTIONS", "/api/v3/order", more=("Origin: http://evil.example", "Access-Control-Request-Method: POST"))
    reply = ask(shared_world.addresses.binance_port, asked)
    assert 400 <= reply.status < 500
    answers = [
        reply,
        ask(shared_world.addresses.binance_port, raw("GET", "/api/v3/time", more=("Origin: http://evil.example",))),
    ]
    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control")]


def test_the_control_socket_is_its_owners_alone(shared_world: World) -> None:
    """Mode 0600 in a directory of 0700."""
    home = shared_world.home.path
    assert stat.S_IMODE((home / "control.sock").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


STRANGER = """
import os, socket, sys
connection = socket.socket(socket.AF_UNIX)
os.chdir(sys.argv[1])
os.setgroups([])
os.setgid({nobody}), os.setuid({nobody})
connection.settimeout(10)
try:
    connection.connect(sys.argv[2])
except PermissionError:
    print("refused by its mode")
    raise SystemExit
try:
    connection.sendall(sys.argv[3].encode())
    print(repr(connection.recv(100)))
except ConnectionError:
    print("hung up on")
"""


SAID = {
    "control.sock": '{"do": "token.revoke", "with": {"all": true, "names": []}}\n',
    "capture.sock": "GET https://api.binance.com/api/v3/time HTTP/1.1\r\nHost: api.binance.com\r\n\r\n",
}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("mode", [0o600, 0o666])
@pytest.mark.parametrize("name", SAID)
def test_another_user_is_not_heard_at_a_socket(world: World, name: str, mode: int) -> None:
    """Kept out by the socket's mode; and where that was loosened, by the check of who is calling."""
    world.issue("kept")
    (world.home.path / name).chmod(mode)
    world.home.path.chmod(0o711 if mode == 0o666 else 0o700)
    done = subprocess.run(
        [sys.executable, "-c", STRANGER.format(nobody=NOBODY), str(world.home.path), name, SAID[name]],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert done.stdout.strip() in ("refused by its mode", "hung up on", "b''")
    world.home.path.chmod(0o700)
    (world.home.path / name).chmod(0o600)
    assert [row["state"] for row in world.home.run("token", "list", "--json").json()] == ["active"]


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"{}\n", b"[]\n", b"null\n", b'{"do": 1, "with": {}}\n', b'{"do": "x", "with": {}}\n',
             b"\xff\n",
             b'{"do": "token.issue", "with": {}}\n', b'{"do": "__init__", "with": {}}\n', b"x" * 70_000 + b"\n"],
    ids=range(11),
)  # fmt: skip
def test_nonsense_at_the_control_socket_harms_nothing(shared_world: World, line: bytes) -> None:
    """An error or a closed connection, and the gateway goes on."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(shared_world.home.path / "control.sock"))
        connection.sendall(line)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b'"ok": true' not in answer
    assert admin(shared_world, "/healthz") == 200


@pytest.mark.parametrize(
    ("name", "mode"), [(".", 0o755), ("state.db", 0o644), ("audit", 0o750), ("gateway.yaml", 0o640)]
)
def test_a_home_that_others_can_look_into_is_not_served(
    tmp_path: Path, initialised_home: Home, name: str, mode: int
) -> None:
    """Refused with the command that mends it; after which it starts no differently than before."""
    home = initialised_home.copied(tmp_path)
    (home.path / name).chmod(mode)
    refused = home.attempt("serve")
    assert refused.code == 1
    assert "chmod" in refused.err
    assert len(refused.err.strip().splitlines()) == 1


@pytest.mark.parametrize("address", ["0.0.0.0", "[::]", "192.0.2.1"])
def test_no_port_is_opened_to_other_machines(tmp_path: Path, initialised_home: Home, address: str) -> None:
    """Without TLS a token's signed orders would be everyone's to read: refused at start."""
    home = initialised_home.copied(tmp_path)
    ports = Addresses()
    for field in ("reverse", "admin"):
        lines = {"reverse": f"127.0.0.1:{ports.shared_port}", "admin": f"127.0.0.1:{ports.admin_port}"}
        lines[field] = f'"{address}:{ports.binance_port}"'
        home.write("gateway.yaml", "listen:\n" + "".join(f"  {name}: {value}\n" for name, value in lines.items()))
        refused = home.attempt("serve")
        assert refused.code == 1
        assert "listen on" in refused.err


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel about another process")
def test_a_low_default_of_open_files_is_raised(world: World) -> None:
    """A shell's default would let a few hundred idle connections keep exchanges and commands out."""
    world.stop()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        world.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert resource.prlimit(world.running.pid, resource.RLIMIT_NOFILE)[0] > 256


def test_sigterm_lets_what_is_in_flight_end(world: World) -> None:
    """The order that waits for the exchange gets its answer, nothing new is taken, and the exit code is 0."""
    credential = world.issue("last")
    thief = Thief(credential.key, credential.secret)
    world.exchange.control("add_fault", kind="hold", method="POST", path="/api/v3/order")
    number = world.exchange.mark()
    with Wire(world.addresses.binance_port) as wire, Wire(world.addresses.binance_port) as idle:
        assert idle.ask(raw("GET", "/api/v3/time")).status == 200
        wire.send(thief.order(extra="&newClientOrderId=last"))
        while not world.exchange.arrivals(number, "POST"):
            world.exchange.control("wait_journal", number=world.exchange.mark() + 1, seconds=10)
        world.running.interrupt(signal.SIGTERM)
        assert idle.to_the_end() == b""
        with pytest.raises(ConnectionRefusedError):
            Wire(world.addresses.binance_port)
        world.exchange.control("release_holds")
        assert wire.read().status == 200
    assert world.running.ended(20) == 0
    outcomes = [record for record in world.audit() if record.get("type") == "outcome" and "last" in str(record)]
    assert outcomes
