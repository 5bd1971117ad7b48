"""Value never leaves: no row of the table that moves value, mints keys or configures reaches the exchange.

In process for every row and spelling, under the most liberal policy that loads; a sample over the sockets.
"""

import asyncio
import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.core.request import RawRequest
from tests.attacks.thief import Thief, Tunnel, ask, pour, raw
from tests.attacks.witness import SAFE, Witness
from tests.stages.gatehouse import Gatehouse
from tests.world import World
from tests.world.home import ROOT

LIBERAL = """
version: 1
allow:
  symbols: ["*/USDT", "*/BTC", "*/ETH", BTC/*, ETH/*]
  markets: [spot]
  orders: [limit, post_only, market, stop, stop_limit, take_profit, take_profit_limit, trailing_stop, iceberg]
  sides: [buy, sell]
  reads: all
  cancel: account
limits:
  order: unlimited because this is an attack
  turnover: unlimited because this is an attack
price:
  market: protect 50%
  giveaway: unlimited because this is an attack
  sources: 1 because this world has one exchange
  stale_after: 60s
parameters:
  POST /api/v3/order: [strategyId, strategyType, sideEffectType, walletType, address, amount]
  POST /sapi/v1/capital/withdraw/apply: [coin, address, amount, network]
  POST /sapi/v1/asset/transfer: [type, asset, amount]
"""
TABLE = ROOT / "gateway" / "exchanges" / "binance" / "endpoints.tsv"
LEAVING = frozenset({"market", "account_read", "order_place", "order_test", "order_cancel"})
EVERYTHING = (
    "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=50000&asset=USDT&coin=USDT&amount=100"
    "&address=thief&network=ETH&toEmail=thief&listenKey=k&quoteId=1"
)
"""One set of parameters that means something to most of these endpoints."""


def rows() -> list[dict[str, str]]:
    """The table, read without the gateway."""
    with TABLE.open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


class Raid:
    """Signed requests at the pipeline of one gatehouse, by the own port and by the shared one."""

    def __init__(self, house: Gatehouse, runner: asyncio.Runner) -> None:
        self.house, self._runner = house, runner
        self._thief = Thief(house.bot.id, house.bot.key.material.reveal().decode())

    def attempt(self, method: str, path: str, host: str = "api.binance.com", parameters: str = EVERYTHING) -> None:
        """Every way of carrying and signing: query and body, each kind of door, key alone, no key."""
        doors = (("binance", None, path), (None, None, f"/{host}{path}"), (None, None, f"/https://{host}{path}"),
                 (None, host, path))  # fmt: skip
        for port, led, target in doors:
            for text, body in self._carried(parameters):
                self._ask(method, port, target + text, body, self._thief.key, led)
            self._ask(method, port, target, "", None, led)

    def knock(self, method: str, target: str) -> None:
        """One signed request to the shared port."""
        self._ask(method, None, f"{target}?{self._signed('')}", "", self._thief.key)

    def knock_in(self, method: str, host: str, path: str) -> None:
        """One signed request inside a tunnel to that host, if there were one."""
        self._ask(method, None, f"{path}?{self._signed('')}", "", self._thief.key, host)

    def _carried(self, parameters: str) -> list[tuple[str, str]]:
        signed = [self._signed(parameters) for _ in range(3)]
        half = self._thief.signed("", stamp=self._stamp())
        return [(f"?{signed[0]}", ""), ("", signed[1]), (f"?{half}", ""), (f"?{parameters}", ""), ("", "")]

    def _signed(self, parameters: str) -> str:
        return self._thief.signed(parameters, stamp=self._stamp())

    def _stamp(self) -> int:
        self.house.clock.ms += 1
        return self.house.clock.ms

    def _ask(
        self, method: str, port: str | None, target: str, body: str, key: str | None, led: str | None = None
    ) -> None:
        headers = [(b"host", b"127.0.0.1")] + ([(b"x-mbx-apikey", key.encode())] if key else [])
        headers += [(b"content-type", b"application/x-www-form-urlencoded")] if body else []
        request = RawRequest(
            method.encode(), target.encode("utf-8", "surrogateescape"), tuple(headers), body.encode(), port,
            "127.0.0.1", led,
        )  # fmt: skip
        self._runner.run(self.house.ask(request))


@pytest.fixture
def raid(tmp_path: Path) -> Iterator[Raid]:
    with asyncio.Runner() as runner:
        yield Raid(Gatehouse(tmp_path, LIBERAL), runner)


@pytest.mark.parametrize("part", range(4))
def test_no_row_but_reads_orders_and_cancels_ever_leaves(raid: Raid, part: int) -> None:
    """Every row, however it is carried: what arrives is that very row, of a class that moves nothing."""
    for row in rows()[part::4]:
        raid.house.exchange.arrived.clear()
        raid.attempt(row["method"], row["path"], row["host"])
        for outgoing in raid.house.exchange.arrived:
            assert row["class"] in LEAVING
            assert (outgoing.method, outgoing.target.partition("?")[0]) == (row["method"], row["path"])
            assert outgoing.method == "GET" or (outgoing.method, row["path"]) in SAFE


