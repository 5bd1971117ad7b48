"""Requests as real clients put them on the wire, made current: same parameters and headers, new time and signature.

Law: only what must change changes (time, key, signature, Host, length), and the bytes go out as written here, past
every library that would tidy them up.
"""

import hashlib
import hmac
import http.client
import json
import re
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

ANSWER_SECONDS = 30
_TIMESTAMP = re.compile(rb"(?<![A-Za-z])timestamp=[0-9]+")
_SIGNATURE = re.compile(rb"signature=[0-9a-f]{64}")


@dataclass(frozen=True)
class Recording:
    """One recorded request; ``name`` is its file's stem, ``host`` the exchange's if it was sent there by a tunnel."""

    name: str
    host: str | None
    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @classmethod
    def read(cls, path: Path) -> "Recording":
        """The request in a vector's file."""
        told = json.loads(path.read_text())
        headers = tuple((name.encode(), value.encode()) for name, value in told["headers"])
        return cls(path.stem, told["host"], told["method"], told["target"].encode(), headers, told["body"].encode())

    @property
    def path(self) -> str:
        return self.target.partition(b"?")[0].decode()

    @property
    def parameters(self) -> dict[str, str]:
        """Everything it says, in the query and in the body."""
        return dict(parse_qsl((self.target.partition(b"?")[2] + b"&" + self.body).decode()))

    @property
    def signed(self) -> bool:
        return b"signature=" in self.target + self.body


@dataclass(frozen=True)
class Connect:
    """One recorded CONNECT."""

    name: str
    host: str
    text: bytes

    @classmethod
    def read(cls, path: Path) -> "Connect":
        """The CONNECT in a vector's file."""
        told = json.loads(path.read_text())
        lines = [told["line"], *(f"{name}: {value}" for name, value in told["headers"])]
        host = told["line"].split(" ")[1].partition(":")[0]
        return cls(path.stem, host, "\r\n".join([*lines, "", ""]).encode())

    def dial(self, port: int, ca_file: Path) -> ssl.SSLSocket:
        """A connection through the forward port, as this client would make it. Raises OSError if it is refused."""
        connection = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS)
        connection.sendall(self.text)
        answer = http.client.HTTPResponse(connection, method="CONNECT")
        answer.begin()
        if answer.status != 200:
            raise ConnectionRefusedError(f"{self.name}: {answer.status} {answer.reason}")
        return ssl.create_default_context(cafile=str(ca_file)).wrap_socket(connection, server_hostname=self.host)


class Replayer:
    """Sends recordings over connections that ``dial`` makes, signed as one token; ``host`` replaces theirs."""

    def __init__(
        self, dial: Callable[[Recording], socket.socket], key: str, secret: str, host: str | None = None
    ) -> None:
        self._dial = dial
        self._host = host.encode() if host else None
        self._key = key.encode()
        self._secret = secret.encode()
        self._signed_ms = 0

    def send(self, recording: Recording) -> tuple[int, bytes]:
        """Status and body of the answer."""
        with self._dial(recording) as connection:
            connection.sendall(self._bytes(recording))
            answer = http.client.HTTPResponse(connection, method=recording.method)
            answer.begin()
            return answer.status, answer.read()

    def _bytes(self, recording: Recording) -> bytes:
        target, body = self._renewed(recording)
        lines = [recording.method.encode() + b" " + target + b" HTTP/1.1"]
        lines += [name + b": " + self._value(name, value, body) for name, value in recording.headers]
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    def _renewed(self, recording: Recording) -> tuple[bytes, bytes]:
        """Target and body with the present time and, where there was one, the token's signature in its old place."""
        # Two recordings of one client may differ in their time alone, and a signed order is good for one use.
        self._signed_ms = max(self._signed_ms + 1, time.time_ns() // 1_000_000)
        now = b"timestamp=%d" % self._signed_ms
        target, body = _TIMESTAMP.sub(now, recording.target), _TIMESTAMP.sub(now, recording.body)
        if not recording.signed:
            return target, body
        query = target.partition(b"?")[2]
        payload = b"".join(_SIGNATURE.sub(b"", part).rstrip(b"&") for part in (query, body))
        renewed = b"signature=" + hmac.new(self._secret, payload, hashlib.sha256).hexdigest().encode()
        return _SIGNATURE.sub(renewed, target), _SIGNATURE.sub(renewed, body)

    def _value(self, name: bytes, value: bytes, body: bytes) -> bytes:
        changed = {b"x-mbx-apikey": self._key, b"content-length": b"%d" % len(body)}
        if self._host is not None:
            changed[b"host"] = self._host
        return changed.get(name.lower(), value)
