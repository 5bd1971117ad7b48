"""Reading the vectors: one case per file, its raw request and what must become of it."""

import json
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from gateway.core.request import RawRequest
from gateway.core.secret import Secret
from gateway.core.token import Credential, KeyKind, VerifyKey

VECTORS = Path(__file__).parents[2] / "vectors" / "binance"
REAL = Credential("REALKEY", KeyKind.HMAC, Secret("realsecret"))


def load(folder: str) -> dict[str, dict[str, Any]]:
    """Every case of a folder, by its file's stem."""
    files = sorted((VECTORS / folder).glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}


def headers(pairs: list[list[str]]) -> tuple[tuple[bytes, bytes], ...]:
    """Headers as the codec hands them on: names in lower case."""
    return tuple((name.lower().encode("latin-1"), value.strip().encode("latin-1")) for name, value in pairs)


def raw(request: dict[str, Any]) -> RawRequest:
    """The raw request of a case; text stands for its Latin-1 bytes."""
    return RawRequest(
        request["method"].encode("latin-1"), request["target"].encode("latin-1"), headers(request["headers"]),
        request["body"].encode("latin-1"), request.get("port"), "127.0.0.1",
    )


def token(case: dict[str, Any]) -> VerifyKey:
    """What checks the signatures of a case's token."""
    if case["kind"] == "ed25519":
        seed = bytes.fromhex(case["secret"])
        return VerifyKey(KeyKind.ED25519, Secret(bytes(SigningKey(seed).verify_key)))
    return VerifyKey(KeyKind.HMAC, Secret(case["secret"]))
