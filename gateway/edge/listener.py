"""The bots' ports: their addresses, every live connection and every request in flight.

Law: a connection is in the registry from its first byte to its last, and a request until its handler has ended,
whatever became of the connection. Nothing here knows a token's rights, an exchange or a policy.
"""

import asyncio
import errno
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.core.errors import Misuse
from gateway.core.request import Answer, RawRequest
from gateway.edge.bot import BotConnection
from gateway.edge.grammar import Limits, Unreadable
from gateway.ports import Connection

Handle = Callable[[RawRequest, Connection], Awaitable[Answer]]
"""Answers a request. What it raises costs the bot its connection and is reported to the loop."""

Refuse = Callable[[str | None, Unreadable], Answer]
"""Words for a request that cannot be read, in the shape of the port's exchange (None: the shared port)."""

_SWEEP_S: Final = 1.0
_BACKLOG: Final = 512


class Listener:
    """All of the bots' ports. ``turned_away`` counts connections beyond the limits."""

    def __init__(self, handle: Handle, refuse: Refuse, limits: Limits | None = None) -> None:
        self.handle, self.refuse = handle, refuse
        self.limits = limits or Limits()
        self.turned_away = 0
        self._connections: set[BotConnection] = set()
        self._peers: Counter[str] = Counter()
        self._tasks: dict[BotConnection, asyncio.Task[None]] = {}
        self._servers: list[asyncio.Server] = []
        self._ticker: asyncio.TimerHandle | None = None
        self._quiet: asyncio.Event = asyncio.Event()

    def __len__(self) -> int:
        return len(self._connections)

    async def open(self, port: str | None, host: str, number: int) -> tuple[str, int]:
        """Listen on an address for the exchange's own port, or the shared one; the address it got. Raises Misuse."""
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(lambda: BotConnection(self, port, loop), host, number, backlog=_BACKLOG)
        except OSError as error:
            raise _cannot_listen(host, number, error) from error
        self._servers.append(server)
        if self._ticker is None:
            self._tick()
        address = server.sockets[0].getsockname()
        return address[0], address[1]

    def close_owned_by(self, token_id: str) -> int:
        """Destroy the token's connections within this step; how many there were."""
        owned = [connection for connection in self._connections if connection.owner == token_id]
        for connection in owned:
            connection.abort()
        return len(owned)

    async def stop(self, deadline_s: float) -> int:
        """Take nothing new, let requests in flight end, close. How many were still in flight at the deadline."""
        for server in self._servers:
            server.close()
        for connection in tuple(self._connections):
            connection.finish()
        try:
            async with asyncio.timeout(deadline_s):
                while self._tasks or self._connections:
                    self._quiet.clear()
                    await self._quiet.wait()
        except TimeoutError:
            pass  # the deadline is the answer: what is left is cut off below and counted
        if self._ticker is not None:
            self._ticker.cancel()
        for connection in tuple(self._connections):
            connection.abort()
        return len(self._tasks)

    def sweep(self, now: float) -> None:
        """End the connections whose time is over. ``now`` is loop time; called once a second."""
        for connection in tuple(self._connections):
            if now >= connection.deadline:
                connection.expire()

    # -- what connections ask ---------------------------------------------------------------------------------

    def admit(self, connection: BotConnection) -> bool:
        """Whether there is room for one more, from this peer."""
        if len(self) >= self.limits.connections or self._peers[connection.peer] >= self.limits.per_peer:
            self.turned_away += 1
            return False
        self._connections.add(connection)
        self._peers[connection.peer] += 1
        return True

    def discard(self, connection: BotConnection) -> None:
        """The connection is closed."""
        if connection in self._connections:
            self._connections.remove(connection)
            self._peers -= Counter((connection.peer,))
        self._quiet.set()

    def begin(self, connection: BotConnection, task: asyncio.Task[None]) -> None:
        """A request is in flight: its one on this connection."""
        self._tasks[connection] = task

    def end(self, connection: BotConnection) -> None:
        """The request has ended, whatever became of the connection."""
        del self._tasks[connection]
        self._quiet.set()

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._ticker = loop.call_later(_SWEEP_S, self._tick)
        self.sweep(loop.time())


def _cannot_listen(host: str, number: int, error: OSError) -> Misuse:
    where = f"cannot listen on {host}:{number}"
    hints = {
        errno.EADDRINUSE: "another program has it: stop that one, or choose another port under listen: in gateway.yaml",
        errno.EADDRNOTAVAIL: "this machine has no such address: correct it under listen: in gateway.yaml",
        errno.EACCES: "it is reserved for the system: choose one above 1023 under listen: in gateway.yaml",
    }
    other = f"{type(error).__name__}: correct it under listen: in gateway.yaml"
    return Misuse(where, hints.get(error.errno or 0, other))
