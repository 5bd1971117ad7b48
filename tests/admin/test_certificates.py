"""`ca` and what other commands do with the CAs, as a person meets them at the command line."""

import shutil
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.policy.strict_yaml import DocumentError
from gateway.settings import parse_settings
from tests.edge.trust import strict
from tests.world import World
from tests.world.home import Home

FILES: Final = ["bundle.pem", "ca.pem", "ca.sealed", "listen-ca.pem", "listen-ca.sealed"]
QUIET: Final = "listen: {reverse: 127.0.0.1:0, admin: 127.0.0.1:0, forward: null"


@pytest.fixture
def home(tmp_path: Path, initialised_home: Home) -> Home:
    return initialised_home.copied(tmp_path)


def acts(home: Home) -> list[tuple[str, str]]:
    """What the log says of the CAs."""
    found = home.run("audit", "search", "--type", "ca", "--json").json()
    return [(record["act"], record["ca"]) for record in reversed(found)]


def test_init_makes_both(home: Home) -> None:
    """Closed to others, and recorded."""
    certs = home.path / "certs"
    assert sorted(path.name for path in certs.iterdir()) == FILES
    assert {path.stat().st_mode & 0o777 for path in certs.iterdir()} == {0o600}
    assert acts(home) == [("made", "tunnels"), ("made", "listen")]


def test_no_private_key_lies_in_a_new_home(home: Home) -> None:
    """In no file of it, whatever its form."""
    for path in home.path.rglob("*"):
        assert not path.is_file() or b"PRIVATE KEY" not in path.read_bytes()


def test_show_says_what_each_may_sign(home: Home) -> None:
    """Without a passphrase; the document for programs, five lines each for a person."""
    home.passphrase_file.unlink()
    seen = home.run("ca", "show", "--json").json()
    assert seen["bundle"] == str(home.path / "certs" / "bundle.pem")
    tunnels, listen = seen["tunnels"], seen["listen"]
    assert (tunnels["path"], tunnels["networks"]) == (str(home.path / "certs" / "ca.pem"), [])
    assert {"binance.com", "kraken.com"} < set(tunnels["names"])
    assert (listen["names"], listen["networks"]) == (["localhost"], ["127.0.0.0/8", "::1/128"])
    for one in (tunnels, listen):
        assert int(one["not_after"][:4]) == int(one["not_before"][:4]) + 2
        told = home.run("ca", "show").out
        assert one["sha256"] in told
        assert one["path"] in told


def test_rotate_makes_what_was_asked_for(home: Home) -> None:
    """Bots must be given the new file, which is said; the log knows both fingerprints."""
    was = home.run("ca", "show", "--json").json()
    done = home.run("ca", "rotate", "listen", "--json")
    assert f"give {was['listen']['path']}" in done.err
    now = home.run("ca", "show", "--json").json()
    assert done.json() == {"listen": now["listen"]}
    assert now["tunnels"] == was["tunnels"]
    assert now["listen"]["sha256"] != was["listen"]["sha256"]
    [newest] = home.run("audit", "search", "--type", "ca", "-n", "1", "--json").json()
    assert (newest["sha256"], newest["was"]) == (now["listen"]["sha256"], was["listen"]["sha256"])
    assert set(home.run("ca", "rotate", "--json").json()) == {"tunnels", "listen"}
    assert acts(home)[-3:] == [("rotated", "listen"), ("rotated", "tunnels"), ("rotated", "listen")]


def test_rotate_needs_the_passphrase(home: Home) -> None:
    """Without it nothing is replaced."""
    was = home.run("ca", "show").out
    home.passphrase_file.write_text("wrong\n")
    assert home.attempt("ca", "rotate").code == 1
    home.passphrase_file.unlink()
    assert home.attempt("ca", "rotate").code == 1
    assert home.run("ca", "show").out == was
    assert home.attempt("ca", "rotate", "everything").code == 2


def test_bundle_is_the_path_of_what_clients_load(home: Home) -> None:
    """Written anew when it is not there or not of this version's roots."""
    path = home.path / "certs" / "bundle.pem"
    whole = path.read_bytes()
    assert home.run("ca", "bundle").out == f"{path}\n"
    assert home.run("ca", "bundle", "--json").json() == {"bundle": str(path), "written": False}
    path.write_bytes(b"old roots\n")
    assert home.run("ca", "bundle", "--json").json() == {"bundle": str(path), "written": True}
    assert path.read_bytes() == whole


