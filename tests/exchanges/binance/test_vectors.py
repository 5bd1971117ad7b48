"""Every vector: a raw request, and either the denial it must meet or the one request that may leave for it."""

from typing import Any

import pytest

from gateway.core.decision import DenyCode
from gateway.core.errors import Refused
from gateway.core.intent import Forbidden
from gateway.core.request import Call, EndpointClass, Outgoing, RawRequest, Security
from gateway.core.secret import Secret
from gateway.core.token import KeyKind, VerifyKey
from gateway.exchanges.catalogue import refusal
from gateway.exchanges.registry import EXCHANGES, locate
from tests.exchanges.binance.cases import REAL, headers, load, raw, token

CASES = {f"{folder}/{name}": case for folder in ("documented", "tricks") for name, case in load(folder).items()}
RECORDED = load("recorded")


def through(case: dict[str, Any]) -> tuple[Call, Outgoing]:
    """The path of a request through the adapter: locate, decode, verify, sign."""
    exchange, host, target = locate(request := raw(case["request"]))
    call = exchange.decode(request, host, target)
    if isinstance(call.intent, Forbidden):
        code, why = refusal(call.endpoint)
        raise Refused(code, why)
    if call.proof is not None and call.proof.signature is not None:
        exchange.verify(call.proof, token(case["token"]), case["clock_us"])
    return call, exchange.sign(call, call.environment or "live", REAL, case["clock_us"])


@pytest.mark.parametrize("name", CASES)
def test_vector(name: str) -> None:
    """The request meets exactly the denial, or leaves in exactly the bytes, that its vector states."""
    case = CASES[name]
    expect = case["expect"]
    if "deny" in expect:
        with pytest.raises(Refused) as refused:
            through(case)
        assert refused.value.code == DenyCode(expect["deny"]), refused.value.detail
        assert expect.get("says", "") in refused.value.detail
        return
    call, outgoing = through(case)
    sent = expect["sent"]
    assert (outgoing.host, outgoing.method, outgoing.target) == (sent["host"], sent["method"], sent["target"])
    assert outgoing.head == tuple(tuple(pair) for pair in sent["head"])
    assert outgoing.body == sent["body"].encode()
    assert call.needs_grant == set(expect.get("needs_grant", ()))
    if expect.get("proof") == "id":
        assert call.proof is not None
        assert call.proof.signature is None


def test_every_vector_says_what_it_shows_and_where_it_is_from() -> None:
    """A vector without a source or a purpose is a rumour."""
    assert all(case["shows"] and case["source"] for case in CASES.values())
    assert all(case["source"] for case in RECORDED.values())
    assert len(RECORDED) > 200


def replayed(case: dict[str, Any]) -> tuple[Call, RawRequest]:
    """A recorded request, in forward mode at the host it named, in reverse mode on the exchange's own port."""
    request = RawRequest(
        case["method"].encode(), case["target"].encode("latin-1"), headers(case["headers"]),
        case["body"].encode("latin-1"), "binance", "127.0.0.1",
    )
    return EXCHANGES["binance"].decode(request, case["host"], request.target), request


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_request_decodes_and_authenticates(name: str) -> None:
    """What real clients sent is read as it was meant, and its signature holds with the client's own secret."""
    case = RECORDED[name]
    call, request = replayed(case)
    if b"x-mbx-apikey" not in dict(request.headers):
        assert call.proof is None
        assert call.endpoint.kind is EndpointClass.MARKET
        return
    if call.endpoint.path.endswith("batchOrders"):
        assert isinstance(call.intent, Forbidden)
        return
    assert call.proof is not None
    assert call.proof.token_id == case["key"]
    if call.proof.signature is not None:
        key = VerifyKey(KeyKind.HMAC, Secret(case["secret"]))
        EXCHANGES["binance"].verify(call.proof, key, call.proof.signed_at_us)


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_spot_request_is_served(name: str) -> None:
    """Everything that clients of the spot API were seen to call is served; futures calls wait for their version."""
    call, _ = replayed(RECORDED[name])
    spot = call.endpoint.path.startswith(("/api/", "/sapi/")) or call.endpoint.path.endswith("/exchangeInfo")
    assert isinstance(call.intent, Forbidden) != spot


def test_recorded_signatures_do_not_hold_for_another_key() -> None:
    """The check above can fail: under another secret every signed recording is refused."""
    proofs = [proof for case in RECORDED.values() if (proof := replayed(case)[0].proof) is not None and proof.signature]
    assert len(proofs) > 150
    for proof in proofs:
        with pytest.raises(Refused):
            EXCHANGES["binance"].verify(proof, VerifyKey(KeyKind.HMAC, Secret("another")), proof.signed_at_us)


def test_signed_rows_always_carry_a_signature() -> None:
    """No served signed row yields a call whose proof lacks the signature."""
    for case in CASES.values():
        try:
            call, _ = through(case)
        except Refused:
            continue
        if call.endpoint.security is Security.SIGNED:
            assert call.proof is not None
            assert call.proof.signature is not None
