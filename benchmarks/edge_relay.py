"""What the edge costs by itself: a bot through listener and upstream pool (no policy), against direct TLS.

Four processes on this machine: a TLS exchange that answers at once, the relay under test, and two kinds of load: one
connection at a steady 200 requests/s (added latency), and N connections as fast as they go (throughput and CPU per
request of the relay). Run: ``python benchmarks/edge_relay.py``. Compare numbers inside one run only.
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import ipaddress
import multiprocessing
import os
import resource
import socket
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gateway.core.request import Answer, Outgoing, RawRequest
from gateway.edge.door import Door
from gateway.edge.grammar import Unreadable
from gateway.edge.listener import Listener
from gateway.edge.upstream import UpstreamPool

HOST = "api.binance.com"
BODY = b'{"symbol":"BTCUSDT","orderId":28,"clientOrderId":"6gCrw2kRUAF9CvJDGP16IP","transactTime":1507725176595}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: %d\r\n"
    b"Connection: keep-alive\r\nx-mbx-uuid: 8a1d0000-0000-0000-0000-000000000000\r\nx-mbx-used-weight: 4\r\n"
    b"x-mbx-used-weight-1m: 4\r\nStrict-Transport-Security: max-age=31536000\r\nX-Cache: Miss\r\n\r\n" % len(BODY)
) + BODY
REQUEST = (
    b"POST /api/v3/order HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: python-requests/2.32.3\r\nAccept-Encoding: gzip, "
    b"deflate\r\nAccept: */*\r\nConnection: keep-alive\r\nX-MBX-APIKEY: vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6"
    b"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 150\r\n\r\n" + b"s" * 150
)
HEAD = (
    ("X-MBX-APIKEY", "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6"),
    ("Content-Type", "application/x-www-form-urlencoded"),
    ("Accept-Encoding", "gzip, deflate"),
)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for HOST that is its own CA, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "benchmark")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1)).add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "cert.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"


class Exchange(asyncio.Protocol):
    """Answers every REQUEST-sized piece at once."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, received: bytes) -> None:
        self.transport.write(ANSWER)


async def run_exchange(pipe: Pipe, cert: Path, key: Path) -> None:
    """The exchange's process."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server = await asyncio.get_running_loop().create_server(Exchange, "127.0.0.1", 0, ssl=context)
    pipe.send(server.sockets[0].getsockname()[1])
    await asyncio.get_running_loop().run_in_executor(None, pipe.recv)


async def run_relay(pipe: Pipe, cert: Path, exchange: int) -> None:
    """The relay's process: every request becomes the same outgoing one."""
    upstream = UpstreamPool(frozenset({HOST}), {f"{HOST}:443": f"127.0.0.1:{exchange}"}, cert)

    async def handle(raw: RawRequest, connection: object) -> Answer:
        outgoing = Outgoing(HOST, "POST", raw.target.decode("ascii"), HEAD, raw.body, False)
        return await upstream.send(outgoing, "bench", _open)

    listener = Listener(handle, _refuse)
    _, port = await listener.open(Door("binance"), "127.0.0.1", 0)
    pipe.send(port)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, pipe.recv) == "cpu":
        usage = resource.getrusage(resource.RUSAGE_SELF)
        pipe.send(usage.ru_utime + usage.ru_stime)
    await listener.stop(1)
    await upstream.close()


def _open() -> None:
    """A gate that is always open."""


def _refuse(door: Door, refusal: Unreadable) -> Answer:
    return Answer(refusal.status, (), refusal.detail.encode())


def _enter(run: Callable[..., Any], pipe: Pipe, core: int, *arguments: Any) -> None:
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {core % (os.cpu_count() or 1)})
    uvloop.run(run(pipe, *arguments))


@contextlib.contextmanager
def process(run: Callable[..., Any], core: int, *arguments: Any) -> Iterator[tuple[Pipe, int]]:
    """Run it in a process of its own, on one core; its pipe and its port."""
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=_enter, args=(run, theirs, core, *arguments))
    child.start()
    try:
        yield ours, ours.recv()
    finally:
        ours.send("stop")
        child.join(10)


def latencies(port: int, cert: Path | None, seconds: float) -> list[float]:
    """Round trips in µs over one connection at 200 requests/s."""
    raw = socket.create_connection(("127.0.0.1", port))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line: socket.socket = raw
    if cert is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cert)
        line = context.wrap_socket(raw, server_hostname=HOST)
    measured = []
    with line:
        for _ in range(int(seconds * 200)):
            begun = time.perf_counter()
            line.sendall(REQUEST)
            line.recv(65536)
            measured.append((time.perf_counter() - begun) * 1e6)
            time.sleep(max(0.0, begun + 0.005 - time.perf_counter()))
    return measured[20:]


class Client(asyncio.Protocol):
    """Sends REQUEST again and again."""

    def __init__(self, counted: list[int]) -> None:
        self.counted = counted

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(REQUEST)

    def data_received(self, received: bytes) -> None:
        self.counted[0] += 1
        self.transport.write(REQUEST)


async def flood(port: int, connections: int, seconds: float) -> int:
    """How many answers so many connections got in that time."""
    counted = [0]
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: Client(counted), "127.0.0.1", port) for _ in range(connections)]
    await asyncio.sleep(0.3)
    before = counted[0]
    await asyncio.sleep(seconds)
    answers = counted[0] - before
    for transport, _ in made:
        transport.abort()
    return answers


def cpu(pipe: Pipe) -> float:
    """CPU seconds the relay has used."""
    pipe.send("cpu")
    return float(pipe.recv())


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=3)
    arguments.add_argument("--connections", type=int, default=16)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cert, key = certificate(Path(folder))
        with (
            process(run_exchange, 1, cert, key) as (_, exchange),
            process(run_relay, 0, cert, exchange) as (pipe, relay),
        ):
            direct = latencies(exchange, cert, chosen.seconds)
            through = latencies(relay, None, chosen.seconds)
            for name, measured in (("direct TLS", direct), ("through the edge", through)):
                cuts = statistics.quantiles(measured, n=100)
                print(f"{name:18} p50 {cuts[49]:7.0f} µs   p99 {cuts[98]:7.0f} µs")
            print(f"{'added':18} p50 {statistics.median(through) - statistics.median(direct):7.0f} µs")
            before = cpu(pipe)
            answers = uvloop.run(flood(relay, chosen.connections, chosen.seconds))
            used = cpu(pipe) - before
            print(f"{chosen.connections} connections: {answers / chosen.seconds:.0f} requests/s, "
                  f"{used / answers * 1e6:.0f} µs CPU per request, {answers / used:.0f} requests/s per core")


if __name__ == "__main__":
    main()
