"""The home's CAs: made once, sealed, mended from their boxes, replaced when a person says so and never else."""

import os
import re
import ssl
import stat
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509

from gateway.core.errors import Misuse
from gateway.exchanges.registry import EXCHANGES
from gateway.registry.authorities import DOMAINS, Authorities, permitted
from gateway.registry.certs import LISTEN, STEMS, TUNNELS, CertsFolder
from gateway.vault.authority import found, open_authority
from gateway.vault.envelope import Vault
from gateway.vault.errors import Damaged
from tests.registry.house import Desk

NOW: Final = 1_795_000_000.0
FILES: Final = {"bundle.pem", "ca.pem", "ca.sealed", "listen-ca.pem", "listen-ca.sealed"}


class Keeper:
    """The CAs of one home, whose clock and names the test has in hand; ``noted`` is what the log was told."""

    def __init__(self, path: Path, vault: Vault) -> None:
        self.folder = CertsFolder(path)
        self.vault = vault
        self.now = NOW
        self.noted: list[dict[str, Any]] = []

    def opened(self, *names: str) -> Authorities:
        """As a process that starts sees them."""
        authorities = Authorities(self.folder, self.vault, names, lambda: self.now, os.urandom, self.noted.append)
        authorities.complete()
        return authorities

    def contents(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.path.iterdir()}


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    desk = Desk(tmp_path_factory.mktemp("house") / "home")
    opened = desk.vault()
    desk.close()
    return opened


@pytest.fixture
def keeper(tmp_path: Path, vault: Vault) -> Keeper:
    return Keeper(tmp_path / "certs", vault)


# -- the table ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", sorted({host for exchange in EXCHANGES.values() for host in exchange.hosts}))
def test_every_host_of_an_adapter_lies_in_a_domain(host: str) -> None:
    """Else a tunnel to it could not be answered."""
    assert permitted(TUNNELS, ()).cover(host)


def test_a_domain_is_an_exchanges_own() -> None:
    """Never a public suffix, a cloud or a wildcard: each is two labels, and none is shared with others."""
    owned = re.compile(r"(?:binance|binancefuture|bitget|coinbase|kraken)\.(?:com|vision)")
    assert all(owned.fullmatch(domain) for domain in DOMAINS)


# -- made once ---------------------------------------------------------------------------------------------------------


def test_they_are_made_closed_to_others(keeper: Keeper) -> None:
    """Directory 0700, files 0600, nothing else lies there; both are recorded."""
    keeper.opened()
    assert {path.name for path in keeper.folder.path.iterdir()} == FILES
    assert stat.S_IMODE(keeper.folder.path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in keeper.folder.path.iterdir()} == {0o600}
    certificates = {purpose: keeper.folder.read(purpose) for purpose in STEMS}
    assert keeper.noted == [
        {"type": "ca", "act": "made", "ca": purpose, "sha256": certificates[purpose].fingerprint}
        for purpose in (TUNNELS, LISTEN)
    ]


def test_the_next_process_finds_the_same(keeper: Keeper) -> None:
    """Not a byte changes, and nothing is recorded."""
    keeper.opened()
    before, noted = keeper.contents(), len(keeper.noted)
    keeper.opened().require(for_ports=True)
    assert (keeper.contents(), len(keeper.noted)) == (before, noted)


def test_no_key_lies_there_in_the_clear(keeper: Keeper) -> None:
    """Neither as PEM nor as DER, as raw bytes or in hex."""
    keeper.opened()
    for purpose in STEMS:
        authority = open_authority(keeper.vault, purpose, keeper.folder.box(purpose).read_bytes())
        scalar = authority.key.reveal()
        for content in keeper.contents().values():
            assert b"PRIVATE KEY" not in content
            assert scalar not in content
            assert scalar.hex().encode() not in content.lower()


