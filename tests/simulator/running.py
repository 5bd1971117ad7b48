"""A simulator on real sockets: inside the test's own event loop, or in a thread beside a blocking client."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from gateway.simulator import Options, Simulator
from tests.simulator.wire import sign

T = TypeVar("T")
PLAIN = Options(port=0, control_port=0, plain=True)
PATIENCE = 10.0


def with_simulator(test: Callable[[Simulator], Coroutine[Any, Any, None]], options: Options = PLAIN) -> None:
    """Runs an async test against a simulator in the same loop."""

    async def run() -> None:
        async with asyncio.timeout(PATIENCE), Simulator(options) as simulator:
            await test(simulator)

    asyncio.run(run())


class Beside:
    """A simulator in a thread; `call` runs one of its controls in its loop and hands back the answer."""

    def __init__(self, simulator: Simulator, loop: asyncio.AbstractEventLoop) -> None:
        self.simulator = simulator
        self._loop = loop

    def call(self, control: Callable[..., T], *arguments: Any, **more: Any) -> T:
        """Runs in the simulator's loop."""

        async def run() -> T:
            return control(*arguments, **more)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(PATIENCE)


@contextmanager
def beside(options: Options = PLAIN) -> Iterator[Beside]:
    """Starts a simulator in a thread of its own, and stops it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    simulator = Simulator(options)
    try:
        asyncio.run_coroutine_threadsafe(simulator.start(), loop).result(PATIENCE)
        yield Beside(simulator, loop)
    finally:
        asyncio.run_coroutine_threadsafe(simulator.stop(), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


def signed(simulator: Simulator, method: str, path: str, query: str = "") -> bytes:
    """A request of the demo account's, as bytes."""
    query = f"{query}&" if query else ""
    query += f"timestamp={simulator.now // 1000}"
    target = f"{path}?{query}&signature={sign(query, simulator.demo['secret'])}"
    return plain(method, target, f"X-MBX-APIKEY: {simulator.demo['apiKey']}\r\n")


def plain(method: str, target: str, headers: str = "") -> bytes:
    """A request without a body."""
    return f"{method} {target} HTTP/1.1\r\nHost: api.binance.com\r\n{headers}\r\n".encode()


class Client:
    """A bare HTTP client that shows what is on the wire."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, url: str, **more: Any) -> "Client":
        """Connects to the host and port of a URL."""
        host, port = url.rsplit("/", 1)[1].split(":")
        return cls(*await asyncio.open_connection(host, int(port), **more))

    async def answer(self) -> tuple[int, bytes]:
        """Reads one answer."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        return int(head.split()[1]), await self.reader.readexactly(length)

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Sends one request and reads its answer."""
        self.writer.write(request)
        return await self.answer()

    async def close(self) -> None:
        """Closes the connection."""
        self.writer.close()
        await self.writer.wait_closed()
