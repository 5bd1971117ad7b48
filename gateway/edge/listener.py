"""The bots' ports: their addresses, every live connection and every request in flight.

Law: a connection is in the registry from its first byte to its last, and a request until its handler has ended,
whatever became of the connection. Nothing here knows a token's rights, an exchange or a policy.
"""

import asyncio
import errno
import ipaddress
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from operator import attrgetter, itemgetter
from typing import Final

from gateway.core.errors import Misuse
from gateway.core.request import Answer, RawRequest
from gateway.edge.bot import BotConnection, Heeds
from gateway.edge.door import Door
from gateway.edge.forward import Guard, Lead
from gateway.edge.grammar import Limits, Unreadable
from gateway.edge.tunnel import Far
from gateway.ports import Connection, NotSent

Handle = Callable[[RawRequest, Connection], Awaitable[Answer]]
"""Answers a request. What it raises costs the bot its connection and is reported to the loop."""

Refuse = Callable[[Door, Unreadable], Answer]
"""Words for a request that cannot be read, in the shape of the exchange that the door leads to."""

_SWEEP_S: Final = 1.0
_BACKLOG: Final = 512
EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to
"""What is listened on to be reached at every address of this machine, and the one by which it reaches itself."""


class Listener:
    """All of the bots' ports. Without a ``guard`` they speak plain HTTP only, and CONNECT leads nowhere.

    ``neighbours`` are the gateway's other ports, which no tunnel leads to either.
    ``turned_away`` counts connections that were cut because there was too much of something.
    """

    def __init__(
        self, handle: Handle, refuse: Refuse, limits: Limits | None = None, guard: Guard | None = None,
        neighbours: Collection[tuple[str, int]] = (),
    ) -> None:  # fmt: skip
        self.handle, self.refuse = handle, refuse
        self.limits = limits or Limits()
        self.guard = guard
        self._neighbours = neighbours
        self._tunnels: set[BotConnection] = set()
        self.turned_away = 0
        self._connections: set[BotConnection] = set()
        self._peers: Counter[str] = Counter()
        self._tasks: dict[BotConnection, asyncio.Task[None]] = {}
        self._servers: list[asyncio.Server] = []
        self._ticker: asyncio.TimerHandle | None = None
        self._quiet: asyncio.Event = asyncio.Event()

    def __len__(self) -> int:
        return len(self._connections)

    async def open(self, door: Door, host: str, number: int) -> tuple[str, int]:
        """Listen on an address; the one it got. Raises Misuse."""
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(lambda: BotConnection(self, door, loop), host, number, backlog=_BACKLOG)
        except OSError as error:
            raise _cannot_listen(host, number, error) from error
        self._opened(server)
        address = server.sockets[0].getsockname()
        return address[0], address[1]

    async def open_unix(self, door: Door, listening: socket.socket, heeds: Heeds) -> None:
        """Listen on a unix socket that is bound already; ``heeds`` looks at each process that comes."""
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(
            lambda: BotConnection(self, door, loop, heeds), sock=listening, backlog=_BACKLOG
        )
        self._opened(server)

    def _opened(self, server: asyncio.Server) -> None:
        self._servers.append(server)
        if self._ticker is None:
            self._tick()

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
        """End the connections whose time is over, and tunnels whose token is. ``now`` is loop time; every second."""
        for connection in tuple(self._connections):
            if now >= connection.deadline:
                connection.expire()
        for connection in tuple(self._tunnels):
            if connection.owner is not None and self.guard is not None and not self.guard.lives(connection.owner):
                connection.abort()

    # -- what connections ask ---------------------------------------------------------------------------------

    def admit(self, connection: BotConnection) -> bool:
        """Whether there is room for one more, from this peer."""
        if not self._has_room(connection.peer):
            self.turned_away += 1
            return False
        self._connections.add(connection)
        self._peers[connection.peer] += 1
        return True

    def _has_room(self, peer: str) -> bool:
        """Nobody who only sits there keeps others out: an idle connection that is no token's gives way."""
        crowded = self._peers[peer] >= self.limits.per_peer
        if not crowded and len(self) < self.limits.connections:
            return True
        order = {
            connection: connection.expendable for connection in self._connections
            if connection.expendable and (not crowded or connection.peer == peer)
        }  # fmt: skip
        first = min(order.items(), key=itemgetter(1), default=None)
        if first is None:
            return False
        self._cut(first[0])
        return True

    def relieve(self) -> None:
        """Cut those who have not read for longest, until what waits for all of them is within the limit."""
        waiting = sorted((one for one in self._connections if one.unread), key=attrgetter("deadline"))
        excess = sum(one.unread for one in waiting) - self.limits.unread
        for connection in waiting:
            if excess <= 0:
                return
            excess -= connection.unread
            self._cut(connection)

    def _cut(self, connection: BotConnection) -> None:
        """End it within this step; its place is free at once."""
        self.turned_away += 1
        connection.abort()
        self.discard(connection)

    def discard(self, connection: BotConnection) -> None:
        """The connection is closed."""
        if connection in self._connections:
            self._connections.remove(connection)
            self._tunnels.discard(connection)
            self._peers -= Counter((connection.peer,))
        self._quiet.set()

    def begin(self, connection: BotConnection, task: asyncio.Task[None]) -> None:
        """A request is in flight: its one on this connection."""
        self._tasks[connection] = task

    def end(self, connection: BotConnection) -> None:
        """The request has ended, whatever became of the connection."""
        del self._tasks[connection]
        self._quiet.set()

    def lead(self, host: str, number: int) -> Lead:
        """What a tunnel to there would be."""
        return self.guard.lead(host, number) if self.guard else Lead.NOWHERE

    def unshaken(self, door: Door, reason: str) -> None:
        """A handshake failed."""
        if self.guard is not None:
            self.guard.unshaken(door.host, reason)

    def tunnel_owner(self, raw: RawRequest, connection: BotConnection, door: Door) -> str | None:
        """Whose an untouched tunnel is; on loopback it may be nobody's. Raises Unreadable."""
        credentials = raw.header(b"proxy-authorization")
        if self.guard is None or (door.loopback and credentials is None):
            return None
        owner = self.guard.admit(credentials, connection.peer)
        if owner is None or connection.owner not in (None, owner):
            raise Unreadable(407, "this tunnel needs Proxy-Authorization: Basic with a token's id and secret")
        return owner

    def count_tunnel(self, connection: BotConnection) -> None:
        """An untouched tunnel is asked for; it counts until its connection is gone. Raises Unreadable."""
        if len(self._tunnels) >= self.limits.tunnels:
            raise Unreadable(503, f"there are {self.limits.tunnels} tunnels already")
        self._tunnels.add(connection)

    async def reach(self, host: str, number: int) -> Far:
        """The far end of an untouched tunnel. Raises Unreadable."""
        assert self.guard is not None
        try:
            return await self.guard.reach(host, number, self._is_ours)
        except NotSent as failure:
            raise Unreadable(502, str(failure)) from None

    def opened(self, host: str, number: int, owner: str | None) -> None:
        """An untouched tunnel begins."""
        assert self.guard is not None
        self.guard.opened(host, number, owner)

    def _is_ours(self, host: str, number: int, own: str) -> bool:
        """Whether the address is one of these ports, or this machine's and on one that listens on all of them."""
        sockets = [one for server in self._servers for one in server.sockets if one.family != socket.AF_UNIX]
        names = {one.getsockname()[:2] for one in sockets}.union(self._neighbours)
        there, here = _unmapped(host), _unmapped(own)
        return any(
            number == port and (_unmapped(name) == there or (name in EVERYWHERE and there == here))
            for name, port in names
        )

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._ticker = loop.call_later(_SWEEP_S, self._tick)
        self.sweep(loop.time())


def _unmapped(address: str) -> str:
    """An IPv4 address that hides in an IPv6 one, as itself."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(ip.ipv4_mapped or ip) if ip.version == 6 else str(ip)


def _cannot_listen(host: str, number: int, error: OSError) -> Misuse:
    where = f"cannot listen on {host}:{number}"
    hints = {
        errno.EADDRINUSE: "another program has it: stop that one, or choose another port under listen: in gateway.yaml",
        errno.EADDRNOTAVAIL: "this machine has no such address: correct it under listen: in gateway.yaml",
        errno.EACCES: "it is reserved for the system: choose one above 1023 under listen: in gateway.yaml",
    }
    other = f"{type(error).__name__}: correct it under listen: in gateway.yaml"
    return Misuse(where, hints.get(error.errno or 0, other))
