"""Signature and timestamp are taken out of the bytes first, and what is left may be known already: nobody can tell.

A second decoder, written apart and plainly, splits everything letter by letter, then looks for doubles, then takes the
stamp from what it read. Of any text both make the same call, or both refuse it, for a fault that the text has.
"""

import string
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core.decision import DenyCode
from gateway.core.errors import Refused
from gateway.core.intent import Cancel, CancelAll, Intent, Place, Public, Read
from gateway.core.request import Call, Endpoint, Proof, RawRequest, Security
from gateway.exchanges.binance import orders
from gateway.exchanges.binance.decode import CATALOGUE, decode

HEX = "0123456789abcdef" * 4
BASE64 = "Ab%2Bc%2fd" * 8 + "%3D%3D"
TIME = "timestamp=1700000000000"
SIGNATURE = f"signature={HEX}"
STAMP = f"{TIME}&{SIGNATURE}"
FORM = (b"content-type", b"application/x-www-form-urlencoded")
KEY = (b"x-mbx-apikey", b"TOKEN")
ROWS = (
    ("GET", "/api/v3/account"), ("GET", "/api/v3/openOrders"), ("GET", "/api/v3/time"),
    ("GET", "/sapi/v1/margin/allPairs"), ("POST", "/sapi/v3/asset/getUserAsset"), ("POST", "/api/v3/order"),
    ("POST", "/api/v3/order/test"), ("DELETE", "/api/v3/order"), ("DELETE", "/api/v3/openOrders"),
)
STANDS = frozenset(string.ascii_letters + string.digits + "-._~!$'()*,:@/?[]")
NAMES = frozenset(string.ascii_letters + string.digits + "_")


class Faulty(Exception):
    """A request that is none, and how that is answered."""

    def __init__(self, code: DenyCode) -> None:
        super().__init__(code)
        self.code = code


def value(text: str) -> str:
    """A value behind its percent-encoding."""
    out, at = bytearray(), 0
    while at < len(text):
        digits = text[at + 1 : at + 3]
        if text[at] == "%" and len(digits) == 2 and set(digits) <= set(string.hexdigits):
            out.append(int(digits, 16))
            at += 3
        elif text[at] in STANDS:
            out.append(ord(text[at]))
            at += 1
        else:
            raise Faulty(DenyCode.MALFORMED)
    try:
        decoded = out.decode()
    except UnicodeDecodeError:
        raise Faulty(DenyCode.MALFORMED) from None
    if any(letter < " " or "\x7f" <= letter <= "\x9f" or letter in "\u2028\u2029" for letter in decoded):
        raise Faulty(DenyCode.MALFORMED)
    return decoded


def split(text: bytes) -> list[tuple[str, str]]:
    """Every pair of a query or a body."""
    parts = text.decode("latin-1").split("&") if text else []
    pairs = [part.partition("=") for part in parts]
    if len(pairs) > 100:
        raise Faulty(DenyCode.MALFORMED)
    for name, mark, _ in pairs:
        if not mark or not 1 <= len(name) <= 64 or not set(name) <= NAMES or not name[0].isalpha():
            raise Faulty(DenyCode.MALFORMED)
    return [(name, value(text)) for name, _, text in pairs]


def signed_over(text: bytes) -> bytes:
    """A query or a body as its bot signed it."""
    return b"&".join(pair for pair in text.split(b"&") if not pair.startswith(b"signature="))


def window_us(text: str) -> int:
    """recvWindow in microseconds."""
    whole, mark, part = text.partition(".")
    digits = (whole + part).isascii() and (whole + part).isdigit() and bool(part) == bool(mark)
    if not digits or not whole or len(part) > 3 or (whole[0] == "0" and whole != "0") or len(whole) > 5:
        raise Faulty(DenyCode.PARAMETER)
    window = int(whole) * 1000 + int(part.ljust(3, "0"))
    if window > 60_000_000:
        raise Faulty(DenyCode.PARAMETER)
    return window


def proof(security: Security, key: bytes | None, sent: dict[str, str], payload: bytes) -> Proof | None:
    """Who presents what."""
    signature, timestamp = sent.get("signature"), sent.get("timestamp")
    if key is None and signature is None and security is Security.NONE:
        return None
    if key is None or not key.isalnum():
        raise Faulty(DenyCode.TOKEN)
    if signature is None and security is not Security.SIGNED:
        return Proof(key.decode(), b"", None, 0, 0)
    if not signature or not timestamp or not timestamp.isascii() or not timestamp.isdigit() or timestamp[0] == "0":
        raise Faulty(DenyCode.PARAMETER)
    if len(timestamp) not in (13, 16):
        raise Faulty(DenyCode.PARAMETER)
    spelling = signature.lower() if len(signature) == 64 else signature
    window = window_us(sent["recvWindow"]) if "recvWindow" in sent else 5_000_000
    return Proof(key.decode(), payload, spelling, int(timestamp.ljust(16, "0")), window)


