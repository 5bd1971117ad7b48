"""The simulator as one object: a port that is the exchange, a port that controls it, and the same controls in Python.

Rule 1: the exchange's port serves the exchange and nothing else.
Rule 2: every control method takes and returns plain JSON values, so both ways of calling it are one.
"""

import asyncio
import ssl
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from .binance.state import State
from .binance.venue import answer
from .certificates import Chain, make_chain
from .control import Control
from .core.exchange import Exchange
from .faults import Fault, Faults
from .journal import Entry, Journal
from .messages import Reply, Request
from .options import Options
from .server import Answer, Raw, Server, render
from .switchboard import switchboard

GARBAGE = b"\x16\x03\x00HTTP?? 2OO\x00\xff\r\n: :\r\n\r\n"


class Simulator(Control):
    """A simulated Binance. `async with Simulator() as sim:` or start() and stop()."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options(port=0, control_port=0, plain=True)
        self.offset = 0
        self.state = State(Exchange(self.now // 1000))
        self.requests = Journal()
        self.coming = Faults()
        self.extra_headers: dict[str, str] = {}
        self.ca_file: Path | None = None
        self._released = asyncio.Event()
        self._own_directory: tempfile.TemporaryDirectory[str] | None = None
        self._exchange_port = Server(self._receive, self._malformed)
        self._control_port = Server(switchboard(self), lambda *_: None)
        self.demo = self.add_account("demo", self.options.balances, permissions=self.options.permissions)

    @property
    def now(self) -> int:
        """The exchange's clock, in microseconds."""
        return time.time_ns() // 1000 + self.offset

    @property
    def url(self) -> str:
        """Where the exchange listens."""
        scheme = "http" if self.options.plain else "https"
        return f"{scheme}://{self.options.host}:{self._exchange_port.port}"

    @property
    def control_url(self) -> str:
        """Where the controls listen."""
        return f"http://127.0.0.1:{self._control_port.port}"

    async def __aenter__(self) -> "Simulator":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Opens both ports."""
        context = None if self.options.plain else self._context()
        await self._exchange_port.start(self.options.host, self.options.port, context)
        await self._control_port.start("127.0.0.1", self.options.control_port)

    async def stop(self) -> None:
        """Closes both ports and every connection."""
        await self._exchange_port.stop()
        await self._control_port.stop()
        if self._own_directory is not None:
            self._own_directory.cleanup()

    def _context(self) -> ssl.SSLContext:
        chain: Chain = make_chain()
        directory = self.options.directory
        if directory is None:
            self._own_directory = tempfile.TemporaryDirectory()
            directory = Path(self._own_directory.name)
        directory.mkdir(parents=True, exist_ok=True)
        self.ca_file = directory / "ca.pem"
        self.ca_file.write_bytes(chain.ca)
        return chain.context()

    def about(self) -> dict[str, Any]:
        """Everything a client needs: addresses, the CA's file, the demo account's credentials."""
        return {
            "exchange": "binance",
            "url": self.url,
            "control": self.control_url,
            "ca": None if self.ca_file is None else str(self.ca_file),
            "credentials": {"apiKey": self.demo["apiKey"], "secret": self.demo["secret"]},
            "symbols": list(self.state.exchange.markets),
        }

    # -- the exchange's port --------------------------------------------------------------------

    def _receive(self, request: Request) -> Answer | Awaitable[Answer]:
        entry = self.requests.arrived(request, self.now // 1000)
        fault = self.coming.take(request) if self.coming.pending else None
        if fault is None:
            entry.outcome = "answered"
            return self._execute(request, entry)
        entry.fault = fault.kind
        if fault.kind in ("delay", "hold"):
            return self._wait(request, entry, fault)
        return self._spoil(request, entry, fault)

    def _malformed(self, peer: str, sent: bytes) -> None:
        entry = self.requests.arrived(Request("", "", sent, {}, peer), self.now // 1000)
        entry.outcome = "malformed"

    def _execute(self, request: Request, entry: Entry) -> Reply:
        outcome = answer(self.state, request, self.now)
        entry.executed = True
        entry.account, entry.authenticated = outcome.account, outcome.account is not None
        entry.status, entry.code = outcome.reply.status, outcome.code
        outcome.reply.headers.update(self.extra_headers)
        return outcome.reply

    async def _wait(self, request: Request, entry: Entry, fault: Fault) -> Reply:
        reply = self._execute(request, entry) if fault.execute else None
        if fault.kind == "hold":
            await self._released.wait()
        else:
            await asyncio.sleep(fault.milliseconds / 1000)
        entry.outcome = "answered"
        return reply or self._execute(request, entry)

    def _spoil(self, request: Request, entry: Entry, fault: Fault) -> Answer:
        works = fault.execute and fault.kind != "drop_before"
        reply = self._execute(request, entry) if works else Reply(0, b"")
        if fault.kind in ("drop_before", "drop_after"):
            entry.outcome = "dropped"
            return Raw()
        if fault.kind == "garbage":
            entry.outcome = "garbled"
            return Raw(GARBAGE)
        if fault.kind == "truncate":
            entry.outcome = "truncated"
            whole = render(reply)
            return Raw(whole[: len(whole) - len(reply.body) + len(reply.body) // 2])
        entry.outcome, entry.status = "answered", fault.status
        headers = {"Content-Type": "application/json;charset=UTF-8"} | fault.headers
        return Reply(fault.status, fault.body.encode(), headers)

    def release_holds(self) -> None:
        """Lets every held request go on; later holds hold again."""
        self._released.set()
        self._released = asyncio.Event()
