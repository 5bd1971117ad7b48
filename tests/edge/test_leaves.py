"""Server-side TLS: strict clients accept it, certificates are young, and no key is ever on a disk in the clear."""

import os
import ssl
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gateway.core.errors import Misuse, Unavailable
from gateway.edge.leaves import Leaves, own_context
from gateway.vault.authority import LEAF_LIFE, Authority, Leaf, found
from gateway.vault.certificate import Constraints
from tests.edge.trust import NODE, meet, node_says, strict
from tests.vault.forger import Forger

HOST: Final = ("api.binance.com",)
PORTS: Final = ("localhost", "127.0.0.1", "::1")
HALF: Final = LEAF_LIFE.total_seconds() / 2


class Minting:
    """A CA at work, its clock in the test's hands; remembers what it minted."""

    def __init__(self, *hosts: str) -> None:
        self.ca: Authority = found("tests", Constraints.of(hosts), time.time(), os.urandom)
        self.now = time.time()
        self.minted: list[Leaf] = []
        self.leaves = Leaves(self.mint, lambda: self.now)

    def mint(self, names: tuple[str, ...]) -> Leaf:
        self.minted.append(self.ca.leaf(names, self.now, os.urandom))
        return self.minted[-1]

    @property
    def client(self) -> ssl.SSLContext:
        return strict(self.ca.certificate.pem)

    def forged(self, *names: str) -> ssl.SSLContext:
        """What a thief of the CA's key serves."""
        leaf = Forger(self.ca, self.now).leaf([x509.DNSName(name) for name in names])
        return Leaves(lambda _: leaf, lambda: self.now).context(names)


@pytest.fixture
def tunnels() -> Minting:
    return Minting("binance.com", "kraken.com")


@pytest.fixture
def ports() -> Minting:
    return Minting("localhost", "127.0.0.0/8", "::1/128")


# -- who accepts it ----------------------------------------------------------------------------------------------------


def test_a_strict_client_accepts_a_tunnel(tunnels: Minting) -> None:
    """By TLS 1.3 and HTTP/1.1, though it would rather speak another."""
    client = tunnels.client
    client.set_alpn_protocols(["h2", "http/1.1"])
    met = meet(tunnels.leaves.context(HOST), client, *HOST)
    assert (met.version, met.alpn, met.names) == ("TLSv1.3", "http/1.1", ["api.binance.com"])


@pytest.mark.parametrize("name", PORTS)
def test_a_strict_client_accepts_the_ports(ports: Minting, name: str) -> None:
    """By each of its names, addresses too."""
    assert meet(ports.leaves.context(PORTS), ports.client, name).version == "TLSv1.3"


def test_tls_1_2_is_the_oldest(tunnels: Minting) -> None:
    """The client's oldest is the server's; what is older is refused."""
    context, client = tunnels.leaves.context(HOST), tunnels.client
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert meet(context, client, *HOST).version == "TLSv1.2"
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.options & ssl.OP_NO_COMPRESSION


def test_a_client_refuses_what_a_thief_of_the_key_serves(tunnels: Minting) -> None:
    """Another name than the CA's domains, alone or beside a good one; a good name shows that he forges well."""
    assert meet(tunnels.forged("api.binance.com"), tunnels.client, "api.binance.com").version
    for names in (("google.com",), ("google.com", "api.binance.com")):
        with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
            meet(tunnels.forged(*names), tunnels.client, "google.com")


def test_another_ca_is_not_trusted(tunnels: Minting, ports: Minting) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        meet(tunnels.leaves.context(HOST), ports.client, *HOST)


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_node_trusts_the_good_and_no_other(tmp_path: Path, tunnels: Minting, ports: Minting) -> None:
    """With the CA as NODE_EXTRA_CA_CERTS would give it."""
    for minting in (tunnels, ports):
        (tmp_path / f"{id(minting)}.pem").write_bytes(minting.ca.certificate.pem)
    trusted = {minting: str(tmp_path / f"{id(minting)}.pem") for minting in (tunnels, ports)}
    assert node_says(tunnels.leaves.context(HOST), "api.binance.com", trusted[tunnels]) == "trusted"
    assert node_says(ports.leaves.context(PORTS), "localhost", trusted[ports]) == "trusted"
    assert node_says(ports.leaves.context(PORTS), "127.0.0.1", trusted[ports]) == "trusted"
    assert node_says(tunnels.forged("google.com"), "google.com", trusted[tunnels]) == "permitted subtree violation"


# -- how long it is kept -----------------------------------------------------------------------------------------------


def test_a_context_is_kept_until_half_of_its_life(tunnels: Minting) -> None:
    """Then it is minted anew, and clients see the new end."""
    first, begun = tunnels.leaves.context(HOST), tunnels.now
    tunnels.now = begun + HALF - 1
    assert tunnels.leaves.context(HOST) is first
    tunnels.now = begun + HALF
    second = tunnels.leaves.context(HOST)
    assert second is not first
    assert tunnels.leaves.context(HOST) is second
    assert tunnels.minted[1].not_after - tunnels.minted[0].not_after == pytest.approx(HALF, abs=1)


def test_a_clock_that_was_set_back_mints_anew(tunnels: Minting) -> None:
    """The old one would not be valid yet."""
    first = tunnels.leaves.context(HOST)
    tunnels.now -= 86_400
    assert tunnels.leaves.context(HOST) is not first


def test_names_are_kept_apart_and_only_so_many(tunnels: Minting) -> None:
    """Those not asked for the longest go first."""
    leaves = Leaves(tunnels.mint, lambda: tunnels.now, bound=2)
    a, b, c = (("a.binance.com",), ("b.binance.com",), ("c.binance.com",))
    first = leaves.context(a)
    leaves.context(b)
    assert leaves.context(a) is first
    leaves.context(c)
    assert leaves.context(a) is first
    assert len(tunnels.minted) == 3
    leaves.context(b)
    assert len(tunnels.minted) == 4


