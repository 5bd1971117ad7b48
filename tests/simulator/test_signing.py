"""Authentication is strict, and agrees with the vectors that Binance has published."""

import base64
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.simulator.keys import Key
from tests.simulator.wire import API_KEY, Wire, problem, sign

# The moment of the documentation's examples.
MOMENT = 1_499_827_319_559
ACCOUNT = "/api/v3/account"
ORDER = "/api/v3/order"
BAD_SIGNATURE = (400, -1022, "Signature for this request is not valid.")
BAD_SYMBOL = (400, -1121, "Invalid symbol.")
TAIL = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
HEAD = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC"
REST = "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
FULLWIDTH = "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96"
VECTORS = [
    (f"symbol=LTCBTC&{TAIL}", "", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
    ("", f"symbol=LTCBTC&{TAIL}", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
    (f"symbol={FULLWIDTH}&{TAIL}", "", "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"),
    (HEAD, REST, "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"),
]


@pytest.mark.parametrize(("query", "body", "signature"), VECTORS)
def test_published_vectors_pass(query: str, body: str, signature: str) -> None:
    """The signature is right in either case and either place, so the unknown symbol is what is wrong."""
    for text in (signature, signature.upper()):
        wire = Wire(MOMENT)
        if query:
            outcome = wire.send("POST", f"{ORDER}?{query}&signature={text}", body)
        else:
            outcome = wire.send("POST", ORDER, f"{body}&signature={text}")
        assert problem(outcome) == BAD_SYMBOL
        assert outcome.account == "trader"


@pytest.mark.parametrize(("query", "body", "signature"), VECTORS)
def test_one_changed_letter_fails(query: str, body: str, signature: str) -> None:
    """Of the signature or of what is signed."""
    other = ("0" if signature[0] != "0" else "1") + signature[1:]
    assert problem(Wire(MOMENT).send("POST", f"{ORDER}?{query}&signature={other}", body)) == BAD_SIGNATURE
    changed = query.replace("BUY", "SELL"), body.replace("=1&", "=2&")
    assert (
        problem(Wire(MOMENT).send("POST", f"{ORDER}?{changed[0]}&signature={signature}", changed[1])) == BAD_SIGNATURE
    )


def test_the_signature_may_stand_anywhere() -> None:
    """First, last, or in the body: the pair is taken out, the rest keeps its order."""
    wire = Wire()
    stamp = f"timestamp={wire.now}"
    assert wire.send("GET", f"{ACCOUNT}?signature={sign(stamp)}&{stamp}").reply.status == 200
    assert wire.send("GET", f"{ACCOUNT}?{stamp}&signature={sign(stamp)}").reply.status == 200


def test_the_order_of_parameters_is_signed() -> None:
    """The same pairs in another order are another payload."""
    wire = Wire()
    signature = sign(f"omitZeroBalances=true&timestamp={wire.now}")
    outcome = wire.send("GET", f"{ACCOUNT}?timestamp={wire.now}&omitZeroBalances=true&signature={signature}")
    assert problem(outcome) == BAD_SIGNATURE


@pytest.mark.parametrize("raw", ['"', "[", "]", "{", "}", "|", "\\", "^", "`", "<", ">", "é"])
def test_spot_demands_percent_encoding(raw: str) -> None:
    """A raw character makes the signature wrong on /api, even if it was signed as sent."""
    wire = Wire()
    payload = f"symbol=BTC{raw}&timestamp={wire.now}"
    signature = sign(payload)
    assert problem(wire.send("DELETE", ORDER, f"{payload}&signature={signature}")) == BAD_SIGNATURE


@pytest.mark.parametrize(
    ("offset", "window", "code"),
    [
        (0, "", None), (-5000, "", None), (-5001, "", -1021), (999, "", None), (1000, "", -1021),
        (-60000, "60000", None), (-60001, "60000", -1021), (-6000, "6000.346", None), (-6001, "6000.346", -1021),
        (0, "60000.001", -1131), (0, "60001", -1131), (0, "5000.3461", -1100), (0, "abc", -1100), (0, "-1", -1100),
    ],
)  # fmt: skip
def test_the_window(offset: int, window: str, code: int | None) -> None:
    """`ts < now + 1000` and `now - ts <= recvWindow`, in milliseconds."""
    wire = Wire()
    query = f"timestamp={wire.now + offset}" + (f"&recvWindow={window}" if window else "")
    outcome = wire.send("GET", f"{ACCOUNT}?{query}&signature={sign(query)}")
    assert outcome.code == code


@pytest.mark.parametrize(("offset", "code"), [(0, None), (-5_000_000, None), (-5_000_001, -1021), (1_000_000, -1021)])
def test_microseconds_are_understood(offset: int, code: int | None) -> None:
    """Sixteen digits are microseconds, and the window is as sharp."""
    wire = Wire()
    query = f"timestamp={wire.now * 1000 + offset}"
    assert wire.send("GET", f"{ACCOUNT}?{query}&signature={sign(query)}").code == code


MISSING = "Mandatory parameter '{}' was not sent, was empty/null, or malformed."


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("", -1102, MISSING.format("timestamp")),
        ("timestamp=", -1102, MISSING.format("timestamp")),
        ("timestamp=1e3", -1100, "Illegal characters found in parameter 'timestamp'; legal range is '^[0-9]{1,20}$'."),
        ("timestamp=1&timestamp=1", -1101, "Duplicate values for parameter 'timestamp' detected."),
        ("timestamp=%zz", -1100, "Illegal characters found in a parameter."),
        ("timestamp=1700000000000&x=%ff", -1100, "Illegal characters found in a parameter."),
        ("timestamp=1700000000000", -1102, MISSING.format("signature")),
        ("timestamp=1700000000000&signature=", -1102, MISSING.format("signature")),
    ],
)
def test_what_is_missing_or_malformed(query: str, code: int, message: str) -> None:
    """Before anything is asked of the account."""
    assert problem(Wire().send("GET", f"{ACCOUNT}?{query}")) == (400, code, message)