def meant(row: Endpoint, rest: dict[str, str]) -> tuple[Intent, tuple[tuple[str, str], ...]]:
    """The intent, and what goes along. (The rules of the orders themselves are not in question here.)"""
    if row.decoder == "public":
        return Public(), tuple(rest.items())
    if row.decoder in ("place", "test"):
        test = row.decoder == "test"
        extras = orders.extras(rest, orders.TEST_EXTRAS if test else orders.EXTRAS, orders.PLACE_NAMES)
        return orders.place(rest, test), extras
    if row.decoder == "cancel":
        return orders.cancel(rest), orders.extras(rest, orders.CANCEL_EXTRAS, orders.CANCEL_NAMES)
    if row.decoder == "cancel_all":
        return orders.cancel_all(rest), orders.extras(rest, {}, orders.CANCEL_ALL_NAMES)
    symbol = orders.symbol(rest.pop("symbol")) if "symbol" in rest else None
    assert row.read is not None
    return Read(row.read, symbol), tuple(rest.items())


def whole(raw: RawRequest) -> dict[str, str]:
    """Every parameter of the request. Raises Faulty."""
    if raw.body and raw.method == b"GET":
        raise Faulty(DenyCode.MALFORMED)
    pairs = split(raw.target.partition(b"?")[2]) + split(raw.body)
    sent = dict(pairs)
    if len(sent) != len(pairs):
        raise Faulty(DenyCode.PARAMETER)
    return sent


Plain = tuple[Intent, tuple[tuple[str, str], ...], Proof | None]


def plainly(raw: RawRequest) -> Plain | frozenset[DenyCode]:
    """What the request is, read whole before anything is taken from it; or the codes of its faults."""
    path, _, query = raw.target.partition(b"?")
    row = CATALOGUE.find(raw.method.decode(), "api.binance.com", path.decode())
    assert row is not None
    try:
        sent = whole(raw)
    except Faulty as faulty:
        return frozenset({faulty.code})
    codes = set()
    try:
        payload = signed_over(query) + signed_over(raw.body)
        presented = proof(row.security, dict(raw.headers).get(b"x-mbx-apikey"), sent, payload)
    except Faulty as faulty:
        codes.add(faulty.code)
    try:
        stamp = ("signature", "timestamp", "recvWindow")
        intent, extras = meant(row, {name: text for name, text in sent.items() if name not in stamp})
    except Refused as refused:
        codes.add(refused.code)
    return frozenset(codes) if codes else (intent, extras, presented)


def request(
    row: tuple[str, str], query: bytes, body: bytes = b"", headers: Sequence[tuple[bytes, bytes]] = (KEY, FORM)
) -> RawRequest:
    """A request for a row; without parameters there is no question mark."""
    method, path = row
    target = path.encode() + (b"?" + query if query else b"")
    return RawRequest(method.encode(), target, tuple(headers), body, None, "127.0.0.1")


def read(raw: RawRequest) -> Call:
    """The call, the same whether it is read for the first time or again."""
    first = decode(raw, "api.binance.com", raw.target)
    assert decode(raw, "api.binance.com", raw.target) == first
    return first


def agree(raw: RawRequest) -> bool:
    """Whether both make a call of it, the same one; otherwise both refuse it."""
    found = plainly(raw)
    if isinstance(found, frozenset):
        for _ in range(2):
            with pytest.raises(Refused) as refused:
                decode(raw, "api.binance.com", raw.target)
            assert refused.value.code in found
        return False
    call, (intent, extras, presented) = read(raw), found
    assert (call.intent, call.extras, call.proof) == (intent, extras, presented)
    granted = {"strategyId", "strategyType"} & dict(extras).keys() if isinstance(intent, Place) else set()
    assert call.needs_grant == granted
    return True


ORDER = ["symbol=BTCUSDT", "side=BUY", "type=MARKET", "quantity=1"]
WHOLE = st.sampled_from([
    *ORDER, "symbol=BTCUSDT", "orderId=1", "strategyId=7", "limit=5", "omitZeroBalances=true", "a=%26signature%3D1",
    "recvWindow=5000", "recvWindow=0.5", "recvWindow=60000.001", "recvWindow=x", "xsignature=1", "signaturex=1",
    "xtimestamp=1", "Signature=1", TIME, "timestamp=%31700000000000", "timestamp=1700000000000000",
    SIGNATURE, f"signature={HEX.upper()}", f"signature={BASE64}", "signature=%61" + HEX[1:],
])
BROKEN = st.sampled_from([
    "", "signature", "signature=", "timestamp", "timestamp=", "timestamp=0", "signature=a=b", "signature=;", "=1",
    "signature=%", "signature=%zz", "signature=%ff", "signature=%00", "signature=a b", "signature=a+b", "timestamp=1=1",
    "sign%61ture=1", "timestamp=\u00ff", "timestamp=%EF%BC%911700000000000", "_signature=1", "?signature=1", "a=\r\n",
    "signature=1;signature=2", "a" * 65 + "=1", " signature=1", "signature =1",
])
KEYS = st.sampled_from([(KEY, FORM), (FORM,), ((b"x-mbx-apikey", b"TO KEN"), FORM)])


