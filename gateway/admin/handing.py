"""What the gateway tells whoever points or starts a bot: where to reach it, what to trust, which token this is.

A token's secret is handed out again only where it is asked for, and recorded first.
"""

from typing import TYPE_CHECKING, Any, Final

from gateway.core.errors import Misuse
from gateway.core.token import KeyKind, Token, TokenState
from gateway.edge.listener import EVERYWHERE
from gateway.registry.certs import TUNNELS, CertsFolder
from gateway.settings import Address
from gateway.store import TokenRow

if TYPE_CHECKING:
    from gateway.app import Gateway

Result = dict[str, Any]

_SHOWN: Final = 80


def base_url(address: Address, names: tuple[str, ...]) -> str:
    """How a bot says this address. One that others reach speaks TLS only; ``names`` are those of its certificate."""
    if address.host not in EVERYWHERE:
        return f"http{'' if address.is_loopback else 's'}://{address}"
    own = Address(host=EVERYWHERE[address.host], port=address.port)
    return f"https://{names[0]}:{address.port}" if names else f"https://{own}"


def whereabouts(gateway: "Gateway") -> Result:
    """Base URLs, and the certificates that a client has to trust for them."""
    listen, folder = gateway.settings.listen, CertsFolder(gateway.home.certs)
    return {
        "reverse": base_url(listen.reverse, listen.names),
        "forward": None if listen.forward is None else base_url(listen.forward, listen.names),
        "ca": str(folder.certificate(TUNNELS)),
        "bundle": str(folder.bundle),
    }


def hand(gateway: "Gateway", given: dict[str, Any]) -> Result:
    """For a command that is about to become a bot. Raises Misuse where that bot could not work."""
    if gateway.settings.listen.forward is None:
        hint = "write `forward: 127.0.0.1:8378` under listen: in gateway.yaml and restart the gateway"
        raise Misuse("listen.forward is null, so there is nowhere to lead the command", hint)
    token = _usable(gateway, gateway.store.token(given["name"]), given["name"])
    hosts = sorted(host for exchange in gateway.exchanges.values() for host in exchange.hosts)
    own = {"token": token.name, "apiKey": token.id, "state": token.state.value, "hosts": hosts}
    handed = own | whereabouts(gateway)
    if not given["secret"]:
        return handed
    secret = _secret(token)
    note = {"type": "secret", "act": "handed", "token": token.name, "to": str(given["command"])[:_SHOWN]}
    gateway.note(note, sync=True)
    return handed | {"secret": secret}


def _usable(gateway: "Gateway", row: TokenRow | None, name: str) -> Token:
    if row is None:
        raise Misuse(f"there is no token {name!r}", "`tradewarden token list` shows them")
    token = gateway.tokens.find(row.id)
    if row.state is TokenState.REVOKED or token is None:
        raise Misuse(f"token {name!r} is revoked", "that is final: `tradewarden token issue` makes another")
    if token.expired(gateway.clock.now_ms()):
        raise Misuse(f"token {name!r} has expired", "`tradewarden token issue` makes another")
    return token


def _secret(token: Token) -> str:
    """What the bot signs with. Of keys that are not shared the gateway knows the public half alone."""
    if token.key.kind is not KeyKind.HMAC:
        hint = "give the bot the private key that `tradewarden token issue` printed"
        raise Misuse(f"the gateway does not know the secret of token {token.name!r} ({token.key.kind.value})", hint)
    return token.key.material.reveal().decode()