def test_keys() -> None:
    """No key, a malformed one, an unknown one, one from another address."""
    wire = Wire()
    target = f"{ACCOUNT}?timestamp={wire.now}&signature={sign(f'timestamp={wire.now}')}"
    assert problem(wire.send("GET", target, x_mbx_apikey="")) == (401, -2014, "API-key format invalid.")
    assert problem(wire.send("GET", target, x_mbx_apikey="two words")) == (401, -2014, "API-key format invalid.")
    rejected = (401, -2015, "Invalid API-key, IP, or permissions for action.")
    assert problem(wire.send("GET", target, x_mbx_apikey="a" * 64)) == rejected
    wire.key.addresses = frozenset({"10.0.0.1"})
    assert problem(wire.send("GET", target)) == rejected
    wire.key.addresses = frozenset({"127.0.0.1"})
    assert wire.send("GET", target).reply.status == 200


@pytest.mark.parametrize(
    ("flag", "method", "path", "status", "code"),
    [
        ("enableReading", "GET", ACCOUNT, 401, -2015),
        ("enableSpotAndMarginTrading", "POST", ORDER, 401, -2015),
        ("enableSpotAndMarginTrading", "DELETE", ORDER, 401, -2015),
        ("enableWithdrawals", "POST", "/sapi/v1/capital/withdraw/apply", 401, -1002),
        ("permitsUniversalTransfer", "POST", "/sapi/v1/asset/transfer", 401, -1002),
    ],
)
def test_a_key_may_do_what_it_was_given(flag: str, method: str, path: str, status: int, code: int) -> None:
    """One flag off, and the endpoints behind it are closed."""
    wire = Wire()
    wire.key.permissions[flag] = False
    assert problem(wire.signed(method, path))[:2] == (status, code)


def test_the_query_wins_over_the_body_and_both_are_signed() -> None:
    """The quantity that counts is the query's."""
    wire = Wire()
    query = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=50000"
    assert wire.ask("POST", ORDER, query, "quantity=9&price=1")["origQty"] == "0.10000000"


def ed25519(wire: Wire) -> Ed25519PrivateKey:
    """Gives the trader a second key, of the other kind."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    wire.state.keys["ed"] = Key("ed", wire.account, wire.now, public_key=private.public_key())
    return private


def test_ed25519() -> None:
    """Base64, percent-encoded; a raw plus, another case or another key fail."""
    wire = Wire()
    private = ed25519(wire)
    payloads = [f"timestamp={wire.now - number}" for number in range(64)]
    signatures = {payload: base64.b64encode(private.sign(payload.encode())).decode() for payload in payloads}
    payload, raw = next((p, s) for p, s in signatures.items() if "+" in s)

    def ask(signature: str, key: str = "ed") -> int | None:
        return wire.send("GET", f"{ACCOUNT}?{payload}&signature={signature}", x_mbx_apikey=key).code

    assert ask(quote(raw, safe="")) is None
    for bad in (raw, quote(raw.swapcase(), safe=""), sign(payload), "!!!", quote(raw[:-4], safe="")):
        assert ask(bad) == -1022
    assert ask(quote(raw, safe=""), API_KEY) == -1022
