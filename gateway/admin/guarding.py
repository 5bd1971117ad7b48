"""What the bots' ports ask of the rest of the gateway: certificates, where a tunnel may lead, and whose it is."""

import ssl
import time
from typing import Final

import structlog

from gateway.app import Gateway
from gateway.edge.dial import Dialler
from gateway.edge.forward import Lead
from gateway.edge.tls import only
from gateway.edge.tunnel import Far, Ours
from gateway.exchanges.registry import by_host, leads
from gateway.stages import tunnels

log = structlog.get_logger()

_TELL_EVERY_S: Final = 60.0
_DISTRUST: Final = frozenset(
    ("TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_CERTIFICATE_UNKNOWN", "SSLV3_ALERT_BAD_CERTIFICATE")
)
"""What a client says that does not know the certificate's issuer."""


class PortGuard:
    """The Guard of edge.forward."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        upstream = gateway.settings.upstream
        self._dialler = Dialler(upstream.connect_to, upstream.timeout.connect / 1000)
        self._listed = frozenset(gateway.settings.tunnel)
        self._told: dict[tuple[str, str], float] = {}

    def own_context(self) -> ssl.SSLContext:
        """See edge.forward.Guard."""
        return self._gateway.listen_context()

    def tunnel_context(self, host: str) -> ssl.SSLContext:
        """See edge.forward.Guard. A client that names another server in its handshake gets none."""
        return only(self._gateway.leaves.context((host,)), lambda name: name is not None and name.lower() == host)

    def lead(self, host: str, number: int) -> Lead:
        """See edge.forward.Guard. No port of an exchange's host is ever led to untouched."""
        if leads(host, number):
            return Lead.EXCHANGE
        if f"{host}:{number}" in self._listed and by_host(host) is None:
            return Lead.LISTED
        return Lead.NOWHERE

    def admit(self, credentials: bytes | None, peer: str) -> str | None:
        """See edge.forward.Guard."""
        return tunnels.owner(self._gateway.tokens, self._gateway.clock.now_ms(), credentials, peer)

    async def reach(self, host: str, number: int, ours: Ours) -> Far:
        """See edge.forward.Guard."""
        return await self._dialler.reach(host, number, lambda: Far(ours))

    def opened(self, host: str, number: int, owner: str | None) -> None:
        """See edge.forward.Guard."""
        token = self._gateway.tokens.find(owner) if owner else None
        log.info("tunnel opened", host=host, port=number, token=token.name if token else None)

    def lives(self, owner: str) -> bool:
        """See edge.forward.Guard."""
        return tunnels.lives(self._gateway.tokens, self._gateway.clock.now_ms(), owner)

    def unshaken(self, host: str | None, reason: str) -> None:
        """See edge.forward.Guard. Said once a minute for each kind."""
        now = time.monotonic()
        where = host or "the gateway's own address"
        if now - self._told.get((where, reason), -_TELL_EVERY_S) < _TELL_EVERY_S:
            return
        self._told[where, reason] = now
        hint = f"let the client trust certs/{'ca' if host else 'listen-ca'}.pem" if reason in _DISTRUST else None
        log.warning("a TLS handshake failed", host=where, reason=reason, hint=hint)
