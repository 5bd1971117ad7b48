"""Signing and checking signatures, beyond what the vectors show."""

import base64
import hashlib
import hmac

import pytest
from msgspec import structs
from nacl.signing import SigningKey
from nacl.signing import VerifyKey as Ed25519Key

from gateway.core.decision import DenyCode
from gateway.core.errors import Refused
from gateway.core.intent import Forbidden
from gateway.core.request import Call, Proof
from gateway.core.secret import Secret
from gateway.core.token import Credential, KeyKind, VerifyKey
from gateway.exchanges.binance import market, signing
from gateway.exchanges.binance.decode import CATALOGUE

NOW_US = 1_700_000_000_123_456
SEED = bytes(range(32))
ED25519 = Credential("REALKEY", KeyKind.ED25519, Secret(SEED))
HMAC = Credential("REALKEY", KeyKind.HMAC, Secret("realsecret"))
GOOD = hmac.new(b"x", b"symbol=BTCUSDT", hashlib.sha256).hexdigest()
PUBLIC = VerifyKey(KeyKind.ED25519, Secret(bytes(SigningKey(SEED).verify_key)))


def test_an_ed25519_key_signs_what_leaves() -> None:
    """The signature is base64, percent-encoded, last, and covers all before it."""
    out = signing.sign(market.query_order("BTCUSDT", "1", None), "live", ED25519, NOW_US)
    payload, _, signature = out.target.partition("?")[2].partition("&signature=")
    assert payload == "symbol=BTCUSDT&orderId=1&recvWindow=5000&timestamp=1700000000123"
    raw = base64.b64decode(signature.replace("%2B", "+").replace("%2F", "/").replace("%3D", "="), validate=True)
    Ed25519Key(bytes(SigningKey(SEED).verify_key)).verify(payload.encode(), raw)


def proof(signature: str) -> Proof:
    return Proof("TOKEN", b"symbol=BTCUSDT", signature, NOW_US, 5_000_000)


def test_only_the_one_spelling_of_an_ed25519_signature_counts() -> None:
    """Base64 leaves bits unused; a second spelling would be a second single use of one signature."""
    good = base64.b64encode(SigningKey(SEED).sign(b"symbol=BTCUSDT").signature).decode()
    signing.verify(proof(good), PUBLIC, NOW_US)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = good[:-3] + alphabet[alphabet.index(good[-3]) + 1] + "=="
    assert base64.b64decode(twin) == base64.b64decode(good)
    for bad in (twin, good[:-2], good + "=", good.replace("=", ""), "é", "", "AAAA", good[:-4] + "AA=="):
        with pytest.raises(Refused) as refused:
            signing.verify(proof(bad), PUBLIC, NOW_US)
        assert refused.value.code is DenyCode.SIGNATURE


@pytest.mark.parametrize("bad", ["", "é", "0" * 64, "é" * 64, GOOD[:-1], GOOD + " ", GOOD.upper(), f" {GOOD}"])
def test_only_the_one_spelling_of_an_hmac_counts(bad: str) -> None:
    """In hex, lower case as decode hands it on; whatever else a bot sends is no signature, and no failure of ours."""
    key = VerifyKey(KeyKind.HMAC, Secret("x"))
    signing.verify(proof(GOOD), key, NOW_US)
    with pytest.raises(Refused) as refused:
        signing.verify(proof(bad), key, NOW_US)
    assert refused.value.code is DenyCode.SIGNATURE


@pytest.mark.parametrize("kind", [KeyKind.RSA, KeyKind.ECDSA])
def test_a_kind_that_cannot_be_checked_never_verifies(kind: KeyKind) -> None:
    """Fail closed."""
    with pytest.raises(Refused):
        signing.verify(proof("0" * 64), VerifyKey(kind, Secret("x")), NOW_US)


def test_a_proof_without_signature_never_verifies() -> None:
    """Naming an id is no signature; whoever lets that do must say so."""
    unsigned = structs.replace(proof(""), signature=None)
    with pytest.raises(Refused):
        signing.verify(unsigned, VerifyKey(KeyKind.HMAC, Secret("x")), NOW_US)


def test_the_last_moment_of_acceptance_is_timestamp_plus_window() -> None:
    """In whole milliseconds of our timestamp, and never longer than our own window."""
    call = market.cancel_order("BTCUSDT", "1", None)
    assert signing.accept_until_us(call, NOW_US) == 1_700_000_005_123_000
    short = structs.replace(call, proof=Proof("T", b"", "s", NOW_US, 1_500_250))
    assert signing.accept_until_us(short, NOW_US) == 1_700_000_001_623_250
    long = structs.replace(call, proof=Proof("T", b"", "s", NOW_US, 60_000_000))
    assert signing.accept_until_us(long, NOW_US) == 1_700_000_005_123_000


def test_a_signed_row_is_never_sent_without_a_key() -> None:
    """Fail closed."""
    with pytest.raises(Refused) as refused:
        signing.sign(market.open_orders(None), "live", None, NOW_US)
    assert refused.value.code is DenyCode.INTERNAL


def test_public_rows_carry_neither_key_nor_signature() -> None:
    """Even when a key is at hand."""
    out = signing.sign(market.book("BTCUSDT"), "live", HMAC, NOW_US)
    assert out.target == "/api/v3/ticker/bookTicker?symbol=BTCUSDT"
    assert [name for name, _ in out.head] == ["Accept-Encoding"]
    assert out.reads_only


@pytest.mark.parametrize("row", [row for row in CATALOGUE if not row.decoder][::40], ids=str)
def test_a_row_without_decoder_is_never_signed(row: object) -> None:
    """Whatever intent stands on it: no bytes are made for it."""
    for intent in (Forbidden("no"), market.time().intent, market.cancel_order("BTCUSDT", "1", None).intent):
        with pytest.raises(Refused):
            signing.sign(Call(row, intent), "live", HMAC, NOW_US)  # type: ignore[arg-type]


def test_a_forbidden_intent_is_never_signed_on_any_row() -> None:
    """Even on a row that is served."""
    with pytest.raises(Refused):
        signing.sign(Call(market.cancel_order("B1", "1", None).endpoint, Forbidden("no")), "live", HMAC, NOW_US)


@pytest.mark.parametrize("environment", ["testnet", "demo"])
def test_key_permissions_are_a_live_matter(environment: str) -> None:
    """The wallet endpoints exist nowhere else."""
    with pytest.raises(Refused) as refused:
        signing.sign(market.permissions(), environment, HMAC, NOW_US)
    assert refused.value.code is DenyCode.UNSUPPORTED


def test_what_leaves_shows_no_signature_in_its_repr() -> None:
    """A signed request is worth a key for its window; it must not be shown by accident."""
    out = signing.sign(market.open_orders(None), "live", HMAC, NOW_US)
    assert "signature" not in repr(out)
    assert "REALKEY" not in repr(out)
