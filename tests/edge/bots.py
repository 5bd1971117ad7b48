"""Bots of the tests: raw sockets' ends, and a gateway behind the listener that does as it is told."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

from gateway.core.request import Answer, RawRequest
from gateway.edge.door import Door
from gateway.edge.forward import Guard
from gateway.edge.grammar import Limits, Unreadable
from gateway.edge.listener import Listener
from gateway.ports import Connection

GET = b"GET /api/v3/time HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
BINANCE = Door("binance")
ANSWER = Answer(200, (), b"{}")
WIRE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


class Desk:
    """A handler that notes every request and, unless told otherwise, answers at once."""

    def __init__(self) -> None:
        self.requests: list[RawRequest] = []
        self.connections: list[Connection] = []
        self.refusals: list[tuple[Door, int]] = []
        self.work: Callable[[RawRequest], Awaitable[Answer]] = self.at_once
        self.come = asyncio.Event()
        self.go = asyncio.Event()
        self.done = asyncio.Event()

    async def handle(self, raw: RawRequest, connection: Connection) -> Answer:
        self.requests.append(raw)
        self.connections.append(connection)
        self.come.set()
        answer = await self.work(raw)
        self.done.set()
        return answer

    async def at_once(self, raw: RawRequest) -> Answer:
        return ANSWER

    async def when_told(self, raw: RawRequest) -> Answer:
        """Answer only after ``go``."""
        await self.go.wait()
        return ANSWER

    def refuse(self, door: Door, refusal: Unreadable) -> Answer:
        self.refusals.append((door, refusal.status))
        return Answer(refusal.status, ((b"content-type", b"text/plain"),), refusal.detail.encode())


class Bot:
    """One end of a connection to the listener."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, wire: bytes) -> None:
        self.writer.write(wire)

    async def hear(self, size: int = len(WIRE)) -> bytes:
        return await self.reader.readexactly(size)

    async def some(self) -> bytes:
        """The next bytes; empty at the end."""
        return await self.reader.read(65536)

    async def hear_all(self) -> bytes:
        """Everything until the listener closes; empty also if it cut the connection."""
        heard = b""
        try:
            while piece := await self.reader.read(65536):
                heard += piece
        except ConnectionError:
            pass  # cut: what came before counts
        return heard

    def hang_up(self) -> None:
        """Reset the connection, as a killed process with unread bytes does."""
        self.writer.transport.abort()


class Room:
    """A listener on a free port of loopback, its desk, and bots that come to it."""

    def __init__(self, listener: Listener, desk: Desk, port: int) -> None:
        self.listener, self.desk, self.port = listener, desk, port
        self.bots: list[Bot] = []

    async def bot(self) -> Bot:
        line = socket.create_connection(("127.0.0.1", self.port))
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        bot = Bot(*await asyncio.open_connection(sock=line))
        self.bots.append(bot)
        return bot

    async def connected(self, count: int) -> None:
        """Wait until the listener has so many connections."""
        while len(self.listener) != count:  # noqa: ASYNC110 - the listener tells nobody when it counts
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def room(
    limits: Limits | None = None, door: Door = BINANCE, guard: Guard | None = None
) -> AsyncIterator[Room]:
    desk = Desk()
    listener = Listener(desk.handle, desk.refuse, limits, guard)
    _, number = await listener.open(door, "127.0.0.1", 0)
    made = Room(listener, desk, number)
    try:
        yield made
    finally:
        desk.go.set()
        for bot in made.bots:
            bot.hang_up()
        await listener.stop(5)
