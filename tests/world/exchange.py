"""The simulated exchange as a process, its controls, and what arrived there: a witness that no client can bend."""

import json
import os
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.world.home import ROOT
from tests.world.processes import Process

READY_SECONDS = 60
CONTROL_SECONDS = 30


@dataclass(frozen=True)
class RealKey:
    """A key that the exchange knows: what the vault keeps, and no bot may ever see."""

    key: str
    secret: str


@dataclass(frozen=True)
class Arrival:
    """One request that reached the exchange. ``key`` is the API key it showed, None where it showed none."""

    number: int
    host: str
    method: str
    path: str
    parameters: dict[str, str]
    key: str | None
    status: int | None

    @property
    def signed(self) -> bool:
        return "signature" in self.parameters

    @property
    def follows(self) -> bool:
        """Whether it asks what became of working orders, as the gateway does now and then by itself."""
        return self.method == "GET" and self.path in ("/api/v3/order", "/api/v3/openOrders")

    @classmethod
    def from_entry(cls, entry: dict[str, Any]) -> "Arrival":
        """An entry of the simulator's journal."""
        parameters = dict(parse_qsl(entry["body"]) + parse_qsl(entry["query"]))
        host, key = entry["headers"]["host"], entry["headers"].get("x-mbx-apikey")
        return cls(entry["number"], host, entry["method"], entry["path"], parameters, key, entry["status"])


class Exchange:
    """``python -m gateway.simulator`` on free ports, with TLS unless ``plain``; usable as soon as it is made."""

    def __init__(self, place: Path, logs: Path, *, plain: bool = False) -> None:
        words = ("--port", "0", "--control-port", "0", "--dir", str(place), *(("--plain",) if plain else ()))
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        self.process = Process("exchange", [sys.executable, "-m", "gateway.simulator", *words], logs, environment)
        about = json.loads(self.process.until(self._first_line, READY_SECONDS, "its addresses"))
        self._marked = 0
        self.url: str = about["url"]
        self._control = about["control"]
        self.ca_file = Path(about["ca"] or place)
        self.real_key = RealKey(about["credentials"]["apiKey"], about["credentials"]["secret"])

    @property
    def tls_port(self) -> int:
        """Where the exchange itself listens."""
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def control(self, name: str, **arguments: Any) -> Any:
        """One of the simulator's controls by its name: ``set_price``, ``add_fault``, ``balances``, …"""
        asked = urllib.request.Request(f"{self._control}/{name}", json.dumps(arguments).encode(), method="POST")
        with urllib.request.urlopen(asked, timeout=CONTROL_SECONDS) as answer:
            return json.load(answer)

    def arrivals(self, since: int = 0, method: str | None = None, path: str = "/") -> list[Arrival]:
        """What arrived after that mark; ``path`` is a prefix."""
        entries = self.control("journal", since=since, method=method, path=path)
        return [Arrival.from_entry(entry) for entry in entries]

    def mark(self) -> int:
        """A mark for ``arrivals``: everything so far lies before it."""
        arrived = self.arrivals(self._marked)
        self._marked = arrived[-1].number if arrived else self._marked
        return self._marked

    def _first_line(self) -> str | None:
        line, newline, _ = self.process.out.read_text().partition("\n")
        return line if newline else None
