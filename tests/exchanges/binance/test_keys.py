"""Tokens look like the exchange's own keys; real keys are taken from ccxt's names, and nothing of them is shown."""

import base64
import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.core.errors import Misuse
from gateway.core.token import KeyKind
from gateway.exchanges.binance import keys

SEED = bytes(range(32))
PRIVATE = Ed25519PrivateKey.from_private_bytes(SEED)
PEM = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_an_hmac_token_has_the_exchanges_own_format() -> None:
    """64 letters and digits each, from the given randomness alone."""
    first, second = (keys.mint(KeyKind.HMAC, random.Random(7).randbytes) for _ in range(2))
    assert first.token_id == second.token_id
    assert first.secret == second.secret != first.token_id
    assert all(len(text) == 64 and text.isalnum() and text.isascii() for text in (first.token_id, first.secret))
    assert first.key.kind is KeyKind.HMAC
    assert first.key.material.reveal() == first.secret.encode()


def test_every_letter_is_as_likely_as_any_other() -> None:
    """Bytes that would favour some letters are thrown away."""
    drawn = iter([bytes([255, 250, 248, 247, 0, 61, 62]), bytes(64)])
    minted = keys.client_id(lambda _: next(drawn))
    assert minted == "tw-" + "9a9a" + "a" * 22


def test_an_ed25519_token_is_a_pem_that_other_libraries_load() -> None:
    """The bot gets the private key; the gateway keeps the public one only."""
    minted = keys.mint(KeyKind.ED25519, random.Random(7).randbytes)
    private = load_pem_private_key(minted.secret.encode(), None)
    assert isinstance(private, Ed25519PrivateKey)
    assert private.public_key().public_bytes_raw() == minted.key.material.reveal()
    assert minted.secret.splitlines()[1] not in repr(minted.key)


@pytest.mark.parametrize("kind", [KeyKind.RSA, KeyKind.ECDSA])
def test_other_kinds_are_said_to_be_missing(kind: KeyKind) -> None:
    """Misuse, with what would work."""
    with pytest.raises(Misuse, match="hmac or ed25519"):
        keys.mint(kind, random.Random(7).randbytes)


@pytest.mark.parametrize("document", [
    {"apiKey": "K1", "secret": PEM}, {"apiKey": "K1", "privateKey": PEM},
    {"apiKey": " K1\n", "secret": "", "privateKey": PEM},
])
def test_an_ed25519_key_is_taken_from_either_name(document: dict[str, str]) -> None:
    """The raw seed, parsed once."""
    found = keys.credential(document)
    assert (found.key_id, found.kind, found.secret.reveal()) == ("K1", KeyKind.ED25519, SEED)


def test_an_hmac_key_is_taken_as_it_is() -> None:
    """Without the line break that a file ends in."""
    found = keys.credential({"apiKey": "K1", "secret": "s3cret\n"})
    assert (found.key_id, found.kind, found.secret.reveal()) == ("K1", KeyKind.HMAC, b"s3cret")


RSA = generate_rsa(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
EC = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
LOCKED = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode()


@pytest.mark.parametrize(("document", "says"), [
    ({}, "apiKey"), ({"apiKey": "", "secret": "s3cret"}, "apiKey"),
    ({"apiKey": "two words", "secret": "s3cret"}, "apiKey"),
    ({"apiKey": "K1\r\nX: y", "secret": "s3cret"}, "apiKey"),
    ({"apiKey": "K1"}, "exactly one"), ({"apiKey": "K1", "secret": "s3cret", "privateKey": PEM}, "exactly one"),
    ({"apiKey": "K1", "privateKey": "s3cret"}, "PEM"), ({"apiKey": "K1", "secret": "s3 cret"}, "whole"),
    ({"apiKey": "K1", "secret": "s3cr\u00e9t"}, "whole"),
    ({"apiKey": "K1", "secret": RSA}, "RSA keys are not supported yet"),
    ({"apiKey": "K1", "secret": EC}, "not an Ed25519"), ({"apiKey": "K1", "secret": LOCKED}, "unencrypted"),
    ({"apiKey": "K1", "secret": PEM.replace("\n", "\\n")}, "line breaks"),
])
def test_a_key_that_cannot_be_used_is_refused_without_showing_it(document: dict[str, str], says: str) -> None:
    """The message says what to do, and holds no part of the secret."""
    with pytest.raises(Misuse, match=says) as misuse:
        keys.credential(document)
    shown = repr(misuse.value) + str(misuse.value.__cause__)
    assert "s3cr" not in shown
    assert base64.b64encode(SEED).decode()[:12] not in shown
    for line in (PEM + RSA + EC + LOCKED).splitlines():
        assert line.startswith("-----") or line not in shown


def test_a_client_order_id_of_ours_fits_the_exchange() -> None:
    """At most 36 of the letters that it allows."""
    made = keys.client_id(random.Random(7).randbytes)
    assert made.startswith("tw-")
    assert len(made) == 29
    assert made[3:].isalnum()
