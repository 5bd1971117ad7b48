"""No parser differential: whatever a bot writes, either nothing leaves, or what leaves is within the policy.

What leaves is judged by the strict reader of the tests, never by the gateway's own decoder; and every order that left
is covered by a reservation at least as large.
"""

import asyncio
from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core.request import Outgoing, RawRequest
from tests.attacks.thief import signature
from tests.attacks.witness import Bounds
from tests.exchanges.binance.reader import read
from tests.stages.gatehouse import Gatehouse

POLICY = """
version: 1
allow:
  symbols: [BTC/USDT]
  orders: [limit, post_only, market]
limits:
  order: 1_000 USDT
  turnover: 1_000_000_000 USDT per 24h
price:
  market: protect 1%
  giveaway: unlimited because this is an attack
  sources: 1 because this world has one exchange
"""
BOUNDS = Bounds(frozenset({"BTCUSDT"}), Decimal(1010))
"""The order limit, and what the worst fee leaves room for."""

USUAL = {
    "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "40000",
    "newClientOrderId": "mine-{now}", "timestamp": "{now}", "recvWindow": "5000",
}  # fmt: skip
NAMES = [*USUAL, "quoteOrderQty", "stopPrice", "icebergQty", "signature", "selfTradePreventionMode", "sideEffectType"]
NUMBERS = [
    "0.01", "1000", "1e3", "1E3", "+5", "-5", " 5", "5 ", "5%20", "%205", "%2B5", "0x10", "010", "00.01", ".5", "5.",
    "1_000", "1,000", "NaN", "nan", "Infinity", "inf", "-0", "0", "\u0663", "\uff11\uff12", "%D9%A3", "9" * 40,
    "1." + "0" * 40, "1" + "0" * 17, "5%00", "5%0a", "5\t", "%35", "%2530", "5&quantity=500", "5;quantity=500",
    "5%26quantity=500", "5%3Bprice=1", "",
    "null", "true", "[5]", "%5B5%5D", "{}", '"5"', "0.000000000000000001", "5%C0%B1", "5%", "5%zz", "5#",
    "5?price=1",
]  # fmt: skip
WORDS = [
    "BTCUSDT", "btcusdt", "BTCUSDT%20", "ETHUSDT", "BTCUSDT,ETHUSDT", "BTCUSDT%00ETHUSDT",
    "\u0412\u0422\u0421USDT", "\uff22TCUSDT", "BUY",
    "SELL", "buy", "LIMIT", "MARKET", "LIMIT_MAKER", "limit", "STOP_LOSS", "GTC", "IOC", "GTX", "TRANSFER", "NONE",
    "ACK", "MARGIN_BUY", "mine-{now}", "yours", "{now}", "{old}", "5000", "60000", "60001", "0",
]  # fmt: skip
KEY_SPELLINGS = [
    *[str] * 8, str.upper, str.lower, lambda name: f"%{ord(name[0]):02x}{name[1:]}", lambda name: name + "%00",
    lambda name: name + " ", lambda name: "+" + name, lambda name: name + "[]", lambda name: name + "[0]",
    lambda name: "\ufeff" + name, lambda name: name.replace("i", "\u0131"), lambda name: f"%20{name}", lambda name: "",
]  # fmt: skip
JOINS = [*["&"] * 30, ";", ",", "&&", "%26", "+", " ", "\n", "?", "#"]
TYPES = [
    "application/x-www-form-urlencoded", "application/x-www-form-urlencoded", "application/json", "text/plain", "",
    "multipart/form-data; boundary=x", "application/x-www-form-urlencoded; charset=utf-16",
    "APPLICATION/X-WWW-FORM-URLENCODED",
]  # fmt: skip
PATHS = [*["/api/v3/order"] * 8, "/api/v3/order/test", "/api/v3/openOrders", "/api/v3/account"]
METHODS = [*["POST"] * 12, "DELETE", "GET", "PUT"]

