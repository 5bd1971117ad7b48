"""A small HTTP/1.1 server on httptools: raw target, raw body, keep-alive, one answer at a time.

Rule 1: what came is handed on as it came; nothing is decoded, normalised or defaulted here.
Rule 2: what a handler returns is sent as it is, so that it can also send what is not HTTP.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

import httptools

from .messages import Reply, Request

LARGEST_BODY = 1 << 20
LARGEST_TARGET = 1 << 16
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(slots=True)
class Raw:
    """Bytes to send as they are, after which the connection closes."""

    sent: bytes = b""


Answer = Reply | Raw
Handler = Callable[[Request], Answer | Awaitable[Answer]]
Witness = Callable[[str, bytes], None]


def render(reply: Reply, *, keep_alive: bool = True) -> bytes:
    """The bytes of an answer."""
    lines = [f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, '')}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    lines.append(f"Content-Length: {len(reply.body)}")
    lines.append("Connection: keep-alive" if keep_alive else "Connection: close")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + reply.body


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._queue: deque[tuple[Request, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._peer = ""
        self._start()

    def _start(self) -> None:
        self._target, self._body, self._length = b"", b"", 0
        self._headers: dict[str, str] = {}

    # -- asyncio.Protocol -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without saying so
        self._server.connections.add(self)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else ""

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._queue.clear()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # no WebSockets here: its request has been answered as any other
            self._transport.close()
        except (httptools.HttpParserError, _TooLarge):
            self._server.malformed(self._peer, data)
            if not self._transport.is_closing():
                self._transport.write(_BAD_REQUEST)
                self._transport.close()

    # -- httptools ------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._start()

    def on_url(self, url: bytes) -> None:
        self._target += url
        if len(self._target) > LARGEST_TARGET:
            raise _TooLarge

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body += body
        if len(self._body) > LARGEST_BODY:
            raise _TooLarge

    def on_message_complete(self) -> None:
        request = Request(
            self._parser.get_method().decode("latin-1"),
            self._target.decode("latin-1"),
            self._body,
            self._headers,
            self._peer,
        )
        self._queue.append((request, self._parser.should_keep_alive()))
        self._serve()

    # -- answering ------------------------------------------------------------------------------

    def _serve(self) -> None:
        while self._queue and self._task is None and not self._transport.is_closing():
            request, keep_alive = self._queue.popleft()
            answer = self._server.handler(request)
            if isinstance(answer, Reply | Raw):
                self._send(answer, keep_alive)
            else:
                self._task = asyncio.ensure_future(self._finish(answer, keep_alive))

    async def _finish(self, answer: Awaitable[Answer], keep_alive: bool) -> None:
        found = await answer
        self._task = None
        self._send(found, keep_alive)
        self._serve()

    def _send(self, answer: Answer, keep_alive: bool) -> None:
        if self._transport.is_closing():
            return
        if isinstance(answer, Raw):
            self._transport.write(answer.sent)
            self._transport.close()
            return
        self._transport.write(render(answer, keep_alive=keep_alive))
        if not keep_alive:
            self._transport.close()

    def close(self) -> None:
        """Ends the connection and whatever it still waits for."""
        if self._task is not None:
            self._task.cancel()
        self._transport.abort()


class _TooLarge(Exception):
    pass


class Server:
    """A listening port and its connections."""

    def __init__(self, handler: Handler, malformed: Witness) -> None:
        self.handler = handler
        self.malformed = malformed
        self._server: asyncio.Server | None = None
        self.connections: set[Connection] = set()
        self.port = 0

    async def start(self, host: str, port: int, context: ssl.SSLContext | None = None) -> None:
        """Listens; port 0 takes a free one."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), host, port, ssl=context, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Closes the port and every connection."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self.connections):
            connection.close()
        await self._server.wait_closed()
        self._server = None
