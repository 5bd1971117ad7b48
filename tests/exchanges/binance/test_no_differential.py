"""Whatever a bot sends, in whatever spelling: what leaves means exactly what the policy was shown, to any reader."""

import hashlib
import hmac
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec import structs

from gateway.core.errors import Refused
from gateway.core.intent import Cancel, CancelAll, Forbidden, Intent, OrderKind, Place, Public, Read, Side, TimeInForce
from gateway.core.money import plain
from gateway.core.request import Call, Outgoing, RawRequest
from gateway.exchanges.binance.adapter import Binance
from tests.exchanges.binance.cases import REAL
from tests.exchanges.binance.reader import read

BINANCE = Binance()
NOW_US = 1_700_000_000_000_000
STAMP = {"timestamp", "recvWindow", "signature"}
HEADERS = ((b"x-mbx-apikey", b"TOKEN"), (b"content-type", b"application/x-www-form-urlencoded"))
NAMES = {
    OrderKind.LIMIT: "LIMIT", OrderKind.POST_ONLY: "LIMIT_MAKER", OrderKind.MARKET: "MARKET",
    OrderKind.STOP: "STOP_LOSS", OrderKind.STOP_LIMIT: "STOP_LOSS_LIMIT", OrderKind.TAKE_PROFIT: "TAKE_PROFIT",
    OrderKind.TAKE_PROFIT_LIMIT: "TAKE_PROFIT_LIMIT",
}

numbers = st.decimals(min_value=Decimal("1e-18"), max_value=Decimal("1e17"), places=18).filter(lambda n: n > 0)
symbols = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=2, max_size=20) | st.sampled_from(["币安人生USDT"])
client_ids = st.text("abcXYZ019.:/_-", min_size=1, max_size=36)
order_ids = st.integers(0, 10**19 - 1).map(str)


@st.composite
def places(draw: st.DrawFn) -> Place:
    """Any order that the rules by type allow."""
    kind = draw(st.sampled_from(list(NAMES)))
    resting = kind in (OrderKind.LIMIT, OrderKind.STOP_LIMIT, OrderKind.TAKE_PROFIT_LIMIT)
    stop = kind not in (OrderKind.LIMIT, OrderKind.POST_ONLY, OrderKind.MARKET)
    by_quote = kind is OrderKind.MARKET and draw(st.booleans())
    force = draw(st.sampled_from(TimeInForce)) if resting else None
    iceberg = (kind is OrderKind.POST_ONLY or force is TimeInForce.GTC) and draw(st.booleans())
    trigger = draw(numbers | st.none()) if stop else None
    trailing = draw(st.integers(1, 9999)) if stop and (trigger is None or draw(st.booleans())) else None
    return Place(
        draw(symbols), draw(st.sampled_from(Side)), kind, None if by_quote else draw(numbers),
        draw(numbers) if by_quote else None, draw(numbers) if resting or kind is OrderKind.POST_ONLY else None,
        trigger, trailing, draw(numbers) if iceberg else None, force, draw(client_ids | st.none()), draw(st.booleans()),
    )


cancels = st.builds(Cancel, symbols, order_ids, client_ids) | st.builds(Cancel, symbols, order_ids, st.none())
intents = places() | cancels | st.builds(CancelAll, symbols)


def meaning(intent: Intent) -> dict[str, str]:
    """The intent in the exchange's parameters, written apart from the code under test."""
    if isinstance(intent, Place):
        sent = {
            "symbol": intent.market_id, "side": intent.side.value.upper(), "type": NAMES[intent.kind],
            "timeInForce": intent.time_in_force and intent.time_in_force.value, "newClientOrderId": intent.client_id,
            "trailingDelta": str(intent.trailing_bips) if intent.trailing_bips else None,
        }
        amounts = {
            "quantity": intent.quantity, "quoteOrderQty": intent.quote_quantity, "price": intent.price,
            "stopPrice": intent.trigger, "icebergQty": intent.display,
        }
        sent |= {name: plain(amount) for name, amount in amounts.items() if amount is not None}
        return {name: value for name, value in sent.items() if value is not None}
    assert isinstance(intent, (Cancel, CancelAll, Read, Public))
    named = {"symbol": getattr(intent, "market_id", None)}
    if isinstance(intent, Cancel):
        named |= {"orderId": intent.order_id, "origClientOrderId": intent.client_id}
    return {name: value for name, value in named.items() if value is not None}


def endpoint(intent: Intent) -> tuple[bytes, bytes]:
    """The method and path for an intent that changes state."""
    if isinstance(intent, Place):
        return b"POST", b"/api/v3/order/test" if intent.test else b"/api/v3/order"
    return b"DELETE", b"/api/v3/order" if isinstance(intent, Cancel) else b"/api/v3/openOrders"


def spelt(draw: st.DrawFn, value: str) -> str:
    """The value with any of its bytes percent-encoded, in either case of hex."""
    out = ""
    for byte in value.encode():
        plain_letter = chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) in "-._~:/")
        if plain_letter and draw(st.integers(0, 9)) != 0:
            out += chr(byte)
        else:
            out += draw(st.sampled_from([f"%{byte:02X}", f"%{byte:02x}"]))
    return out


