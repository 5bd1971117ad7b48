"""Two requests in one, half a request, another reader's request: at the sockets, byte by byte.

What arrives at the exchange is counted and judged by the witness; an attack may cost the thief his connection, no more.
"""

import json
from pathlib import Path

import pytest

from tests.attacks.thief import FORM, ORDER, Thief, Wire, ask, pour, raw, statuses
from tests.attacks.ways import WAYS, Entrance
from tests.attacks.witness import Seen, Witness
from tests.world import World
from tests.world.home import ROOT

FORBIDDEN = "/sapi/v1/capital/withdraw/apply"
TRICKS = sorted((ROOT / "tests" / "vectors" / "binance" / "tricks").glob("*.json"))
REFUSED = sorted((ROOT / "tests" / "vectors" / "http" / "refused").glob("*.json"))


class Post:
    """One token at one way into the shared world, and its witness."""

    def __init__(self, world: World, kind: str) -> None:
        self.entrance = Entrance.of(world, kind)
        self.way, self.thief = self.entrance.way, self.entrance.thief(world.issue_new("smuggler"))
        self.witness = Witness(world)

    def pour(self, sent: bytes) -> list[int]:
        """Send it; the statuses that came back."""
        return list(statuses(pour(self.way, sent)))

    def orders(self) -> list[Seen]:
        """The orders that arrived; whatever arrived was within the policy."""
        return [one for one in self.witness.judge() if one.method == "POST"]


@pytest.fixture(params=WAYS)
def post(request: pytest.FixtureRequest, shared_world: World) -> Post:
    return Post(shared_world, request.param)


def hidden(post: Post) -> bytes:
    """A withdrawal and a large order, as the bytes to smuggle."""
    withdrawal = post.thief.request("POST", FORBIDDEN, "coin=BTC&address=thief&amount=1")
    return withdrawal + post.thief.order(quantity="1", price="40000")


def framings(post: Post) -> list[bytes]:
    """Requests whose end two readers see in two places, each with something hidden behind the first end."""
    inner = hidden(post)
    signed = post.thief.signed(ORDER.format(quantity="0.001", price="40000"))
    head = f"POST /api/v3/order?{signed} HTTP/1.1\r\nHost: {post.thief.host}\r\nX-MBX-APIKEY: {post.thief.key}\r\n"
    form = f"{FORM[0]}\r\n"
    chunked = b"0\r\n\r\n" + inner
    size = len(chunked)
    variants = (
        f"Content-Length: {size}\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n", "Transfer-Encoding:\tchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding: identity\r\nContent-Length: 0\r\n",
        " Transfer-Encoding: chunked\r\n", "X: x\nTransfer-Encoding: chunked\r\n",
        "X: x\rTransfer-Encoding: chunked\r\n",
        "Content-Length: 0\r\nContent-Length: 5\r\n", "Content-Length: 0, 5\r\n", "Content-Length: +5\r\n",
        "Content-Length: -1\r\n", "Content-Length: 0x5\r\n", "Content-Length: 5 \r\nContent-Length : 0\r\n",
        "Content-Length: 00\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 1e1\r\n", "Content-Length: \r\n",
        "Content-Length: \u0663\r\n", "Content-Length: 99999999999999999999\r\n",
        "Content-length: 5\r\nContent-Length: 0\r\n",
        "Expect: 100-continue\r\nContent-Length: 5\r\n", "Trailer: X\r\nTransfer-Encoding: chunked\r\n",
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAA\r\n",
        "Content-Encoding: gzip\r\nContent-Length: 5\r\n", "Foo: a\r\n b: c\r\n",
        "Foo: a\r\n\tTransfer-Encoding: chunked\r\n",
        "Host: evil.example\r\n", "X-MBX-APIKEY: other\r\n", ": nameless\r\n", "No colon\r\n", "Bad\x00Name: x\r\n",
        "Content-Length : 0\r\n", "X-HTTP-Method-Override: DELETE\r\nContent-Length: 0\r\n",
        f"X-Original-URL: {FORBIDDEN}\r\nX-Rewrite-URL: {FORBIDDEN}\r\nContent-Length: 0\r\n",
        "Connection: X-MBX-APIKEY\r\nContent-Length: 0\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
    )  # fmt: skip
    return [(head + form + variant + "\r\n").encode("utf-8") + chunked for variant in variants]


def test_nothing_hidden_behind_a_doubtful_end_arrives(post: Post) -> None:
    """CL and TE in every constellation, folds, bare line ends, nameless and doubled headers: no second request."""
    for attack in framings(post):
        post.pour(attack)
    assert all(order.meaning["quantity"] == "0.001" for order in post.orders())


@pytest.mark.parametrize(
    "version", ["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.1 ", "HTTP/1.10", "http/1.1", "", "ICY"]
)
def test_no_other_version_is_spoken(post: Post, version: str) -> None:
    """HTTP/1.0 and the like end otherwise: they are answered once, and nothing of them arrives."""
    request = post.thief.order().replace(b" HTTP/1.1", f" {version}".encode() if version else b"")
    assert set(post.pour(request)) <= {400}
    assert not post.orders()


