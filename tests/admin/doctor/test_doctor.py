"""`doctor` at the command line: what is right is said, what is wrong is said with what to do, whatever else is."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.registry.authorities import permitted
from gateway.registry.certs import TUNNELS
from gateway.vault.authority import found
from tests.world import World
from tests.world.home import Home
from tests.world.world import ACCOUNT

CHECKS = {"home", "settings", "policies", "disk", "gateway", "ports", "hardening", "bots", "certificates", "trust",
          "exchanges", "keys"}  # fmt: skip
ROOT = os.geteuid() == 0
LONG_AGO = 1_500_000_000.0


def examined(home: Home, *words: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """The exit code, and what each check found."""
    done = home.attempt("doctor", "--json", *words)
    told: dict[str, list[dict[str, Any]]] = {}
    report = done.json()
    for finding in report["findings"]:
        told.setdefault(finding["check"], []).append(finding)
    assert report["ok"] == (done.code == 0)
    return done.code, told


def only(told: dict[str, list[dict[str, Any]]], check: str, level: str) -> dict[str, Any]:
    """The one finding of that level."""
    [finding] = [one for one in told[check] if one["level"] == level]
    return finding


@pytest.fixture
def home(tmp_path: Path, initialised_home: Home) -> Home:
    """A home without a gateway, on ports of its own."""
    home = initialised_home.copied(tmp_path)
    home.write("gateway.yaml", "listen: {reverse: 127.0.0.1:0, admin: 127.0.0.1:0, forward: null}\n")
    return home


def test_a_healthy_gateway_is_healthy(world: World) -> None:
    """Every check has a word; the key that is not bound to an address, and root, are spoken of and no more."""
    code, told = examined(world.home)
    assert code == 0
    assert set(told) == CHECKS
    bad = {(name, one["level"]) for name, findings in told.items() for one in findings if one["level"] != "ok"}
    assert bad <= {("keys", "warning"), ("hardening", "warning")}
    assert str(world.running.pid) in told["gateway"][0]["what"]
    assert all(one["next"] for findings in told.values() for one in findings if one["level"] != "ok")
    assert "not bound to an IP address" in only(told, "keys", "warning")["what"]


def test_a_person_reads_a_line_each_and_what_to_do(shared_world: World) -> None:
    done = shared_world.home.attempt("doctor")
    assert {line.split()[1] for line in done.out.splitlines() if "→" not in line} == CHECKS
    assert "→ bind it at the exchange" in done.out


def test_without_a_gateway_what_needs_it_says_so(home: Home) -> None:
    """A new home: nothing is wrong, and nobody is asked for a passphrase."""
    home.passphrase_file.unlink()
    code, told = examined(home)
    assert code == 0
    assert only(told, "gateway", "warning")["next"] == "tradewarden serve"
    assert "no gateway runs" in only(told, "trust", "warning")["what"]
    assert "no accounts" in only(told, "exchanges", "warning")["what"]


def test_a_locked_vault_stays_closed(world: World) -> None:
    """Without a gateway the keys are not asked about, which is said; with a passphrase given to doctor itself they
    are. One that only the environment names opens nothing."""
    world.stop()
    code, told = examined(world.home)
    assert code == 0
    assert "no gateway runs" in only(told, "keys", "warning")["what"]
    assert "--passphrase-file" in only(told, "keys", "warning")["next"]
    assert [one["level"] for one in told["exchanges"]] == ["ok"]
    _, opened = examined(world.home, "--passphrase-file", str(world.home.passphrase_file))
    assert "cannot withdraw" in only(opened, "keys", "ok")["what"]
    _, missing = examined(world.home, "--passphrase-file", "/nonexistent")
    assert "cannot be read" in only(missing, "keys", "warning")["what"]


def test_a_home_that_others_can_look_into(home: Home) -> None:
    (home.path / "state.db").chmod(0o644)
    code, told = examined(home)
    finding = only(told, "home", "wrong")
    assert code == 1
    assert "state.db has mode 0644" in finding["what"]
    assert finding["next"].startswith("run: chmod 600 ")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("listen: {reverse: 127.0.0.1:0\n", "gateway.yaml:"),
        ("listen: {admin: 0.0.0.0:8379}\n", "can be reached from other machines"),
        ("tunnel: [api.binance.com:443]\n", "is an exchange's"),
    ],
)
def test_settings_that_no_gateway_starts_with(home: Home, settings: str, words: str) -> None:
    """What needs them says that it did not look."""
    home.write("gateway.yaml", settings)
    code, told = examined(home)
    assert code == 1
    assert words in only(told, "settings", "wrong")["what"]
    assert set(told) >= CHECKS - {"keys"}


def test_a_policy_that_does_not_load(home: Home) -> None:
    home.write("policies/bad.yaml", "version: 1\nallow:\n  symbols: [BTC/USDT]\n  nonsense: 1\n")
    code, told = examined(home)
    assert code == 1
    assert "policies/bad.yaml" in only(told, "policies", "wrong")["what"]
    assert "policy check" in only(told, "policies", "wrong")["next"]


def test_a_port_that_is_taken(home: Home) -> None:
    """Before a gateway would find out."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        home.write("gateway.yaml", f"listen: {{reverse: 127.0.0.1:{number}, admin: 127.0.0.1:0, forward: null}}\n")
        code, told = examined(home)
    assert code == 1
    assert f"127.0.0.1:{number}" in only(told, "ports", "wrong")["what"]


