"""Unix sockets in the home: 0600, and heard are only processes of the gateway's own user."""

import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_ROOM: Final = 100
"""Of the 107 bytes that a socket's path may have."""


def bound(path: Path) -> socket.socket:
    """A socket bound there. The caller holds the home's lock, so whatever socket lies there is a dead one's."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with address(path) as short:
            listening.bind(short)
    finally:
        os.umask(before)
    return listening


@contextmanager
def address(path: Path) -> Iterator[str]:
    """A path short enough for a socket: a long one is named through its directory's descriptor."""
    if len(os.fsencode(path)) <= _ROOM or sys.platform != "linux":
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def same_user(connection: socket.socket) -> bool:
    """Whether the process at the other end runs as this one's user."""
    return _peer_uid(connection) == os.getuid()


def _peer_uid(connection: socket.socket) -> int:
    if sys.platform == "linux":
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", peer)[1])
    peer = connection.getsockopt(0, 1, 76)  # LOCAL_PEERCRED: struct xucred, version then uid
    return int(struct.unpack_from("iI", peer)[1])
