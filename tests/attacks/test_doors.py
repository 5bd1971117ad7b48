"""Addresses that are not loopback, and tunnels beside the exchange's: only TLS, only who proves to be a token.

A host name counts as an address that others may reach; here it leads to this machine, so that nobody does.
"""

import base64
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.attacks.thief import Thief, Wire, ask, now_ms, raw
from tests.attacks.witness import Witness
from tests.world import World
from tests.world.home import Home
from tests.world.world import BotCredential

LISTED = "api.telegram.org"
MISLED = "admin.example"
"""Listed too, and led to the gateway's own admin port."""
SECONDS = 20
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl speaks TLS to a proxy")


@contextmanager
def canary() -> Iterator[tuple[int, list[bytes]]]:
    """A server on loopback, and what it was told."""
    told: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    wire, _ = server.accept()
                except OSError:
                    return
                with wire:
                    heard = wire.recv(65536)
                    if heard:
                        told.append(heard)
                    wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nhere")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], told


class Opened:
    """A world whose ports count as open to others, with one listed host that leads to a canary."""

    def __init__(self, world: World, canary_port: int) -> None:
        self.world = world
        self.certs = world.home.path / "certs"
        text = (world.home.path / "gateway.yaml").read_text()
        for port in (world.addresses.shared_port, world.addresses.binance_port, world.addresses.forward_port):
            text = text.replace(f"127.0.0.1:{port}", f"localhost:{port}")
        text = text.replace("listen:\n", "listen:\n  tls: local\n")
        leads = {LISTED: canary_port, MISLED: world.addresses.admin_port}
        mapped = "".join(f'    "{host}:443": "127.0.0.1:{port}"\n' for host, port in leads.items())
        text = text.replace("  connect_to:\n", f"  connect_to:\n{mapped}")
        world.stop()
        world.home.write("gateway.yaml", f"{text}tunnel: ['{LISTED}:443', '{MISLED}:443']\n")
        world.start()
        credential = world.issue_new("remote")
        self.thief = Thief(credential.key, credential.secret)

    def curl(self, url: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Through the forward port, TLS to the proxy and whatever the URL says inside."""
        words = [
            "curl", "--silent", "--show-error", "--max-time", str(SECONDS), "--noproxy", "", "--http1.1",
            "--proxy", f"https://localhost:{self.world.addresses.forward_port}",
            "--proxy-cacert", str(self.certs / "listen-ca.pem"), "--cacert", str(self.certs / "ca.pem"), *options, url,
        ]  # fmt: skip
        return subprocess.run(words, capture_output=True, text=True, timeout=2 * SECONDS, check=False)

    def shaken(self, port: int, ca: str = "listen-ca.pem") -> ssl.SSLSocket:
        """TLS to one of the ports."""
        wire = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        return ssl.create_default_context(cafile=str(self.certs / ca)).wrap_socket(wire, server_hostname="localhost")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, initialised_home: Home) -> Iterator[tuple[Opened, list[bytes]]]:
    with World(tmp_path_factory.mktemp("opened"), initialised_home) as world, canary() as (port, told):
        yield Opened(world, port), told


def test_plain_http_is_refused_and_tls_serves(opened: tuple[Opened, list[bytes]]) -> None:
    """A signed order in clear gets no further than the listener; in TLS it is placed."""
    here, _ = opened
    witness = Witness(here.world)
    addresses = here.world.addresses
    for port in (addresses.binance_port, addresses.shared_port, addresses.forward_port):
        assert b"only TLS" in ask(port, here.thief.order()).body
    assert not witness.keyed()
    with here.shaken(addresses.binance_port) as wire:
        wire.sendall(here.thief.order())
        assert wire.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert [one.path for one in witness.keyed()] == ["/api/v3/order"]


def test_the_wrong_ca_does_not_verify(opened: tuple[Opened, list[bytes]]) -> None:
    """The tunnels' CA cannot speak for the gateway's own ports."""
    here, _ = opened
    with pytest.raises(ssl.SSLCertVerificationError):
        here.shaken(here.world.addresses.binance_port, "ca.pem")


@needs_curl
def test_a_tunnel_to_the_exchange_through_a_tls_proxy(opened: tuple[Opened, list[bytes]]) -> None:
    here, _ = opened
    query = here.thief.signed("", stamp=now_ms() * 1000)
    done = here.curl(f"https://api.binance.com/api/v3/account?{query}", "--header", f"X-MBX-APIKEY: {here.thief.key}")
    assert '"balances"' in done.stdout, done.stderr


@needs_curl
def test_an_untouched_tunnel_needs_a_live_tokens_credentials(opened: tuple[Opened, list[bytes]]) -> None:
    """Not none, not a stranger's, not a wrong secret, not a paused or revoked token's."""
    here, told = opened
    credential = here.world.issue_new("tunnel")
    good = f"{credential.key}:{credential.secret}"
    for user in ("", f"{credential.key}:x", f"{'A' * 64}:{credential.secret}", credential.key, ":"):
        done = here.curl(f"https://{LISTED}/", *(("--proxy-user", user) if user else ()))
        assert "407" in done.stderr, done
    assert told == []
    done = here.curl(f"https://{LISTED}/", "--proxy-user", good)
    assert len(told) == 1, done.stderr
    assert told[0][:1] == b"\x16", "it is the client's own TLS that arrives"
    assert base64.b64encode(good.encode()) not in told[0]
    here.world.home.run("token", "pause", credential.name)
    assert "407" in here.curl(f"https://{LISTED}/", "--proxy-user", good).stderr
    here.world.home.run("token", "resume", credential.name)
    here.world.home.run("token", "revoke", credential.name)
    assert "407" in here.curl(f"https://{LISTED}/", "--proxy-user", good).stderr
    assert len(told) == 1
    for name, text in here.world.printed():
        assert credential.secret.encode() not in text, name


@pytest.mark.parametrize("act", ["pause", "revoke"])
def test_a_tunnel_that_stands_ends_with_its_tokens_right(opened: tuple[Opened, list[bytes]], act: str) -> None:
    """At once or within a second, though nothing flows."""
    here, _ = opened
    credential = here.world.issue_new("standing")
    with here.shaken(here.world.addresses.forward_port) as wire:
        wire.sendall(connect(LISTED, credential))
        assert wire.recv(65536) == b"HTTP/1.1 200 Connection established\r\n\r\n"
        here.world.home.run("token", act, credential.name)
        assert ended(wire)


def test_no_tunnel_leads_to_the_admin_port(opened: tuple[Opened, list[bytes]]) -> None:
    """Wherever the settings send it: it is the gateway's own."""
    here, _ = opened
    with here.shaken(here.world.addresses.forward_port) as wire:
        wire.sendall(connect(MISLED, here.world.issue_new("misled")))
        answer = wire.recv(65536)
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert b"gateway's own" in answer


def connect(host: str, credential: BotCredential) -> bytes:
    """A CONNECT with the token's credentials."""
    user = base64.b64encode(f"{credential.key}:{credential.secret}".encode()).decode()
    head = f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\nProxy-Authorization: Basic {user}\r\n\r\n"
    return head.encode()


def ended(wire: ssl.SSLSocket) -> bool:
    """Whether the gateway hangs up, before the socket's own time is over."""
    try:
        return wire.recv(1) == b""
    except ConnectionError:
        return True


def test_on_loopback_no_host_but_the_listed_is_dialled(shared_world: World) -> None:
    """A canary on this machine is never dialled, by whatever name or way."""
    with canary() as (port, told):
        forward = shared_world.addresses.forward_port
        for host in ("127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "127.1", "api.binance.com"):
            for sent in (
                f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode(),
                raw("GET", f"http://{host}:{port}/", host=f"{host}:{port}"),
                raw("GET", f"http://{host}:{port}/api/v3/time", host="api.binance.com"),
            ):
                with Wire(forward) as wire:
                    wire.send(sent)
                    assert wire.read().status in (400, 403, 404, 421)
        assert told == []


@pytest.mark.parametrize("name", ["fapi.binance.com", "localhost", None])
def test_in_a_tunnel_no_other_server_is_named(shared_world: World, name: str | None) -> None:
    """Whoever asks for another host than CONNECT did gets no handshake: no certificate, no request."""
    tunnel = b"CONNECT api.binance.com:443 HTTP/1.1\r\nHost: api.binance.com\r\n\r\n"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", shared_world.addresses.forward_port), timeout=SECONDS) as wire:
        wire.sendall(tunnel)
        assert wire.recv(4096).startswith(b"HTTP/1.1 200 ")
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            context.wrap_socket(wire, server_hostname=name)


@pytest.mark.parametrize("entry", ["api.binance.com:443", "stream.binance.com:9443"])
def test_an_exchange_cannot_be_listed(tmp_path: Path, initialised_home: Home, entry: str) -> None:
    home = initialised_home.copied(tmp_path)
    home.write("gateway.yaml", f"listen:\n  reverse: 127.0.0.1:8377\ntunnel: ['{entry}']\n")
    refused = home.attempt("serve")
    assert refused.code == 1
    assert "is an exchange's" in refused.err