pairs = st.tuples(
    st.sampled_from(NAMES), st.sampled_from(KEY_SPELLINGS), st.sampled_from(NUMBERS) | st.sampled_from(WORDS)
)
edits = st.lists(st.tuples(st.integers(0, 12), pairs), max_size=2)


@st.composite
def attacks(draw: st.DrawFn) -> tuple[str, str, str, str, str, int, str | None]:
    """Method, path, query, body, content type, where the signature goes, and the tunnel it comes through if any:

    an honest order, bent a few times.
    """
    sent = list(USUAL.items())
    if draw(st.booleans()):
        sent = [
            (name, "MARKET" if name == "type" else value)
            for name, value in sent
            if name not in ("price", "timeInForce")
        ]
    kept = draw(st.sets(st.integers(0, len(sent) - 1), max_size=1))
    parts = [f"{name}={value}" for index, (name, value) in enumerate(sent) if index not in kept or draw(st.booleans())]
    for at, (name, spell, value) in draw(edits):
        bent = f"{spell(name)}={value}"
        if draw(st.booleans()):
            parts = [part for part in parts if not part.startswith(f"{name}=")]
        parts.insert(min(at, len(parts)), bent)
    cut = draw(st.sampled_from([0, len(parts), draw(st.integers(0, len(parts)))]))
    join = draw(st.sampled_from(JOINS))
    query, body = join.join(parts[:cut]), "&".join(parts[cut:])
    return (
        draw(st.sampled_from(METHODS)), draw(st.sampled_from(PATHS)), query, body, draw(st.sampled_from(TYPES)),
        draw(st.integers(0, 3)), draw(st.sampled_from([None, "api.binance.com"])),
    )  # fmt: skip


class Bench:
    """One gatehouse for thousands of attempts; what each one made leave, and what it reserved."""

    def __init__(self, house: Gatehouse, runner: asyncio.Runner) -> None:
        self.house, self._runner = house, runner

    def attempt(
        self, method: str, path: str, query: str, body: str, content_type: str, place: int, tunnel: str | None = None
    ) -> list[Outgoing]:
        """Sign these bytes as they are, and ask, by the exchange's own port or through a tunnel; what left."""
        house = self.house
        house.clock.ms += 10
        old = house.clock.ms - 100_000
        query, body = (text.replace("{now}", str(house.clock.ms)).replace("{old}", str(old)) for text in (query, body))
        secret = house.bot.key.material.reveal().decode()
        proof = "signature=" + signature((query + body).encode("utf-8", "surrogateescape"), secret)
        query, body = _placed(query, body, proof, place)
        headers = [(b"host", (tunnel or "127.0.0.1").encode()), (b"x-mbx-apikey", house.bot.id.encode())]
        headers += [(b"content-type", content_type.encode())] if content_type else []
        request = RawRequest(
            method.encode(), f"{path}?{query}".encode("utf-8", "surrogateescape"), tuple(headers),
            body.encode("utf-8", "surrogateescape"), None if tunnel else "binance", "127.0.0.1", tunnel,
        )  # fmt: skip
        house.exchange.arrived.clear()
        self._runner.run(house.ask(request))
        return list(house.exchange.arrived)

    def judge(self, left: list[Outgoing], before: Decimal) -> None:
        """What left is one request within the policy, and no more than what was reserved for it."""
        assert len(left) <= 1
        for outgoing in left:
            sent = read(outgoing)
            if outgoing.method == "POST":
                BOUNDS.check(
                    {
                        name: value
                        for name, value in sent.items()
                        if name not in ("timestamp", "recvWindow", "signature")
                    }
                )
            if (outgoing.method, outgoing.target) == ("POST", "/api/v3/order"):
                assert self.house.turnover() - before >= Decimal(sent["quantity"]) * Decimal(sent["price"])


def _placed(query: str, body: str, proof: str, place: int) -> tuple[str, str]:
    """The signature at the end, at the start, in the middle, or in the body."""
    if place == 0:
        return f"{query}&{proof}" if query else proof, body
    if place == 1:
        return f"{proof}&{query}" if query else proof, body
    if place == 2:
        return query.replace("&", f"&{proof}&", 1), body
    return query, f"{body}&{proof}" if body else proof


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with asyncio.Runner() as runner:
        yield Bench(Gatehouse(tmp_path_factory.mktemp("bench"), POLICY), runner)


