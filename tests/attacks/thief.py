"""A thief's hand: requests as bytes, signed or not, written past every library that would tidy them up.

Law: what a test means to send is what goes out; every wait is bounded by the socket's own time limit.
"""

import hashlib
import hmac
import http.client
import json
import re
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ANSWER_SECONDS = 30
FORM = ("Content-Type: application/x-www-form-urlencoded",)
ORDER = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity={quantity}&price={price}"


def now_ms() -> int:
    """Local time in ms."""
    return time.time_ns() // 1_000_000


def now_us() -> int:
    """Local time in µs: fine enough that no two requests carry the same, for a signed order is good for one use."""
    return time.time_ns() // 1_000


def signature(text: str | bytes, secret: str) -> str:
    """The HMAC that the exchange asks for."""
    payload = text.encode() if isinstance(text, str) else text
    return hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Reply:
    """An answer: its status, headers in lower case, and body."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def code(self) -> int | None:
        """The exchange's error code, None for success."""
        told = json.loads(self.body)
        return told.get("code") if isinstance(told, dict) else None

    @property
    def rule(self) -> str:
        """The rule that denied; empty where nothing did."""
        return self.body.decode().partition("[tradewarden:")[2].partition(" ")[0]


@dataclass(frozen=True)
class Thief:
    """Whoever holds a token's id and a secret, not necessarily that token's."""

    key: str
    secret: str
    host: str = "127.0.0.1"

    def signed(self, parameters: str = "", *, stamp: int | None = None, window: int = 5000) -> str:
        """The parameters with time and signature, all in one string."""
        text = f"{parameters}&" if parameters else ""
        text += f"timestamp={now_us() if stamp is None else stamp}&recvWindow={window}"
        return f"{text}&signature={signature(text, self.secret)}"

    def request(
        self, method: str, path: str, parameters: str = "", *, in_body: bool = False, more: tuple[str, ...] = (),
        **options: int,
    ) -> bytes:  # fmt: skip
        """A signed request."""
        text = self.signed(parameters, **options)
        return raw(method, path if in_body else f"{path}?{text}", text if in_body else "", self.key, more, self.host)

    def order(self, quantity: str = "0.001", price: str = "40000", extra: str = "", **options: int) -> bytes:
        """A limit buy, by default of 40 USDT and far from the market."""
        return self.request("POST", "/api/v3/order", ORDER.format(quantity=quantity, price=price) + extra, **options)


def raw(
    method: str, target: str, body: str = "", key: str | None = None, more: tuple[str, ...] = (),
    host: str = "127.0.0.1",
) -> bytes:  # fmt: skip
    """A well-formed HTTP/1.1 request around a target that need not be."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"X-MBX-APIKEY: {key}"] if key is not None else []
    lines += list(FORM) if body else []
    lines += [f"Content-Length: {len(body.encode())}"] if body or method == "POST" else []
    return "\r\n".join([*lines, *more, "", body]).encode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Tunnel:
    """The way to an exchange's host by CONNECT: the forward port, and the file of the CA that ends it."""

    port: int
    ca: Path
    host: str = "api.binance.com"
    number: int = 443

    def dig(self, wire: socket.socket) -> socket.socket:
        """The tunnel's inside."""
        target = f"{self.host}:{self.number}"
        wire.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        established = b"HTTP/1.1 200 Connection established\r\n\r\n"
        told = wire.recv(len(established), socket.MSG_WAITALL)
        if told != established:
            raise ConnectionError(told)
        return ssl.create_default_context(cafile=str(self.ca)).wrap_socket(wire, server_hostname=self.host)


Way = int | Tunnel
"""A port of the gateway, or a tunnel through it."""


class Wire:
    """One connection to a port of the gateway, or through a tunnel of its own."""

    def __init__(self, way: Way) -> None:
        number = way if isinstance(way, int) else way.port
        self._socket = socket.create_connection(("127.0.0.1", number), timeout=ANSWER_SECONDS)
        if isinstance(way, Tunnel):
            self._socket = way.dig(self._socket)

    def send(self, sent: bytes) -> None:
        self._socket.sendall(sent)

    def read(self, method: str = "GET") -> Reply:
        """The next answer. Raises ConnectionError or HTTPException if there is none."""
        answer = http.client.HTTPResponse(self._socket, method=method)
        answer.begin()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, answer.read(), headers)

    def ask(self, sent: bytes) -> Reply:
        """One request and its answer."""
        self.send(sent)
        return self.read()

    def to_the_end(self) -> bytes:
        """Everything that still comes until the gateway closes."""
        return b"".join(iter(lambda: self._socket.recv(65536), b""))

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ask(way: Way, sent: bytes) -> Reply:
    """One request on a connection of its own."""
    with Wire(way) as wire:
        return wire.ask(sent)


def pour(way: Way, sent: bytes) -> bytes:
    """Bytes of any kind, and a closing request behind them; all that came back until the gateway hung up.

    The closing request makes the wait end: it is answered, swallowed as a body, or never read.
    """
    host = way.host if isinstance(way, Tunnel) else "127.0.0.1"
    closing = f"GET /api/v3/ping HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    with Wire(way) as wire:
        try:
            wire.send(sent + closing)
            return wire.to_the_end()
        except ConnectionError:
            return b""


def statuses(answers: bytes) -> Iterator[int]:
    """The statuses of the answers in what came back."""
    return (int(status) for status in re.findall(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ", answers))
