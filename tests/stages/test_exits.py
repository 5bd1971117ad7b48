"""Exits stay open: a token's own cancels pass everything but revocation and expiry, and never hit another's orders."""

import asyncio

import pytest

from gateway.core.request import Answer
from gateway.core.token import Token, TokenState
from gateway.ports import Need
from tests.stages.gatehouse import POLICY, Gatehouse, body, code, lost, message, named, order_answer


def working(house: Gatehouse, token: Token, client_id: str, order_id: int) -> None:
    """A working order of this token."""
    house.exchange.script = [lambda outgoing: order_answer(order_id, **named(outgoing))]
    answer = asyncio.run(house.place(f"&newClientOrderId={client_id}", token))
    assert code(answer) is None
    house.exchange.arrived.clear()


def cancel(house: Gatehouse, parameters: str, token: Token | None = None) -> Answer:
    """A cancel as a bot sends it."""
    return asyncio.run(house.ask(house.request("DELETE", "/api/v3/order", f"symbol=BTCUSDT&{parameters}", token)))


def cancelled(order_id: int, client_id: str) -> Answer:
    """The exchange's answer to a cancel that worked."""
    return order_answer(order_id, "CANCELED", clientOrderId="c", origClientOrderId=client_id)


def test_a_cancelled_order_gives_its_reservation_back(house: Gatehouse) -> None:
    working(house, house.bot, "mine", 7)
    house.exchange.script = [cancelled(7, "mine")]
    assert code(cancel(house, "orderId=7")) is None
    assert house.turnover() == 0


@pytest.mark.parametrize("state", [TokenState.PAUSED, TokenState.REDUCE_ONLY])
def test_a_cancel_passes_in_every_state_of_the_token(house: Gatehouse, state: TokenState) -> None:
    working(house, house.bot, "mine", 7)
    house.tokens.change(house.bot.id, state=state)
    house.exchange.script = [cancelled(7, "mine")]
    assert code(cancel(house, "orderId=7")) is None


def test_a_cancel_passes_on_a_full_disk_and_without_a_price(house: Gatehouse) -> None:
    working(house, house.bot, "mine", 7)
    house.audit.full_for = frozenset({Need.ORDER, Need.READ})
    house.market.price = None
    house.exchange.script = [cancelled(7, "mine")]
    assert code(cancel(house, "origClientOrderId=mine")) is None


def test_a_cancel_that_cannot_be_recorded_does_not_leave(house: Gatehouse) -> None:
    working(house, house.bot, "mine", 7)
    house.audit.fail_next = True
    assert code(cancel(house, "orderId=7")) is not None
    assert house.exchange.arrived == []


def test_a_cancel_is_recorded_before_it_leaves(house: Gatehouse) -> None:
    working(house, house.bot, "mine", 7)
    """And on the disk: no reservation holds its record."""
    seen: list[object] = []
    house.exchange.before_write = lambda: seen.append((house.records()[-1]["call"], house.audit._dirty))
    cancel(house, "orderId=7")
    assert seen == [("DELETE /api/v3/order", False)]


def test_a_revoked_token_cancels_nothing(house: Gatehouse) -> None:
    working(house, house.bot, "mine", 7)
    house.exchange.before_write = house.tokens.tokens.clear
    assert cancel(house, "orderId=7").status == 401
    assert not house.exchange.arrived


def test_another_live_tokens_order_is_not_to_be_cancelled(house: Gatehouse) -> None:
    other = house.token("other")
    working(house, other, "theirs", 8)
    for name in ("orderId=8", "origClientOrderId=theirs", "orderId=8&origClientOrderId=theirs"):
        house.clock.ms += 1
        assert "allow.cancel" in message(cancel(house, name))
    assert not house.exchange.arrived


def test_an_order_of_no_live_token_may_be_cancelled(house: Gatehouse) -> None:
    house.token("other")
    house.exchange.script = [cancelled(99, "a person's")]
    assert code(cancel(house, "orderId=99")) is None


def test_an_order_of_a_revoked_token_may_be_cancelled(house: Gatehouse) -> None:
    other = house.token("other")
    working(house, other, "theirs", 8)
    del house.tokens.tokens[other.id]
    house.exchange.script = [cancelled(8, "theirs")]
    assert code(cancel(house, "orderId=8")) is None


def test_where_anothers_order_has_no_known_id_the_exchange_is_asked_whose_it_is(house: Gatehouse) -> None:
    other = house.token("other")
    house.exchange.script = [lost()]
    asyncio.run(house.place("&newClientOrderId=theirs", other))
    house.exchange.arrived.clear()
    house.exchange.script = [order_answer(8, clientOrderId="theirs")]
    assert "allow.cancel" in message(cancel(house, "orderId=8"))
    assert house.exchange.calls == ["GET /api/v3/order"]


def test_where_the_exchange_does_not_say_whose_order_it_is_nothing_is_cancelled(house: Gatehouse) -> None:
    other = house.token("other")
    house.exchange.script = [lost()]
    asyncio.run(house.place("&newClientOrderId=theirs", other))
    house.exchange.arrived.clear()
    house.exchange.script = [lost()]
    assert cancel(house, "orderId=8").status == 503
    assert house.exchange.calls == ["GET /api/v3/order"]


def test_a_policy_may_let_a_token_cancel_for_the_whole_account(tmp_path: object) -> None:
    house = Gatehouse(tmp_path, POLICY.replace("  orders:", "  cancel: account\n  orders:"))  # type: ignore[arg-type]
    other = house.token("other")
    working(house, other, "theirs", 8)
    house.exchange.script = [cancelled(8, "theirs")]
    assert code(cancel(house, "orderId=8")) is None


def test_cancel_all_leaves_whole_where_it_hits_nobody_else(house: Gatehouse) -> None:
    working(house, house.bot, "mine", 7)
    house.exchange.script = [body([json_of(cancelled(7, "mine"))])]
    answer = asyncio.run(house.ask(house.request("DELETE", "/api/v3/openOrders", "symbol=BTCUSDT")))
    assert (answer.status, house.exchange.calls) == (200, ["DELETE /api/v3/openOrders"])
    assert house.turnover() == 0


def test_cancel_all_spares_the_orders_of_other_live_tokens(house: Gatehouse) -> None:
    other = house.token("other")
    working(house, other, "theirs", 8)
    working(house, house.bot, "mine", 7)
    listed = [json_of(order_answer(7, clientOrderId="mine")), json_of(order_answer(8, clientOrderId="theirs")),
              json_of(order_answer(9, clientOrderId="a person's"))]  # fmt: skip
    house.exchange.script = [body(listed), cancelled(7, "mine"), cancelled(9, "a person's")]
    answer = asyncio.run(house.ask(house.request("DELETE", "/api/v3/openOrders", "symbol=BTCUSDT")))
    assert house.exchange.calls == ["GET /api/v3/openOrders", "DELETE /api/v3/order", "DELETE /api/v3/order"]
    assert [house.exchange.parameters(n)["orderId"] for n in (1, 2)] == ["7", "9"]
    assert answer.status == 200
    assert (house.turnover(), house.turnover(other)) == (0, 500)


def json_of(answer: Answer) -> object:
    """An answer's body as a value."""
    import json

    return json.loads(answer.body)
