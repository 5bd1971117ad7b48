"""What decode hands on beside the intent: the proof in one spelling, the codings, and whose a denied call was."""

import hashlib
import hmac

import pytest

from gateway.core.errors import Refused
from gateway.core.intent import Forbidden
from gateway.core.request import Call, RawRequest
from gateway.exchanges.binance.decode import CATALOGUE, LEARNED_FROM, decode

SIGNATURE = hmac.new(b"secret", b"any", hashlib.sha256).hexdigest()
STAMP = b"timestamp=1700000000000"
FORM = (b"content-type", b"application/x-www-form-urlencoded")
KEY = (b"x-mbx-apikey", b"TOKEN")


def decoded(method: str, target: bytes, body: bytes = b"", *headers: tuple[bytes, bytes]) -> Call:
    raw = RawRequest(method.encode(), target, (KEY, FORM, *headers), body, "binance", "127.0.0.1")
    return decode(raw, None, target)


def test_a_signature_in_another_case_is_the_same_signature() -> None:
    """Hex has two spellings; a replay in the other one must be seen as the replay that it is."""
    proofs = [
        decoded("DELETE", b"/api/v3/order?symbol=BTCUSDT&orderId=1&" + STAMP + b"&signature=" + spelling.encode()).proof
        for spelling in (SIGNATURE, SIGNATURE.upper(), SIGNATURE.title())
    ]
    assert proofs[0] is not None
    assert {proof.signature for proof in proofs if proof is not None} == {SIGNATURE}


MARKET = b"symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&"
PARAMETERS = {
    "place": MARKET, "test": MARKET,
    "cancel": b"symbol=BTCUSDT&orderId=1&", "cancel_all": b"symbol=BTCUSDT&",
}


@pytest.mark.parametrize("row", [row for row in CATALOGUE if row.decoder], ids=str)
def test_answers_that_the_ledger_reads_come_uncompressed(row: object) -> None:
    """Everything else may come in the codings that the bot takes."""
    served = next(one for one in CATALOGUE if one is row)
    parameters = PARAMETERS.get(served.decoder, b"") + STAMP + b"&signature=" + SIGNATURE.encode()
    coding = (b"accept-encoding", b"gzip, deflate, br, zstd")
    call = decoded(served.method, f"{served.path}?".encode() + parameters, b"", coding)
    assert call.endpoint is served
    assert call.encodings == ("identity" if served.decoder in LEARNED_FROM else "gzip, deflate, br")


@pytest.mark.parametrize(("header", "codings"), [
    (b"", "identity"), (b"*", "identity"), (b"gzip;q=0", "identity"), (b"GZIP", "gzip"), (b"br,gzip", "gzip, br"),
    (b"gzip\xff", "identity"), (b"zstd", "identity"),
])
def test_codings_leave_in_one_spelling(header: bytes, codings: str) -> None:
    """Of what the bot asks, only what every client and the gateway know."""
    assert decoded("GET", b"/api/v3/time", b"", (b"accept-encoding", header)).encodings == codings


def test_a_denied_call_says_whose_it_was_where_that_can_be_told() -> None:
    """A withdrawal is denied whatever its parameters; its proof lets the denial be booked on the token."""
    signed = b"coin=BTC&" + STAMP + b"&signature=" + SIGNATURE.encode()
    good = decoded("POST", b"/sapi/v1/capital/withdraw/apply", signed)
    assert isinstance(good.intent, Forbidden)
    assert good.proof is not None
    assert good.proof.token_id == "TOKEN"
    for body in (b"addressTag=1 2&coin=BTC", b"a=1&a=2", b"\xff", b"{}", STAMP, b"signature=x&" + STAMP + b"1"):
        bad = decoded("POST", b"/sapi/v1/capital/withdraw/apply", body)
        assert isinstance(bad.intent, Forbidden)
        assert bad.proof is None


def test_an_environment_is_told_only_by_a_host() -> None:
    """On the exchange's own port the account decides."""
    assert decoded("GET", b"/api/v3/time").environment is None


def test_a_path_that_two_products_share_needs_a_host() -> None:
    """``/futures/data`` is at USD-M and at COIN-M."""
    with pytest.raises(Refused, match="not in the catalogue"):
        decoded("GET", b"/futures/data/basis")
    raw = RawRequest(b"GET", b"/futures/data/basis", (), b"", None, "127.0.0.1")
    assert decode(raw, "dapi.binance.com", raw.target).endpoint.host == "dapi.binance.com"


def test_more_parameters_than_any_call_has_are_refused() -> None:
    """A bound on work per request."""
    with pytest.raises(Refused, match="more than 100"):
        decoded("GET", b"/api/v3/time?" + b"&".join(b"a%d=1" % number for number in range(101)))


def test_a_long_hostile_value_is_refused_quickly() -> None:
    """The grammar does not backtrack: a megabyte of near-matches is one pass."""
    with pytest.raises(Refused):
        decoded("GET", b"/api/v3/time?a=" + b"%41" * 300_000 + b";")
    for hostile in (b"a=1&", b"$", b"%4", b"a$", b"=", b"a=$"):
        with pytest.raises(Refused):
            decoded("GET", b"/api/v3/time?" + hostile * 250_000)


@pytest.mark.parametrize("kind", [b"application/json", b"Application/JSON; charset=utf-8", FORM[1]])
def test_a_body_is_a_form_whatever_it_is_called(kind: bytes) -> None:
    """Some clients label theirs as JSON. JSON itself is in no grammar here."""
    order = b"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=2&" + STAMP
    signed = order + b"&signature=" + SIGNATURE.encode()
    labelled = ((b"x-mbx-apikey", b"TOKEN"), (b"content-type", kind))
    read = decode(RawRequest(b"POST", b"/api/v3/order", labelled, signed, None, "127.0.0.1"), None, b"/api/v3/order")
    assert read == decoded("POST", b"/api/v3/order", signed)
    for body in (b'{"symbol":"BTCUSDT"}', b"{}", b"[]", b'"a=1"', b'{"a":"&symbol=BTCUSDT&b="}'):
        with pytest.raises(Refused, match="cannot be read in exactly one way"):
            decode(RawRequest(b"POST", b"/api/v3/order", labelled, body, None, "127.0.0.1"), None, b"/api/v3/order")


@pytest.mark.parametrize("kind", [b"", b"multipart/form-data; boundary=x", b"text/plain", b"application/json, text/x"])
def test_a_body_of_another_kind_is_refused(kind: bytes) -> None:
    """Whatever is in it."""
    labelled = ((b"x-mbx-apikey", b"TOKEN"), (b"content-type", kind))
    with pytest.raises(Refused, match="x-www-form-urlencoded"):
        decode(RawRequest(b"POST", b"/api/v3/order", labelled, b"a=1", None, "127.0.0.1"), None, b"/api/v3/order")