@given(attack=attacks())
@settings(max_examples=800, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_written_nothing_beyond_the_policy_leaves(
    bench: Bench, attack: tuple[str, str, str, str, str, int, str | None]
) -> None:
    """Repeats, odd numbers, odd names, odd separators, split in two, signed anywhere: denied, or exactly read."""
    before = bench.house.turnover()
    bench.judge(bench.attempt(*attack), before)


def order(**changed: str) -> str:
    """The honest order with some values changed."""
    return "&".join(f"{name}={value}" for name, value in (USUAL | changed).items())


def test_the_honest_order_leaves(bench: Bench) -> None:
    """The bench's hand is good: unbent, its order arrives."""
    (left,) = bench.attempt("POST", "/api/v3/order", order(newClientOrderId="honest"), "", "", 0)
    assert read(left)["quantity"] == "0.01"


@pytest.mark.parametrize("name", ["quantity", "price"])
@pytest.mark.parametrize("number", [n for n in NUMBERS if n not in ("0.01", "1000", "%35", "1" + "0" * 17)])
def test_no_odd_number_is_taken_for_a_number(bench: Bench, name: str, number: str) -> None:
    """Every spelling that one parser reads as a number and another does not (or not as the same) is refused."""
    text = order(newClientOrderId="odd", **{name: number})
    left = bench.attempt("POST", "/api/v3/order", text, "", "", 0)
    assert not left or number == "0.000000000000000001"


def test_a_parameter_twice_in_any_two_places_is_refused(bench: Bench) -> None:
    """In the query, in the body, across both, with one value or two, in the same spelling or an encoded one."""
    for name, value in USUAL.items():
        for twin in (f"{name}={value}", f"{name}=9", f"{name}=", f"%{ord(name[0]):02X}{name[1:]}={value}"):
            for query, body in ((f"{order()}&{twin}", ""), ("", f"{order()}&{twin}"), (order(), twin), (twin, order())):
                assert not bench.attempt("POST", "/api/v3/order", query, body, TYPES[0], 0)


def test_a_name_in_another_case_is_another_name(bench: Bench) -> None:
    """An exchange that ignored case would read it as the parameter that the policy did not see."""
    for name in ("QUANTITY", "Quantity", "quantitY", "SYMBOL", "Price", "STOPPRICE", "quoteorderqty", "batchOrders"):
        for value in ("9", "ETHUSDT"):
            assert not bench.attempt("POST", "/api/v3/order", f"{order()}&{name}={value}", "", "", 0)


@pytest.mark.parametrize(
    "body",
    [
        '{"symbol":"BTCUSDT","quantity":"500"}',
        "[]",
        "quantity=500",
        "--x\r\nContent-Disposition: form-data\r\n--x--",
        "\x00",
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data; boundary=x", ""])
def test_a_body_of_another_kind_is_refused(bench: Bench, body: str, content_type: str) -> None:
    """A body is form parameters or nothing; no type that another reader understands otherwise."""
    assert not bench.attempt("POST", "/api/v3/order", order(newClientOrderId="kind"), body, content_type, 0)


def test_a_signature_holds_for_what_it_was_made_for(bench: Bench) -> None:
    """Moved, doubled, empty, in other case: a signed string is not taken apart into another one."""
    proof = "signature=" + "0" * 64
    for query, body in (
        (f"{order()}&{proof}", ""), (order(), proof), (f"{proof}&{order()}", proof), (f"{order()}&signature=", ""),
        (f"{order()}&Signature=x", ""), (f"{order()}&%73ignature=x", ""), (f"{order()}&signature", ""),
    ):  # fmt: skip
        for place in range(4):
            assert not bench.attempt("POST", "/api/v3/order", query, body, TYPES[0], place)
