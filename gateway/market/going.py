"""Where the price process may go: to the venues' own hosts over verified TLS, and nowhere else. Holds no secret.

Law: no proxy, cookie, credential or setting of the environment has a say; a redirect leads nowhere but to the hosts
of the table, and a venue that asks to be left alone (429, 418, Retry-After) is. ``connect_to`` changes the address that
is dialled, never the name that the certificate must bear.
"""

import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import certifi
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.core.patience import Patience
from gateway.market.venues import VENUES

HOSTS: Final = frozenset(venue.host for venue in VENUES.values())
_LINES_PER_HOST: Final = 4


def session(connect_to: Mapping[str, str], ca_file: str | None) -> aiohttp.ClientSession:
    """What every request goes through. Must be made inside the event loop that uses it."""
    patience = Patience()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(certifi.where())
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return aiohttp.ClientSession(
        connector=_Connector(patience, resolver=_Resolver(connect_to), ssl=context, limit_per_host=_LINES_PER_HOST),
        trace_configs=[_heeding(patience)],
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


def _heeding(patience: Patience) -> aiohttp.TraceConfig:
    """Sees every answer before ccxt does."""

    async def ended(_: Any, __: Any, told: aiohttp.TraceRequestEndParams) -> None:
        answer = told.response
        patience.heard(answer.url.host or "", answer.status, answer.headers.get("Retry-After"), _now_ms())

    config = aiohttp.TraceConfig()
    config.on_request_end.append(ended)
    return config


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class _Connector(aiohttp.TCPConnector):
    """Refuses every other host before its name is looked up, and a venue that asked to be left alone."""

    def __init__(self, patience: Patience, **settings: Any) -> None:
        super().__init__(**settings)
        self._patience = patience

    async def connect(self, req: Any, *rest: Any, **named: Any) -> Any:
        if req.url.scheme != "https" or req.url.host not in HOSTS or req.proxy is not None:
            raise aiohttp.ClientConnectionError(f"{req.url.host} is no venue")
        if left_ms := self._patience.left_ms(req.url.host, _now_ms()):
            raise aiohttp.ClientConnectionError(f"asked to be left alone for {-(-left_ms // 1000)} s more")
        return await super().connect(req, *rest, **named)


class _Resolver(AbstractResolver):
    """The system's resolver behind the operator's own table."""

    def __init__(self, connect_to: Mapping[str, str]) -> None:
        self._mapped = {_where(name): _where(target) for name, target in connect_to.items()}
        self._system = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        to_host, to_port = self._mapped.get((host, port), (host, port))
        found = await self._system.resolve(to_host, to_port, family)
        return [ResolveResult(**{**one, "hostname": host}) for one in found]

    async def close(self) -> None:
        await self._system.close()


def _where(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)
