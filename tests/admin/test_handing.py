"""How bots are told an address: what they can dial, by the protocol that is spoken there."""

import pytest

from gateway.admin.handing import base_url
from gateway.settings import parse_address


@pytest.mark.parametrize(
    ("address", "names", "url"),
    [
        ("127.0.0.1:8378", (), "http://127.0.0.1:8378"),
        ("127.0.0.1:8378", ("gateway.lan",), "http://127.0.0.1:8378"),
        ("[::1]:8378", (), "http://[::1]:8378"),
        ("192.0.2.7:8378", ("gateway.lan",), "https://192.0.2.7:8378"),
        ("0.0.0.0:8378", ("gateway.lan", "other"), "https://gateway.lan:8378"),
        ("0.0.0.0:8378", (), "https://127.0.0.1:8378"),
        ("[::]:8378", (), "https://[::1]:8378"),
        ("localhost:8378", (), "https://localhost:8378"),
    ],
)
def test_a_bot_is_told_what_it_can_dial(address: str, names: tuple[str, ...], url: str) -> None:
    """Plain HTTP on loopback; TLS wherever others may come, and there a name that the certificate covers."""
    assert base_url(parse_address(address), names) == url
