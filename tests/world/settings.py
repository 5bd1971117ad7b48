"""gateway.yaml and the policy of a test's world, as text: what a user writes, not what the loader makes of it."""

from dataclasses import dataclass, field

from tests.world.ports import free_port

REAL_HOSTS = ("api.binance.com", "fapi.binance.com", "dapi.binance.com")


@dataclass(frozen=True)
class Addresses:
    """Where the gateway listens; every port of its own."""

    shared_port: int = field(default_factory=free_port)
    binance_port: int = field(default_factory=free_port)
    admin_port: int = field(default_factory=free_port)
    forward_port: int = field(default_factory=free_port)

    @property
    def shared(self) -> str:
        """The base URL where the exchange's host stands in the path."""
        return f"http://127.0.0.1:{self.shared_port}"

    @property
    def binance(self) -> str:
        """The base URL that stands for Binance alone."""
        return f"http://127.0.0.1:{self.binance_port}"

    @property
    def forward(self) -> str:
        """The base URL for HTTPS_PROXY."""
        return f"http://127.0.0.1:{self.forward_port}"

    @property
    def admin(self) -> str:
        return f"http://127.0.0.1:{self.admin_port}"


def gateway_yaml(addresses: Addresses, exchange_port: int, ca_file: str) -> str:
    """Settings under which every Binance host is really the simulated exchange at ``exchange_port``."""
    connect_to = "\n".join(f'    "{host}:443": "127.0.0.1:{exchange_port}"' for host in REAL_HOSTS)
    return f"""\
listen:
  reverse: 127.0.0.1:{addresses.shared_port}
  ports:
    binance: 127.0.0.1:{addresses.binance_port}
  forward: 127.0.0.1:{addresses.forward_port}
  admin: 127.0.0.1:{addresses.admin_port}
upstream:
  connect_to:
{connect_to}
  ca_file: {ca_file}
  timeout: {{connect: 5s, response: 10s}}
"""


POLICY = """\
version: 1
allow:
  symbols: [BTC/USDT, ETH/USDT]
  markets: [spot]
  orders: [limit, post_only, market]
  reads: all
limits:
  order: 500 USDT
  open_orders: 100
  turnover: 50_000 USDT per 24h
  messages: 50 per 1s
price:
  giveaway: unlimited because it is a test
  sources: 1 because it is a test
  market: protect 0.5%
  stale_after: 3s
"""
