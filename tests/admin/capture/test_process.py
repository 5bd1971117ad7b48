"""The process of a capture: what it holds, how it begins, how it ends."""

import fcntl
import os
import select
import signal
import ssl
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from gateway.admin.capture.place import Place
from gateway.admin.capture.program import command, variables
from gateway.registry.authorities import permitted
from gateway.registry.certs import TUNNELS
from gateway.vault.authority import found
from tests.admin.capture.captured import API, Captured, answered
from tests.attacks.thief import Thief, raw
from tests.world import World
from tests.world.home import PASSPHRASE, Home
from tests.world.ports import free_port

ENDS_SECONDS = 20
TIME = raw("GET", "/api/v3/time", host=API)


def own_directory(captured: Captured) -> Path:
    """That of this one, by its process's command line."""
    words = Path(f"/proc/{captured.child}/cmdline").read_text().split("\0")
    return Path(words[words.index("--scripts") + 1]).parent


def places(captured: Captured) -> Iterator[tuple[str, bytes]]:
    """Everything that the two processes were given, keep on a disk, or have said."""
    for pid in (captured.process.pid, captured.child):
        for name in ("environ", "cmdline"):
            yield f"{pid} {name}", Path(f"/proc/{pid}/{name}").read_bytes()
    for path in sorted(own_directory(captured).rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()
    yield "what was said", captured.said.encode()


def test_no_secret_is_with_it(world: World, capturing: Callable[..., Captured]) -> None:
    """No real key, no token's secret, no passphrase or the way to it, after a day's work; and the search does find."""
    captured = capturing(world)
    credential = world.issue("canary")
    thief = Thief(credential.key, credential.secret, API)
    for sent in (thief.order(), thief.order(quantity="1"), thief.request("GET", "/api/v3/account"), TIME):
        captured.ask(sent)
    real = world.real_key
    secrets = {"real key": real.key, "real secret": real.secret, "token": credential.secret, "passphrase": PASSPHRASE}
    for name, content in places(captured):
        assert [what for what, secret in secrets.items() if secret.encode() in content] == [], name
    assert b"PASSPHRASE" not in Path(f"/proc/{captured.child}/environ").read_bytes()
    assert [name for name, content in places(captured) if b"PRIVATE KEY" in content] != []


def test_its_directory_is_not_cleaned_away() -> None:
    """Held against systemd-tmpfiles, and used anew at each renewal; mitmproxy would load a changed addon again."""
    with Place() as place:
        place.furnish({})
        addon = place.path / "addon.py"
        os.utime(addon, (1, 1))
        place.put_leaf("pem")
        assert (addon.stat().st_mtime, addon.stat().st_atime > time.time() - 60) == (1, True)
        cleaner = os.open(place.path, os.O_RDONLY)
        try:
            with pytest.raises(BlockingIOError):
                fcntl.flock(cleaner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(cleaner)
    assert not place.path.exists()


def test_its_directory_is_its_own(world: World, capturing: Callable[..., Captured]) -> None:
    """Closed to others, as are the files in it; and no certificate of mitmproxy's own making is ever shown."""
    captured = capturing(world)
    directory = own_directory(captured)
    modes = {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (directory, *directory.rglob("*"))}
    assert modes == {0}
    with captured.shake() as connection:
        shown = connection.getpeercert()
    assert shown is not None
    names = {name for kind, name in shown["subjectAltName"] if kind == "DNS"}
    assert API in names
    assert all(name.endswith((".binance.com", ".binance.vision", ".binancefuture.com")) for name in names)
    life = ssl.cert_time_to_seconds(shown["notAfter"]) - ssl.cert_time_to_seconds(shown["notBefore"])
    assert life <= 26 * 3600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_both(number: int, world: World, capturing: Callable[..., Captured]) -> None:
    """In order: exit 0, and nothing is left."""
    captured = capturing(world)
    directory, child = own_directory(captured), captured.child
    captured.process.interrupt(number)
    assert captured.process.ended(ENDS_SECONDS) == 0
    assert not directory.exists()
    assert not Path(f"/proc/{child}").exists()


def test_mitmproxy_dies_with_the_command(world: World, capturing: Callable[..., Captured]) -> None:
    """Also when that is killed; and takes the certificate's key away."""
    captured = capturing(world)
    directory, child = own_directory(captured), captured.child
    waiting = os.pidfd_open(child)
    captured.process.kill()
    try:
        assert ended_within(waiting, ENDS_SECONDS)
    finally:
        os.close(waiting)
    assert not directory.exists()


def test_the_command_dies_with_mitmproxy(world: World, capturing: Callable[..., Captured]) -> None:
    """And passes on how it ended."""
    captured = capturing(world)
    directory = own_directory(captured)
    os.kill(captured.child, signal.SIGKILL)
    assert captured.process.ended(ENDS_SECONDS) == 128 + signal.SIGKILL
    assert not directory.exists()


def ended_within(descriptor: int, seconds: float) -> bool:
    """Whether the process ends in time; for one that is no child of this."""
    return bool(select.select([descriptor], [], [], seconds)[0])


def test_mitmproxy_does_not_live_without_its_addon(world: World, capturing: Callable[..., Captured]) -> None:
    """It would go on as the proxy that it is."""
    captured = capturing(world)
    directory = own_directory(captured)
    (directory / "addon.py").unlink()
    captured.process.ended(ENDS_SECONDS)
    assert not directory.exists()


def test_mitmproxy_does_not_begin_with_a_broken_addon(program: Path) -> None:
    """Whatever is wrong with it."""
    authority = found(TUNNELS, permitted(TUNNELS, ()), time.time(), os.urandom)
    key = authority.leaf((API,), time.time(), os.urandom)
    with Place() as place:
        private = load_der_private_key(key.key.reveal(), None)
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        leaf = place.put_leaf((key.chain_pem + pem).decode())
        place.furnish({"hosts": {}})
        words = command(program, f"socks5@127.0.0.1:{free_port()}", place.path, leaf)
        done = subprocess.run(words, env=variables(place.path), timeout=60, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "KeyError" in done.stdout + done.stderr


def test_another_ca_is_followed(world: World, capturing: Callable[..., Captured]) -> None:
    """The certificate is minted anew; connections that stand go on."""
    captured = capturing(world)
    with captured.shake() as before:
        first = before.getpeercert(binary_form=True)
        world.home.run("ca", "rotate", "tunnels")

        def renewed() -> bool:
            try:
                with captured.shake() as after:
                    return after.getpeercert(binary_form=True) != first
            except ssl.SSLCertVerificationError:
                return False

        assert captured.process.until(renewed, ENDS_SECONDS, "a certificate of the new CA")
        assert answered(before, TIME).status == 200
    acts = world.home.run("audit", "search", "--type", "capture", "--json").json()
    assert [record["act"] for record in acts] == ["certificate", "certificate"]


def test_the_socket_serves_the_owner_alone(shared_world: World) -> None:
    """0600, and it is gone when the gateway is (test_control: and what a dead one left is no obstacle)."""
    path = shared_world.home.path / "capture.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_gateway_it_does_not_begin(tmp_path: Path, initialised_home: Home, program: Path) -> None:
    """Nobody could mint its certificate."""
    home = initialised_home.copied(tmp_path)
    done = home.attempt("capture", "--mitmdump", str(program), "--listen", f"127.0.0.1:{free_port()}")
    assert done.code == 1
    assert "start it with `tradewarden serve`" in done.err
    assert len(done.err.splitlines()) == 1


def test_without_mitmproxy_it_says_what_to_install(tmp_path: Path, initialised_home: Home) -> None:
    """In one line, also for what is no mitmdump or an old one."""
    home = initialised_home.copied(tmp_path)
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\necho Mitmproxy: 11.0.2\n")
    old.chmod(0o700)
    others = {"/nonexistent": "does not run", "/bin/true": "is no mitmdump", str(old): "12 is needed"}
    for program, words in others.items():
        done = home.attempt("capture", "--mitmdump", program)
        assert done.code == 1
        assert words in done.err
        assert "pipx install 'mitmproxy>=12'" in done.err
        assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("--listen", "0.0.0.0:1080"), ("--listen", "1080"), ("--listen", "localhost:1080"), ("--listen", "127.0.0.1:0"),
        ("--mode", "local"), ("python",), ("--mode", "transparent"),
    ],
)  # fmt: skip
def test_wrong_usage(words: tuple[str, ...], initialised_home: Home) -> None:
    """A port that others reach, processes without the mode for them, a mode that is none."""
    assert initialised_home.attempt("capture", *words).code == 2


def test_a_taken_port_is_told(world: World, program: Path, tmp_path: Path) -> None:
    """In mitmproxy's own words, with its exit code; and nothing is left of it."""
    place = tmp_path / "temporary"
    place.mkdir()
    words = ("--mitmdump", str(program), "--listen", f"127.0.0.1:{world.addresses.binance_port}")
    done = subprocess.run(
        world.home.command("capture", *words),
        env={**world.home.environment, "TMPDIR": str(place)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "address already in use" in done.stderr.lower()
    assert list(place.iterdir()) == []
