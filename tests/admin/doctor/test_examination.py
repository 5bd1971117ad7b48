"""Checks are made each alone, and the tables of the kernel are read as they are."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.admin.doctor.connections import connections, name_of, owners
from gateway.admin.doctor.examination import document, examine, is_sound, text
from gateway.admin.doctor.finding import Finding, Level, Patient, ok
from gateway.core.errors import Misuse
from gateway.core.secret import Secret
from gateway.home import Home


def patient(path: Path) -> Patient:
    return Patient(Home(path), None, None, "1", list, lambda: Secret("x"))


def fine(_: Patient) -> Iterator[Finding]:
    yield ok("all is well")


def cannot_look(_: Patient) -> Iterator[Finding]:
    yield ok("half")
    raise Misuse("there is nothing to see", "look elsewhere")


def broken(_: Patient) -> Iterator[Finding]:
    yield from ()
    raise ZeroDivisionError("no")


def test_what_fails_keeps_no_other_from_looking(tmp_path: Path) -> None:
    """What could not be looked at is a warning, a check of ours that breaks is wrong; the rest is told."""
    report = examine(patient(tmp_path), {"broken": broken, "blind": cannot_look, "fine": fine})
    assert [(name, finding.level) for name, finding in report] == [
        ("broken", Level.WRONG), ("blind", Level.OK), ("blind", Level.WARNING), ("fine", Level.OK),
    ]  # fmt: skip
    assert not is_sound(report)
    assert document(report)["ok"] is False
    assert "→ look elsewhere" in text(report)
    assert is_sound(examine(patient(tmp_path), {"blind": cannot_look}))


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_the_kernels_table_is_read(family: socket.AddressFamily, host: str) -> None:
    """Both ends of a connection are found, with their addresses and the process that holds them."""
    try:
        server = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip("there is no IPv6 here")
    table = connections()
    if table is None:
        server.close()
        pytest.skip("only Linux tells")
    with server, socket.create_connection((host, server.getsockname()[1])) as near:
        here, there = near.getsockname()[1], server.getsockname()[1]
        found = connections() or []
        [listening] = [one for one in found if one.is_listening and one.local == there]
        [connected] = [one for one in found if one.is_established and (one.local, one.remote) == (here, there)]
        assert (listening.host, connected.host, connected.uid) == (host, host, os.getuid())
        assert owners({listening.inode, connected.inode}) == {
            listening.inode: {os.getpid()}, connected.inode: {os.getpid()},
        }  # fmt: skip
    assert name_of(os.getpid())
    assert name_of(2**22 + 1) == "a process that has ended"
