"""Who asks: nothing leaves for a signature that is not the token's own, here, now and for the first time."""

from collections.abc import Callable

import pytest

from tests.attacks.thief import ORDER, Thief, Wire, ask, now_ms, raw, signature
from tests.attacks.ways import WAYS, Entrance
from tests.attacks.witness import Seen, Witness
from tests.world import World
from tests.world.world import ACCOUNT

ALL_OF_IT = {"POST": ORDER.format(quantity="0.001", price="40000"), "GET": "", "DELETE": "symbol=BTCUSDT"}
"""Parameters with which each method is a good request."""


class Gate:
    """The running gateway, a victim's and a thief's token, and a witness."""

    def __init__(self, world: World, kind: str) -> None:
        self.world, self.entrance = world, Entrance.of(world, kind)
        self.way, self.host, self.raw = self.entrance.way, self.entrance.host, self.entrance.raw
        credential = world.issue_new("victim")
        self.victims_name, self.victim = credential.name, self.entrance.thief(credential)
        self.own = self.entrance.thief(world.issue_new("own"))
        self.witness = Witness(world)

    def thief(self, key: str, secret: str) -> Thief:
        """Whoever claims to be a token."""
        return Thief(key, secret, self.host)

    def arrived(self) -> list[Seen]:
        """What arrived with the real key."""
        return self.witness.judge()


@pytest.fixture(params=WAYS)
def gate(request: pytest.FixtureRequest, shared_world: World) -> Gate:
    return Gate(shared_world, request.param)


def order_with(thief: Thief, bend: Callable[[str], str]) -> bytes:
    """An order whose signature was bent."""
    text = ORDER.format(quantity="0.001", price="40000") + f"&timestamp={now_ms()}&recvWindow=5000"
    good = signature(text, thief.secret)
    return raw("POST", f"/api/v3/order?{text}&signature={bend(good)}", "", thief.key, (), thief.host)


@pytest.mark.parametrize(
    "bend",
    [
        lambda good: "0" * 64, lambda good: good[:-1] + ("0" if good[-1] != "0" else "1"), lambda good: good[:32],
        lambda good: good + "0", lambda good: "", lambda good: good[::-1], lambda good: "%00" * 64,
        lambda good: f"{good}%00", lambda good: "null", lambda good: "A" * 88, lambda good: "%F0%9F%92%A9",
    ],
)  # fmt: skip
def test_a_bad_signature_never_leaves(gate: Gate, bend: Callable[[str], str]) -> None:
    """Flipped, cut, padded, empty: refused with the exchange's own error."""
    assert ask(gate.way, order_with(gate.victim, bend)).code in (-1022, -1130, -1100)
    assert not gate.arrived()


def test_every_mixture_of_two_tokens_is_refused(gate: Gate) -> None:
    """Id of A with secret of B and the reverse: a token's secret signs for that token alone."""
    for mixed in (gate.thief(gate.victim.key, gate.own.secret), gate.thief(gate.own.key, gate.victim.secret)):
        assert ask(gate.way, mixed.order()).code == -1022
        assert ask(gate.way, mixed.request("GET", "/api/v3/account")).code == -1022
    assert not gate.arrived()


def test_unknown_ids_are_refused_whatever_signs_them(gate: Gate) -> None:
    """Ids of no token, the real key's id, ids in other case or cut: none is a token."""
    real = gate.world.real_key
    for key in ("A" * 64, real.key, gate.victim.key.swapcase(), gate.victim.key[:-1], gate.victim.key + "a", "x", "'"):
        for secret in (gate.victim.secret, real.secret, "", "secret"):
            assert ask(gate.way, gate.thief(key, secret).order()).status == 401
    assert not gate.arrived()


