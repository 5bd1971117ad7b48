"""docs/vault-format.md is enough to read a vault: a second reader, written after it, shares no code with the first.

Argon2id, BLAKE2b and ChaCha20-Poly1305 come from other libraries; HChaCha20 (draft-irtf-cfrg-xchacha) is spelled out.
"""

import json
import struct
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.x509 import load_pem_x509_certificate

FOLDER: Final = Path(__file__).parents[1] / "vectors" / "vault"
ROUNDS: Final = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    words = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))
    for _ in range(10):
        for quarter in ROUNDS:
            quarter_round(words, *quarter)
    return struct.pack("<8I", *words[:4], *words[12:])


def quarter_round(words: list[int], a: int, b: int, c: int, d: int) -> None:
    for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        words[x] = (words[x] + words[y]) & 0xFFFFFFFF
        mixed = words[z] ^ words[x]
        words[z] = (mixed << turn | mixed >> (32 - turn)) & 0xFFFFFFFF


def unseal(key: bytes, bound: bytes, box: bytes) -> bytes:
    nonce = box[:24]
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])).decrypt(bytes(4) + nonce[16:], box[24:], bound)


def subkey(key: bytes, purpose: bytes) -> bytes:
    return blake2b(purpose, digest_size=32, key=key, person=b"tw subkey").digest()


def vector(name: str) -> dict[str, Any]:
    case: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return case


def dek(header: bytes, passphrase: str) -> bytes:
    passes, memory = struct.unpack(">II", header[9:17])
    kek = Argon2id(salt=header[17:33], length=32, iterations=passes, lanes=1, memory_cost=memory)
    derived = kek.derive(passphrase.encode())
    assert subkey(derived, b"canary") == header[33:65]
    return unseal(subkey(derived, b"wrap"), header[:273], header[273:345])


def test_hchacha20_gives_the_answer_of_its_specification() -> None:
    """The second reader's own piece of cryptography is right: section 2.2.1 of draft-irtf-cfrg-xchacha-03."""
    nonce = bytes.fromhex("000000090000004a0000000031415927")
    assert hchacha20(bytes(range(32)), nonce).hex() == (
        "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
    )


def test_a_header_reads_as_documented() -> None:
    """Offsets, derivation, wrap, checksum and both key pairs."""
    case = vector("header_opens")
    header = bytes.fromhex(case["header"])
    assert (header[:9], len(header)) == (b"TWVAULT\0\x01", 361)
    assert header[345:] == blake2b(header[:345], digest_size=16, person=b"tw header").digest()
    halves = subkey(dek(header, case["passphrase"]), b"halves")
    private = unseal(halves, b"box" + header[65:97], header[129:201])
    assert X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw() == header[65:97]
    assert len(unseal(halves, b"sign" + header[97:129], header[201:273])) == 32


def test_the_default_cost_reads_as_documented() -> None:
    """Three passes over 256 MiB, computed by another Argon2id."""
    case = vector("header_default_cost")
    assert len(dek(bytes.fromhex(case["header"]), case["passphrase"])) == 32


def test_a_box_reads_as_documented() -> None:
    """One byte of form, nonce, text and tag; the context is bound to it, each text after its length."""
    case = vector("box_opens")
    key = subkey(dek(bytes.fromhex(case["header"]), case["passphrase"]), b"rows")
    context = b"\0\x05token\0\x08grid-bot\0\x06secret\0\0\0\x01"
    box = bytes.fromhex(case["box"])
    assert unseal(key, box[:1] + context, box[1:]).hex() == case["plaintext"]


def test_a_token_row_reads_as_documented() -> None:
    """JSON with the documented names, bytes in base64."""
    case = vector("token_active")
    key = subkey(dek(bytes.fromhex(case["header"]), case["passphrase"]), b"rows")
    box = bytes.fromhex(case["box"])
    row = json.loads(unseal(key, b"\x01\0\x05token\0\x08grid-bot\0\x03row\0\0\0\x01", box[1:]))
    assert row["addresses"] == case["token"]["addresses"]
    assert set(row) == {
        "name", "id", "exchange", "account", "policy", "key", "state",
        "generation", "issued_at", "expires_at", "addresses",
    }


def test_a_ca_reads_as_documented() -> None:
    """The key's scalar, then the certificate of that key as PEM."""
    case = vector("authority_opens")
    rows = subkey(dek(bytes.fromhex(case["header"]), case["passphrase"]), b"rows")
    box, context = bytes.fromhex(case["box"]), b"\0\x09authority\0\x07tunnels\0\x13key and certificate\0\0\0\x01"
    plaintext = unseal(rows, box[:1] + context, box[1:])
    key = ec.derive_private_key(int.from_bytes(plaintext[:32], "big"), ec.SECP256R1())
    assert load_pem_x509_certificate(plaintext[32:]).public_key() == key.public_key()


def test_a_tokens_digest_adds_up_as_documented() -> None:
    """A keyed hash of each standing, summed modulo 2**256."""
    case = vector("tokens_digest")
    key = subkey(dek(bytes.fromhex(case["header"]), case["passphrase"]), b"use tokens digest")
    total = 0
    for name, identity, generation, state in case["standings"]:
        texts = (text.encode() for text in (name, identity, state))
        standing = b"".join(len(t).to_bytes(2, "big") + t for t in texts) + generation.to_bytes(8, "big")
        total += int.from_bytes(blake2b(standing, digest_size=32, key=key, person=b"tw standing").digest(), "big")
    assert (total % (1 << 256)).to_bytes(32, "big").hex() == case["digest"]


def test_a_checkpoint_verifies_as_documented() -> None:
    """Plain Ed25519 over the domain's name and the message."""
    case = vector("checkpoint_signature")
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(case["header"])[97:129])
    key.verify(bytes.fromhex(case["signature"]), b"tradewarden audit checkpoint 1\0" + bytes.fromhex(case["message"]))
