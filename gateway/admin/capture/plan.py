"""What the process of a capture is told at its start: hosts, the words for when no gateway answers, listed tunnels.

Pure. Nothing in it is a secret.
"""

from typing import Any, Final

from gateway.core.decision import DenyCode
from gateway.edge.dial import Address
from gateway.exchanges.exchange import Denial, Exchange
from gateway.exchanges.registry import EXCHANGES, HTTPS, by_host
from gateway.settings import Settings

RULE: Final = "capture"
_NO_DECISION: Final = "none"
_DOWN: Final = "The gateway does not answer."
_UNKNOWN: Final = "The gateway went away."


def plan_of(settings: Settings, socket: str) -> dict[str, Any]:
    """The plan as the addon reads it. ``socket`` is where the gateway listens, from the process's own directory."""
    return {"socket": socket, "hosts": _hosts(), "listed": _listed(settings)}


def _hosts() -> dict[str, Any]:
    return {
        host: {
            "ports": sorted(exchange.ports.get(host, HTTPS)),
            "down": _words(exchange, DenyCode.NOT_READY, _DOWN),
            "unknown": _words(exchange, DenyCode.UNKNOWN_OUTCOME, _UNKNOWN),
        }
        for exchange in EXCHANGES.values()
        for host in exchange.hosts
    }


def _words(exchange: Exchange, code: DenyCode, detail: str) -> dict[str, Any]:
    answer = exchange.deny(Denial(code, RULE, detail, _NO_DECISION))
    headers = [[name.decode(), value.decode()] for name, value in answer.headers]
    return {"status": answer.status, "headers": headers, "body": answer.body.decode()}


def _listed(settings: Settings) -> list[list[Any]]:
    """Host, port, and where the operator's ``connect_to`` leads instead. An exchange's host is never among them."""
    mapped = settings.upstream.connect_to
    listed = []
    for entry in settings.tunnel:
        address = Address.parse(entry)
        if by_host(address.host) is None:
            instead = Address.parse(mapped[entry]) if entry in mapped else None
            listed.append([address.host, address.port, [instead.host, instead.port] if instead else None])
    return listed