@st.composite
def spellings(draw: st.DrawFn) -> tuple[Intent, RawRequest]:
    """An intent, and one of the many requests that mean it: any order, any encoding, any split into query and body."""
    intent = draw(intents)
    sent = meaning(intent) | {"timestamp": str(NOW_US // 1000), "recvWindow": "5000"}
    parts = [f"{name}={spelt(draw, value)}" for name, value in draw(st.permutations(list(sent.items())))]
    cut = draw(st.integers(0, len(parts)))
    query, body = "&".join(parts[:cut]), "&".join(parts[cut:])
    signature = "signature=" + hmac.new(b"secret", (query + body).encode(), hashlib.sha256).hexdigest()
    if draw(st.booleans()):
        query = f"{query}&{signature}" if query else signature
    else:
        body = f"{signature}&{body}" if body else signature
    method, path = endpoint(intent)
    target = path + (b"?" + query.encode() if query else b"")
    return intent, RawRequest(method, target, HEADERS, body.encode(), "binance", "127.0.0.1")


def leave(call: Call) -> Outgoing:
    """The request that leaves for a call."""
    return BINANCE.sign(call, "live", REAL, NOW_US)


def again(outgoing: Outgoing) -> Call:
    """Our own outgoing request, decoded."""
    headers = tuple((name.lower().encode(), value.encode()) for name, value in outgoing.head)
    request = RawRequest(
        outgoing.method.encode(), outgoing.target.encode(), headers, outgoing.body, None, "127.0.0.1"
    )
    return BINANCE.decode(request, outgoing.host, request.target)


@given(spellings())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_spelling_of_an_intent_is_read_as_that_intent_and_leaves_in_one(made: tuple[Intent, RawRequest]) -> None:
    """However it was spelt, decode sees the intent, and the second reader sees exactly it in what leaves."""
    intent, request = made
    call = BINANCE.decode(request, None, request.target)
    assert call.intent == intent
    sent = read(leave(call))
    assert {name: value for name, value in sent.items() if name not in STAMP} == meaning(intent)
    assert sent.keys() >= STAMP


@given(spellings())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_signature_holds_and_covers_every_byte(made: tuple[Intent, RawRequest]) -> None:
    """The bot's signature over its own bytes is found wherever it stands."""
    _, request = made
    call = BINANCE.decode(request, None, request.target)
    assert call.proof is not None
    expected = hmac.new(b"secret", call.proof.payload, hashlib.sha256).hexdigest()
    assert call.proof.signature == expected


@given(spellings())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_leaves_decodes_to_the_call_it_was_built_from(made: tuple[Intent, RawRequest]) -> None:
    """decode ∘ sign is a fixed point, the proof apart; and signing what was decoded gives the same bytes."""
    _, request = made
    call = BINANCE.decode(request, None, request.target)
    first = leave(call)
    second = again(first)
    assert structs.replace(second, proof=None) == structs.replace(call, proof=None, environment="live")
    assert leave(second) == first


LETTERS = st.sampled_from(
    [*"=&%+;#?/\\.0129eE-_ \x00\r\n\"{}[]", "%2", "%00", "%26", "&symbol=", "quantity=9", "\u00e9", "\uff11"]
)


@given(spellings(), st.lists(st.tuples(st.integers(0, 400), LETTERS, st.integers(0, 3)), min_size=1, max_size=4))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_request_is_refused_or_leaves_as_what_was_decoded(
    made: tuple[Intent, RawRequest], edits: list[tuple[int, str, int]]
) -> None:
    """Nothing but Refused is raised, and what leaves is what the decoded intent and extras say, not a byte else."""
    _, request = made
    target, body = request.target.decode(), request.body.decode()
    for at, letters, drop in edits:
        if at < len(target):
            target = target[:at] + letters + target[at + drop :]
        else:
            spot = min(at - len(target), len(body))
            body = body[:spot] + letters + body[spot + drop :]
    bad = structs.replace(request, target=target.encode(), body=body.encode())
    try:
        call = BINANCE.decode(bad, None, bad.target)
    except Refused:
        return
    assume(not isinstance(call.intent, Forbidden))
    sent = {name: value for name, value in read(leave(call)).items() if name not in STAMP}
    assert sent == meaning(call.intent) | dict(call.extras)


@given(st.binary(max_size=60), st.binary(max_size=60), st.sampled_from([b"GET", b"POST", b"DELETE", b"PUT", b"\xff"]))
@settings(max_examples=200, deadline=None)
def test_arbitrary_bytes_raise_nothing_but_refused(query: bytes, body: bytes, method: bytes) -> None:
    """Hostile bytes end as a denial."""
    request = RawRequest(method, b"/api/v3/order?" + query, HEADERS, body, "binance", "127.0.0.1")
    with pytest.raises(Refused):
        BINANCE.decode(request, None, request.target)


PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=12)


@given(st.dictionaries(st.text("abcXYZ_", min_size=1, max_size=6).filter(lambda n: n[0] != "_"), PRINTABLE, max_size=4))
@settings(max_examples=100, deadline=None)
def test_the_parameters_of_a_read_leave_as_they_were_meant(sent: dict[str, str]) -> None:
    """A read's unknown parameters go along: same names, same values, our spelling."""
    query = "&".join(f"{name}=" + "".join(f"%{byte:02x}" for byte in value.encode()) for name, value in sent.items())
    target = b"/api/v3/klines" + (b"?" + query.encode() if query else b"")
    call = BINANCE.decode(RawRequest(b"GET", target, (), b"", "binance", "127.0.0.1"), None, target)
    assert read(leave(call)) == sent
