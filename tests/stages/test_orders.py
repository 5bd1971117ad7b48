"""Placing orders: what is reserved, what is given back, and when."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.core.errors import Unavailable
from gateway.core.order import OrderStatus
from gateway.core.token import TokenState
from gateway.ports import Need, NotSent, Record
from tests.stages.gatehouse import POLICY, Gatehouse, body, code, lost, message, named, order_answer


def test_an_allowed_order_leaves_signed_anew_and_is_answered_byte_for_byte(house: Gatehouse) -> None:
    answer = asyncio.run(house.place("&newClientOrderId=mine"))
    assert answer.body == order_answer(clientOrderId="mine", origClientOrderId="mine").body
    assert house.exchange.calls == ["POST /api/v3/order"]
    sent = house.exchange.arrived[0]
    assert dict(sent.head)["X-MBX-APIKEY"].startswith("realkey")
    assert b"secret of bot" not in sent.body
    assert house.exchange.parameters()["price"] == "50000"


def test_an_order_without_an_id_gets_one_by_which_it_can_be_asked_for(house: Gatehouse) -> None:
    asyncio.run(house.place())
    client_id = house.exchange.parameters()["newClientOrderId"]
    assert house.ledger.knows("main", client_id)


def test_the_record_stands_before_the_order_leaves(house: Gatehouse) -> None:
    seen: list[object] = []
    house.exchange.before_write = lambda: seen.append(house.records()[-1]["type"])
    asyncio.run(house.place())
    assert seen == ["decision"]


def test_a_working_order_stays_reserved(house: Gatehouse) -> None:
    asyncio.run(house.place())
    assert house.turnover() == 500
    assert [row.status for row in house.ledger.working("main")] == [OrderStatus.OPEN]


def test_a_rejected_order_gives_its_reservation_back(house: Gatehouse) -> None:
    house.exchange.script = [body({"code": -2010, "msg": "no"}, 400)]
    answer = asyncio.run(house.place())
    assert (answer.status, code(answer), house.turnover()) == (400, -2010, 0)


def test_an_order_that_never_left_gives_its_reservation_back_and_may_be_tried_again(house: Gatehouse) -> None:
    house.exchange.script = [NotSent("no connection")]
    answer = asyncio.run(house.place())
    assert (answer.status, house.turnover()) == (503, 0)


def test_a_lost_answer_keeps_the_reservation_and_says_that_nobody_knows(house: Gatehouse) -> None:
    house.exchange.script = [lost()]
    answer = asyncio.run(house.place())
    assert (answer.status, code(answer), house.turnover()) == (504, -1007, 500)
    assert [row.status for row in house.ledger.working("main")] == [OrderStatus.UNKNOWN]


def test_an_answer_that_makes_no_sense_keeps_the_reservation(house: Gatehouse) -> None:
    house.exchange.script = [body("nonsense")]
    answer = asyncio.run(house.place())
    assert (code(answer), house.turnover()) == (-1007, 500)


def test_the_exchanges_own_unknown_is_passed_on_and_stays_reserved(house: Gatehouse) -> None:
    house.exchange.script = [body({"code": -1007, "msg": "Timeout"}, 504)]
    answer = asyncio.run(house.place())
    assert (answer.status, code(answer), house.turnover()) == (504, -1007, 500)


def test_a_failure_of_our_own_after_the_send_is_an_unknown_outcome(house: Gatehouse) -> None:
    house.exchange.script = [RuntimeError("a bug")]
    answer = asyncio.run(house.place())
    assert (code(answer), house.turnover()) == (-1007, 500)


def test_turnover_is_used_up_exactly(house: Gatehouse) -> None:
    house.exchange.otherwise = lambda outgoing: order_answer(
        len(house.exchange.arrived), "FILLED", "0.01", "500", **named(outgoing)
    )

    async def many() -> list[int | None]:
        return [code(await house.place(f"&newClientOrderId=a{n}")) for n in range(21)]

    codes = asyncio.run(many())
    assert codes == [None] * 20 + [-2010]
    assert house.turnover() == 10_000
    assert len(house.exchange.arrived) == 20


def test_concurrent_orders_cannot_overrun_the_limit_of_open_orders(house: Gatehouse) -> None:
    async def many() -> list[int | None]:
        answers = await asyncio.gather(*(house.place(f"&newClientOrderId=c{n}") for n in range(8)))
        return [code(answer) for answer in answers]

    codes = asyncio.run(many())
    assert (codes.count(None), codes.count(-2010)) == (3, 5)
    assert len(house.exchange.arrived) == 3


def test_a_client_id_is_good_for_one_order_for_ever(house: Gatehouse) -> None:
    house.exchange.script = [body({"code": -2010, "msg": "no"}, 400)]
    asyncio.run(house.place("&newClientOrderId=mine"))
    house.clock.ms += 5
    answer = asyncio.run(house.place("&newClientOrderId=mine"))
    assert "tradewarden:duplicate" in message(answer)
    assert len(house.exchange.arrived) == 1
    usage = house.ledger.usage(house.bot.id, house.clock.ms)
    assert (usage.messages(60_000), usage.denials(60_000)) == (2, 1)
    told = house.records()[-1]
    assert (told["code"], told["rule"], told["failed"]) == ("duplicate", "duplicate", [])
    assert {"passed", "reference"} < told.keys()


def test_a_market_order_leaves_as_a_limit_that_the_exchange_enforces(house: Gatehouse) -> None:
    parameters = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01"
    house.exchange.otherwise = lambda outgoing: order_answer(1, "FILLED", "0.01", "501", **named(outgoing))
    asyncio.run(house.ask(house.request("POST", "/api/v3/order", parameters)))
    sent = house.exchange.parameters()
    assert (sent["type"], sent["timeInForce"], sent["price"]) == ("LIMIT", "IOC", "50500")
    assert house.turnover() == 501
    decision = next(record for record in house.records() if record["type"] == "decision")
    assert decision["intent"]["kind"] == "market", "the record says what the bot asked for"  # type: ignore[index]
    assert decision["order"]["kind"] == "limit", "and what left instead"  # type: ignore[index]


def test_an_immediate_order_whose_answer_hides_its_fills_stays_reserved_until_it_is_asked_for(house: Gatehouse) -> None:
    parameters = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01&newOrderRespType=ACK&newClientOrderId=ack"
    house.exchange.script = [
        body({"symbol": "BTCUSDT", "orderId": 7, "clientOrderId": "ack"}),
        order_answer(7, "FILLED", "0.01", "500", clientOrderId="ack"),
    ]
    asyncio.run(house.ask(house.request("POST", "/api/v3/order", parameters)))
    assert house.turnover() == 505
    asyncio.run(house.reconciler.pass_once(0.0))
    assert house.turnover() == 500
    assert not house.ledger.working("main")


def test_without_a_fresh_price_no_order_leaves(house: Gatehouse) -> None:
    for house.market.price, house.market.age_ms in ((None, 0), (Decimal(50_000), 3_001)):
        house.clock.ms += 1
        answer = asyncio.run(house.place())
        assert answer.status == 503
    assert not house.exchange.arrived


def test_a_token_revoked_while_its_price_is_fetched_sends_nothing(house: Gatehouse) -> None:
    house.market.while_refreshing = house.tokens.tokens.clear
    answer = asyncio.run(house.place())
    assert (answer.status, house.turnover()) == (401, 0)
    assert not house.exchange.arrived


def test_a_token_revoked_between_record_and_write_sends_nothing(house: Gatehouse) -> None:
    house.exchange.before_write = house.tokens.tokens.clear
    answer = asyncio.run(house.place())
    assert answer.status == 401
    assert not house.exchange.arrived
    assert house.turnover() == 0


def test_a_token_paused_between_record_and_write_places_nothing(house: Gatehouse) -> None:
    house.exchange.before_write = lambda: house.tokens.change(house.bot.id, state=TokenState.PAUSED)
    assert code(asyncio.run(house.place())) == -2010
    assert not house.exchange.arrived


def test_without_room_on_the_disk_no_order_leaves(house: Gatehouse) -> None:
    house.audit.full_for = frozenset({Need.ORDER})
    assert asyncio.run(house.place()).status == 503
    assert not house.exchange.arrived


def test_an_order_that_cannot_be_recorded_is_not_sent(house: Gatehouse) -> None:
    house.audit.fail_next = True
    assert asyncio.run(house.place()).status == 503
    assert not house.exchange.arrived


def test_a_test_order_is_judged_like_a_real_one_and_reserves_nothing(house: Gatehouse) -> None:
    small = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=50000"
    large = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=50000"
    house.exchange.otherwise = lambda outgoing: body({})
    assert code(asyncio.run(house.ask(house.request("POST", "/api/v3/order/test", small)))) is None
    assert code(asyncio.run(house.ask(house.request("POST", "/api/v3/order/test", large)))) == -2010
    assert house.turnover() == 0


def test_too_many_denials_leave_the_token_with_cancels_and_reads(house: Gatehouse) -> None:
    async def denied() -> None:
        for quantity in range(1, 7):
            house.clock.ms += 1
            order = f"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity={quantity}&price=50000"
            await house.ask(house.request("POST", "/api/v3/order", order))

    asyncio.run(denied())
    assert [action.value for _, action in house.tokens.restricted] == ["cancel_only"]
    assert house.tokens.tokens[house.bot.id].state is TokenState.PAUSED


def test_no_price_is_fetched_for_what_the_policy_does_not_trade(tmp_path: Path) -> None:
    """A flood of orders in foreign markets must not become a flood of questions to the exchange."""
    house = Gatehouse(tmp_path, POLICY.replace("BTC/USDT", "ETH/USDT"))
    fetched: list[bool] = []
    house.market.while_refreshing = lambda: fetched.append(True)
    assert "tradewarden:allow.symbols" in message(asyncio.run(house.place()))
    assert fetched == []


def test_an_order_in_a_market_that_too_few_venues_list_is_denied_for_good(tmp_path: Path) -> None:
    """Not "try again": the bot would do so for ever."""
    house = Gatehouse(tmp_path, POLICY.replace("sources: 1 because it is a test", "sources: 2"))
    assert asyncio.run(house.place()).status == 503
    house.market.most = 1
    house.clock.ms += 1
    answer = asyncio.run(house.place())
    assert (answer.status, code(answer)) == (400, -2010)
    assert "this market has at most 1" in message(answer)
    assert not house.exchange.arrived


def test_an_order_whose_average_nobody_will_ever_tell_is_denied_for_good(tmp_path: Path) -> None:
    """So it is on a testnet: there nobody but the exchange knows its prices."""
    house = Gatehouse(tmp_path, POLICY.replace("price:", "price:\n  anchor: 10% from 24h vwap"))
    assert asyncio.run(house.place()).status == 503
    house.market.averaged = False
    house.clock.ms += 1
    answer = asyncio.run(house.place())
    assert (answer.status, code(answer)) == (400, -2010)
    assert "the 24h vwap is told by nobody here" in message(answer)
    assert not house.exchange.arrived


@pytest.mark.parametrize("failure", [Unavailable("the disk failed once"), OSError(5, "input/output error")])
def test_an_order_without_a_line_in_the_log_holds_nothing(house: Gatehouse, failure: Exception) -> None:
    """The disk fails between reservation and record: nothing leaves, the budget comes back, the next order passes."""
    real = house.audit.append

    def fail(record: Record, sync: bool, need: Need = Need.EXIT) -> None:
        if record.body.get("reserve"):
            raise failure
        real(record, sync, need)

    house.audit.append = fail  # type: ignore[method-assign]
    assert asyncio.run(house.place("&newClientOrderId=lost")).status == 503
    house.audit.append = real  # type: ignore[method-assign]
    assert house.exchange.calls == []
    assert house.turnover() == 0
    assert list(house.ledger.working("main")) == []
    house.clock.ms += 1
    assert asyncio.run(house.place("&newClientOrderId=next")).status == 200
