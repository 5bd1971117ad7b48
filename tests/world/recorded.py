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
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

ANSWER_SECONDS = 30
_TIMESTAMP = re.compile(rb"(?<![A-Za-z])timestamp=[0-9]+")
_SIGNATURE = re.compile(rb"signature=[0-9a-f]{64}")


@dataclass(frozen=True)
class Recording:
    """One recorded request; ``name`` is its file's stem."""

    name: str
    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @classmethod
    def read(cls, path: Path) -> "Recording":
        """The request in a vector's file."""
        told = json.loads(path.read_text())
        headers = tuple((name.encode(), value.encode()) for name, value in told["headers"])
        return cls(path.stem, told["method"], told["target"].encode(), headers, told["body"].encode())

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


class Replayer:
    """Sends recordings to one port of the gateway, signed as one token."""

    def __init__(self, port: int, key: str, secret: str) -> None:
        self._port = port
        self._key = key.encode()
        self._secret = secret.encode()
        self._signed_ms = 0

    def send(self, recording: Recording) -> tuple[int, bytes]:
        """Status and body of the answer."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=ANSWER_SECONDS) as connection:
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
        host, length = b"127.0.0.1:%d" % self._port, b"%d" % len(body)
        changed = {b"host": host, b"x-mbx-apikey": self._key, b"content-length": length}
        return changed.get(name.lower(), value)
