"""Where captured connections may lead: to the gateway, to what is listed, and nowhere else."""

import json
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway.admin.capture.place import Place
from gateway.admin.capture.program import variables
from gateway.edge.dial import _FORBIDDEN, is_public
from tests.admin.capture.captured import ANSWER_SECONDS, API, Captured, answered
from tests.attacks.thief import raw
from tests.world import World
from tests.world.ports import free_port

TIME = raw("GET", "/api/v3/time", host=API)


@contextmanager
def canary() -> Iterator[socket.socket]:
    """A server on the loopback that nobody may ever reach."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server
        with pytest.raises(BlockingIOError):
            server.accept()


def refused(connection: socket.socket) -> bool:
    """Whether the other side ends the connection, or says in HTTP that it will not."""
    try:
        received = connection.recv(65536)
    except ConnectionResetError:
        return True
    return not received or 400 <= int(received.split(b" ", 2)[1]) < 500


@pytest.mark.parametrize("host", ["example.com", "api.binance.com.example.com", "mitm.it", "127.0.0.1", "metadata"])
def test_tls_to_a_foreign_host_is_refused(host: str, shared_capture: Captured) -> None:
    """Before a certificate is shown: mitmproxy makes none."""
    with pytest.raises((ssl.SSLError, ConnectionError)) as failed:
        shared_capture.shake(host)
    assert not isinstance(failed.value, ssl.SSLCertVerificationError)


@pytest.mark.parametrize(
    ("host", "number", "sni"),
    [
        (API, 443, "fapi.binance.com"),
        ("example.com", 443, API),
        (API, 443, "example.com"),
        (API, 8443, API),
        (API, 443, "API.binance.com"),
        (API, 443, "api.binance.com."),
        ("192.0.2.7", 443, "example.com"),
    ],
)
def test_destination_and_name_must_agree(host: str, number: int, sni: str, shared_capture: Captured) -> None:
    """Each known to the exchange on that port, and the same."""
    with pytest.raises((ssl.SSLError, ConnectionError)) as failed:
        shared_capture.shake(host, number, sni)
    assert not isinstance(failed.value, ssl.SSLCertVerificationError)


def test_tls_without_a_name_is_refused(shared_capture: Captured) -> None:
    context = shared_capture.trusting()
    context.check_hostname = False
    with shared_capture.connect() as connection, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(connection)


def test_host_must_name_what_tls_named(shared_capture: Captured) -> None:
    """The gateway says so itself, in the exchange's words."""
    heard = shared_capture.ask(raw("GET", "/api/v3/time", host="fapi.binance.com"))
    assert (heard.status, json.loads(heard.body)["code"]) == (421, -1100)
    assert heard.decision is not None