@st.composite
def texts(draw: st.DrawFn) -> RawRequest:
    """A request for a row; its pairs in any order and place, now and then one twice or broken."""
    row = draw(st.sampled_from(ROWS))
    stamp = STAMP.split("&") if draw(st.integers(0, 3)) else []
    meaning = draw(st.sampled_from([[], ORDER, ["symbol=BTCUSDT", "orderId=1"]])) if draw(st.booleans()) else []
    odd = draw(st.lists(BROKEN, max_size=2)) if draw(st.integers(0, 3)) == 0 else []
    pairs = draw(st.permutations([*stamp, *meaning, *draw(st.lists(WHOLE, max_size=2)), *odd]))
    cut = len(pairs) if row[0] == "GET" and draw(st.integers(0, 9)) else draw(st.integers(0, len(pairs)))
    query, body = ("&".join(part).encode("latin-1") for part in (pairs[:cut], pairs[cut:]))
    return request(row, query, body, draw(KEYS) if draw(st.integers(0, 3)) == 0 else (KEY, FORM))


@given(texts())
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_two_decoders_agree_on_what_was_put_together(raw: RawRequest) -> None:
    """Any row, any pairs, in any order, in the query or the body."""
    agree(raw)


LETTERS = st.sampled_from([*"&=%;+ ?a1_", "%26", "&signature=", "&timestamp=", "signature=1", TIME])


@given(st.sampled_from(ROWS), st.lists(LETTERS, max_size=12).map("".join), st.lists(LETTERS, max_size=6).map("".join))
@settings(max_examples=600, deadline=None)
def test_two_decoders_agree_on_letters_in_any_order(row: tuple[str, str], query: str, body: str) -> None:
    """Where pairs begin and end, and what remains when some are taken out."""
    agree(request(row, query.encode(), body.encode()))


ACCOUNT = ROWS[0]


@pytest.mark.parametrize("query", [
    STAMP, f"{SIGNATURE}&{TIME}", f"{SIGNATURE}&a=1&{TIME}", f"{TIME}&a=1&{SIGNATURE}&b=2",
    f"{TIME}&signature={BASE64}", f"{TIME}&signature={BASE64}&xsignature=1", f"a=%26signature%3D1&{STAMP}",
    f"signatur=1&signatures=2&mysignature=3&{SIGNATURE}&{TIME}", f"timestamp=%31700000000000&{SIGNATURE}",
    "&".join([f"a{number}=1" for number in range(98)] + [TIME, SIGNATURE]),
])
def test_what_is_taken_out_leaves_the_rest_as_it_was(query: str) -> None:
    """In the first, a middle or the last place: the payload is every other byte, and the rest is what it means."""
    assert agree(request(ACCOUNT, query.encode()))


@pytest.mark.parametrize("query", [
    f"&{STAMP}", f"{STAMP}&", f"{TIME}&&{SIGNATURE}", f"{SIGNATURE}&&{TIME}", "&", "&&",
    f"{SIGNATURE}&", f"&{SIGNATURE}", f"{TIME}&", f"&{TIME}", f"{STAMP}&{SIGNATURE}", f"{TIME}&{TIME}",
    f"{SIGNATURE}&{STAMP}", f"{STAMP}&{TIME}", f"{TIME}&signature=a=b", f"{TIME}&signature=a;b",
    f"{TIME}&signature", f"{TIME}&signature=", f"{TIME}&signature=%ff", f"{TIME}&signature=;&{SIGNATURE}",
    f"a&{STAMP}=1", f"{SIGNATURE}&a&{TIME}=1",
    f"{STAMP};a=1", f"{TIME}&sign%61ture=1", f"timestamp=1;&{SIGNATURE}", f"timestamp&{SIGNATURE}",
    "&".join([f"a{number}=1" for number in range(99)] + [TIME, SIGNATURE]),
])
def test_nothing_that_the_whole_faults_becomes_good_by_taking_out(query: str) -> None:
    """A separator too many, a second of a name, a value that is none: none of it goes with what is taken."""
    assert not agree(request(ACCOUNT, query.encode()))


