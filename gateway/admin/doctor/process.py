"""The gateway's process: whether it runs, what it listens on, what the system lets others see of it, who is with it."""

import os
import socket
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from gateway import __version__
from gateway.admin.doctor.connections import Connection, connections, name_of, owners
from gateway.admin.doctor.finding import Finding, Patient, ok, warning, wrong
from gateway.admin.family import family
from gateway.core.errors import Misuse
from gateway.edge.listener import EVERYWHERE
from gateway.home import Busy, WriterLock
from gateway.settings import Address, Settings

_WITHIN_S: Final = 3.0
_NOT_TOLD: Final = "this system does not tell which processes hold which connections"
_USER: Final = "give the gateway a user of its own, and run bots under another (deploy/README.md)"


def addresses(settings: Settings) -> dict[str, Address]:
    """Everything that a gateway with these settings listens on, by its key in gateway.yaml."""
    listen = settings.listen
    every = {"reverse": listen.reverse, "admin": listen.admin}
    every |= {f"ports.{name}": address for name, address in listen.ports.items()}
    return every if listen.forward is None else every | {"forward": listen.forward}


def reached(address: Address) -> tuple[str, int]:
    """Where this machine itself reaches an address to listen on."""
    return EVERYWHERE.get(address.host, address.host), address.port


def runs(patient: Patient) -> Iterator[Finding]:
    """Whether a gateway answers, and whether it is this version."""
    if patient.trouble is not None:
        yield wrong(f"process {patient.pid} does not say how it is: {patient.trouble.message}", "see its log")
        return
    if patient.running is not None:
        version = patient.running.get("version", "unknown")
        told = f"the gateway runs as process {patient.pid}, version {version}"
        yield ok(told) if version == __version__ else warning(f"{told}; this is {__version__}", "restart it")
        return
    try:
        WriterLock(patient.home).release()
    except Busy:
        yield wrong(f"process {patient.pid} holds this home and does not answer", "look at it, and end it if it hangs")
    else:
        yield warning("no gateway runs", "tradewarden serve")


def ports(patient: Patient) -> Iterator[Finding]:
    """Each answers, and it is the gateway that does; without a gateway each is free."""
    every = addresses(patient.loaded())
    look = _free if patient.running is None else _answers
    troubles = [trouble for key, address in every.items() if (trouble := look(key, address))]
    if patient.running is not None:
        troubles += _squatted(patient, every)
    yield from troubles
    if not troubles:
        shown = ", ".join(f"{key} {address}" for key, address in every.items())
        yield ok(f"{'answered' if patient.running else 'free'}: {shown}")


def _answers(key: str, address: Address) -> Finding | None:
    try:
        socket.create_connection(reached(address), timeout=_WITHIN_S).close()
    except OSError as failure:
        return wrong(f"listen.{key}: {address} does not answer: {failure}", "restart the gateway, and see its log")
    return None


def _free(key: str, address: Address) -> Finding | None:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address.host, address.port))
        except OSError as failure:
            return wrong(
                f"listen.{key}: {address} cannot be listened on: {failure.strerror}",
                "stop the program that has it, or choose another address in gateway.yaml",
            )
    return None


def _squatted(patient: Patient, every: dict[str, Address]) -> list[Finding]:
    """Ports that another process listens on as well: it would be sent what is meant for the gateway."""
    listening = [
        one for one in connections() or () if one.is_listening
        and any(one.local == address.port and _overlap(one.host, address.host) for address in every.values())
    ]  # fmt: skip
    holders = owners({one.inode for one in listening})
    return [
        wrong(f"port {one.local} is listened on by process {pid} ({name_of(pid)})", "end it: bots speak to it instead")
        for one in listening
        for pid in holders[one.inode]
        if str(pid) != patient.pid
    ]


def _overlap(one: str, other: str) -> bool:
    return one == other or bool({one, other} & EVERYWHERE.keys())


def neighbours(patient: Patient) -> Iterator[Finding]:
    """Whoever runs as the gateway's user could read its files and speak in its name."""
    table = connections()
    if table is None:
        yield warning(_NOT_TOLD, "see to it that no bot runs as the gateway's user")
        return
    settings = patient.loaded()
    doors = [address for key, address in addresses(settings).items() if key != "admin"]
    mine = [
        one for one in table
        if one.is_established and one.uid == os.getuid() and any(_leads(one, address) for address in doors)
    ]  # fmt: skip
    holders = owners({one.inode for one in mine})
    gateways = set() if patient.running is None else {int(pid) for pid in family(patient.pid) if pid.isdecimal()}
    pids = {pid for found in holders.values() for pid in found} - {os.getpid()} - gateways
    for pid in sorted(pids):
        yield wrong(f"process {pid} ({name_of(pid)}) is a bot and runs as the gateway's user", _USER)
    if not pids:
        yield ok("no connection to the bots' ports is of the gateway's own user just now")


def _leads(one: Connection, address: Address) -> bool:
    """Whether its other end is this address: the gateway's own connections lead to the same numbers elsewhere."""
    if one.remote != address.port:
        return False
    everywhere = address.host in EVERYWHERE and one.peer == one.host  # a machine speaks to itself from where it calls
    return everywhere or one.peer == address.host or ip_address(one.peer).is_loopback


def hardening(patient: Patient) -> Iterator[Finding]:
    """No core dumps, no memory to be read; not root."""
    if os.geteuid() == 0:
        yield warning("the gateway's user is root", _USER)
    if patient.running is None or sys.platform != "linux":
        yield ok("this system lets core dumps and debuggers be turned off")  # main() has done so for this process
        return
    process = Path("/proc", patient.pid)
    try:
        limits = (process / "limits").read_text().splitlines()
    except OSError:
        raise Misuse(f"process {patient.pid} cannot be looked at", "see `tradewarden status`") from None
    limit = next(line for line in limits if "core file size" in line)
    if limit.split()[4:6] != ["0", "0"]:
        yield wrong(f"the gateway may leave core dumps ({' '.join(limit.split())})", "restart it with this version")
    elif os.geteuid() != 0 and os.access(process / "environ", os.R_OK) and _readable(process / "environ"):
        yield wrong("the gateway's memory can be read by its user's processes", "restart it with this version")
    else:
        yield ok("the gateway leaves no core dumps")


def _readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True
