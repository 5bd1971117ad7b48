"""What comes through mitmproxy gets the answer that it would have got at a port of the gateway, word for word."""

import json
import shutil
import socket
import subprocess
from dataclasses import replace

import pytest

from tests.admin.capture.captured import ANSWER_SECONDS, API, Captured, Heard, answered
from tests.attacks.thief import Reply, Thief, raw
from tests.world import World

ORDER = "/api/v3/order"
REQUESTS = {
    "public data": lambda thief: raw("GET", "/api/v3/exchangeInfo", host=thief.host),
    "a read": lambda thief: thief.request("GET", "/api/v3/account"),
    "an order": lambda thief: thief.order(),
    "an order in the body": lambda thief: thief.request(
        "POST", ORDER, "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=40000", in_body=True
    ),
    "too large an order": lambda thief: thief.order(quantity="1"),
    "a foreign symbol": lambda thief: thief.request("POST", ORDER, "symbol=DOGEUSDT&side=BUY&type=MARKET&quantity=100"),
    "an unknown parameter": lambda thief: thief.order(extra="&sideEffectType=MARGIN_BUY"),
    "a parameter twice": lambda thief: thief.order(extra="&symbol=BTCUSDT"),
    "a withdrawal": lambda thief: thief.request("POST", "/sapi/v1/capital/withdraw/apply", "coin=BTC&amount=1"),
    "a wrong signature": lambda thief: replace(thief, secret="guessed").order(),
    "another's token": lambda thief: replace(thief, key="k" * 64).order(),
    "an unknown endpoint": lambda thief: thief.request("GET", "/api/v3/nothing"),
    "a body twice as long as any": lambda thief: raw("POST", ORDER, "x" * 131_072, host=thief.host),
    "a chunked body": lambda thief: raw("POST", ORDER, more=("Transfer-Encoding: chunked",), host=thief.host).replace(
        b"Content-Length: 0\r\n", b""
    ) + b"0\r\n\r\n",
    "an encoded slash": lambda thief: raw("GET", "/api%2fv3/time", host=thief.host),
    "an upgrade": lambda thief: raw(
        "GET", "/ws/btcusdt@trade", host=thief.host,
        more=("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
              "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
    ),
}  # fmt: skip


def fate(heard: Heard) -> tuple[int, int | None, str]:
    """What of an answer does not depend on when it was given."""
    reply = Reply(heard.status, heard.body)
    return heard.status, reply.code, reply.rule


@pytest.mark.parametrize("what", REQUESTS)
def test_the_same_request_gets_the_same_decision(what: str, shared_capture: Captured) -> None:
    """Allowed or denied, as at the exchange's own port, and nothing else reaches the exchange."""
    world = shared_capture.world
    fates, arrived = [], []
    for captured in (False, True):
        thief = shared_capture.thief("decision")
        before = world.exchange.mark()
        sent = REQUESTS[what](thief)
        heard = shared_capture.ask(sent) if captured else direct(world, sent)
        fates.append(fate(heard))
        assert heard.decision is not None
        seen = world.exchange.arrivals(before)
        arrived.append([(one.method, one.host, one.path) for one in seen if one.key and not one.follows])
    assert fates[0] == fates[1]
    assert arrived[0] == arrived[1]


def direct(world: World, sent: bytes) -> Heard:
    """The same at the exchange's own port."""
    with socket.create_connection(("127.0.0.1", world.addresses.binance_port), timeout=ANSWER_SECONDS) as connection:
        return answered(connection, sent)


def test_a_connection_is_kept_and_serves_one_request_after_another(shared_capture: Captured) -> None:
    """As clients do; the answers come in order, large ones too."""
    thief = shared_capture.thief("keeping")
    with shared_capture.shake() as connection:
        for _ in range(3):
            assert answered(connection, thief.order()).status == 200
            assert answered(connection, thief.request("GET", "/api/v3/openOrders")).status == 200
        told = answered(connection, raw("GET", "/api/v3/exchangeInfo", host=API))
        assert json.loads(told.body)["symbols"]


def test_a_revoked_token_gets_nothing_more(shared_capture: Captured) -> None:
    """On the connection that it had."""
    world = shared_capture.world
    credential = world.issue_new("captured")
    thief = Thief(credential.key, credential.secret, API)
    with shared_capture.shake() as connection:
        assert answered(connection, thief.order()).status == 200
        world.home.run("token", "revoke", credential.name)
        before = world.exchange.mark()
        assert answered(connection, thief.order()).status == 401
        assert [one for one in world.exchange.arrivals(before) if one.method == "POST"] == []


def test_a_name_from_dns_or_an_address_leads_to_the_same(shared_capture: Captured) -> None:
    """A bot that resolves names itself asks for an address, which is never dialled; its TLS names the host."""
    with shared_capture.shake("192.0.2.7", sni=API) as connection:
        assert answered(connection, raw("GET", "/api/v3/time", host=API)).status == 200


def test_curl_trusts_the_certificate(shared_capture: Captured) -> None:
    """An unmodified client, given the CA and the SOCKS port."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("there is no curl here")
    ca = shared_capture.world.home.path / "certs" / "ca.pem"
    words = ("-sS", "--fail", "--cacert", str(ca), "--socks5-hostname", f"127.0.0.1:{shared_capture.port}")
    done = subprocess.run(
        [curl, *words, f"https://{API}/api/v3/time"], capture_output=True, timeout=ANSWER_SECONDS, check=True
    )
    assert "serverTime" in json.loads(done.stdout)