@pytest.mark.parametrize(("query", "body", "good"), [
    ("", STAMP, True), (STAMP, "", True), (TIME, SIGNATURE, True), (SIGNATURE, TIME, True),
    ("a=1", f"b=2&{STAMP}", True), (f"{SIGNATURE}&a=1", f"b=2&{TIME}", True), (f"{TIME}&a=1", f"{SIGNATURE}&b=2", True),
    (STAMP, SIGNATURE, False), (STAMP, TIME, False), (TIME, f"{SIGNATURE}&{SIGNATURE}", False),
    (f"a=1&{SIGNATURE}", f"a=2&{TIME}", False),
    (f"{SIGNATURE}&", TIME, False), (SIGNATURE, f"&{TIME}", False), ("&", STAMP, False), (STAMP, "&", False),
    ("signature=;", STAMP, False), (SIGNATURE, "timestamp", False), (f"{TIME}&signature=x;", SIGNATURE, False),
    ("&".join(f"a{number}=1" for number in range(100)), STAMP, True),
    ("&".join(f"a{number}=1" for number in range(101)), STAMP, False),
    (TIME, "&".join([f"a{number}=1" for number in range(99)] + [SIGNATURE]), True),
    (TIME, "&".join([f"a{number}=1" for number in range(100)] + [SIGNATURE]), False),
])
def test_query_and_body_are_one_text_with_a_border(query: str, body: str, good: bool) -> None:
    """Each in the grammar by itself, no name in both, the stamp in either."""
    assert agree(request(("POST", "/sapi/v3/asset/getUserAsset"), query.encode(), body.encode())) is good


def test_what_is_remembered_is_nobodys() -> None:
    """Two bots' reads of one meaning share it, and nothing else; another row of the same parameters is another call."""
    mine = read(request(ACCOUNT, f"a=1&{STAMP}".encode()))
    other = (b"x-mbx-apikey", b"YOU")
    yours = read(request(ACCOUNT, b"a=1&timestamp=1700000000001&signature=x", headers=(other, FORM)))
    assert (mine.intent, mine.extras) == (yours.intent, yours.extras)
    assert mine.proof == Proof("TOKEN", f"a=1&{TIME}".encode(), HEX, 1_700_000_000_000_000, 5_000_000)
    assert yours.proof == Proof("YOU", b"a=1&timestamp=1700000000001", "x", 1_700_000_000_001_000, 5_000_000)
    orders_read = read(request(("GET", "/api/v3/openOrderList"), f"a=1&{STAMP}".encode()))
    assert isinstance(mine.intent, Read)
    assert isinstance(orders_read.intent, Read)
    assert (mine.intent.name, orders_read.intent.name) == ("balances", "orders")


def test_what_was_read_unsigned_is_not_signed_by_being_remembered() -> None:
    """A window that nobody asked about is let go; beside a signature the same text is refused."""
    row = ("GET", "/api/v3/time")
    assert read(request(row, b"recvWindow=x", headers=())).proof is None
    assert not agree(request(row, f"recvWindow=x&{STAMP}".encode()))
    assert read(request(row, b"recvWindow=x", headers=())).proof is None


def test_headers_are_judged_each_time_they_differ() -> None:
    """A good head before it does not make a bad one good."""
    query = STAMP.encode()
    read(request(ACCOUNT, query))
    for bad in ((b"upgrade", b"websocket"), (b"x-mbx-sbe", b"1:0"), (b"x-mbx-time-unit", b"MICROSECOND"), KEY):
        for _ in range(2):
            with pytest.raises(Refused):
                decode(request(ACCOUNT, query, headers=(KEY, FORM, bad)), None, b"/api/v3/account?" + query)


@pytest.mark.parametrize(("row", "text", "kind"), [
    (ROWS[5], "&".join(ORDER), Place), (ROWS[6], "&".join(ORDER), Place), (ROWS[7], "symbol=BTCUSDT&orderId=1", Cancel),
    (ROWS[8], "symbol=BTCUSDT", CancelAll), (ROWS[0], "symbol=BTCUSDT", Read), (ROWS[2], "", Public),
])
def test_the_two_agree_on_every_meaning(row: tuple[str, str], text: str, kind: type[Intent]) -> None:
    """Not on refusals alone."""
    raw = request(row, (f"{text}&{STAMP}" if text else STAMP).encode())
    assert agree(raw)
    assert isinstance(read(raw).intent, kind)


def test_only_what_reads_is_remembered() -> None:
    """What changes state is read anew each time."""
    for (method, path), text in ((ROWS[0], "omitZeroBalances=true"), (ROWS[7], "symbol=BTCUSDT&orderId=1")):
        raw = RawRequest(method.encode(), f"{path}?{text}&{STAMP}".encode(), (KEY,), b"", "binance", "127.0.0.1")
        once, again = (decode(raw, None, raw.target).intent for _ in range(2))
        assert once == again
        assert (once is again) == isinstance(once, Read)