@pytest.mark.parametrize(
    "sent",
    [
        raw("GET", f"https://{API}/api/v3/time", host=API),
        raw("GET", "http://example.com/", host="example.com"),
        raw("CONNECT", f"{API}:443", host=API),
        raw("OPTIONS", "*", host=API),
        b"GET /api/v3/time HTTP/1.1\r\nHost: " + API.encode() + b"\r\nX-A: b\r\n c\r\n\r\n",
        b"GET /api/v3/time HTTP/1.0\r\nHost: " + API.encode() + b"\r\n\r\n",
        b"GET /api/v3/time HTTP/1.1\r\nHost: " + API.encode() + b"\r\nHost: " + API.encode() + b"\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: " + API.encode() + b"\r\n\r\n",
        b"\x00\x01nothing that HTTP knows\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_plain_request_reaches_no_exchange(sent: bytes, shared_capture: Captured) -> None:
    """Whoever refuses it, mitmproxy, the addon or the gateway."""
    exchange = shared_capture.world.exchange
    before = exchange.mark()
    with shared_capture.shake() as connection:
        connection.sendall(sent)
        assert refused(connection)
    assert [one for one in exchange.arrivals(before) if not one.follows and one.path == "/api/v3/time"] == []


@pytest.mark.parametrize("host", [API, "example.com", "127.0.0.1"])
def test_plain_http_is_refused(host: str, shared_capture: Captured) -> None:
    """To anyone, an exchange's host included: a bot that sends its signature in clear must learn it."""
    with canary() as server, shared_capture.connect(host, server.getsockname()[1]) as connection:
        assert answered(connection, raw("GET", "/api/v3/time", host=host)).status == 403


def test_other_protocols_are_refused(shared_capture: Captured) -> None:
    """A loopback canary is never dialled, whatever is said."""
    with canary() as server, shared_capture.connect("127.0.0.1", server.getsockname()[1]) as connection:
        connection.sendall(b"SSH-2.0-x\r\n\r\n")
        assert refused(connection)


def test_only_http_1_1_is_agreed_on(shared_capture: Captured) -> None:
    context = shared_capture.trusting()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with context.wrap_socket(shared_capture.connect(), server_hostname=API) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"


def test_listed_hosts_pass_untouched_and_no_others(world: World, capturing: Callable[..., Captured]) -> None:
    """By the operator's map, where he wrote one; one without leads to public addresses only."""
    with socket.create_server(("127.0.0.1", 0)) as server, canary() as other:
        server.settimeout(ANSWER_SECONDS)
        number, forbidden = server.getsockname()[1], other.getsockname()[1]
        settings = (world.home.path / "gateway.yaml").read_text()
        mapped = f'  connect_to:\n    "feed.example.com:7000": "127.0.0.1:{number}"\n'
        listed = f"tunnel: [feed.example.com:7000, localhost:{forbidden}]\n"
        world.home.write("gateway.yaml", settings.replace("  connect_to:\n", mapped) + listed)
        captured = capturing(world)
        with captured.connect("feed.example.com", 7000) as connection:
            connection.sendall(b"\x16\x03any bytes")
            far, _ = server.accept()
            with far:
                assert far.recv(64) == b"\x16\x03any bytes"
                far.sendall(b"and back")
            assert connection.recv(64) == b"and back"
        for host, port in (("localhost", forbidden), ("feed.example.com", free_port())):
            with captured.connect(host, port) as connection:
                connection.sendall(b"any bytes\r\n\r\n")
                assert refused(connection)


JUDGE = """
import importlib.util, ipaddress, json, sys
spec = importlib.util.spec_from_file_location("addon", sys.argv[1])
addon = importlib.util.module_from_spec(spec)
spec.loader.exec_module(addon)
print(json.dumps([addon.is_public(ipaddress.ip_address(one)) for one in sys.argv[2:]]))
"""


def test_the_addon_and_the_gateway_agree_on_public_addresses(program: Path) -> None:
    """At both ends of every network that is none, and just outside; the addon cannot import the gateway's table."""
    networks = (*_FORBIDDEN, *map(ip_network, ("::1/128", "64:ff9b::/96", "fc00::/7", "fe80::/10", "ff00::/8")))
    asked = [str(network[place]) for network in networks for place in (0, -1)]
    asked += [str(network[0] - 1) for network in networks if int(network[0])]
    last = {"255.255.255.255", str(ip_network("::/0")[-1])}
    asked += [str(network[-1] + 1) for network in networks if str(network[-1]) not in last]
    asked += ["8.8.8.8", "2606:4700::1111", "::ffff:127.0.0.1"]
    with Place() as place:
        place.furnish({"socket": "", "hosts": {}, "listed": []})
        words = [program.with_name("python"), "-c", JUDGE, place.path / "addon.py", *asked]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    judged = dict(zip(asked, json.loads(done.stdout), strict=True))
    assert judged == {one: is_public(one) for one in asked}
    assert judged["8.8.8.8"]


TALK = """
import importlib.util, logging, sys
spec = importlib.util.spec_from_file_location("addon", sys.argv[1])
addon = importlib.util.module_from_spec(spec)
spec.loader.exec_module(addon)
logging.basicConfig(stream=sys.stdout, format="%(message)s")
now = 0.0
addon.time.monotonic = lambda: now
[capture] = addon.addons
for now, begin in ((0.0, 0), (61.0, 100)):
    for number in range(begin, begin + 50):
        capture._tell(addon._shown(("\\x1b[2J\\n" + str(number) + "x" * 999, 443)))
"""


def test_what_clients_write_into_the_log_is_bounded(program: Path) -> None:
    """Ten lines a minute over all, a count of the rest, and no control characters of theirs."""
    with Place() as place:
        place.furnish({"socket": "", "hosts": {}, "listed": []})
        words = [program.with_name("python"), "-c", TALK, place.path / "addon.py"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 21
    assert lines[10] == "refused: 40 more since"
    assert lines[0].startswith(r"refused: '\x1b[2J\n0xxx")
    assert done.stdout.isascii()
    assert "\x1b" not in done.stdout
    assert max(map(len, lines)) < 120


def test_its_words_are_not_held_back() -> None:
    """A log in a file is read while the capture runs."""
    assert variables(Path("/"))["PYTHONUNBUFFERED"] == "1"


def test_without_a_gateway_nothing_goes_anywhere(world: World, capturing: Callable[..., Captured]) -> None:
    """The exchange's own word for later; and all is well once the gateway is back."""
    captured = capturing(world)
    thief = captured.thief("down")
    with captured.shake() as connection:
        assert answered(connection, thief.order()).status == 200
        world.kill()
        before = world.exchange.mark()
        heard = answered(connection, thief.order())
        assert (heard.status, json.loads(heard.body)["code"]) == (503, -1001)
        assert "[tradewarden:capture " in heard.body.decode()
        assert world.exchange.arrivals(before) == []
        world.start()
        assert answered(connection, TIME).status == 200