def test_a_home_from_before_gets_them_when_it_is_next_unlocked(home: Home) -> None:
    """Until then it is said what makes them."""
    shutil.rmtree(home.path / "certs")
    for command in ("show", "bundle"):
        refused = home.attempt("ca", command)
        assert (refused.code, "`tradewarden serve` makes it" in refused.err) == (1, True)
    home.run("ca", "rotate", "tunnels")
    assert sorted(path.name for path in (home.path / "certs").iterdir()) == FILES


def test_a_backup_carries_them_and_restore_puts_them_back(home: Home, tmp_path: Path) -> None:
    """Still sealed, and the same."""
    was = {name: (home.path / "certs" / name).read_bytes() for name in FILES}
    home.run("backup", str(tmp_path / "copy"))
    home.run("ca", "rotate")
    home.run("restore", str(tmp_path / "copy"))
    assert {name: (home.path / "certs" / name).read_bytes() for name in FILES} == was
    assert (home.path / "certs").stat().st_mode & 0o777 == 0o700
    home.run("ca", "rotate", "listen")


def _uncovered(home: Home) -> None:
    home.write("gateway.yaml", QUIET + ", names: [host.docker.internal]}\n")


def _cut(home: Home) -> None:
    home.write("gateway.yaml", QUIET + "}\n")
    (home.path / "certs" / "ca.sealed").write_bytes(b"\x01")


def _no_files(home: Home) -> None:
    home.write("gateway.yaml", QUIET + ", tls: {cert: /none/cert.pem, key: /none/key.pem}}\n")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_uncovered, "listen.names has host.docker.internal"),
        (_cut, "`tradewarden ca rotate tunnels`"),
        (_no_files, "listen.tls: /none/cert.pem cannot be read"),
    ],
)
def test_serve_refuses_what_it_could_not_serve(home: Home, spoil: Callable[[Home], None], told: str) -> None:
    """In one line that names what mends it."""
    spoil(home)
    refused = home.attempt("serve")
    assert refused.code == 1
    assert told in refused.err.splitlines()[-1]
    assert "Traceback" not in refused.err


@pytest.mark.parametrize(
    "listen", ["names: [a_b]", 'names: ["*.lan"]', "names: [Host]", "tls: other", "tls: {cert: a.pem}"]
)
def test_settings_of_certificates_are_checked_by_line(listen: str) -> None:
    """No wildcards, no guesses: file, line and column."""
    with pytest.raises(DocumentError, match=r"gateway\.yaml:2:"):
        parse_settings(f"listen:\n  {listen}\n", "gateway.yaml")


def chain(world: World, ca: bytes) -> str:
    """Who issued the certificate of the shared port, for a client that trusts this CA."""
    with (
        socket.create_connection(("127.0.0.1", world.addresses.shared_port), timeout=10) as plain,
        strict(ca).wrap_socket(plain, server_hostname="localhost") as line,
    ):
        peer: Any = line.getpeercert()
        issuer = dict(pair[0] for pair in peer["issuer"])
        return str(issuer["commonName"])


def test_a_running_gateway_uses_the_new_ca_at_once(world: World) -> None:
    """Clients that trust the old one refuse it, those with the new file do not; names added meanwhile are covered."""
    path = world.home.path / "certs" / "listen-ca.pem"
    old = path.read_bytes()
    assert chain(world, old).startswith("tradewarden listen ")
    settings = (world.home.path / "gateway.yaml").read_text()
    world.home.write("gateway.yaml", settings.replace("listen:\n", "listen:\n  names: [tradewarden]\n", 1))
    made = world.home.run("ca", "rotate", "listen", "--json").json()["listen"]
    assert made["names"] == ["localhost", "tradewarden"]
    with pytest.raises(ssl.SSLCertVerificationError):
        chain(world, old)
    assert chain(world, path.read_bytes()) == made["name"]
    world.stop()
    world.start()
    assert chain(world, path.read_bytes()) == made["name"]
