"""The path as a whole: every answer names its decision, and every failure is a denial in the exchange's words."""

import asyncio

from msgspec import structs

from gateway.core.request import RawRequest
from gateway.core.ulid import ulid_time_ms
from gateway.ports import NotSent
from tests.stages.gatehouse import NOW_MS, Connection, Gatehouse, body, code, lost, message


def decision(answer_headers: tuple[tuple[bytes, bytes], ...]) -> str:
    """The decision id of an answer."""
    return dict(answer_headers)[b"x-tradewarden-decision"].decode()


def public(path: bytes = b"/api/v3/time", **changes: object) -> RawRequest:
    """A request without credentials."""
    raw = RawRequest(b"GET", path, ((b"host", b"127.0.0.1:8381"),), b"", "binance", "127.0.0.1")
    return structs.replace(raw, **changes)  # type: ignore[arg-type]


def test_every_answer_carries_its_decision_and_the_log_knows_it(house: Gatehouse) -> None:
    house.exchange.otherwise = lambda outgoing: body({})
    requests = [public(), public(b"/nothing"), house.request("GET", "/api/v3/account")]
    ids = [decision(asyncio.run(house.ask(raw)).headers) for raw in requests]
    assert len(set(ids)) == 3
    assert all(ulid_time_ms(decision_id) == NOW_MS for decision_id in ids)
    logged = {record.get("d") for record in house.records()}
    assert logged.issuperset(ids)


def test_without_credentials_only_market_data_is_to_be_had(house: Gatehouse) -> None:
    house.exchange.otherwise = lambda outgoing: body({"serverTime": 1})
    assert asyncio.run(house.ask(public())).status == 200
    assert asyncio.run(house.ask(public(b"/api/v3/account"))).status in (400, 401)
    assert house.exchange.calls == ["GET /api/v3/time"]
    assert all(name.lower() != "x-mbx-apikey" for name, _ in house.exchange.arrived[0].head)


def test_what_moves_value_never_leaves(house: Gatehouse) -> None:
    parameters = "coin=USDT&address=0x1&amount=1"
    answer = asyncio.run(house.ask(house.request("POST", "/sapi/v1/capital/withdraw/apply", parameters)))
    assert (answer.status, code(answer)) == (401, -1002)
    assert not house.exchange.arrived


def test_an_unexpected_failure_denies_and_tells_no_more_than_its_kind(house: Gatehouse) -> None:
    del house.policies.policy
    answer = asyncio.run(house.ask(house.request("GET", "/api/v3/account")))
    assert answer.status == 503
    assert "AttributeError" in message(answer)
    assert not house.exchange.arrived


def test_an_exchange_that_is_not_there_is_worth_retrying(house: Gatehouse) -> None:
    house.exchange.script = [NotSent("no connection"), lost()]
    for _ in range(2):
        house.clock.ms += 1
        assert asyncio.run(house.ask(house.request("GET", "/api/v3/account"))).status == 503


def test_a_host_of_another_environment_is_refused(house: Gatehouse) -> None:
    raw = house.request("GET", "/testnet.binance.vision/api/v3/account")
    answer = asyncio.run(house.ask(structs.replace(raw, port=None)))
    assert answer.status == 404
    assert not house.exchange.arrived


def test_the_shared_port_takes_both_spellings_of_a_host(house: Gatehouse) -> None:
    house.exchange.otherwise = lambda outgoing: body({})
    for prefix in ("/api.binance.com", "/https://api.binance.com"):
        raw = house.request("GET", f"{prefix}/api/v3/account")
        assert asyncio.run(house.ask(structs.replace(raw, port=None))).status == 200


def test_bytes_that_are_no_request_are_answered_in_the_exchanges_words(house: Gatehouse) -> None:
    answer = house.pipeline.refuse("binance", 431, "too large")
    assert answer.status == 431
    assert "tradewarden:malformed" in message(answer)


def test_no_secret_is_in_any_answer_or_record(house: Gatehouse) -> None:
    asyncio.run(house.place())
    answer = asyncio.run(house.place(secret=b"wrong"))
    text = repr(answer) + repr(house.records()) + repr(house.bot) + repr(Connection())
    assert "secret of bot" not in text
    assert "real secret" not in text


def test_every_decision_is_counted_once(house: Gatehouse) -> None:
    """Of tokens and of strangers, whatever became of it."""
    for raw in (
        house.request("GET", "/api/v3/account"),
        public(),
        house.request("POST", "/sapi/v1/capital/withdraw/apply"),
    ):
        asyncio.run(house.ask(raw))
    asyncio.run(house.place())
    assert house.meter.decisions == [("allow", ""), ("allow", ""), ("deny", "forbidden"), ("allow", "")]
