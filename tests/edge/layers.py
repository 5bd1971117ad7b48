"""The client's side of TLS over a test bot, one layer or more, and a guard of the tests."""

import asyncio
import contextlib
import os
import ssl
import time

from gateway.edge.dial import Dialler
from gateway.edge.forward import Lead
from gateway.edge.leaves import Leaves
from gateway.edge.tls import only
from gateway.edge.tunnel import Far, Ours
from gateway.vault.authority import found
from gateway.vault.certificate import Constraints
from tests.edge.bots import Bot

HOST = "api.binance.com"
OTHER = "fapi.binance.com"
LISTED = "api.telegram.org"
TOKEN = b"Basic dG9rZW46c2VjcmV0"


class Guard:
    """Certificates of an authority of its own; leads to HOST and OTHER, and to LISTED untouched."""

    def __init__(self) -> None:
        authority = found("tests", Constraints.of(("binance.com", "localhost")), time.time(), os.urandom)
        self._leaves = Leaves(lambda names: authority.leaf(names, time.time(), os.urandom), time.time)
        self._pem = authority.certificate.pem
        self.connect_to: dict[str, str] = {}
        self.opened_to: list[tuple[str, int, str | None]] = []
        self.broken: list[tuple[str | None, str]] = []
        self.tokens = {TOKEN: "token"}

    def own_context(self) -> ssl.SSLContext:
        return self._leaves.context(("localhost",))

    def tunnel_context(self, host: str) -> ssl.SSLContext:
        return only(self._leaves.context((host,)), lambda name: name == host)

    def lead(self, host: str, number: int) -> Lead:
        if (host, number) in ((HOST, 443), (OTHER, 443)):
            return Lead.EXCHANGE
        return Lead.LISTED if (host, number) == (LISTED, 443) else Lead.NOWHERE

    def admit(self, credentials: bytes | None, peer: str) -> str | None:
        return self.tokens.get(credentials or b"")

    async def reach(self, host: str, number: int, ours: Ours) -> Far:
        return await Dialler(self.connect_to, 2).reach(host, number, lambda: Far(ours))

    def lives(self, owner: str) -> bool:
        return owner in self.tokens.values()

    def opened(self, host: str, number: int, owner: str | None) -> None:
        self.opened_to.append((host, number, owner))

    def unshaken(self, host: str | None, reason: str) -> None:
        self.broken.append((host, reason))

    def client(self) -> ssl.SSLContext:
        """What trusts the authority, as strictly as Python 3.13 does."""
        context = ssl.create_default_context(cadata=self._pem.decode())
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context


class Layer:
    """TLS as a client, over a bot or over another layer."""

    def __init__(self, below: "Bot | Layer", context: ssl.SSLContext, name: str | None) -> None:
        self._below = below
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)

    def hello(self) -> bytes:
        """The handshake's first bytes, to be sent by hand."""
        with contextlib.suppress(ssl.SSLWantReadError):  # as it must be: nothing was answered yet
            self.tls.do_handshake()
        return self._outgoing.read()

    async def shake(self) -> None:
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
                await self._more()
            else:
                return self.flush()

    def flush(self) -> None:
        if self._outgoing.pending:
            self._below.say(self._outgoing.read())

    def say(self, plain: bytes) -> None:
        self.tls.write(plain)
        self.flush()

    def take(self) -> bytes:
        """What TLS has to say, to be sent by hand."""
        return self._outgoing.read()

    async def some(self) -> bytes:
        """The next plain bytes; empty at the end."""
        while True:
            try:
                return self.tls.read(65536)
            except ssl.SSLWantReadError:
                if not await self._more():
                    return b""
            except ssl.SSLZeroReturnError:
                return b""

    async def hear(self, size: int) -> bytes:
        heard = b""
        while len(heard) < size:
            piece = await self.some()
            if not piece:
                raise asyncio.IncompleteReadError(heard, size)
            heard += piece
        return heard

    async def hear_all(self) -> bytes:
        heard = b""
        while piece := await self.some():
            heard += piece
        return heard

    def farewell(self) -> None:
        """Say that nothing more follows."""
        with contextlib.suppress(ssl.SSLError):  # it waits for the other side's
            self.tls.unwrap()
        self.flush()

    async def _more(self) -> bytes:
        piece = await self._below.some()
        if piece:
            self._incoming.write(piece)
        else:
            self._incoming.write_eof()
        return piece
