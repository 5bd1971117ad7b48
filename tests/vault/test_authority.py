"""A CA signs for what it was made for and nothing else, whoever holds its key; what it signs, strict clients accept."""

import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.core.errors import Misuse, Unavailable
from gateway.core.secret import Secret
from gateway.vault.authority import Authority, found, open_authority, seal_authority
from gateway.vault.certificate import CaCertificate, Constraints
from gateway.vault.context import Context
from gateway.vault.envelope import Random, Vault
from gateway.vault.errors import Damaged
from gateway.vault.hosts import checked_host
from tests.vault.forger import CLIENT, Forger, Names, judged

NOW: Final = 1_795_000_000.0
DAY: Final = 86_400
TUNNELS: Final = Constraints.of(("binance.com", "kraken.com"))
LISTEN: Final = Constraints.of(("localhost", "127.0.0.0/8", "::1/128", "host.docker.internal", "192.0.2.7"))


@pytest.fixture
def tunnels(random: Random) -> Authority:
    return found("tunnels", TUNNELS, NOW, random)


@pytest.fixture
def listen(random: Random) -> Authority:
    return found("listen", LISTEN, NOW, random)


def extensions(certificate: x509.Certificate) -> dict[str, tuple[bool, x509.ExtensionType]]:
    return {one.oid._name: (one.critical, one.value) for one in certificate.extensions}


# -- the profile -------------------------------------------------------------------------------------------------------


def test_a_ca_is_what_the_strictest_client_demands(tunnels: Authority) -> None:
    """P-256; CA of no other CA; signs certificates of servers only; its constraints are critical."""
    certificate = tunnels.certificate.x509
    found_there = extensions(certificate)
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
    assert found_there["basicConstraints"] == (True, x509.BasicConstraints(ca=True, path_length=0))
    critical, usage = found_there["keyUsage"]
    assert isinstance(usage, x509.KeyUsage)
    assert (critical, usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, True, False)
    assert found_there["extendedKeyUsage"][1] == x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    assert "subjectKeyIdentifier" in found_there
    assert found_there["nameConstraints"] == (True, TUNNELS.extension())
    assert (tunnels.certificate.not_before, tunnels.certificate.not_after) == (NOW - 3600, NOW + 730 * DAY)


def test_a_ca_of_names_excludes_every_address(tunnels: Authority) -> None:
    """Else addresses would be free: a kind without a constraint is not constrained."""
    excluded = TUNNELS.extension().excluded_subtrees
    assert [str(each.value) for each in excluded or ()] == ["0.0.0.0/0", "::/0"]
    assert LISTEN.extension().excluded_subtrees is None
    with pytest.raises(Misuse, match="constrained to names"):
        Constraints.of(("127.0.0.0/8",)).extension()


def test_a_leaf_is_short_and_serves_only(listen: Authority, random: Random) -> None:
    """Names stand in the alternative names; no common name, no CA, one purpose; a week."""
    leaf = listen.leaf(("localhost", "127.0.0.1", "::1"), NOW, random)
    certificate = x509.load_pem_x509_certificate(leaf.chain_pem)
    there = extensions(certificate)
    names = there["subjectAltName"][1]
    assert isinstance(names, x509.SubjectAlternativeName)
    assert [str(name.value) for name in names] == ["localhost", "127.0.0.1", "::1"]
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME) == []
    assert there["basicConstraints"] == (True, x509.BasicConstraints(ca=False, path_length=None))
    critical, usage = there["keyUsage"]
    assert isinstance(usage, x509.KeyUsage)
    assert (critical, usage.digital_signature, usage.key_cert_sign) == (True, True, False)
    assert there["extendedKeyUsage"][1] == x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    assert {"subjectKeyIdentifier", "authorityKeyIdentifier"} <= there.keys()
    assert certificate.not_valid_before_utc.timestamp() == NOW - 3600
    assert certificate.not_valid_after_utc.timestamp() == leaf.not_after == NOW + 7 * DAY


def test_a_leaf_never_outlives_its_ca(tunnels: Authority, random: Random) -> None:
    """In the CA's last days leaves are shorter; then there are none."""
    end = tunnels.certificate.not_after
    assert tunnels.leaf(("api.binance.com",), end - DAY, random).not_after == end
    with pytest.raises(Unavailable, match="tradewarden ca rotate"):
        tunnels.leaf(("api.binance.com",), end, random)