def test_without_a_signature_a_key_opens_nothing_private(gate: Gate) -> None:
    """The id alone travels in clear: it gives market data, as no id does."""
    text = ORDER.format(quantity="0.001", price="40000") + f"&timestamp={now_ms()}"
    for method, path in (("POST", "/api/v3/order"), ("GET", "/api/v3/account"), ("DELETE", "/api/v3/order"),
                         ("GET", "/api/v3/openOrders"), ("POST", "/api/v3/userDataStream")):  # fmt: skip
        for key in (gate.victim.key, None):
            assert ask(gate.way, gate.raw(method, f"{path}?{text}", "", key)).status >= 400
    assert not gate.arrived()


@pytest.mark.parametrize("age", [-3_600_000, -61_000, -5_900, 2_500, 61_000, 3_600_000])
def test_stale_and_early_requests_never_leave(gate: Gate, age: int) -> None:
    """Outside its window a signature is worthless, in either direction."""
    assert ask(gate.way, gate.victim.order(stamp=now_ms() + age)).code == -1021
    assert ask(gate.way, gate.victim.request("GET", "/api/v3/account", stamp=now_ms() + age)).code == -1021
    assert not gate.arrived()


def test_no_window_is_longer_than_the_exchanges(gate: Gate) -> None:
    """A recvWindow beyond a minute is refused, so that no signature lives longer than it is remembered."""
    for window in (60_001, 3_600_000, 99_999):
        assert ask(gate.way, gate.victim.order(window=window)).status == 400
    assert not gate.arrived()


def test_an_order_is_good_for_one_time(gate: Gate) -> None:
    """The same bytes again, on any connection, port or path: a replay."""
    request = gate.victim.order(window=60_000)
    assert ask(gate.way, request).status == 200
    shared = gate.world.addresses.shared_port
    elsewhere = request.replace(b"POST /api/v3/order", b"POST /api.binance.com/api/v3/order")
    as_test = request.replace(b"POST /api/v3/order?", b"POST /api/v3/order/test?")
    for port, again in ((gate.way, request), (shared, elsewhere), (gate.way, as_test), (gate.way, request)):
        assert ask(port, again).rule == "replay"
    assert len(gate.arrived()) == 1


def test_a_read_that_was_seen_is_no_order(gate: Gate) -> None:
    """A signature covers no path: what was sent as a read once is not taken as an order afterwards."""
    text = gate.victim.signed(ORDER.format(quantity="0.001", price="40000"))
    assert ask(gate.way, gate.raw("GET", f"/api/v3/account?{text}", "", gate.victim.key)).status < 500
    assert ask(gate.way, gate.raw("POST", f"/api/v3/order?{text}", "", gate.victim.key)).rule == "replay"
    assert not [one for one in gate.arrived() if one.method == "POST"]


def test_a_signature_is_bound_to_its_bytes(gate: Gate) -> None:
    """A signed order with one value changed is nobody's."""
    request = gate.victim.order()
    for old, new in ((b"quantity=0.001", b"quantity=0.009"), (b"BUY", b"SELL"), (b"price=40000", b"price=40001"),
                     (b"BTCUSDT", b"ETHUSDT"), (b"recvWindow=5000", b"recvWindow=60000")):  # fmt: skip
        assert ask(gate.way, request.replace(old, new)).code == -1022
    assert not gate.arrived()


def issued(gate: Gate, name: str, *options: str) -> Thief:
    """A token with a scope."""
    words = ("token", "issue", name, "--account", ACCOUNT, "--policy", "trader", "--json", *options)
    told = gate.world.home.run(*words).json()
    return gate.thief(told["apiKey"], told["secret"])


def test_a_foreign_address_never_leaves(gate: Gate) -> None:
    """A token bound to other addresses is refused from here, reads and cancels included."""
    bound = issued(gate, gate.world.new_name("bound"), "--allow-ip", "192.0.2.0/24", "--allow-ip", "2001:db8::/32")
    for method, path in (("POST", "/api/v3/order"), ("GET", "/api/v3/account"), ("DELETE", "/api/v3/openOrders")):
        reply = ask(gate.way, bound.request(method, path, ALL_OF_IT[method]))
        assert (reply.status, reply.rule) == (401, "token")
    forwarded = bound.request("GET", "/api/v3/account", more=("X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1"))
    assert ask(gate.way, forwarded).status == 401
    assert not gate.arrived()


