"""The running gateway: its ports, its loops, and an orderly end. What it decides, the pipeline decides."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any, Final

import structlog
from watchfiles import awatch

from gateway.admin.control import ControlServer
from gateway.admin.guarding import PortGuard
from gateway.admin.hardening import open_files
from gateway.admin.operations import Operations
from gateway.admin.port import AdminPort
from gateway.admin.sockets import bound, same_user
from gateway.app import Gateway
from gateway.core.errors import GatewayError, Misuse
from gateway.core.request import Answer
from gateway.edge.door import Door
from gateway.edge.grammar import Limits, Unreadable
from gateway.edge.listener import Listener
from gateway.exchanges.registry import EXCHANGES, by_host
from gateway.settings import Settings

log = structlog.get_logger()

DRAIN_S: Final = 20.0
"""How long requests in flight may take at the end."""
TICK_S: Final = 0.5
CHECKPOINT_S: Final = 60.0
MEASURE_S: Final = 60.0
FIRST_MEASURE_S: Final = 1.5
"""How long a start waits for an exchange's clock before it goes by its own for now."""


def check_addresses(settings: Settings) -> list[str]:
    """What this version does not serve, one line each. Raises Misuse for an address that is open to others unasked."""
    listen = settings.listen
    if not listen.admin.is_loopback:
        raise Misuse(f"{listen.admin} can be reached from other machines", "admin may not: listen on 127.0.0.1")
    for address in filter(None, (listen.reverse, listen.forward, *listen.ports.values())):
        if not address.is_loopback and listen.tls is None:
            raise Misuse(
                f"{address} can be reached from other machines",
                "write `tls: local` (or a certificate of yours) under listen: in gateway.yaml, or listen on 127.0.0.1",
            )
    for entry in settings.tunnel:
        if by_host(entry.rpartition(":")[0]):
            raise Misuse(f"tunnel: {entry} is an exchange's", "its requests are judged; take it off the list")
    return [f"listen.ports.{name}: not supported yet" for name in listen.ports if name not in EXCHANGES]


class Serving:
    """One run of the gateway, from open ports to closed ones."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        admin = gateway.settings.listen.admin
        neighbours = ((admin.host, admin.port),)
        limits = Limits().within(open_files())
        self._listener = Listener(gateway.pipeline.handle, self._refuse, limits, PortGuard(gateway), neighbours)
        self._operations = Operations(gateway, self._listener.close_owned_by)
        self._control = ControlServer(gateway.home, self._operations.perform)
        self._admin = AdminPort(gateway, self._listener)
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then finish what is in flight."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        try:
            await self._start()
            await self._stop.wait()
        finally:
            await self._end()

    async def _start(self) -> None:
        gateway = self._gateway
        gateway.note({"type": "started", "completed": gateway.completed})
        await self._control.start()
        await asyncio.wait([asyncio.create_task(self._measure())], timeout=FIRST_MEASURE_S)
        for name in gateway.exchanges:
            gateway.pipeline.authenticator.start(name)
        await self._open_ports()
        await self._admin.start(gateway.settings.listen.admin)
        self._tasks = [asyncio.create_task(self._watched(name, work)) for name, work in self._loops()]
        gc.freeze()  # what stands now stays: of many tokens each full collection would be a long pause
        self._admin.ready = True
        listen = gateway.settings.listen
        forward = None if listen.forward is None else str(listen.forward)
        log.info("ready", reverse=str(listen.reverse), forward=forward, admin=str(listen.admin))

    async def _open_ports(self) -> None:
        listen = self._gateway.settings.listen
        ports = [(Door(), listen.reverse)]
        ports += [(Door(name), address) for name, address in listen.ports.items() if name in self._gateway.exchanges]
        if listen.forward is not None:
            ports.append((Door(forward=True), listen.forward))
        for door, address in ports:
            await self._listener.open(replace(door, loopback=address.is_loopback), address.host, address.port)
        await self._listener.open_unix(Door(forward=True), bound(self._gateway.home.capture), same_user)

    async def _end(self) -> None:
        self._admin.ready = False
        left = await self._listener.stop(DRAIN_S)
        self._gateway.home.capture.unlink(missing_ok=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._control.close()
        await self._admin.stop()
        await self._gateway.upstream.close()
        self._gateway.note({"type": "stopped", "in_flight": left})
        self._gateway.close()
        log.info("stopped", in_flight=left)

    def _refuse(self, door: Door, unreadable: Unreadable) -> Answer:
        exchange = by_host(door.host) if door.host else None
        name = exchange.name if exchange else door.exchange
        return self._gateway.pipeline.refuse(name, unreadable.status, str(unreadable))

    # -- what goes on in the background -----------------------------------------------------------------------------

    def _loops(self) -> list[tuple[str, Callable[[], Coroutine[Any, Any, None]]]]:
        gateway = self._gateway
        return [
            ("market", gateway.market.keep_fresh),
            ("reconciler", gateway.reconciler.run),
            ("follower", gateway.follower.run),
            ("silence", gateway.silence.run),
            ("marker", gateway.marker.run),
            ("policies", self._watch_policies),
            ("tick", lambda: _every(TICK_S, _sync(gateway.tick))),
            ("checkpoint", lambda: _every(CHECKPOINT_S, _sync(gateway.checkpoint))),
            ("clocks", lambda: _every(MEASURE_S, self._measure)),
        ]

    async def _watched(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """A loop that fails says so and begins again a second later; it never dies unseen."""
        while True:
            try:
                await work()
            except Exception as failure:
                log.error("a background task failed and begins again", task=name, exc_info=failure)
            await asyncio.sleep(1)

    async def _watch_policies(self) -> None:
        self._gateway.policies.reload()
        async for _ in awatch(self._gateway.home.policies, debounce=50, step=20, recursive=False):
            self._gateway.policies.reload()

    async def _measure(self) -> None:
        """Measure the clocks of the exchanges that have accounts; live ones also before the first account."""
        gateway = self._gateway
        venues = {(account.exchange, account.environment) for account in gateway.accounts.all()}
        for exchange, environment in sorted(venues or {(name, "live") for name in gateway.exchanges}):
            first = gateway.clock.offset_ms(exchange) is None
            if await gateway.market.measure(exchange, environment) and first:
                gateway.pipeline.authenticator.start(exchange)


async def _every(pause_s: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(pause_s)
        await work()


def _sync(work: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        try:
            work()
        except GatewayError as failure:
            log.error("not done; it is tried again", why=str(failure))

    return run


def serve(gateway: Gateway) -> None:
    """Run until told to stop, on uvloop."""
    import uvloop

    uvloop.run(_serve(gateway))


async def _serve(gateway: Gateway) -> None:
    await Serving(gateway).run()
