"""Free TCP ports of the loopback. They lie below the range from which outgoing connections take theirs, and each
worker begins elsewhere, so that a port stays free between the look and its use.
"""

import os
import socket
from collections.abc import Iterator

LOWEST, HIGHEST = 12_000, 32_000


def _candidates() -> Iterator[int]:
    span = HIGHEST - LOWEST
    start = os.getpid() * 97 % span
    return (LOWEST + (start + step) % span for step in range(span))


_CANDIDATES = _candidates()


def free_port() -> int:
    """A port that nobody listens on, and that this process was never given before."""
    for port in _CANDIDATES:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port on the loopback")
