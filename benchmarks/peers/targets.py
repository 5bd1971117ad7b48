"""The processes that are compared, each on free ports and ended by its own id."""

import dataclasses
import json
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.peers import homes
from benchmarks.peers.bot import Key, Way
from gateway.home import Home
from tests.world.exchange import Exchange
from tests.world.home import ROOT
from tests.world.ports import free_port
from tests.world.processes import Process
from tests.world.settings import Addresses, gateway_yaml

READY_SECONDS = 60
MOST_NOTIONAL = 500
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """What the process has used so far, all its threads, user and system (10 ms steps)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mb(pid: int) -> float:
    """Its resident memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@dataclasses.dataclass(frozen=True)
class Upstream:
    """An exchange behind TLS, and the one real key that it knows."""

    name: str
    port: int
    ca_file: Path
    real: Key


class Field:
    """Starts processes; leaving it ends them all."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._logs = place / "logs"
        self._logs.mkdir()
        self._stack = ExitStack()
        self._path = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}

    def simulator(self) -> tuple[Upstream, Exchange]:
        """The simulated exchange."""
        place = self._place / "simulator"
        place.mkdir()
        exchange = Exchange(place, self._logs)
        self._stack.enter_context(exchange.process)
        real = Key(exchange.real_key.key, exchange.real_key.secret)
        return Upstream("simulator", exchange.tls_port, exchange.ca_file, real), exchange

    def stub(self, real: Key) -> Upstream:
        """The exchange that answers at once."""
        place = self._place / "stub"
        place.mkdir()
        command = [sys.executable, "-m", "benchmarks.peers.stub", str(place)]
        told = json.dumps(dataclasses.asdict(real))
        environment = self._path | {"STUB_KEY": told}
        process = self._stack.enter_context(Process("stub", command, self._logs, environment))
        port = process.until(lambda: process.out.read_text().strip(), READY_SECONDS, "its port")
        return Upstream("stub", int(port), place / "ca.pem", real)

    def gateway(self, name: str, home: Home, tokens: Sequence[Key], upstream: Upstream) -> tuple[Way, Way]:
        """The gateway on a home: its own port of the exchange, plain HTTP; and a tunnel through its forward port."""
        addresses = Addresses()
        home.settings.write_text(gateway_yaml(addresses, upstream.port, str(upstream.ca_file)))
        passphrase = home.path.with_suffix(".passphrase")
        passphrase.touch(mode=0o600)
        passphrase.write_text(homes.PASSPHRASE)
        environment = self._path | {
            "TRADEWARDEN_HOME": str(home.path), "TRADEWARDEN_PASSPHRASE_FILE": str(passphrase), "HOME": str(self._place)
        }  # fmt: skip
        command = [sys.executable, "-m", "gateway.admin.cli", "serve"]
        process = self._stack.enter_context(Process(name.replace(" ", "-"), command, self._logs, environment))
        process.until(lambda: listens(addresses.admin_port), READY_SECONDS, "readiness")
        ca_file = home.path / "certs" / "ca.pem"
        return (
            Way(name, addresses.binance_port, tokens, None, process.pid),
            Way(f"{name}, CONNECT", addresses.forward_port, tokens, ca_file, process.pid, tunnel=True),
        )

    def mitmproxy(self, program: Path, upstream: Upstream, tunnel: bool = False) -> Way:
        """mitmproxy with the addon that does the same job: in reverse mode, or as the proxy of a tunnel."""
        name = f"mitmproxy{'-connect' if tunnel else ''}-{upstream.name}"
        place = self._place / name
        place.mkdir()
        token, port = Key("t" * 64, "s" * 64), free_port()
        told = {
            "token": dataclasses.asdict(token), "real": dataclasses.asdict(upstream.real), "most": MOST_NOTIONAL,
            "symbols": ["BTCUSDT", "ETHUSDT"], "log": str(place / "log.jsonl"), "upstream": upstream.port,
        }  # fmt: skip
        (place / "resign.json").write_text(json.dumps(told))
        options = (f"ssl_verify_upstream_trusted_ca={upstream.ca_file}", f"confdir={place}", "http2=false")
        command = [
            str(program), "--quiet", "--mode", "regular" if tunnel else f"reverse:https://127.0.0.1:{upstream.port}",
            "--listen-host", "127.0.0.1", "--listen-port", str(port),
            "--scripts", str(Path(__file__).with_name("resign.py")),
        ]  # fmt: skip
        for option in options:
            command += ["--set", option]
        environment = {"PATH": os.environ["PATH"], "HOME": str(place), "RESIGN": str(place / "resign.json")}
        process = self._stack.enter_context(Process(name, command, self._logs, environment))
        process.until(lambda: listens(port), READY_SECONDS, "readiness")
        if tunnel:
            return Way("mitmproxy, CONNECT", port, (token,), place / "mitmproxy-ca-cert.pem", process.pid, tunnel=True)
        return Way("mitmproxy", port, (token,), None, process.pid)

    def __enter__(self) -> "Field":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def direct(upstream: Upstream) -> Way:
    """Straight to the exchange with the real key."""
    return Way("direct TLS", upstream.port, (upstream.real,), upstream.ca_file)


def listens(port: int) -> bool:
    """Whether anybody accepts connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