def test_the_raid_does_get_through_where_it_may(raid: Raid) -> None:
    """The raid's hands are good: an order and a read of the same making arrive."""
    raid.attempt("POST", "/api/v3/order", parameters="symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&quantity=1&price=1000")
    raid.attempt("GET", "/api/v3/account", parameters="")
    assert set(raid.house.exchange.calls) == {"POST /api/v3/order", "GET /api/v3/account"}


FORBIDDEN = (
    ("POST", "/sapi/v1/capital/withdraw/apply"), ("POST", "/sapi/v1/asset/transfer"),
    ("POST", "/sapi/v1/sub-account/universalTransfer"), ("POST", "/sapi/v1/convert/acceptQuote"),
    ("POST", "/sapi/v1/giftcard/createCode"), ("POST", "/api/v3/userDataStream"),
    ("POST", "/api/v3/order/cancelReplace"), ("POST", "/sapi/v1/margin/apiKey"), ("GET", "/sapi/v1/soft-staking/set"),
    ("GET", "/sapi/v1/capital/deposit/address"), ("POST", "/api/v3/no/such/path"), ("PUT", "/api/v3/order"),
    ("PATCH", "/api/v3/order"), ("HEAD", "/api/v3/account"), ("OPTIONS", "/api/v3/order"), ("post", "/api/v3/order"),
)  # fmt: skip


def twisted(path: str) -> list[str]:
    """A path in spellings that some parser somewhere takes for the path itself."""
    head, _, last = path.rpartition("/")
    letter = f"%{ord(last[0]):02x}"
    return [
        "/" + path, path.replace("/", "//", 2), head + "/./" + last, head + "/x/../" + last, head + "/%2e/" + last,
        head + "/%2e%2e/" + path.split("/")[-2] + "/" + last, head + "%2f" + last, head + "%2F" + last,
        head + "/" + letter + last[1:], head + "/%25" + letter[1:] + last[1:], path.upper(), path.title(), path + "/",
        path + "//", path + "/.", path + "/..", path + ";a=b", path + ";", head + ";/" + last, path + ".json",
        path + "%00", path + "\x00", path + "%20", path + " ", path + "\t", path.replace("/", "\\"),
        head + "\\" + last, path + "#", path + "#/api/v3/time", path + "%3f", path + "%23", head + "/\uff0f" + last,
        head + "%c0%af" + last, head + "%ef%bc%8f" + last, "/api/v3/time/../../.." + path, "/api/v3/ping" + path,
        "/api/v3/ping/..;" + path, "/api/v3/ping?x=" + path, path + "\r\nX-Evil: 1", "/*" + path, path + "*",
        "." + path, "", "/", "*",
    ]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), FORBIDDEN)
def test_no_spelling_of_a_forbidden_path_leaves(raid: Raid, method: str, path: str) -> None:
    """Double slashes, dot segments, encodings, case, path parameters, NUL: whatever a parser might mend."""
    for spelt in [path, *twisted(path)]:
        raid.attempt(method, spelt)
    assert not [call for call in raid.house.exchange.calls if not call.endswith("/api/v3/ping")]


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/v3/order"), ("GET", "/api/v3/account")])
def test_an_allowed_path_has_one_spelling(raid: Raid, method: str, path: str) -> None:
    """Not even what might be had is to be had by another name: nothing is ever normalised."""
    for spelt in twisted(path):
        raid.attempt(method, spelt, parameters="symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&quantity=1&price=1000")
    assert not [call for call in raid.house.exchange.calls if not call.endswith("/api/v3/ping")]


HOSTS = (
    "evil.example", "api.binance.com.evil.example", "api.binance.com@evil.example", "user:pw@api.binance.com",
    "evil.example:443@api.binance.com", "api.binance.com:8443", "api.binance.com:0443", "api.binance.com:443:443",
    "api.binance.com:", "api.binance.com.", "API.BINANCE.COM", "Api.binance.com", "[api.binance.com]", "127.0.0.1",
    "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "169.254.169.254",
    "xn--pi-bnance-g4a.com", "api.b\u0131nance.com", "api.binance\u3002com", "api%2ebinance.com", "api.binance.com%00",
    "api.binance.com%23.evil.example", "api.binance.com\\.evil.example", "api.binance.com;evil", "-api.binance.com",
    "api..binance.com", "api.binance.com,evil.example", " api.binance.com", "accounts.binance.com", "p2p.binance.com",
    "fix-oe.binance.com", "api5.binance.com", "api.binance.us", "..", ".", "%2e%2e", "http://api.binance.com",
    "HTTPS://api.binance.com", "wss://ws-api.binance.com", "file:///etc/passwd", "//api.binance.com", "",
)  # fmt: skip


