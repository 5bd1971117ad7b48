"""The ways into a world's gateway: what is proven of one is proven of each.

Law: a way changes nothing of a request but the Host that it must name.
"""

from dataclasses import dataclass

from tests.attacks.thief import Thief, Tunnel, Way, raw
from tests.world import World
from tests.world.world import BotCredential

WAYS = ("port", "tunnel")


@dataclass(frozen=True)
class Entrance:
    """A way, and how a thief writes who takes it."""

    way: Way
    host: str

    @classmethod
    def of(cls, world: World, kind: str) -> "Entrance":
        """Binance's own port, or a tunnel to its host."""
        if kind == "port":
            return cls(world.addresses.binance_port, "127.0.0.1")
        tunnel = Tunnel(world.addresses.forward_port, world.home.path / "certs" / "ca.pem")
        return cls(tunnel, tunnel.host)

    def thief(self, credential: BotCredential) -> Thief:
        """Who holds this token."""
        return Thief(credential.key, credential.secret, self.host)

    def raw(self, method: str, target: str, body: str = "", key: str | None = None) -> bytes:
        """An unsigned request."""
        return raw(method, target, body, key, (), self.host)
