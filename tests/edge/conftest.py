"""Fixtures of the edge: a certificate authority for a run, TLS for the exchange's name, and stories on both loops."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from gateway.edge.door import Door
from gateway.edge.forward import Guard
from gateway.edge.grammar import Limits
from gateway.edge.upstream import UpstreamPool
from tests.edge.bots import BINANCE, Room, room
from tests.edge.exchange import HOST, Authority, Behaviour, Exchange, pool, running

Story = Callable[[Exchange, UpstreamPool], Awaitable[None]]
LOOPS = {"asyncio": asyncio.run, "uvloop": uvloop.run}


@pytest.fixture(params=LOOPS)
def loop_run(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Run a coroutine, on each event loop."""
    return LOOPS[request.param]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def tls(authority: Authority) -> ssl.SSLContext:
    return authority.server_context(HOST)


@pytest.fixture
def tell(loop_run: Callable[..., None], authority: Authority, tls: ssl.SSLContext) -> Callable[..., None]:
    """Run a story with an exchange that behaves like this and a pool that leads to it."""

    def run(behave: Behaviour, story: Story, **settings: float) -> None:
        async def whole() -> None:
            async with (
                asyncio.timeout(10),
                running(tls, behave) as exchange,
                pool(exchange, authority, **settings) as ours,
            ):
                await story(exchange, ours)

        loop_run(whole())

    return run


@pytest.fixture
def visit(loop_run: Callable[..., None]) -> Callable[..., None]:
    """Run a story in a room with these limits."""

    def run(
        story: Callable[[Room], Awaitable[None]],
        limits: Limits | None = None,
        door: Door = BINANCE,
        guard: Guard | None = None,
    ) -> None:
        async def whole() -> None:
            async with asyncio.timeout(10), room(limits, door, guard) as made:
                await story(made)

        loop_run(whole())

    return run