def test_a_dead_gateways_port_that_another_has_taken(world: World) -> None:
    """Settings were changed under a running gateway: it does not answer there, and somebody else does."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        settings = (world.home.path / "gateway.yaml").read_text()
        moved = settings.replace(f"binance: 127.0.0.1:{world.addresses.binance_port}", f"binance: 127.0.0.1:{number}")
        world.home.write("gateway.yaml", moved)
        code, told = examined(world.home)
    assert code == 1
    assert f"port {number} is listened on by process {os.getpid()}" in only(told, "ports", "wrong")["what"]


def test_a_bot_that_runs_as_the_gateways_user(shared_world: World) -> None:
    """By its open connection; without one nothing can be told."""
    with socket.create_connection(("127.0.0.1", shared_world.addresses.binance_port)) as connection:
        connection.sendall(b"GET ")
        code, told = examined(shared_world.home)
    assert code == 1
    assert f"process {os.getpid()} " in only(told, "bots", "wrong")["what"]
    assert "deploy/README.md" in only(told, "bots", "wrong")["next"]


@pytest.mark.parametrize(("shift_ms", "level"), [(2_500, "warning"), (-9_000, "wrong")])
def test_a_clock_that_is_off(world: World, shift_ms: int, level: str) -> None:
    world.exchange.control("shift_clock", milliseconds=shift_ms)
    code, told = examined(world.home)
    assert code == (level == "wrong")
    assert "NTP" in only(told, "exchanges", level)["next"]


def test_an_exchange_that_is_not_reached(world: World) -> None:
    """The gateway's own words for why; its keys cannot be asked about either."""
    world.exchange.process.kill()
    code, told = examined(world.home)
    assert code == 1
    assert "binance (live) is not reached" in only(told, "exchanges", "wrong")["what"]
    assert "could not be asked" in only(told, "keys", "warning")["what"]


def test_an_exchange_whose_certificate_is_not_trusted(world: World) -> None:
    settings = (world.home.path / "gateway.yaml").read_text()
    world.home.write("gateway.yaml", settings.replace(f"ca_file: {world.exchange.ca_file}", "ca_file: null"))
    code, told = examined(world.home)
    assert code == 1
    assert "binance (live) is not reached" in only(told, "exchanges", "wrong")["what"]


def test_a_key_that_can_withdraw(world: World) -> None:
    """It could not when it was sealed."""
    world.exchange.control("set_permissions", api_key=world.real_key.key, permissions={"enableWithdrawals": True})
    code, told = examined(world.home)
    assert code == 1
    assert only(told, "keys", "wrong")["what"] == f"account {ACCOUNT}: its key can withdraw"
    assert f"account rotate {ACCOUNT}" in only(told, "keys", "wrong")["next"]


def test_certificates_that_are_not_what_bots_were_given(world: World) -> None:
    """Somebody replaced what is handed out: bots that take it refuse the gateway. The bundle is old then, too."""
    certs = world.home.path / "certs"
    other = found(TUNNELS, permitted(TUNNELS, ()), LONG_AGO, os.urandom)
    (certs / "ca.pem").write_bytes(other.certificate.pem)
    code, told = examined(world.home)
    assert code == 1
    assert "the CA for tunnels ended on 2019" in only(told, "certificates", "wrong")["what"]
    assert only(told, "certificates", "warning")["next"] == "tradewarden ca bundle"
    assert "ca.pem refuses the certificate of tunnels" in only(told, "trust", "wrong")["what"]
    assert "listen-ca.pem" in only(told, "trust", "ok")["what"]


def test_a_gateway_that_hangs(home: Home) -> None:
    """Somebody holds the lock, and nobody answers on the socket."""
    with silent(home):
        code, told = examined(home)
    assert code == 1
    assert "does not answer" in only(told, "gateway", "wrong")["what"]


@contextmanager
def silent(home: Home) -> Iterator[None]:
    """The home's lock in the hands of a thread that says nothing."""
    from gateway.home import Home as Place
    from gateway.home import WriterLock

    lock = WriterLock(Place(home.path))
    assert threading.current_thread() is threading.main_thread()
    try:
        yield
    finally:
        lock.release()


def test_without_a_home_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    done = Home(tmp_path).attempt("doctor")
    assert done.code == 1
    assert "tradewarden init" in done.err


@pytest.mark.skipif(not ROOT, reason="only root is warned of being root")
def test_root_is_warned(home: Home) -> None:
    _, told = examined(home)
    assert "root" in only(told, "hardening", "warning")["what"]
