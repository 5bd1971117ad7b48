"""Which exchange a request is for. Only names that stand in an adapter's table, spelt exactly so, are ever matched.

A request that belongs to no exchange still needs an answer: it is denied in the words of ``UNROUTABLE``: Binance's
plain ``{"code", "msg"}``, the most widely understood.
"""

import re
from typing import Final

from gateway.core.decision import DenyCode
from gateway.core.errors import Refused
from gateway.core.request import RawRequest
from gateway.exchanges.binance.adapter import Binance
from gateway.exchanges.exchange import Exchange

HTTPS: Final = frozenset((443,))
_PREFIX: Final = re.compile(rb"/(?:https://)?([a-z0-9][a-z0-9.-]{0,63})(?::443)?(/.*)", re.DOTALL)

UNROUTABLE: Final[Exchange] = Binance()
EXCHANGES: Final[dict[str, Exchange]] = {exchange.name: exchange for exchange in (UNROUTABLE,)}
_BY_HOST: Final = {host.encode(): (exchange, host) for exchange in EXCHANGES.values() for host in exchange.hosts}


def by_host(host: str) -> Exchange | None:
    """The exchange that declares exactly this host name, or None."""
    found = _BY_HOST.get(host.encode())
    return found[0] if found else None


def leads(host: str, number: int) -> bool:
    """Whether a tunnel to this host and port leads to an exchange."""
    found = _BY_HOST.get(host.encode())
    return found is not None and number in found[0].ports.get(host, HTTPS)


def locate(raw: RawRequest) -> tuple[Exchange, str | None, bytes]:
    """The exchange, the host that is named (None on an exchange's own port), and the target without the prefix.

    Through a tunnel, or by an absolute target, the host is known. On the shared port the target is ``/<host>/…`` or
    ``/https://<host>/…``. Raises Refused(UNKNOWN_ENDPOINT) for anything else: another scheme or port, userinfo,
    brackets, upper case, a trailing dot, a host nobody declares.
    """
    if raw.port is not None:
        return EXCHANGES[raw.port], None, raw.target
    if raw.host is not None:
        known = _BY_HOST.get(raw.host.encode())
        if known is None:
            raise Refused(DenyCode.UNKNOWN_ENDPOINT, "this host is no exchange's")
        return (*known, raw.target)
    match = _PREFIX.fullmatch(raw.target)
    found = _BY_HOST.get(match[1]) if match else None
    if match is None or found is None:
        raise Refused(DenyCode.UNKNOWN_ENDPOINT, "the path must begin with an exchange's host: /api.binance.com/…")
    return (*found, match[2])
