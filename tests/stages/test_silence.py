"""The dead man's switch: a silent token's own orders are cancelled, once each, and nobody else's."""

import asyncio
from pathlib import Path

import pytest

from gateway.core.token import Token, TokenState
from gateway.ports import NotSent
from gateway.stages.silence import AGAIN_S
from tests.stages.gatehouse import POLICY, Gatehouse, body, code, lost
from tests.stages.venue import Venue

SILENT_S = 90
CANCEL = "DELETE /api/v3/order"


@pytest.fixture
def house(tmp_path: Path) -> Gatehouse:
    """A house whose policy has the switch, with a memory behind it."""
    house = Gatehouse(tmp_path, f"{POLICY}if_silent: {SILENT_S}s then cancel_orders\n")
    house.exchange.otherwise = Venue()
    return house


def working(house: Gatehouse, client_id: str, token: Token | None = None) -> None:
    """A working order; its token is heard at this moment."""
    assert code(asyncio.run(house.place(f"&newClientOrderId={client_id}", token))) is None


def silence(house: Gatehouse, seconds: float) -> list[str]:
    """Time passes, the loop has its turn; which orders were cancelled."""
    house.clock.ms += int(seconds * 1000)
    house.exchange.arrived.clear()
    asyncio.run(house.silence.pass_once())
    return [house.exchange.parameters(n)["orderId"] for n, call in enumerate(house.exchange.calls) if call == CANCEL]


def test_a_token_that_fell_silent_loses_its_working_orders(house: Gatehouse) -> None:
    working(house, "mine")
    assert silence(house, SILENT_S - 1) == []
    assert silence(house, 1) == ["7"]
    assert house.turnover() == 0


def test_any_authenticated_request_is_a_sign_of_life(house: Gatehouse) -> None:
    working(house, "mine")
    house.clock.ms += (SILENT_S - 1) * 1000
    asyncio.run(house.ask(house.request("GET", "/api/v3/openOrders")))
    assert silence(house, SILENT_S - 1) == []
    assert silence(house, 1) == ["7"]


def test_a_request_that_does_not_verify_is_no_sign_of_life(house: Gatehouse) -> None:
    """Whoever knows the id alone could keep a dead bot's orders alive."""
    working(house, "mine")
    house.clock.ms += SILENT_S * 1000
    asyncio.run(house.ask(house.request("GET", "/api/v3/openOrders", secret=b"wrong")))
    assert silence(house, 0) == ["7"]


def test_only_the_silent_tokens_own_orders_are_cancelled(house: Gatehouse) -> None:
    other = house.token("other")
    house.exchange.otherwise.add("a person's")  # type: ignore[attr-defined]
    working(house, "mine")
    house.clock.ms += SILENT_S * 1000
    working(house, "theirs", other)
    assert silence(house, 0) == ["8"]


def test_each_order_is_cancelled_once_in_a_silence(house: Gatehouse) -> None:
    """Though the ledger could not write down that it is over."""
    working(house, "mine")
    named = {"clientOrderId": "cancel", "origClientOrderId": "mine"}
    house.exchange.script = [body({"symbol": "BTCUSDT", "orderId": 7} | named)]
    assert silence(house, SILENT_S) == ["7"]
    assert house.ledger.working("main") != []
    assert silence(house, 10 * AGAIN_S) == []
    working(house, "another")
    assert silence(house, SILENT_S) == ["7", "8"], "a new silence begins anew"


@pytest.mark.parametrize(
    "failure",
    [lost(), NotSent("no connection"), body({"code": -1003, "msg": "Too many requests."}, 429), body("nonsense")],
)
def test_a_cancel_that_was_not_accepted_is_tried_again(house: Gatehouse, failure: object) -> None:
    """Also one that was rejected: the exchange may have been too busy."""
    working(house, "mine")
    house.exchange.script = [failure]  # type: ignore[list-item]
    silence(house, SILENT_S)
    assert silence(house, AGAIN_S - 1) == []
    assert silence(house, 1) == ["7"]
    assert house.turnover() == 0


def test_an_order_that_was_over_is_left_alone_once_that_is_known(house: Gatehouse) -> None:
    working(house, "mine")
    house.exchange.otherwise.change(7, "FILLED", "0.01", "500")  # type: ignore[attr-defined]
    assert silence(house, SILENT_S) == ["7"]
    house.follow()
    assert silence(house, 10 * AGAIN_S) == []


def test_while_the_exchange_does_not_answer_only_one_order_waits_for_it(house: Gatehouse) -> None:
    for number in range(3):
        working(house, f"c{number}")
        house.clock.ms += 1
    house.exchange.script = [lost()]
    assert silence(house, SILENT_S) == ["7"]
    assert silence(house, 1) == ["8", "9"]


def test_an_order_that_turns_up_during_the_silence_is_cancelled_too(house: Gatehouse) -> None:
    house.exchange.script = [lost()]
    asyncio.run(house.place("&newClientOrderId=mine"))
    house.clock.ms += SILENT_S * 1000
    asyncio.run(house.silence.pass_once())
    house.exchange.otherwise.add("mine")  # type: ignore[attr-defined]
    asyncio.run(house.reconciler.pass_once(0.0))
    assert silence(house, AGAIN_S) == ["7"]


def test_a_token_without_the_switch_keeps_its_orders(tmp_path: Path) -> None:
    house = Gatehouse(tmp_path)
    house.exchange.otherwise = Venue()
    working(house, "mine")
    assert silence(house, 10 * SILENT_S) == []


def test_a_start_counts_as_a_sign_of_life(house: Gatehouse) -> None:
    working(house, "mine")
    house.clock.ms += SILENT_S * 1000
    house.start()
    assert silence(house, SILENT_S - 1) == []
    assert silence(house, 1) == ["7"]


@pytest.mark.parametrize("state", [TokenState.PAUSED, TokenState.REDUCE_ONLY])
def test_a_paused_tokens_orders_are_cancelled_as_well(house: Gatehouse, state: TokenState) -> None:
    working(house, "mine")
    house.tokens.change(house.bot.id, state=state)
    assert silence(house, SILENT_S) == ["7"]


def test_a_revoked_tokens_orders_are_left_to_the_person_who_revoked_it(house: Gatehouse) -> None:
    working(house, "mine")
    house.tokens.tokens.clear()
    assert silence(house, SILENT_S) == []


def test_the_cancel_is_recorded_before_it_is_sent(house: Gatehouse) -> None:
    working(house, "mine")
    seen: list[object] = []
    house.exchange.before_write = lambda: seen.append(house.records()[-1]["why"])
    assert silence(house, SILENT_S) == ["7"]
    assert seen == ["its token has fallen silent"]