def test_forgetting_mints_anew(tunnels: Minting) -> None:
    """After the CA was replaced."""
    first = tunnels.leaves.context(HOST)
    tunnels.leaves.forget()
    assert tunnels.leaves.context(HOST) is not first


def test_a_refusal_to_mint_is_passed_on_and_not_kept(tunnels: Minting) -> None:
    for _ in range(2):
        with pytest.raises(Misuse, match=r"google\.com"):
            tunnels.leaves.context(("google.com",))
    tunnels.now = tunnels.ca.certificate.not_after
    with pytest.raises(Unavailable, match="expired"):
        tunnels.leaves.context(HOST)


# -- the file in between -----------------------------------------------------------------------------------------------


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch, tunnels: Minting, tmp_path: Path) -> list[tuple[int, bytes]]:
    """Mode and content of every file as it is removed."""
    tunnels.leaves = Leaves(tunnels.mint, lambda: tunnels.now, tmp_path)
    unlink, seen = os.unlink, list[tuple[int, bytes]]()

    def looked_at(path: Any, *more: Any, **named: Any) -> None:
        seen.append((stat.S_IMODE(os.stat(path).st_mode), Path(path).read_bytes()))
        unlink(path, *more, **named)

    monkeypatch.setattr(os, "unlink", looked_at)
    return seen


def test_the_key_is_on_the_disk_only_encrypted_and_only_for_a_moment(
    tunnels: Minting, removed: list[tuple[int, bytes]], tmp_path: Path
) -> None:
    """OpenSSL takes files alone: it is 0600, sealed under a password that differs each time, and gone."""
    for _ in range(2):
        tunnels.leaves.context(HOST)
        tunnels.leaves.forget()
    assert list(tmp_path.iterdir()) == []
    assert [mode for mode, _ in removed] == [0o600, 0o600]
    for (_, content), leaf in zip(removed, tunnels.minted, strict=True):
        assert content.count(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") == content.count(b"PRIVATE KEY-----\n") / 2 == 1
        assert leaf.key.reveal() not in content
        with pytest.raises((TypeError, ValueError)):
            serialization.load_pem_private_key(content, None)


def test_nothing_stays_when_it_cannot_be_loaded(
    tunnels: Minting, removed: list[tuple[int, bytes]], tmp_path: Path
) -> None:
    """The file goes whatever happens; the error is that of a request which may come again."""
    good = tunnels.mint(HOST)
    bad = Leaves(lambda _: Leaf(b"no certificate\n", good.key, good.not_after), lambda: tunnels.now, tmp_path)
    with pytest.raises(Unavailable, match="could not be put in place"):
        bad.context(HOST)
    assert (len(removed), list(tmp_path.iterdir())) == (1, [])


def test_no_place_for_the_file_is_said(tunnels: Minting, tmp_path: Path) -> None:
    leaves = Leaves(tunnels.mint, lambda: tunnels.now, tmp_path / "gone")
    with pytest.raises(Unavailable, match="temporary file"):
        leaves.context(HOST)


# -- the operator's own ------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path, ports: Minting) -> tuple[Path, Path]:
    """A certificate and its key, as an operator has them."""
    leaf = ports.mint(PORTS)
    return written(tmp_path / "cert.pem", leaf.chain_pem), key_file(tmp_path / "key.pem", leaf)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def key_file(path: Path, leaf: Leaf, encryption: Any = None) -> Path:
    key = serialization.load_der_private_key(leaf.key.reveal(), None)
    form = serialization.PrivateFormat.PKCS8
    sealed = encryption or serialization.NoEncryption()
    return written(path, key.private_bytes(serialization.Encoding.PEM, form, sealed))


def test_the_operators_certificate_is_served(files: tuple[Path, Path], ports: Minting) -> None:
    """As ours: TLS 1.2 or newer, HTTP/1.1."""
    client = ports.client
    client.set_alpn_protocols(["h2", "http/1.1"])
    assert meet(own_context(*files), client, "localhost").alpn == "http/1.1"


Wrong = Callable[[tuple[Path, Path], Minting], tuple[Path, Path]]
WRONG: Final[dict[str, tuple[Wrong, str]]] = {
    "no certificate": (lambda f, _: (f[0].with_name("none.pem"), f[1]), r"none\.pem cannot be read: No such file"),
    "no key": (lambda f, _: (f[0], f[1].with_name("none.pem")), r"none\.pem cannot be read"),
    "a directory": (lambda f, _: (f[0].parent, f[1]), "cannot be read: Is a directory"),
    "no PEM": (lambda f, _: (written(f[0], b"x"), f[1]), r"cert\.pem and .*key\.pem are no certificate and key"),
    "exchanged": (lambda f, _: (f[1], f[0]), "are no certificate and key"),
    "another's key": (lambda f, m: (f[0], key_file(f[1], m.mint(PORTS))), r"key\.pem is not the key of .*cert\.pem"),
    "a password": (
        lambda f, m: (f[0], key_file(f[1], m.minted[-1], serialization.BestAvailableEncryption(b"p"))),
        "the key has no password",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_the_operators_files_is_said(files: tuple[Path, Path], ports: Minting, wrong: str) -> None:
    """By name, and without a prompt."""
    spoil, told = WRONG[wrong]
    with pytest.raises(Misuse, match=told) as caught:
        own_context(*spoil(files, ports))
    assert str(caught.value).startswith("listen.tls: ")