def test_keys_come_from_the_randomness_given(tape: Callable[[str], Random], random: Random) -> None:
    """The same bytes make the same key, others another; too few are refused."""
    first, same, other = (found("tunnels", TUNNELS, NOW, tape(seed)) for seed in ("a", "a", "b"))
    assert first.key.reveal() == same.key.reveal() != other.key.reveal()
    assert first.certificate.name == same.certificate.name != other.certificate.name
    leaves = [first.leaf(("kraken.com",), NOW, random) for _ in range(2)]
    assert leaves[0].key.reveal() != leaves[1].key.reveal()
    with pytest.raises(ValueError, match="too few"):
        found("tunnels", TUNNELS, NOW, lambda size: b"x")


def test_nothing_secret_shows(tunnels: Authority, random: Random) -> None:
    """In no repr of a CA or a leaf."""
    leaf = tunnels.leaf(("api.binance.com",), NOW, random)
    assert "[secret]" in repr(tunnels)
    assert "[secret]" in repr(leaf)
    assert tunnels.key.reveal().hex() not in repr(tunnels)


# -- what our own code refuses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "google.com", "com", "evilbinance.com", "binance.com.evil.example", "127.0.0.1", "::1", "*.binance.com",
        "API.binance.com", "api.binance.com.", ".binance.com", "", "api..binance.com", "api.binance.com\n",
        "a_b.binance.com", "api.binance.com\0.evil.example", "-a.binance.com", "é.binance.com",
        "a" * 64 + ".binance.com", "localhost",
    ],
)  # fmt: skip
def test_no_leaf_outside_the_constraints(tunnels: Authority, random: Random, host: str) -> None:
    """Nor for what is no plain host name; nor when it hides behind a good one."""
    for names in ((host,), ("api.binance.com", host)):
        with pytest.raises(Misuse):
            tunnels.leaf(names, NOW, random)


@pytest.mark.parametrize(
    "host",
    ["api.binance.com", "192.0.2.8", "::2", "128.0.0.1", "::ffff:127.0.0.1", "fe80::1%lo", "127.0.0.0/8", "127.1"],
)
def test_the_ports_ca_signs_for_the_ports_alone(listen: Authority, random: Random, host: str) -> None:
    """Not for an exchange, and not for another address."""
    with pytest.raises(Misuse):
        listen.leaf((host,), NOW, random)


def test_a_leaf_needs_a_name(tunnels: Authority, random: Random) -> None:
    with pytest.raises(Misuse, match="needs a name"):
        tunnels.leaf((), NOW, random)


def test_addresses_are_written_one_way() -> None:
    """So that two spellings are one name."""
    assert checked_host("0:0:0:0:0:0:0:1") == "::1"


