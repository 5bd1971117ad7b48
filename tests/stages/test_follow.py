"""Orders are followed though no bot asks: fills, cancels and expiries are learnt once each, and a start begins anew."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.core.order import OrderStatus
from gateway.core.patience import USUAL_MS
from gateway.ports import Need, NotSent
from gateway.stages.follow import ASK_AT_ONCE, LIST_EVERY_S, SLOWEST_S, WHOLE_EVERY_S
from tests.stages.gatehouse import POLICY, Gatehouse, body, code, lost, message
from tests.stages.venue import Venue

LIST, ORDER = "GET /api/v3/openOrders", "GET /api/v3/order"
BUSY = body({"code": -1003, "msg": "Too many requests."}, 429)


@pytest.fixture
def venue(house: Gatehouse) -> Venue:
    """An exchange with a memory behind the gate."""
    house.exchange.otherwise = venue = Venue()
    return venue


def working(house: Gatehouse, client_id: str = "mine", at: str = "") -> None:
    """A working order of the bot."""
    assert code(asyncio.run(house.place(f"&newClientOrderId={client_id}{at}"))) is None
    house.clock.ms += 1


def questions(house: Gatehouse) -> list[str]:
    """What the gateway asked since this was called last."""
    calls = house.exchange.calls
    house.exchange.arrived.clear()
    return calls


def test_a_partial_fill_is_learnt_from_the_list(house: Gatehouse, venue: Venue) -> None:
    working(house)
    venue.change(7, "PARTIALLY_FILLED", "0.004", "199")
    house.follow()
    assert house.turnover() == 199 + 300
    assert house.ledger.usage(house.bot.id, house.clock.ms).position("BTCUSDT") == Decimal("0.004")
    (asked,) = [record for record in house.records() if record["type"] == "own"]
    assert [r["orders"][0]["filled"] for r in house.records() if r.get("orders") and r["d"] == asked["d"]] == ["0.004"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("status", "filled", "value", "left"),
    [("FILLED", "0.01", "498", 498), ("CANCELED", "0", "0", 0), ("EXPIRED", "0.005", "250", 250)],
)
def test_an_order_that_vanished_from_the_list_is_asked_for_and_ended(
    house: Gatehouse, venue: Venue, status: str, filled: str, value: str, left: int
) -> None:
    working(house)
    venue.change(7, status, filled, value)
    questions(house)
    house.follow()
    assert questions(house) == [LIST, ORDER]
    assert (house.turnover(), house.ledger.working("main")) == (left, [])


def test_a_list_that_lags_behind_ends_nothing(house: Gatehouse, venue: Venue) -> None:
    """The order itself is asked for, and works; it goes on being followed."""
    working(house)
    venue.hidden = {7}
    house.follow()
    assert [row.status for row in house.ledger.working("main")] == [OrderStatus.OPEN]
    venue.change(7, "FILLED", "0.01", "500")
    house.follow(SLOWEST_S)
    assert house.ledger.working("main") == []


def test_an_accepted_order_that_the_exchange_no_longer_knows_stays_reserved(house: Gatehouse, venue: Venue) -> None:
    """And is asked for ever again, but seldom."""
    working(house)
    venue.orders.clear()
    questions(house)
    for _ in range(20):
        house.follow(SLOWEST_S)
    assert house.turnover() == 500
    assert 5 <= questions(house).count(ORDER) <= 20 * SLOWEST_S / WHOLE_EVERY_S


def test_what_is_learnt_twice_counts_once(house: Gatehouse, venue: Venue) -> None:
    """From the list, from the bot's own questions, and late."""
    working(house)
    venue.change(7, "PARTIALLY_FILLED", "0.004", "199")
    house.follow()
    asyncio.run(house.ask(house.request("GET", "/api/v3/order", "symbol=BTCUSDT&orderId=7")))
    recorded = len(house.records())
    house.follow(SLOWEST_S)
    assert house.turnover() == 199 + 300
    assert [record["type"] for record in house.records()[recorded:]] == ["own"], "and is recorded once"


def test_every_question_is_recorded_before_it_is_sent(house: Gatehouse, venue: Venue) -> None:
    working(house)
    seen: list[object] = []
    house.exchange.before_write = lambda: seen.append((house.records()[-1]["type"], house.records()[-1]["account"]))
    house.follow()
    assert seen == [("own", "main")]


def test_lists_come_every_five_seconds_while_something_changes_and_slower_when_nothing_does(
    house: Gatehouse, venue: Venue
) -> None:
    working(house)
    house.follow()
    questions(house)
    waits, waited = [], 0
    while len(waits) < 6:
        house.follow(1)
        waited += 1
        if questions(house):
            waits.append(waited)
            waited = 0
    assert waits[0] >= LIST_EVERY_S
    assert waits == sorted(waits)
    assert waits[-1] == SLOWEST_S
    working(house, "another")
    questions(house)
    house.follow(LIST_EVERY_S)
    assert questions(house), "a new order is looked after at once"


def test_one_market_is_listed_at_a_time_and_the_whole_account_once_a_minute(house: Gatehouse, venue: Venue) -> None:
    working(house)
    house.follow()
    lists = []
    for _ in range(int(WHOLE_EVERY_S) + 1):
        house.follow(1)
        lists += [sent.target for sent in house.exchange.arrived if "openOrders" in sent.target]
        house.exchange.arrived.clear()
    whole = [target for target in lists if "symbol" not in target]
    assert len(whole) == 1
    assert 2 <= len(lists) <= WHOLE_EVERY_S // LIST_EVERY_S


