"""Who asks: nothing leaves for a bad, stale or replayed signature, a dead token, or from a foreign address."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.token import TokenState
from gateway.stages.authenticate import Seen
from tests.stages.gatehouse import NOW_MS, Connection, Gatehouse, body, code, message, named, order_answer

ACCOUNT = ("GET", "/api/v3/account")


def test_another_tokens_secret_opens_nothing(house: Gatehouse) -> None:
    assert code(asyncio.run(house.place(secret=b"secret of other"))) == -1022
    assert not house.exchange.arrived


def test_the_real_secret_is_no_tokens_secret(house: Gatehouse) -> None:
    assert code(asyncio.run(house.place(secret=b"real secret of the account"))) == -1022


@pytest.mark.parametrize("late_ms", [-5_001, 1_000])
def test_a_stale_or_early_signature_leaves_nothing(house: Gatehouse, late_ms: int) -> None:
    assert code(asyncio.run(house.place(at_ms=NOW_MS + late_ms))) == -1021
    assert not house.exchange.arrived


def test_an_order_is_good_for_one_time(house: Gatehouse) -> None:
    parameters = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=50000"
    request = house.request("POST", "/api/v3/order", parameters)
    assert code(asyncio.run(house.ask(request))) is None
    assert "tradewarden:replay" in message(asyncio.run(house.ask(request)))
    assert len(house.exchange.arrived) == 1


def test_a_read_burns_no_cancel_that_was_signed_with_the_same_bytes(house: Gatehouse) -> None:
    """The bot asks for an order and cancels it within a millisecond; the cancel is good for one time."""
    parameters = "symbol=BTCUSDT&orderId=7"
    house.exchange.otherwise = lambda outgoing: order_answer(7, "CANCELED", **named(outgoing))
    read, cancel = (house.request(method, "/api/v3/order", parameters) for method in ("GET", "DELETE"))
    asyncio.run(house.ask(read))
    assert code(asyncio.run(house.ask(cancel))) is None
    asyncio.run(house.ask(read))
    assert "tradewarden:replay" in message(asyncio.run(house.ask(cancel)))
    assert house.exchange.calls.count("DELETE /api/v3/order") == 1


def test_the_signed_bytes_of_a_test_order_are_no_order(house: Gatehouse) -> None:
    """By whatever path they came first: a signature covers none."""
    parameters = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=50000"
    house.exchange.script = [body({})]
    asyncio.run(house.ask(house.request("POST", "/api/v3/order/test", parameters)))
    assert "tradewarden:replay" in message(asyncio.run(house.ask(house.request("POST", "/api/v3/order", parameters))))


def test_the_signed_bytes_of_a_read_are_no_order(house: Gatehouse) -> None:
    parameters = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=50000"
    house.exchange.otherwise = lambda outgoing: body({})
    asyncio.run(house.ask(house.request("GET", "/api/v3/account", parameters)))
    order = house.request("POST", "/api/v3/order", parameters)
    assert ["tradewarden:replay" in message(asyncio.run(house.ask(order))) for _ in range(2)] == [True, True]


def test_a_read_may_be_repeated(house: Gatehouse) -> None:
    house.exchange.otherwise = lambda outgoing: body({})
    request = house.request(*ACCOUNT)
    assert [asyncio.run(house.ask(request)).status for _ in range(2)] == [200, 200]


def test_what_was_signed_before_the_start_changes_nothing(house: Gatehouse) -> None:
    house.clock.ms += 1_000
    house.pipeline.authenticator.start("binance")
    assert code(asyncio.run(house.place(at_ms=NOW_MS))) == -1021


def test_an_unknown_token_gets_nothing(house: Gatehouse) -> None:
    stranger = replace(house.bot, id="stranger".ljust(64, "x"))
    assert asyncio.run(house.place(token=stranger)).status == 401


def test_an_expired_token_gets_nothing(house: Gatehouse) -> None:
    house.tokens.change(house.bot.id, expires_at=NOW_MS)
    assert asyncio.run(house.ask(house.request(*ACCOUNT))).status == 401


def test_a_foreign_address_gets_nothing(house: Gatehouse) -> None:
    house.tokens.change(house.bot.id, addresses=("10.0.0.0/8",))
    house.exchange.otherwise = lambda outgoing: body({})
    assert asyncio.run(house.ask(house.request(*ACCOUNT, peer="127.0.0.1"))).status == 401
    house.clock.ms += 1
    assert asyncio.run(house.ask(house.request(*ACCOUNT, peer="10.1.2.3"))).status == 200
    assert len(house.exchange.arrived) == 1


def test_a_connection_belongs_to_its_first_token(house: Gatehouse) -> None:
    connection, other = Connection(), house.token("other")
    house.exchange.otherwise = lambda outgoing: body({})
    assert asyncio.run(house.ask(house.request(*ACCOUNT), connection)).status == 200
    assert asyncio.run(house.ask(house.request(*ACCOUNT, token=other), connection)).status == 401
    assert connection.owner == house.bot.id


def test_a_bad_signature_claims_no_connection(house: Gatehouse) -> None:
    connection = Connection()
    asyncio.run(house.ask(house.request(*ACCOUNT, secret=b"wrong"), connection))
    assert connection.owner is None


def test_a_paused_token_reads_and_places_nothing(house: Gatehouse) -> None:
    house.tokens.change(house.bot.id, state=TokenState.PAUSED)
    house.exchange.otherwise = lambda outgoing: body({})
    assert asyncio.run(house.ask(house.request(*ACCOUNT))).status == 200
    assert code(asyncio.run(house.place())) == -2010
    assert house.exchange.calls == ["GET /api/v3/account"]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4)), max_size=60), st.integers(1, 20))
def test_however_many_come_between_none_is_forgotten_before_its_time(steps: list[tuple[int, int]], lives: int) -> None:
    """Asked again in either way; what is over may be remembered, but not for ever."""
    seen, now, until = Seen(), 0, dict[bytes, int]()
    for number, (passed, again) in enumerate(steps):
        now += passed
        for payload in (b"%d" % number, b"%d" % (number - again)):
            alive = until.get(payload, -1) >= now
            assert seen.knows("a", payload) or not alive
            if seen.first_time("a", payload, now + lives, now):
                assert not alive
                until[payload] = now + lives
    later = now + 2 * lives + 2
    for at in (later, later + lives + 1):
        seen.first_time("b", b"%d" % at, at, at)
    assert not any(seen.knows("a", payload) for payload in until)


def test_signatures_are_remembered_until_they_are_stale() -> None:
    seen = Seen()
    assert seen.first_time("a", b"x", forget_us=10, now_us=0)
    assert not seen.first_time("a", b"x", forget_us=10, now_us=10)
    assert seen.first_time("b", b"x", forget_us=10, now_us=10)
    assert seen.first_time("a", b"x", forget_us=30, now_us=11)
