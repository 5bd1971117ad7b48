"""The operator's port: /healthz and /metrics. Loopback is not trust: Host, Origin and a bearer token are checked."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from hmac import compare_digest
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.app import Gateway
from gateway.core.errors import Misuse
from gateway.edge.listener import Listener
from gateway.home import Home
from gateway.metrics import CONTENT_TYPE
from gateway.settings import Address

HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class AdminPort:
    """Starlette on uvicorn, in the gateway's own loop."""

    def __init__(self, gateway: Gateway, listener: Listener) -> None:
        self._gateway = gateway
        self._listener = listener
        self._token = metrics_token(gateway.home)
        self._hosts: frozenset[str] = frozenset()
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None
        self.ready = False

    async def start(self, address: Address) -> None:
        """Listen. Raises Misuse if the address is taken."""
        self._hosts = _own_names(address)
        routes = [Route("/healthz", self._healthz), Route("/metrics", self._metrics)]
        config = uvicorn.Config(
            Starlette(routes=routes), host=address.host, port=address.port, log_config=None, access_log=False,
            server_header=False, lifespan="off", timeout_graceful_shutdown=1,
        )  # fmt: skip
        try:
            listening = config.bind_socket()
        except SystemExit:
            raise Misuse(f"cannot listen on {address}", "is another gateway running? see listen.admin") from None
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve([listening]))

    async def stop(self) -> None:
        """Close."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task

    def _refusal(self, request: Request) -> Response | None:
        """A page in the operator's browser, or a name that was rebound to loopback, gets nothing."""
        host = request.headers.get("host", "")
        origin = request.headers.get("origin")
        if host.lower() not in self._hosts:
            return _say("this name is not the gateway's\n", 421)
        if origin is not None and origin.lower() != f"http://{host.lower()}":
            return _say("not from another page\n", 403)
        return None

    async def _healthz(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        return _say("ready\n", 200) if self.ready else _say("not ready\n", 503)

    async def _metrics(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        given = request.headers.get("authorization", "").encode()
        if not compare_digest(given, b"Bearer " + self._token):
            return _say("the bearer token is in metrics.token in the home\n", 401)
        gateway = self._gateway
        gateway.metrics.state(
            {
                "tokens": len(gateway.tokens.live()),
                "connections": len(self._listener),
                "turned_away": self._listener.turned_away,
                "unresolved_orders": len(gateway.ledger.unresolved()),
                "policies_refused": len(gateway.policies.problems),
                "audit_records": gateway.audit.next,
            },
            {name: gateway.clock.offset_ms(name) for name in gateway.exchanges},
        )
        return Response(gateway.metrics.page(), headers=HEADERS, media_type=CONTENT_TYPE)


class _Server(uvicorn.Server):
    """Signals belong to the gateway, not to this port."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def metrics_token(home: Home) -> bytes:
    """The bearer token of /metrics, made on first use."""
    if not home.metrics_token.exists():
        home.metrics_token.touch(0o600)
        home.metrics_token.write_text(secrets.token_urlsafe(32) + "\n")
    return home.metrics_token.read_bytes().strip()


def _own_names(address: Address) -> frozenset[str]:
    names = {str(address)} | {f"{name}:{address.port}" for name in ("localhost", "127.0.0.1", "[::1]")}
    return frozenset(names)


def _say(text: str, status: int) -> Response:
    return PlainTextResponse(text, status, HEADERS)
