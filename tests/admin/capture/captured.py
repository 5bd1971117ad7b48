"""A `tradewarden capture` as a process, and a bot that comes to it by SOCKS, byte by byte."""

import http.client
import socket
import ssl
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.attacks.thief import Thief
from tests.world import World
from tests.world.ports import free_port
from tests.world.processes import Process

READY_SECONDS = 90
ANSWER_SECONDS = 30
API = "api.binance.com"
_NUMBERS = count(1)


@dataclass(frozen=True)
class Heard:
    """An answer."""

    status: int
    body: bytes
    decision: str | None


class Captured:
    """A capture in front of a world, in SOCKS mode unless told otherwise. ``within``: a command that runs commands."""

    def __init__(self, world: World, program: Path, *words: str, within: Sequence[str] = (), **variables: str) -> None:
        self.world, self.port = world, free_port()
        where = words or ("--listen", f"127.0.0.1:{self.port}")
        command = [*within, *world.home.command("capture", "--mitmdump", str(program), *where)]
        environment = {**world.home.environment, **variables}
        self.process = Process(f"capture-{next(_NUMBERS)}", command, world.logs, environment)

    def await_ready(self) -> None:
        """Its ports are open."""
        self.process.until(lambda: "capturing" in self.said, READY_SECONDS, "readiness")

    @property
    def said(self) -> str:
        """All that it and mitmproxy have written."""
        return self.process.err.read_text()

    @property
    def child(self) -> int:
        """mitmproxy's process id."""
        found = children(self.process.pid)
        assert len(found) == 1, found
        return found[0]

    def trusting(self) -> ssl.SSLContext:
        """What a bot trusts that was given the CA for tunnels, and nothing else."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.world.home.path / "certs" / "ca.pem")
        return context

    def connect(self, host: str = API, number: int = 443) -> socket.socket:
        """A connection through SOCKS to a name (or an address) that is never resolved here."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=ANSWER_SECONDS)
        try:
            where = b"\x01" + socket.inet_aton(host)
        except OSError:
            where = b"\x03" + bytes((len(host),)) + host.encode()
        connection.sendall(b"\x05\x01\x00")
        assert _exactly(connection, 2) == b"\x05\x00"
        connection.sendall(b"\x05\x01\x00" + where + struct.pack("!H", number))
        assert _exactly(connection, 10)[:2] == b"\x05\x00"
        return connection

    def shake(self, host: str = API, number: int = 443, sni: str | None = None) -> ssl.SSLSocket:
        """TLS within, in that name."""
        connection = self.connect(host, number)
        try:
            return self.trusting().wrap_socket(connection, server_hostname=sni or host)
        except BaseException:
            connection.close()
            raise

    def ask(self, sent: bytes, host: str = API) -> Heard:
        """One request, and its answer."""
        with self.shake(host) as connection:
            return answered(connection, sent)

    def thief(self, name: str) -> Thief:
        """Whoever has a token of this world."""
        credential = self.world.issue_new(name)
        return Thief(credential.key, credential.secret, API)


def answered(connection: socket.socket, sent: bytes) -> Heard:
    """The answer to these bytes on this connection."""
    connection.sendall(sent)
    answer = http.client.HTTPResponse(connection, method=sent.split(b" ", 1)[0].decode())
    answer.begin()
    return Heard(answer.status, answer.read(), answer.getheader("x-tradewarden-decision"))


def children(pid: int) -> list[int]:
    """The processes that this one's threads began."""
    return [int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()]


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        more = connection.recv(size - len(received))
        assert more, f"the connection ended after {received!r}"
        received += more
    return received
