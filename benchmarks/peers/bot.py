"""The load: one bot's signed requests over raw sockets, at a steady pace or as fast as answers come.

Law: a round trip is timed from the write to the last byte of the answer, signing and parsing outside of it; an
answer that is not 200 ends the benchmark, for the cost of refusals says nothing.
"""

import asyncio
import hashlib
import hmac
import itertools
import re
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HOST = "api.binance.com"
SYMBOL = "BTCUSDT"
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_NUMBERS = itertools.count(time.time_ns() // 1_000_000)


@dataclass(frozen=True)
class Key:
    """A key's id and its HMAC secret: a token, or the real key itself."""

    id: str
    secret: str


class Refused(Exception):
    """An answer other than 200."""


class Line(asyncio.Protocol):
    """One kept-alive connection, one request at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._received, self._end = b"", 0
        self._answer: asyncio.Future[float] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def ask(self, wire: bytes) -> "asyncio.Future[float]":
        """Send it. The loop's time at which the answer's last byte came."""
        self._received, self._end = b"", 0
        self._answer = self._loop.create_future()
        self._transport.write(wire)
        return self._answer

    def data_received(self, received: bytes) -> None:
        self._received += received
        if not self._end:
            head = self._received.find(b"\r\n\r\n") + 4
            if head < 4:
                return
            length = _LENGTH.search(self._received[:head])
            self._end = head + (int(length[1]) if length else 0)
        if len(self._received) >= self._end:
            self._whole()

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Refused("the connection was closed"))

    def close(self) -> None:
        """Destroy it."""
        self._transport.abort()

    def _whole(self) -> None:
        answer, self._answer = self._answer, None
        if answer is None or answer.done():
            return
        if self._received.startswith(b"HTTP/1.1 200 "):
            answer.set_result(time.perf_counter())
        else:
            answer.set_exception(Refused(self._received.decode("latin-1")[-600:]))


@dataclass(frozen=True)
class Way:
    """One way to the exchange: a port, the keys that are good there, and the CA where it speaks TLS.

    ``pid`` is the process under test; None for the exchange itself. ``tunnel``: by CONNECT, and TLS inside.
    """

    name: str
    port: int
    keys: Sequence[Key]
    ca_file: Path | None = None
    pid: int | None = None
    tunnel: bool = False

    async def line(self) -> Line:
        """A new connection."""
        loop = asyncio.get_running_loop()
        context = ssl.create_default_context(cafile=self.ca_file) if self.ca_file is not None else None
        wire = socket.create_connection(("127.0.0.1", self.port))
        if self.tunnel:
            wire.sendall(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode())
            _whole_head(wire)
        wire.setblocking(False)
        name = HOST if context else None
        return (await loop.create_connection(lambda: Line(loop), sock=wire, ssl=context, server_hostname=name))[1]


def _whole_head(wire: socket.socket) -> None:
    """Reads an answer without a body. Raises Refused unless it is 200."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = wire.recv(1)
        if not byte:
            raise Refused("the connection was closed")
        head += byte
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise Refused(head.decode("latin-1"))


def read(key: Key) -> bytes:
    """GET /api/v3/account, signed now."""
    query = _signed("omitZeroBalances=true&recvWindow=5000", key)
    return _request("GET", f"/api/v3/account?{query}", key)


def place(key: Key, price: str) -> tuple[bytes, str]:
    """A limit order that rests, and its client id."""
    client_id = f"bench-{next(_NUMBERS)}"
    body = f"symbol={SYMBOL}&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price={price}&newClientOrderId="
    return _request("POST", "/api/v3/order", key, _signed(f"{body}{client_id}&recvWindow=5000", key)), client_id


def cancel(key: Key, client_id: str) -> bytes:
    """Its cancel."""
    query = _signed(f"symbol={SYMBOL}&origClientOrderId={client_id}&recvWindow=5000", key)
    return _request("DELETE", f"/api/v3/order?{query}", key)


def _signed(text: str, key: Key) -> str:
    text += f"&timestamp={time.time_ns() // 1_000_000}"
    return f"{text}&signature={hmac.digest(key.secret.encode(), text.encode(), hashlib.sha256).hex()}"


def _request(method: str, target: str, key: Key, body: str = "") -> bytes:
    """With the headers that a requests-based bot sends."""
    form = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n" if body else ""
    return (
        f"{method} {target} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: python-requests/2.32.3\r\nAccept-Encoding: gzip, "
        f"deflate\r\nAccept: */*\r\nConnection: keep-alive\r\nX-MBX-APIKEY: {key.id}\r\n{form}\r\n{body}"
    ).encode()


Act = Callable[[Line, Key], Awaitable[float]]
"""Does one thing over a line; how long what is timed of it took, in seconds."""


async def reading(line: Line, key: Key) -> float:
    """A signed read."""
    wire = read(key)
    begun = time.perf_counter()
    return await line.ask(wire) - begun


def ordering(price: str) -> Act:
    """An order placed (that is timed) and cancelled."""

    async def act(line: Line, key: Key) -> float:
        wire, client_id = place(key, price)
        begun = time.perf_counter()
        taken = await line.ask(wire) - begun
        await line.ask(cancel(key, client_id))
        return taken

    return act


async def paced(way: Way, act: Act, seconds: float, per_second: int) -> list[float]:
    """Round trips in µs over one connection at a steady pace."""
    line = await way.line()
    taken = []
    due = time.perf_counter()
    with _ending([line]):
        for _ in range(int(seconds * per_second)):
            taken.append(await act(line, way.keys[0]) * 1e6)
            due = max(due + 1 / per_second, time.perf_counter())
            await asyncio.sleep(due - time.perf_counter())
    return taken[len(taken) // 10 :]


async def flooded(way: Way, act: Act, seconds: float, connections: int) -> tuple[int, float]:
    """As fast as answers come over so many connections: how often ``act`` was done, and in what time."""
    lines = [await way.line() for _ in range(connections)]
    done = 0

    async def keep_on(number: int, line: Line) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await act(line, way.keys[number % len(way.keys)])
            done += 1

    with _ending(lines):
        begun = time.perf_counter()
        end = begun + seconds
        await asyncio.gather(*(keep_on(number, line) for number, line in enumerate(lines)))
        return done, time.perf_counter() - begun


@contextmanager
def _ending(lines: Sequence[Line]) -> Iterator[None]:
    try:
        yield
    finally:
        for line in lines:
            line.close()