def test_each_signs_for_its_own(keeper: Keeper) -> None:
    """Tunnels for exchanges, ports for this machine and the names they have."""
    authorities = keeper.opened("host.docker.internal", "192.0.2.7")
    authorities.leaf(TUNNELS, ("api.binance.com",))
    assert authorities.own_hosts() == ("localhost", "127.0.0.1", "::1", "host.docker.internal", "192.0.2.7")
    authorities.leaf(LISTEN, authorities.own_hosts())
    for purpose, host in ((TUNNELS, "localhost"), (LISTEN, "api.binance.com")):
        with pytest.raises(Misuse, match="outside"):
            authorities.leaf(purpose, (host,))


def test_the_bundle_has_the_public_roots_and_both(keeper: Keeper) -> None:
    """A client can load it; it is written anew when it is not what it should be."""
    keeper.opened().require(for_ports=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(keeper.folder.bundle)
    assert context.cert_store_stats()["x509_ca"] > 100
    whole = keeper.folder.bundle.read_bytes()
    for purpose in STEMS:
        assert keeper.folder.certificate(purpose).read_bytes() in whole
    assert not keeper.folder.write_bundle()
    for spoilt in (b"older roots", None):
        keeper.folder.bundle.unlink() if spoilt is None else keeper.folder.bundle.write_bytes(spoilt)
        keeper.opened().require(for_ports=True)
        assert keeper.folder.bundle.read_bytes() == whole


# -- damage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", STEMS)
def test_a_certificate_that_is_not_the_boxs_is_written_anew(keeper: Keeper, purpose: str) -> None:
    """Whoever swapped it wanted bots to trust another; it is recorded whose it was."""
    keeper.opened()
    path = keeper.folder.certificate(purpose)
    good, noted = keeper.contents(), len(keeper.noted)
    swapped = found(purpose, permitted(purpose, ()), NOW, os.urandom).certificate
    for lying in (swapped.pem, b"garbage", None):
        path.unlink() if lying is None else path.write_bytes(lying)
        keeper.opened().require(for_ports=True)
        assert keeper.contents() == good
    records = keeper.noted[noted:]
    assert [(one["act"], one["ca"], one.get("was")) for one in records] == [
        ("mended", purpose, swapped.fingerprint), ("mended", purpose, None), ("mended", purpose, None),
    ]  # fmt: skip


@pytest.mark.parametrize("purpose", STEMS)
@pytest.mark.parametrize("damage", ["changed", "cut", "empty", "gone", "the other's"])
def test_a_box_that_does_not_open_stops_the_start(keeper: Keeper, purpose: str, damage: str) -> None:
    """It is never replaced unasked; the one command that does is named, works, and is recorded."""
    keeper.opened()
    box, other = keeper.folder.box(purpose), keeper.folder.box(next(one for one in STEMS if one != purpose))
    whole, noted = box.read_bytes(), len(keeper.noted)
    box.unlink()
    spoilt = {"changed": whole[:-1] + bytes([whole[-1] ^ 1]), "cut": whole[:40], "empty": b"",
              "the other's": other.read_bytes()}.get(damage)  # fmt: skip
    if spoilt is not None:
        box.write_bytes(spoilt)
    before, authorities = keeper.contents(), keeper.opened()
    for refused in (lambda: authorities.require(for_ports=False), lambda: authorities.leaf(purpose, ("localhost",))):
        with pytest.raises(Damaged, match=f"`tradewarden ca rotate {purpose}`") as caught:
            refused()
        assert str(box) in str(caught.value)
    assert (keeper.contents(), len(keeper.noted)) == (before, noted)
    authorities.rotate(purpose, ())
    keeper.opened().require(for_ports=True)
    assert [one["act"] for one in keeper.noted[noted:]] == ["rotated"]


def test_a_strangers_box_does_not_open(keeper: Keeper, tmp_path: Path) -> None:
    """Made by a vault with the same passphrase."""
    house = Desk(tmp_path / "stranger")
    stranger = Keeper(tmp_path / "theirs", house.vault())
    house.close()
    stranger.opened()
    keeper.opened()
    for purpose in STEMS:
        keeper.folder.box(purpose).write_bytes(stranger.folder.box(purpose).read_bytes())
    with pytest.raises(Damaged):
        keeper.opened().require(for_ports=True)


def test_a_home_that_lost_all_of_one_gets_another(keeper: Keeper) -> None:
    """As one from before there were any: it is recorded that one was made."""
    keeper.opened()
    for path in (keeper.folder.box(LISTEN), keeper.folder.certificate(LISTEN)):
        path.unlink()
    noted = len(keeper.noted)
    keeper.opened().require(for_ports=True)
    assert [(one["act"], one["ca"]) for one in keeper.noted[noted:]] == [("made", LISTEN)]


# -- names and rotation ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["binance.com", "api.binance.com", "com", "vision", "sub.api.kraken.com"])
def test_the_ports_ca_never_speaks_for_an_exchange(keeper: Keeper, name: str) -> None:
    """Neither for a host of one, nor for whatever its name lies in."""
    authorities = keeper.opened()
    with pytest.raises(Misuse, match=r"an exchange's"):
        authorities.rotate(LISTEN, (name,))
    with pytest.raises(Misuse, match="outside"):
        authorities.leaf(LISTEN, ("api.binance.com",))


def test_a_name_that_the_ca_does_not_cover_stops_the_start(keeper: Keeper) -> None:
    """With the command that mends it; where the ports have a certificate of the operator's, no name matters."""
    keeper.opened()
    authorities = keeper.opened("tradewarden", "192.0.2.7")
    with pytest.raises(Misuse, match=r"listen\.names has tradewarden.*`tradewarden ca rotate listen`"):
        authorities.require(for_ports=True)
    authorities.require(for_ports=False)
    authorities.rotate(LISTEN, ("tradewarden", "192.0.2.7"))
    authorities.require(for_ports=True)
    keeper.opened("tradewarden", "192.0.2.7").require(for_ports=True)


def test_rotation_replaces_one_at_once(keeper: Keeper) -> None:
    """Another key, another certificate, in the bundle too; the other CA and the names stay as they are."""
    authorities = keeper.opened()
    was = {purpose: keeper.folder.read(purpose) for purpose in STEMS}
    now = authorities.rotate(TUNNELS, ("not.yet.covered",))
    assert now.x509.public_key() != was[TUNNELS].x509.public_key()
    assert keeper.folder.read(TUNNELS).pem == now.pem
    assert keeper.folder.read(LISTEN).pem == was[LISTEN].pem
    bundle = keeper.folder.bundle.read_bytes()
    assert (now.pem in bundle, was[TUNNELS].pem in bundle) == (True, False)
    assert authorities.own_hosts() == ("localhost", "127.0.0.1", "::1")
    leaf = authorities.leaf(TUNNELS, ("api.binance.com",))
    assert x509.load_pem_x509_certificate(leaf.chain_pem).issuer == now.x509.subject
    assert keeper.noted[-1] == {
        "type": "ca", "act": "rotated", "ca": TUNNELS, "sha256": now.fingerprint, "was": was[TUNNELS].fingerprint,
    }  # fmt: skip


def test_a_rotation_that_fails_leaves_the_old_one(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes no more: the box in place is whole, and nothing half-written stays."""
    authorities = keeper.opened()
    before = keeper.contents()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            authorities.rotate(TUNNELS, ())
    assert keeper.contents() == before
    keeper.opened().require(for_ports=True)


def test_a_ca_near_its_end_is_told(keeper: Keeper) -> None:
    """A month before, and after."""
    authorities = keeper.opened()
    end = keeper.folder.read(TUNNELS).not_after
    keeper.now = end - 31 * 86_400
    assert authorities.ending() == []
    for keeper.now in (end - 29 * 86_400, end + 1):
        assert len(authorities.ending()) == 2


def test_a_certificate_that_is_not_there_says_what_makes_it(keeper: Keeper) -> None:
    with pytest.raises(Misuse, match="`tradewarden serve` makes it"):
        keeper.folder.read(TUNNELS)
    keeper.folder.path.mkdir()
    keeper.folder.certificate(TUNNELS).write_bytes(b"x")
    with pytest.raises(Misuse, match="writes it anew"):
        keeper.folder.read(TUNNELS)