def test_requests_one_behind_the_other_are_judged_one_by_one(post: Post) -> None:
    """Pipelining: each is decided by itself, in order, and the forbidden ones in between are refused."""
    small = [post.thief.order(price=f"4000{number}") for number in range(3)]
    forbidden = post.thief.request("POST", FORBIDDEN, "coin=BTC&address=thief&amount=1")
    large = post.thief.order(quantity="1")
    answers = post.pour(small[0] + forbidden + small[1] + large + small[2])
    assert answers == [200, 401, 200, 400, 200, 200]
    assert [order.meaning["price"] for order in post.orders()] == ["40000", "40001", "40002"]


def test_a_body_that_looks_like_a_request_is_a_body(post: Post) -> None:
    """What lies within Content-Length is never read as a request; what lies behind it always is."""
    inner = hidden(post)
    head = (
        f"GET /api/v3/account?{post.thief.signed()} HTTP/1.1\r\nHost: {post.thief.host}\r\n"
        f"X-MBX-APIKEY: {post.thief.key}\r\nContent-Length: {len(inner)}\r\n\r\n"
    )
    answers = post.pour(head.encode() + inner)
    assert answers == [400, 200]
    assert not post.orders()


def test_a_request_cut_anywhere_sends_nothing(post: Post) -> None:
    """A bot that dies in the middle of an order has sent none, however much of it was there."""
    request = post.thief.request("POST", "/api/v3/order", ORDER.format(quantity="0.001", price="40000"), in_body=True)
    for end in range(1, len(request), 23):
        with Wire(post.way) as wire:
            wire.send(request[:end])
    assert not post.orders()


def test_an_order_in_single_bytes_is_one_order(post: Post) -> None:
    """However the bytes fall into packets, they are the same request, once."""
    with Wire(post.way) as wire:
        for byte in post.thief.order():
            wire.send(bytes([byte]))
        assert wire.read().status == 200
    assert len(post.orders()) == 1


@pytest.mark.parametrize(
    "ending", ["\r\nX-MBX-APIKEY: k", " HTTP/1.1\r\nX: y", "\nX: y", "\x00", "\x0b", "\x85", "\u2028"]
)
def test_nothing_is_injected_into_what_leaves(post: Post, ending: str) -> None:
    """Control characters in a value, raw or encoded, never become a header or a line of the outgoing request."""
    quoted = "".join(f"%{byte:02X}" for byte in ending.encode())
    for value in (ending, quoted, quoted.replace("%", "%25")):
        for name in ("newClientOrderId", "symbol", "newOrderRespType"):
            post.pour(post.thief.order(extra=f"&{name}=a{value}"))
        post.pour(post.thief.request("GET", "/api/v3/allOrders", f"symbol=BTCUSDT&limit=5{value}"))
    arrived = post.witness.judge()
    assert not [one for one in arrived if one.method == "POST"]
    assert all(not any(letter < " " for letter in value) for one in arrived for value in one.parameters.values())


def test_a_connection_belongs_to_one_token(post: Post, shared_world: World) -> None:
    """A second token's request on the first one's connection is refused, even with its own good signature."""
    other = shared_world.issue_new("second")
    with Wire(post.way) as wire:
        assert wire.ask(post.thief.request("GET", "/api/v3/account")).status == 200
        assert wire.ask(post.entrance.thief(other).order()).rule == "token"
    assert not post.orders()


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_every_refused_vector_sends_nothing(post: Post, path: Path) -> None:
    """The corpus of what is no request, with a good order behind each: the connection ends before that order."""
    post.pour(json.loads(path.read_text())["raw"].encode("latin-1") + post.thief.order())
    assert not post.orders()


def test_no_trick_of_the_corpus_gets_further_than_the_policy(post: Post, shared_world: World) -> None:
    """Every parser trick of the adapter's vectors, signed anew as this token, by the port it is meant for."""
    for path in TRICKS:
        request = json.loads(path.read_text())["request"]
        way = post.way if request["port"] else shared_world.addresses.shared_port
        pour(way, resigned(request, post.thief))
    post.witness.judge()
    assert not shared_world.exchange.control("withdrawals")


def resigned(request: dict[str, object], thief: Thief) -> bytes:
    """A vector's request with the token's key, the present time and a signature where it had one."""
    target, mark, query = str(request["target"]).partition("?")
    body = str(request["body"])
    kept = [pair for pair in query.split("&") if pair and not pair.startswith(("signature=", "timestamp="))]
    if body:
        kept_body = "&".join(p for p in body.split("&") if not p.startswith(("signature=", "timestamp=")))
        body, query = thief.signed(kept_body), "&".join(kept)
    else:
        query = thief.signed("&".join(kept))
    names = [f"{name}: {thief.key if name.lower() == 'x-mbx-apikey' else value}" for name, value in request["headers"]]  # type: ignore[attr-defined]
    dropped = ("host", "content-length", "content-type") if body else ("host", "content-length")
    more = tuple(line for line in names if line.split(":")[0].lower() not in dropped)
    full = f"{target}{mark or '?'}{query}" if query else target
    return raw(str(request["method"]), full, body, None, more, thief.host)


def test_a_closed_door_answers_politely(post: Post) -> None:
    """Bytes of other protocols get an answer in HTTP or a closed connection, and nothing else happens."""
    for greeting in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"CONNECT api.binance.com:443 HTTP/1.1\r\n\r\n",
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x05\x01\x00", b"SSH-2.0-x\r\n", b"\x00" * 64,
                     b"\r\n" * 40):  # fmt: skip
        assert set(post.pour(greeting)) <= {400, 404, 405, 501}
    assert ask(post.way, post.entrance.raw("GET", "/api/v3/time")).status == 200
