"""CONNECT: where a bot asks to be led, and what becomes of it.

Law: a tunnel leads to a host and port that an exchange declares, and then it ends here, at our own TLS and the one
path; or to one that the settings list, and then untouched. Anything else is refused before a name is resolved.
"""

import ssl
from enum import Enum
from typing import Final, Protocol

from gateway.core.request import RawRequest
from gateway.edge.door import Door, parse_authority
from gateway.edge.grammar import Unreadable
from gateway.edge.tunnel import Far, Ours

ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
_SHOWN: Final = 64


class Lead(Enum):
    """What a host and a port are to the gateway."""

    EXCHANGE = "an exchange's: TLS ends here, and each request is judged"
    LISTED = "no exchange's, and listed under tunnel: bytes pass untouched"
    NOWHERE = "neither"


class Guard(Protocol):
    """What the bots' ports must ask others: certificates, and where a tunnel may lead."""

    def own_context(self) -> ssl.SSLContext:
        """TLS for clients that come to the gateway's own address."""
        ...

    def tunnel_context(self, host: str) -> ssl.SSLContext:
        """TLS in an exchange's name, for clients that name it themselves."""
        ...

    def lead(self, host: str, number: int) -> Lead:
        """What this host and port are."""
        ...

    def admit(self, credentials: bytes | None, peer: str) -> str | None:
        """The id of the token whose credentials (Proxy-Authorization) these are. None: they are nobody's."""
        ...

    async def reach(self, host: str, number: int, ours: Ours) -> Far:
        """The far end of a tunnel to a listed host, at a checked address that is not ``ours``. Raises NotSent."""
        ...

    def opened(self, host: str, number: int, owner: str | None) -> None:
        """Note that a tunnel to a listed host begins."""
        ...

    def lives(self, owner: str) -> bool:
        """Whether the token with this id may still be led to listed hosts."""
        ...

    def unshaken(self, host: str | None, reason: str) -> None:
        """Note that a client broke off its handshake, or could not make one; ``host`` where it was in a tunnel."""
        ...


def destination(raw: RawRequest) -> tuple[str, int]:
    """The host and port of a CONNECT. Raises Unreadable, also where its Host says another."""
    host, number = parse_authority(raw.target)
    if number is None or not 0 < number < 65536:
        raise Unreadable(400, "CONNECT names a host and a port, as api.binance.com:443")
    said = raw.header(b"host")
    if said is not None:
        Door().within(host, number).lead(b"", said)
    return host, number


def refusal(host: str, number: int) -> Unreadable:
    """Words for a tunnel that leads nowhere."""
    where = f"{host}:{number}" if len(host) <= _SHOWN else "this host"
    return Unreadable(403, f"{where} is no exchange's; other hosts must be listed under tunnel: in gateway.yaml")
