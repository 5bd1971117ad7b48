"""Which addresses an exchange may have, and how they are written."""

import asyncio
import ssl
from pathlib import Path

import pytest

from gateway.core.errors import Misuse
from gateway.edge.dial import Address, Dialler, is_public, tls_context
from gateway.edge.line import Line
from gateway.ports import NotSent

PUBLIC = ["13.225.164.218", "104.16.0.1", "8.8.8.8", "2606:4700::6810:1", "2600:9000:2000::1"]
NOT_PUBLIC = [
    "0.0.0.0", "0.0.0.1", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.1.2.3", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "::", "::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
    "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::", "3fff::1", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fec0::1", "ff02::1", "::7f00:1", "api.binance.com", "127.1", "0x7f000001", "2130706433", "",
    "fe80::1%eth0",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_not_public(address: str) -> None:
    """Neither this machine, nor its networks, nor an address that hides one of them, nor a spelling of it."""
    assert not is_public(address)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("api.binance.com:443", Address("api.binance.com", 443)),
        ("127.0.0.1:9443", Address("127.0.0.1", 9443)),
        ("[::1]:9443", Address("::1", 9443)),
    ],
)
def test_addresses_as_written(text: str, address: Address) -> None:
    assert Address.parse(text) == address


@pytest.mark.parametrize(
    "text",
    ["", "host", "host:", ":443", "host:0", "host:65536", "host:+1", "host:\u0664\u0664\u0663", "host:4a", "[]:1"],
)
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(Misuse):
        Address.parse(text)


def test_a_name_that_leads_to_this_machine_is_not_dialled() -> None:
    """Without connect_to a name whose addresses are all private is NotSent, and no line is made."""

    def make() -> Line:
        raise AssertionError("a line was made")

    with pytest.raises(NotSent, match="no public address"):
        asyncio.run(Dialler({}, 5).dial("localhost", make))


def test_a_ca_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "not.pem").write_text("nothing")
    for name in ("missing.pem", "not.pem"):
        with pytest.raises(Misuse, match="ca_file"):
            tls_context(tmp_path / name)


def test_the_context_is_strict() -> None:
    """Certificates and names are checked, TLS is 1.2 or newer, whatever the library's defaults are."""
    context = tls_context(None)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of the environment makes TLS write its keys or trust another root."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert tls_context(None).keylog_filename is None
