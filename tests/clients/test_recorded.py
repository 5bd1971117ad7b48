"""Every request that real clients were once seen to send to Binance, sent through a running gateway.

Each file under vectors/binance/recorded is one request, byte for byte; here it is signed anew with a token. What
reaches the exchange must be what the policy allows, by this table, and nothing else. Those that were recorded in a
tunnel go through the forward port too, by the CONNECTs that these clients sent, under vectors/binance/connects.
"""

import socket
from itertools import count
from pathlib import Path

import pytest

from tests.world import World
from tests.world.exchange import Arrival
from tests.world.recorded import ANSWER_SECONDS, Connect, Recording, Replayer

VECTORS = Path(__file__).parents[1] / "vectors" / "binance"

PASSES = {
    "GET /api/v3/account",
    "GET /api/v3/depth",
    "GET /api/v3/exchangeInfo",
    "GET /api/v3/klines",
    "GET /api/v3/openOrders",
    "GET /api/v3/order",
    "GET /api/v3/ping",
    "GET /api/v3/time",
    "GET /dapi/v1/exchangeInfo",
    "GET /fapi/v1/exchangeInfo",
    "GET /sapi/v1/account/apiRestrictions",
    "GET /sapi/v1/capital/config/getall",
    "GET /sapi/v1/margin/allPairs",
    "GET /sapi/v1/margin/isolated/allPairs",
    "POST /api/v3/order",
    "DELETE /api/v3/order",
}
"""Spot trading, spot reads, public market data of spot, and the lists of instruments."""

STOPS = {
    "GET /fapi/v1/depth",
    "GET /fapi/v1/klines",
    "GET /fapi/v1/leverageBracket",
    "GET /fapi/v1/multiAssetsMargin",
    "GET /fapi/v1/openOrders",
    "GET /fapi/v1/order",
    "GET /fapi/v1/positionSide/dual",
    "GET /fapi/v1/time",
    "GET /fapi/v3/account",
    "GET /fapi/v3/balance",
    "GET /fapi/v3/positionRisk",
    "POST /fapi/v1/batchOrders",
    "POST /fapi/v1/leverage",
    "POST /fapi/v1/marginType",
    "POST /fapi/v1/order",
    "DELETE /fapi/v1/order",
}
"""Derivatives, which this version does not serve."""

RENEWED = {"timestamp", "recvWindow", "signature", "newOrderRespType"}
"""Parameters that are the gateway's own business on the way out."""


def _recordings() -> list[Recording]:
    return [Recording.read(path) for path in sorted((VECTORS / "recorded").glob("*.json"))]


def _connects() -> list[Connect]:
    return [Connect.read(path) for path in sorted((VECTORS / "connects").glob("*.json"))]


def test_the_table_speaks_of_every_recording_and_of_nothing_else() -> None:
    """A recording that nobody has judged is no test; a row without a recording is none either."""
    recorded = {f"{one.method} {one.path}" for one in _recordings()}
    assert recorded == PASSES | STOPS


@pytest.mark.timeout(180)
def test_what_reaches_the_exchange_is_what_the_policy_allows(world: World) -> None:
    """Each recording either arrives with the real key, or is answered by the gateway and never arrives."""
    token = world.issue_new("recorded")
    at = ("127.0.0.1", world.addresses.binance_port)
    name = world.addresses.binance.removeprefix("http://")
    replayer = Replayer(lambda _: socket.create_connection(at, ANSWER_SECONDS), token.key, token.secret, name)
    wrong = [fault for one in _recordings() if (fault := _judge(world, replayer, one))]
    assert wrong == []


@pytest.mark.timeout(180)
def test_what_was_recorded_in_a_tunnel_passes_the_forward_port(world: World) -> None:
    """Host, SNI and CONNECT say the exchange's name; what arrives is the same, and so is what does not."""
    token = world.issue_new("tunnelled")
    connects = {host: [one for one in _connects() if one.host == host] for host in {one.host for one in _connects()}}
    turn = count()

    def dial(recording: Recording) -> socket.socket:
        ways = connects[recording.host or ""]
        return ways[next(turn) % len(ways)].dial(world.addresses.forward_port, world.ca_file)

    replayer = Replayer(dial, token.key, token.secret)
    wrong = [fault for one in _recordings() if one.host and (fault := _judge(world, replayer, one))]
    assert wrong == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("connect", _connects(), ids=lambda connect: connect.name)
def test_every_recorded_connect_is_led_on(connect: Connect, shared_world: World) -> None:
    """Also to the hosts of streams: with the exchange's name in our certificate, and TLS by whichever library."""
    with connect.dial(shared_world.addresses.forward_port, shared_world.ca_file) as tunnel:
        assert tunnel.getpeercert()["subjectAltName"] == (("DNS", connect.host),)  # type: ignore[index]


def _judge(world: World, replayer: Replayer, recording: Recording) -> str | None:
    """What is wrong with what arrived, if anything. Reads may coincide with the gateway's own; changes may not."""
    before = world.exchange.mark()
    status, body = replayer.send(recording)
    arrived = [one for one in world.exchange.arrivals(before) if _is(one, recording)]
    passes = f"{recording.method} {recording.path}" in PASSES
    counted = len(arrived) == int(passes) if recording.method != "GET" else bool(arrived) == passes
    signed_by = {one.key for one in arrived if one.signed} - {world.real_key.key}
    if counted and not signed_by and all(_says_the_same(one, recording) for one in arrived):
        return None
    return f"{recording.name}: {status} {body[:200]!r}, arrived {arrived}"


def _is(arrival: Arrival, recording: Recording) -> bool:
    return (arrival.method, arrival.path) == (recording.method, recording.path)


def _says_the_same(arrival: Arrival, recording: Recording) -> bool:
    """An order means at the exchange what its bot wrote, to the last parameter that matters."""
    if recording.method == "GET":
        return True
    wanted = {name: value for name, value in recording.parameters.items() if name not in RENEWED}
    return {name: arrival.parameters.get(name) for name in wanted} == wanted
