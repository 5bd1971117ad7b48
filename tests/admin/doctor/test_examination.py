"""Checks are made each alone, and the tables of the kernel are read as they are."""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.admin.doctor.connections import Connection, connections, name_of, owners
from gateway.admin.doctor.examination import CHECKS, document, examine, is_sound, patient_of, text
from gateway.admin.doctor.finding import Finding, Level, Patient, ok
from gateway.admin.doctor.process import neighbours
from gateway.core.errors import Misuse
from gateway.home import Home
from gateway.settings import Address, Settings


def patient(path: Path) -> Patient:
    return Patient(Home(path), None, None, "1", list, None)


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
        assert connected.peer == host
        assert owners({listening.inode, connected.inode}) == {
            listening.inode: {os.getpid()}, connected.inode: {os.getpid()},
        }  # fmt: skip
    assert name_of(os.getpid())
    assert name_of(2**22 + 1) == "a process that has ended"


def test_a_gateway_that_fails_to_say_how_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is a finding, and all others are still made."""

    def fails(*_: object) -> None:
        raise Misuse("the gateway took the command and went away")

    monkeypatch.setattr("gateway.admin.doctor.examination.ask", fails)
    report = examine(patient_of(Home(tmp_path), None))
    assert {name for name, _ in report} == set(CHECKS)
    [finding] = [finding for name, finding in report if name == "gateway"]
    assert finding.level is Level.WRONG
    assert "went away" in finding.what


HERE, THERE = "127.0.0.1", "203.0.113.7"
OWN, OTHER = 4_000_001, 4_000_002


@pytest.mark.parametrize(
    ("host", "peer", "number", "pid", "accused"),
    [
        ("127.0.0.1", HERE, 443, OTHER, True),
        ("127.0.0.1", HERE, 444, OTHER, False),
        ("127.0.0.1", THERE, 443, OTHER, False),
        ("127.0.0.1", HERE, 443, OWN, False),
        ("203.0.113.7", THERE, 443, OTHER, True),
        ("0.0.0.0", THERE, 443, OTHER, False),
        ("0.0.0.0", "192.0.2.1", 443, OTHER, True),
    ],
)
def test_who_speaks_to_the_gateway_and_who_to_its_number_elsewhere(
    host: str, peer: str, number: int, pid: int, accused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own connections to exchanges lead to port 443 as well, and it may speak to itself."""
    settings = Settings()
    reverse = settings.listen.model_copy(update={"reverse": Address(host=host, port=443)})
    one = Connection("192.0.2.1", 50_000, peer, number, True, False, os.getuid(), "7")
    monkeypatch.setattr("gateway.admin.doctor.process.connections", lambda: [one])
    monkeypatch.setattr("gateway.admin.doctor.process.owners", lambda inodes: {inode: {pid} for inode in inodes})
    seen = replace(
        patient(tmp_path), settings=settings.model_copy(update={"listen": reverse}), running={}, pid=str(OWN)
    )
    assert [finding.level for finding in neighbours(seen)] == [Level.WRONG if accused else Level.OK]