def test_a_revoked_token_never_leaves_again(gate: Gate) -> None:
    """By its connections, old and new; its name may be given to another token, whose secret is another."""
    with Wire(gate.way) as wire:
        assert wire.ask(gate.victim.request("GET", "/api/v3/account")).status == 200
        gate.world.home.run("token", "revoke", gate.victims_name)
        assert wire.to_the_end() == b""
    before = len(gate.arrived())
    again = issued(gate, gate.victims_name)
    for thief in (gate.victim, gate.thief(again.key, gate.victim.secret), gate.thief(gate.victim.key, again.secret)):
        for method, path in (("POST", "/api/v3/order"), ("GET", "/api/v3/account"), ("DELETE", "/api/v3/openOrders")):
            assert ask(gate.way, thief.request(method, path, ALL_OF_IT[method])).code in (-2014, -1022)
    assert len(gate.arrived()) == before


def test_a_paused_token_only_cancels_and_reads(gate: Gate) -> None:
    """Orders and test orders stop; its own orders can still be seen and cancelled; a person resumes it."""
    name = gate.world.new_name("sleepy")
    own = issued(gate, name)
    assert ask(gate.way, own.order(extra=f"&newClientOrderId={name}")).status == 200
    gate.world.home.run("token", "pause", name)
    assert ask(gate.way, own.order()).rule == "state"
    test_order = own.request("POST", "/api/v3/order/test", ORDER.format(quantity="0.001", price="40000"))
    assert ask(gate.way, test_order).rule == "state"
    assert ask(gate.way, own.request("GET", "/api/v3/openOrders", "symbol=BTCUSDT")).status == 200
    cancel = own.request("DELETE", "/api/v3/order", f"symbol=BTCUSDT&origClientOrderId={name}")
    assert ask(gate.way, cancel).status == 200
    assert [one.meaning.get("newClientOrderId") for one in gate.arrived() if one.method == "POST"] == [name]
    gate.world.home.run("token", "resume", name)
    assert ask(gate.way, own.order()).status == 200


def test_a_rotated_secret_is_worthless_at_once(gate: Gate) -> None:
    """Same id, new secret: the old one signs nothing any more, and its connections are closed."""
    name = gate.world.new_name("turning")
    old = issued(gate, name)
    with Wire(gate.way) as wire:
        assert wire.ask(old.request("GET", "/api/v3/account")).status == 200
        told = gate.world.home.run("token", "rotate", name, "--json").json()
        assert wire.to_the_end() == b""
    assert told["apiKey"] == old.key
    assert ask(gate.way, old.order()).code == -1022
    assert ask(gate.way, gate.thief(old.key, told["secret"]).order()).status == 200


def test_nobody_without_the_secret_can_have_a_token_stopped(gate: Gate) -> None:
    """Who knows an id alone (it travels in clear) may not trip its breaker nor use up its requests."""
    gate.world.home.write("policies/nervous.yaml", NERVOUS)
    calm = gate.entrance.thief(gate.world.issue(gate.world.new_name("calm"), "nervous"))
    for _ in range(12):
        ask(gate.way, gate.raw("POST", "/api/v3/userDataStream", "", calm.key))
        ask(gate.way, gate.raw("GET", "/api/v3/time", "", calm.key))
        ask(gate.way, gate.thief(calm.key, "not the secret").order())
    assert ask(gate.way, calm.order()).status == 200


NERVOUS = """\
version: 1
allow: {symbols: [BTC/USDT], orders: [limit], reads: all}
limits:
  order: 500 USDT
  turnover: 5_000 USDT per 24h
  requests: 10 per 1h
price: {giveaway: unlimited because this is an attack, sources: 1 because this world has one exchange}
if_denied: 3 per 5m then cancel_only
"""