def test_an_idle_account_is_listed_once_a_minute(house: Gatehouse, venue: Venue) -> None:
    for _ in range(125):
        house.follow(1)
    assert questions(house) == [LIST] * 3


@pytest.mark.parametrize("answer", [BUSY, body("nonsense"), body({"code": -1001, "msg": "Internal"}, 503)])
def test_an_exchange_that_does_not_answer_is_asked_ever_more_slowly(
    house: Gatehouse, venue: Venue, answer: object
) -> None:
    working(house)
    house.follow()
    questions(house)
    venue.down = answer  # type: ignore[assignment]
    for _ in range(300):
        house.follow(1)
    assert len(questions(house)) <= 300 / SLOWEST_S + 4
    assert house.turnover() == 500


def test_few_single_orders_are_asked_for_at_a_time(tmp_path: Path) -> None:
    house = Gatehouse(tmp_path, POLICY.replace("open_orders: 3", "open_orders: 20"))
    house.exchange.otherwise = venue = Venue()
    for number in range(2 * ASK_AT_ONCE + 1):
        working(house, f"c{number}")
    for order_id in (*venue.orders,):
        venue.change(order_id, "CANCELED")
    asked = []
    for _ in range(3):
        questions(house)
        house.follow(1)
        asked.append(questions(house).count(ORDER))
    assert asked == [ASK_AT_ONCE, ASK_AT_ONCE, 1]
    assert house.ledger.working("main") == []


def test_without_room_on_the_disk_nothing_is_asked(house: Gatehouse, venue: Venue) -> None:
    """The room that is left is for exits."""
    working(house)
    questions(house)
    house.audit.full_for = frozenset({Need.ORDER, Need.READ})
    house.follow(SLOWEST_S)
    assert questions(house) == []


# -- a start ------------------------------------------------------------------------------------------------------


def placed(house: Gatehouse) -> str:
    """What becomes of a new order: accepted, or why not."""
    house.clock.ms += 1
    answer = asyncio.run(house.place(f"&newClientOrderId=n{house.clock.ms}"))
    return "" if code(answer) is None else message(answer)


def test_after_a_start_an_account_places_nothing_until_its_orders_were_read(house: Gatehouse, venue: Venue) -> None:
    working(house)
    venue.change(7, "PARTIALLY_FILLED", "0.004", "199")
    house.start()
    assert "tradewarden:not_ready" in placed(house)
    assert house.turnover() == 500
    house.follow()
    assert house.turnover() == 199 + 300
    assert placed(house) == ""


def test_reads_and_cancels_go_at_once(house: Gatehouse, venue: Venue) -> None:
    working(house)
    house.start()
    answer = asyncio.run(house.ask(house.request("GET", "/api/v3/openOrders")))
    assert answer.status == 200
    cancelled = asyncio.run(house.ask(house.request("DELETE", "/api/v3/order", "symbol=BTCUSDT&orderId=7")))
    assert (cancelled.status, house.turnover()) == (200, 0)


def test_an_account_without_working_orders_is_ready_at_once(house: Gatehouse, venue: Venue) -> None:
    working(house)
    venue.change(7, "CANCELED")
    house.follow()
    house.start()
    assert placed(house) == ""


@pytest.mark.parametrize("failure", [NotSent("no connection"), lost(), BUSY])
def test_an_account_is_not_ready_while_the_exchange_does_not_answer(
    house: Gatehouse, venue: Venue, failure: object
) -> None:
    working(house)
    house.start()
    house.exchange.script = [failure]  # type: ignore[list-item]
    house.follow()
    assert "tradewarden:not_ready" in placed(house)
    house.follow(USUAL_MS / 1000 if failure is BUSY else SLOWEST_S)
    assert placed(house) == ""


def test_an_account_is_ready_only_when_every_order_that_is_missing_was_asked_for(
    house: Gatehouse, venue: Venue
) -> None:
    for number in range(3):
        working(house, f"c{number}")
    for order_id in (*venue.orders,):
        venue.change(order_id, "FILLED", "0.01", "499")
    house.start()
    house.exchange.script = [venue, lost(), venue, venue]
    house.follow()
    assert "tradewarden:not_ready" in placed(house)
    house.follow(SLOWEST_S)
    assert house.turnover() == 3 * 499
    assert placed(house) == ""


def test_an_order_on_its_way_at_the_crash_is_found_in_the_list(house: Gatehouse, venue: Venue) -> None:
    """Nobody waits for it any more; whose it is, only the question for its name tells."""
    house.exchange.script = [lost()]
    asyncio.run(house.place("&newClientOrderId=mine"))
    venue.add("mine")
    house.start()
    house.follow()
    assert [row.status for row in house.ledger.working("main")] == [OrderStatus.UNKNOWN]
    assert placed(house) == ""
    asyncio.run(house.reconciler.pass_once(0.0))
    assert (OrderStatus.OPEN, "7") in [(row.status, row.order_id) for row in house.ledger.working("main")]


def test_an_order_that_may_never_have_arrived_holds_its_reservation_and_nobody_up(
    house: Gatehouse, venue: Venue
) -> None:
    house.exchange.script = [lost()]
    asyncio.run(house.place("&newClientOrderId=mine"))
    house.start()
    house.follow()
    assert (placed(house), house.turnover()) == ("", 1000)
