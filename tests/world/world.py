"""One world: a simulated exchange over TLS, a home, a running gateway, and what a test needs to look at them."""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.world.exchange import Exchange, RealKey
from tests.world.home import Done, Home
from tests.world.processes import Process
from tests.world.settings import POLICY, Addresses, gateway_yaml

READY_SECONDS = 60
ACCOUNT = "main"


@dataclass(frozen=True)
class BotCredential:
    """What ``token issue`` printed."""

    name: str
    key: str
    secret: str


class World:
    """Use as a context manager; leaving it ends every process. ``home`` and ``exchange`` are open to the test.

    The account ``main`` holds the real key ``real_key``, the policy is ``trader``; tokens are issued by the test.
    """

    def __init__(self, place: Path, template: Home, policy: str = POLICY) -> None:
        self.logs = place / "logs"
        self.logs.mkdir(parents=True)
        self.addresses = Addresses()
        self.home = template.copied(place)
        self.exchange = Exchange(place / "exchange", self.logs)
        self.real_key: RealKey = self.exchange.real_key
        self._runs = self._issued = 0
        self.gateway: Process | None = None
        try:
            self._furnish(policy)
            self.start()
        except BaseException:
            self.close()
            raise

    def _furnish(self, policy: str) -> None:
        self.home.write(
            "gateway.yaml", gateway_yaml(self.addresses, self.exchange.tls_port, str(self.exchange.ca_file))
        )
        self.home.write("policies/trader.yaml", policy)
        self.add_account(ACCOUNT, self.real_key)

    def add_account(self, name: str, key: RealKey, *options: str) -> Done:
        """Seals a real key, checked with the exchange."""
        credentials = json.dumps({"apiKey": key.key, "secret": key.secret})
        words = ("account", "add", name, "--exchange", "binance", "--credentials", "-", *options)
        return self.home.run(*words, stdin=credentials)

    def issue(self, name: str, policy: str = "trader", account: str = ACCOUNT) -> BotCredential:
        """A new token."""
        words = ("token", "issue", name, "--account", account, "--policy", policy, "--json")
        told = self.home.run(*words).json()
        return BotCredential(name, told["apiKey"], told["secret"])

    def issue_new(self, stem: str) -> BotCredential:
        """A new token under a name not used before."""
        return self.issue(self.new_name(stem))

    def new_name(self, stem: str) -> str:
        """A token's name not used before in this world."""
        self._issued += 1
        return f"{stem.replace('_', '-')}-{self._issued}"

    def start(self) -> None:
        """Starts the gateway and returns once it is ready to decide."""
        self._runs += 1
        serve = self.home.command("serve")
        self.gateway = Process(f"gateway-{self._runs}", serve, self.logs, self.home.environment)
        self.gateway.until(self._ready, READY_SECONDS, "readiness")

    def kill(self) -> None:
        """The gateway dies as in a power cut."""
        self.running.kill()

    def stop(self) -> int:
        """The gateway ends as systemd ends it; its exit code."""
        return self.running.stop()

    @property
    def ca_file(self) -> Path:
        """What bots trust that come through the forward port."""
        return self.home.path / "certs" / "ca.pem"

    @property
    def running(self) -> Process:
        """The gateway's process."""
        assert self.gateway is not None, "the gateway was not started"
        return self.gateway

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(self.addresses.admin + "/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def audit(self) -> list[dict[str, Any]]:
        """Every record of the audit log, oldest first."""
        records: list[dict[str, Any]] = self.home.run("audit", "tail", "--number", "100000", "--json").json()
        return records

    def printed(self) -> Sequence[tuple[str, bytes]]:
        """All that its processes have written to their standard output and error, by file."""
        return [(path.name, path.read_bytes()) for path in sorted(self.logs.iterdir())]

    def close(self) -> None:
        """Ends every process."""
        for process in (self.gateway, self.exchange.process):
            if process is not None and process.alive:
                process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
