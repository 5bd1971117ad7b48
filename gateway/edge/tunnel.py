"""An untouched tunnel to a listed host: bytes to and fro, neither side faster than the other reads.

Law: it is opened only to a checked, pinned address, and never to a port of the gateway itself.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

Ours = Callable[[str, int, str], bool]
"""Whether an address is one of the gateway's own ports, seen from the address that we have towards it."""


class Near(Protocol):
    """The bot's end."""

    def tell(self, received: bytes) -> None:
        """Bytes from the far end."""
        ...

    def tell_end(self) -> None:
        """The far end says no more."""
        ...

    def hold(self, held: bool) -> None:
        """Read no more from the bot for now, or again."""
        ...


class Far(asyncio.Protocol):
    """The far end of a tunnel. ``near`` is set once it stands."""

    def __init__(self, ours: Ours) -> None:
        self._ours = ours
        self._near: Near | None = None
        self._transport: asyncio.Transport | None = None
        self._held = self._choked = False
        self.itself = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.pause_reading()
        host, number = transport.get_extra_info("peername")[:2]
        self.itself = self._ours(host, number, transport.get_extra_info("sockname")[0])
        if self.itself:
            self._transport.abort()

    def join(self, near: Near) -> None:
        """From now on what comes goes to the bot."""
        self._near = near
        if self._choked:
            near.hold(True)
        if self._transport is not None and not self._held:
            self._transport.resume_reading()

    def data_received(self, received: bytes) -> None:
        if self._near is not None:
            self._near.tell(received)

    def eof_received(self) -> bool:
        if self._near is not None:
            self._near.tell_end()
        return True

    def pause_writing(self) -> None:
        self._choked = True
        if self._near is not None:
            self._near.hold(True)

    def resume_writing(self) -> None:
        self._choked = False
        if self._near is not None:
            self._near.hold(False)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._near is not None:
            self._near.tell_end()

    # -- what the bot's end asks ------------------------------------------------------------------------------

    def say(self, sent: bytes) -> None:
        """Bytes from the bot."""
        if self._transport is not None:
            self._transport.write(sent)

    def say_end(self) -> None:
        """The bot says no more."""
        if self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()

    def hold(self, held: bool) -> None:
        """Read no more from the far end for now, or again."""
        self._held = held
        if self._transport is None or self._near is None:
            return
        if held:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    @property
    def unread(self) -> int:
        """Bytes that wait for the far end to read them."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def abort(self) -> None:
        """Destroy it."""
        self._near = None
        if self._transport is not None:
            self._transport.abort()
