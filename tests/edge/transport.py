"""A transport that only remembers."""

import asyncio
import socket
from typing import Any


class Wire(asyncio.Transport):
    """What a protocol under test wrote, and whether it ended its side or closed. ``unsent`` is its write buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended = self.closed = False
        self.ends = socket.socketpair()

    def write(self, piece: Any) -> None:
        assert not self.closed
        self.written += bytes(piece)

    def take(self) -> bytes:
        """What was written since the last time."""
        written, self.written = self.written, b""
        return written

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.closed = True
        for end in self.ends:
            end.close()

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return len(self.written)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"socket": self.ends[0], "peername": ("127.0.0.1", 50000)}.get(name, default)
