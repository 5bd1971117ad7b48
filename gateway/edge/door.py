"""How the requests of one connection say which exchange they are for, and that all they say agrees.

Law: by CONNECT or an absolute target a host is named once, spelt in lower case from then on, and whatever names it
again (Host, SNI) must say the same. Which hosts there are is not known here.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.edge.grammar import Unreadable

HTTP_PORTS: Final = frozenset((80, 443))
"""What an absolute target may name beside nothing: its scheme is for the way to us, the way on is TLS in any case."""

_AUTHORITY: Final = re.compile(rb"([^:]+)(?::0*([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Door:
    """Where a connection came in. The shared port has neither ``exchange``, ``host`` nor ``forward``.

    ``exchange``: its own port. ``forward``: CONNECT and absolute targets. ``host``, ``number``: inside a tunnel to
    them. ``loopback``: only this machine reaches it; others must begin with TLS.
    """

    exchange: str | None = None
    forward: bool = False
    host: str | None = None
    number: int = 443
    loopback: bool = True

    def within(self, host: str, number: int) -> "Door":
        """The same, inside a tunnel."""
        return Door(host=host, number=number, loopback=self.loopback)

    def lead(self, authority: bytes, said: bytes) -> str | None:
        """The host that a request is for, where its connection or its target names one. Raises Unreadable.

        ``authority`` is what its target names, ``said`` its Host; the latter is empty where it has none.
        """
        if self.host is not None:
            _agree(self.host, self.number, said)
            return self.host
        if not authority:
            return None
        host, number = parse_authority(authority)
        if number not in (None, *HTTP_PORTS):
            raise Unreadable(421, "an absolute target names port 80, 443 or none")
        _agree(host, number, said)
        return host


@lru_cache(maxsize=64)
def parse_authority(text: bytes) -> tuple[str, int | None]:
    """``host`` or ``host:port``, the host in lower case. Raises Unreadable."""
    shape = _AUTHORITY.fullmatch(text)
    if shape is None:
        raise Unreadable(400, "the host cannot be read")
    return shape[1].decode("ascii").lower(), int(shape[2]) if shape[2] else None


def _agree(host: str, number: int | None, said: bytes) -> None:
    """Raises Unreadable unless Host names the same host, and no other port."""
    other, port = parse_authority(said)
    ports = HTTP_PORTS if number is None else {number}
    if other != host or (port is not None and port not in ports):
        raise Unreadable(421, "Host names another host than the tunnel or the target leads to")
