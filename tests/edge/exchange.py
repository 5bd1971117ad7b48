"""A small real TLS exchange on loopback that behaves as it is told, and a certificate authority for it."""

import asyncio
import contextlib
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.core.request import Answer, Outgoing
from gateway.edge.upstream import UpstreamPool

HOST = "api.binance.com"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
_BEGAN = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_ENDS = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


class Authority:
    """A CA with its certificate in a file; issues server certificates into the same folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
        certificate = self._sign(self._name, self._key.public_key(), x509.BasicConstraints(ca=True, path_length=0))
        self.file = folder / "ca.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def server_context(self, name: str) -> ssl.SSLContext:
        """TLS for a server with that DNS name."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "exchange")])
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        certificate = self._sign(subject, key.public_key(), names)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = self._folder / f"{name}.pem"
        file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        context.set_alpn_protocols(["h2", "http/1.1"])
        return context

    def _sign(
        self, subject: x509.Name, public: ec.EllipticCurvePublicKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(public)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(_BEGAN).not_valid_after(_ENDS)
        return builder.add_extension(extension, critical=False).sign(self._key, hashes.SHA256())


@dataclass
class Line:
    """One connection as the exchange sees it; ``number`` counts from 1."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    exchange: "Exchange"

    async def request(self) -> bytes | None:
        """The next whole request, or None when the gateway has closed."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = next((int(h[15:]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:")), 0)
            request = head + await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            return None
        self.exchange.requests.append((self.number, request))
        self.exchange.stirred.set()
        return request

    def say(self, wire: bytes) -> None:
        self.writer.write(wire)

    def hang_up(self) -> None:
        self.writer.transport.abort()


Behaviour = Callable[[Line], Awaitable[None]]


async def polite(line: Line) -> None:
    """Answer every request."""
    while await line.request() is not None:
        line.say(OK)


async def silent(line: Line) -> None:
    """Take requests and never answer."""
    while await line.request() is not None:
        pass


@dataclass
class Exchange:
    """A running exchange: its port, the requests it got with their connection's number, and how it behaves."""

    behave: Behaviour
    port: int = 0
    requests: list[tuple[int, bytes]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    conversations: set["asyncio.Task[None] | None"] = field(default_factory=set)
    stirred: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until this holds; it is asked anew whenever a connection or a request has come."""
        while not true():
            self.stirred.clear()
            await self.stirred.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.conversations.add(asyncio.current_task())
        line = Line(len(self.lines) + 1, reader, writer, self)
        self.lines.append(line)
        self.stirred.set()
        try:
            await self.behave(line)
        except ConnectionError:
            pass  # the gateway cut a connection that this behaviour was still using
        finally:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def running(context: ssl.SSLContext, behave: Behaviour = polite) -> AsyncIterator[Exchange]:
    """An exchange on a free port."""
    exchange = Exchange(behave)
    server = await asyncio.start_server(exchange.serve, "127.0.0.1", 0, ssl=context)
    exchange.port = server.sockets[0].getsockname()[1]
    try:
        yield exchange
    finally:
        server.close()
        for line in exchange.lines:
            line.hang_up()
        if conversations := [task for task in exchange.conversations if task]:
            await asyncio.wait(conversations)


@contextlib.asynccontextmanager
async def pool(exchange: Exchange, authority: Authority, **settings: float) -> AsyncIterator[UpstreamPool]:
    """An upstream pool whose HOST leads to the exchange."""
    made = UpstreamPool(frozenset({HOST}), {f"{HOST}:443": f"127.0.0.1:{exchange.port}"}, authority.file, **settings)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.close()


def read(target: str = "/api/v3/account") -> Outgoing:
    """A request that changes nothing."""
    return Outgoing(HOST, "GET", target, (("X-MBX-APIKEY", "k"),), b"", True)


def order(body: bytes = b"side=BUY") -> Outgoing:
    """A request that changes state."""
    return Outgoing(HOST, "POST", "/api/v3/order", (("X-MBX-APIKEY", "k"),), body, False)


def open_gate() -> None:
    """A gate that lets everything through."""


async def send_order(ours: UpstreamPool, owner: str = "token") -> Answer:
    return await ours.send(order(), owner, open_gate)


async def send_read(ours: UpstreamPool, owner: str = "token") -> Answer:
    return await ours.send(read(), owner, open_gate)


async def gone(exchange: Exchange, number: int) -> None:
    """Wait until that connection's conversation has ended on the exchange's side."""
    line = exchange.lines[number - 1]
    while not line.reader.at_eof() and line.reader.exception() is None:  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(0)


async def arrived(exchange: Exchange, count: int = 1) -> None:
    """Wait until so many requests have reached the exchange."""
    await exchange.until(lambda: len(exchange.requests) >= count)


async def connected(exchange: Exchange, count: int = 1) -> None:
    """Wait until so many connections have been made to the exchange."""
    await exchange.until(lambda: len(exchange.lines) >= count)
