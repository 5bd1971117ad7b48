"""TCP connections of this machine and whose they are, as Linux tells in /proc. Elsewhere nothing is told."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_TABLES: Final = ("net/tcp", "net/tcp6")
_ESTABLISHED, _LISTEN = "01", "0A"


@dataclass(frozen=True, slots=True)
class Connection:
    """One socket. ``host`` and ``local``: its own address and port; ``peer`` and ``remote``: those at its other end."""

    host: str
    local: int
    peer: str
    remote: int
    is_established: bool
    is_listening: bool
    uid: int
    inode: str


def connections() -> list[Connection] | None:
    """All of this network namespace; None where the system does not tell."""
    if sys.platform != "linux":
        return None
    return [one for table in _TABLES for one in _read(_PROC / table)]


def _read(table: Path) -> Iterator[Connection]:
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return  # no IPv6 here
    for line in lines:
        _, own, other, state, *_, inode = line.split()[:10]
        (host, _, local), (peer, _, remote) = own.partition(":"), other.partition(":")
        yield Connection(
            _address(host), int(local, 16), _address(peer), int(remote, 16), state == _ESTABLISHED, state == _LISTEN,
            int(line.split()[7]), inode,
        )  # fmt: skip


def _address(text: str) -> str:
    """An address from the kernel's hexadecimal words, each in this machine's byte order; IPv4 within IPv6 is IPv4."""
    words = [int(text[place : place + 8], 16).to_bytes(4, sys.byteorder) for place in range(0, len(text), 8)]
    found = ip_address(b"".join(words))
    return str((found.ipv4_mapped if isinstance(found, IPv6Address) else None) or found)


def owners(inodes: set[str]) -> dict[str, set[int]]:
    """The processes that hold these sockets, as far as they can be seen from here."""
    found: dict[str, set[int]] = {inode: set() for inode in inodes}
    for process in _PROC.glob("[0-9]*"):
        for inode in _sockets(process) & inodes:
            found[inode].add(int(process.name))
    return found


def name_of(pid: int) -> str:
    """The program's name."""
    try:
        return (_PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return "a process that has ended"


def _sockets(process: Path) -> set[str]:
    try:
        targets = [_target(entry) for entry in (process / "fd").iterdir()]
    except OSError:
        return set()  # another user's, or it has just ended
    return {target[8:-1] for target in targets if target.startswith("socket:[")}


def _target(entry: Path) -> str:
    try:
        return os.readlink(entry)
    except OSError:
        return ""  # closed meanwhile