@pytest.mark.parametrize("path", ["/api/v3/account", "/sapi/v1/capital/withdraw/apply", "/api/v3/time"])
def test_no_other_host_is_ever_meant(raid: Raid, path: str) -> None:
    """Userinfo, ports, brackets, numbers, IDNA, trailing dots: the shared port knows the table's names and no other."""
    for host in HOSTS:
        for method in ("GET", "POST"):
            for target in (f"/{host}{path}", f"/https://{host}{path}", f"{host}{path}", f"https://{host}{path}"):
                raid.knock(method, target)
            raid.knock_in(method, host, path)
    assert not raid.house.exchange.arrived


@pytest.mark.parametrize("alias", ["api1.binance.com", "api4.binance.com", "api-gcp.binance.com"])
def test_an_alias_of_a_host_gives_nothing_more(raid: Raid, alias: str) -> None:
    """Another name for the same exchange is judged by the same table, and the table's own host is dialled."""
    raid.attempt("POST", "/sapi/v1/capital/withdraw/apply", alias)
    raid.attempt("GET", "/api/v3/account", alias, parameters="")
    assert set(raid.house.exchange.calls) == {"GET /api/v3/account"}
    assert {outgoing.host for outgoing in raid.house.exchange.arrived} == {"api.binance.com"}


@pytest.mark.parametrize("host", ["testnet.binance.vision", "demo-api.binance.com", "fapi.binance.com"])
def test_the_key_never_goes_to_another_environment(raid: Raid, host: str) -> None:
    """A live account's key is not signed for the testnet, nor spot's paths for another product."""
    for path in ("/api/v3/account", "/sapi/v1/capital/withdraw/apply", "/fapi/v1/order"):
        raid.attempt("GET", path, host, parameters="")
    assert {outgoing.host for outgoing in raid.house.exchange.arrived} <= {"api.binance.com"}


def test_over_the_sockets_nothing_forbidden_arrives(shared_world: World) -> None:
    """The same against running processes: every forbidden path and its twists, by both ports."""
    credential = shared_world.issue_new("floors")
    thief, witness = Thief(credential.key, credential.secret), Witness(shared_world)
    ports = shared_world.addresses.binance_port, shared_world.addresses.shared_port
    for method, path in FORBIDDEN:
        for port, spelt in zip(ports, (path, f"/api.binance.com{path}"), strict=True):
            pour(port, thief.request(method, spelt, EVERYTHING))
            pour(port, thief.request(method, spelt, EVERYTHING, in_body=True))
    for spelt in twisted("/sapi/v1/capital/withdraw/apply"):
        pour(ports[0], thief.request("POST", spelt, EVERYTHING))
    assert not witness.keyed()
    assert not shared_world.exchange.control("withdrawals")


def test_over_the_sockets_no_other_host_is_dialled(shared_world: World) -> None:
    """Absolute forms, foreign Hosts and names in the path get an answer of ours."""
    credential = shared_world.issue_new("hosts")
    thief, witness = Thief(credential.key, credential.secret), Witness(shared_world)
    port = shared_world.addresses.shared_port
    for host in HOSTS:
        pour(port, thief.request("GET", f"/{host}/api/v3/account"))
        pour(port, thief.request("GET", f"http://{host}/api/v3/account"))
    assert not witness.keyed()
    asked = thief.request("GET", "/api.binance.com/api/v3/account").replace(b"Host: 127.0.0.1", b"Host: evil.example")
    assert ask(port, asked).status == 200
    assert [one.path for one in witness.keyed()] == ["/api/v3/account"]


def test_a_path_of_a_websocket_is_not_upgraded(shared_world: World) -> None:
    """An upgrade would be a tunnel past the policy: it is refused on either port."""
    upgrade = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: " + "A" * 24,
    )
    witness = Witness(shared_world)
    for target in (
        "/ws-api.binance.com/ws-api/v3",
        "/stream.binance.com/ws/btcusdt@trade",
        "/api.binance.com/api/v3/time",
    ):
        reply = ask(shared_world.addresses.shared_port, raw("GET", target, more=upgrade))
        assert 400 <= reply.status < 500
    ca = shared_world.home.path / "certs" / "ca.pem"
    for host, number, path in (
        ("stream.binance.com", 9443, "/ws/btcusdt@trade"),
        ("stream.binance.com", 443, "/stream?streams=btcusdt@depth"),
        ("ws-api.binance.com", 443, "/ws-api/v3"),
    ):
        tunnel = Tunnel(shared_world.addresses.forward_port, ca, host, number)
        reply = ask(tunnel, raw("GET", path, more=upgrade, host=f"{host}:{number}"))
        assert 400 <= reply.status < 500
        assert reply.code is not None, "it is said in the exchange's words"
    assert not [one for one in witness.arrivals() if "ws" in one.path]
