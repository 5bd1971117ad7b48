"""The way to the exchanges: ports.Upstream over pools of kept-alive TLS lines, two for each host.

One pool is for what only reads, the other for what changes something: however many reads wait for slow answers, a
cancel finds a line.

Law: only hosts given at construction are ever dialled. The gate is asked in the very step that writes, nothing is
written in two steps, and nothing that changes state is sent twice. NotSent means not a byte left; NoAnswer that
some may have. No redirects, cookies, decompression, proxies or environment variables.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.core.request import Answer, Outgoing
from gateway.edge.dial import Dialler, tls_context
from gateway.edge.line import Line
from gateway.edge.pool import Pool
from gateway.edge.wire import request_bytes
from gateway.ports import Gate, NoAnswer, NotSent

LINES_PER_HOST: Final = 64
"""In each of a host's two pools."""
IDLE_S: Final = 30.0
"""How long an unused line counts as fresh; exchanges' front ends close theirs after a minute or more."""

_SWEEP_S: Final = 0.5


class UpstreamPool:
    """Lines to the exchanges' hosts. Times in seconds. Lives in one event loop, from the first send to close()."""

    def __init__(
        self,
        hosts: frozenset[str],
        connect_to: Mapping[str, str],
        ca_file: Path | None,
        connect_s: float = 5,
        response_s: float = 30,
        lines_per_host: int = LINES_PER_HOST,
    ) -> None:
        dialler, context = Dialler(connect_to, connect_s), tls_context(ca_file)
        self._pools = {
            (host, reads): Pool(host, dialler, context, connect_s, lines_per_host)
            for host in hosts for reads in (True, False)
        }  # fmt: skip
        self._response_s = response_s
        self._ticker: asyncio.TimerHandle | None = None
        self._closed = False

    async def send(self, outgoing: Outgoing, owner: str, gate: Gate) -> Answer:
        """See ports.Upstream. A read that a reused line lost before a byte of answer is sent once more."""
        pool = self._pool(outgoing.host, outgoing.reads_only)
        wire = request_bytes(outgoing)
        line = pool.take() or await self._wait(pool, owner, fresh=False)
        retry = outgoing.reads_only and line.served > 0
        while True:
            answer = self._ask(pool, line, wire, owner, gate)
            try:
                return await answer
            except NoAnswer:
                if not retry or line.heard or line.withdrawn:
                    raise
            finally:
                line.abandon(answer)
            retry = False
            line = await self._wait(pool, owner, fresh=True)

    def abort_unsent(self, owner: str) -> int:
        """See ports.Upstream. Sends that still wait for a line end as NotSent, the others as NoAnswer."""
        return sum(pool.abort_unsent(owner) for pool in self._pools.values())

    def busy(self) -> int:
        """How many requests are on their way."""
        return sum(pool.busy() for pool in self._pools.values())

    def warm(self, host: str) -> None:
        """Open a line of each kind to the host if none is free, so that the next request waits for no handshake."""
        self._start_ticker()
        for reads in (True, False):
            self._pool(host, reads).warm()

    def sweep(self, now: float) -> None:
        """End what is late and what has been idle too long. ``now`` is loop time; called twice a second."""
        for pool in self._pools.values():
            pool.sweep(now, IDLE_S)

    async def close(self) -> None:
        """Destroy every line; requests on their way end as NoAnswer."""
        self._closed = True
        if self._ticker is not None:
            self._ticker.cancel()
        for pool in self._pools.values():
            await pool.close()

    def _pool(self, host: str, reads: bool) -> Pool:
        pool = self._pools.get((host, reads))
        if pool is None or self._closed:
            raise NotSent(f"{host}: the gateway is stopping" if pool else f"{host}: not a host of any exchange")
        return pool

    async def _wait(self, pool: Pool, owner: str, *, fresh: bool) -> Line:
        self._start_ticker()
        return await pool.wait(owner, fresh=fresh)

    def _ask(self, pool: Pool, line: Line, wire: bytes, owner: str, gate: Gate) -> "asyncio.Future[Answer]":
        """The gate, and in the same step the whole request."""
        try:
            gate()
        except BaseException:
            pool.free(line)
            raise
        return line.ask(wire, owner, line.now() + self._response_s)

    def _start_ticker(self) -> None:
        if self._ticker is None:
            self._tick()

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._ticker = loop.call_later(_SWEEP_S, self._tick)
        self.sweep(loop.time())