def test_only_a_constrained_ca_is_one_of_ours(random: Random) -> None:
    """Certificates of others, and what is none, are refused; so is a key that is not the certificate's."""
    with pytest.raises(Misuse, match="no certificate"):
        CaCertificate(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    ca, other = (found("tunnels", TUNNELS, NOW, random) for _ in range(2))
    with pytest.raises(Misuse, match="no certificate"):
        CaCertificate(ca.leaf(("kraken.com",), NOW, random).chain_pem)
    with pytest.raises(Misuse, match="not that of the certificate"):
        Authority.of(ca.certificate.pem, other.key)
    with pytest.raises(Misuse, match="no key"):
        Authority.of(ca.certificate.pem, Secret(bytes(32)))


# -- what every client refuses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["binance.com", "api.binance.com", "a.b.kraken.com"])
def test_openssl_accepts_leaves_for_tunnels(tmp_path: Path, tunnels: Authority, random: Random, host: str) -> None:
    """For the name asked for, and for no other."""
    leaf = tunnels.leaf((host,), NOW, random).chain_pem
    assert judged(tmp_path, tunnels.certificate, leaf, NOW, "-verify_hostname", host) == ""
    assert "hostname mismatch" in judged(tmp_path, tunnels.certificate, leaf, NOW, "-verify_hostname", "example.com")


def test_openssl_accepts_leaves_for_the_ports(tmp_path: Path, listen: Authority, random: Random) -> None:
    """Every name and every address of one leaf."""
    leaf = listen.leaf(("localhost", "127.0.0.1", "::1", "host.docker.internal", "192.0.2.7"), NOW, random).chain_pem
    for name in ("localhost", "host.docker.internal"):
        assert judged(tmp_path, listen.certificate, leaf, NOW, "-verify_hostname", name) == ""
    for address in ("127.0.0.1", "::1", "192.0.2.7"):
        assert judged(tmp_path, listen.certificate, leaf, NOW, "-verify_ip", address) == ""


FORGED: Final[dict[str, tuple[Names, str | None]]] = {
    "another name": ([x509.DNSName("google.com")], None),
    "a name alike": ([x509.DNSName("evilbinance.com")], None),
    "a wildcard": ([x509.DNSName("*.com")], None),
    "a good name too": ([x509.DNSName("api.binance.com"), x509.DNSName("localhost")], None),
    "an address": ([x509.IPAddress(ipaddress.ip_address("10.0.0.1"))], None),
    "a common name": ([], "google.com"),
}


@pytest.mark.parametrize("stolen", ["tunnels", "listen"])
@pytest.mark.parametrize("forged", FORGED)
def test_a_stolen_key_plays_nobody_else(
    tmp_path: Path, tunnels: Authority, listen: Authority, stolen: str, forged: str
) -> None:
    """The constraints stand in the certificate that bots trust, whatever the thief's own code does."""
    ca = {"tunnels": tunnels, "listen": listen}[stolen]
    leaf = Forger(ca, NOW).leaf(*FORGED[forged])
    complaint = judged(tmp_path, ca.certificate, leaf.chain_pem, NOW)
    assert "subtree violation" in complaint


def test_the_forger_forges_well(tmp_path: Path, tunnels: Authority) -> None:
    """Within the constraints his certificates are good, so that it is they which stop him."""
    leaf = Forger(tunnels, NOW).leaf([x509.DNSName("api.binance.com")])
    assert judged(tmp_path, tunnels.certificate, leaf.chain_pem, NOW) == ""


def test_a_stolen_key_makes_no_other_ca_and_signs_servers_only(tmp_path: Path, tunnels: Authority) -> None:
    """Path length 0; and the CA's own extended usage binds what it signs."""
    forger = Forger(tunnels, NOW)
    sub, leaf = forger.below("api.binance.com")
    (tmp_path / "below.pem").write_bytes(sub)
    options = ("-untrusted", str(tmp_path / "below.pem"))
    assert "path length" in judged(tmp_path, tunnels.certificate, leaf, NOW, *options)
    client = forger.leaf([x509.DNSName("api.binance.com")], usage=CLIENT)
    complaint = judged(tmp_path, tunnels.certificate, client.chain_pem, NOW, "-purpose", "sslclient")
    assert "certificate purpose" in complaint


# -- its box -----------------------------------------------------------------------------------------------------------


def test_a_box_gives_back_what_was_sealed(vault: Vault, tunnels: Authority, random: Random) -> None:
    """Certificate and key, together."""
    opened = open_authority(vault, "tunnels", seal_authority(vault, "tunnels", tunnels, random))
    assert (opened.certificate.pem, opened.key.reveal()) == (tunnels.certificate.pem, tunnels.key.reveal())


def test_a_box_opens_nowhere_else(vault: Vault, stranger: Vault, tunnels: Authority, random: Random) -> None:
    """Not for the other CA, not in another vault, and not with one bit changed."""
    box = seal_authority(vault, "tunnels", tunnels, random)
    for wrong_vault, purpose in ((vault, "listen"), (stranger, "tunnels")):
        with pytest.raises(Damaged):
            open_authority(wrong_vault, purpose, box)
    for at in range(0, len(box), 97):
        with pytest.raises(Damaged):
            open_authority(vault, "tunnels", box[:at] + bytes([box[at] ^ 1]) + box[at + 1 :])
    for cut in (b"", box[:1], box[:-1], box + b"x"):
        with pytest.raises(Damaged):
            open_authority(vault, "tunnels", cut)


@pytest.mark.parametrize("plaintext", [b"", b"x", bytes(32), b"k" * 32 + b"no certificate"])
def test_what_was_sealed_wrongly_is_damaged(vault: Vault, random: Random, plaintext: bytes) -> None:
    """A box of ours that holds no CA: its error quotes nothing."""
    box = vault.seal(Context("authority", "tunnels", "key and certificate"), Secret(plaintext), random)
    with pytest.raises(Damaged, match="cannot be trusted"):
        open_authority(vault, "tunnels", box)
