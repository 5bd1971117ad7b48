"""Orders that no token placed raise an alarm, once each; what stood there before the first list does not."""

import asyncio

import pytest

from gateway.stages.follow import WHOLE_EVERY_S
from gateway.stages.strangers import AT_ONCE
from tests.stages.gatehouse import Gatehouse, body, code
from tests.stages.venue import Venue


@pytest.fixture
def venue(house: Gatehouse) -> Venue:
    """An exchange on which a person has an order since long."""
    house.exchange.otherwise = venue = Venue()
    venue.add("a person's")
    return venue


def alarms(house: Gatehouse) -> list[object]:
    """The orders that alarms were raised for, as the log has it."""
    told = [record for record in house.records() if record["type"] == "alarm"]
    assert [record["alarm"] for record in told] == house.meter.alarms == ["foreign_order"] * len(told)
    return [record["order_id"] for record in told]


def test_what_stood_there_before_is_no_alarm(house: Gatehouse, venue: Venue) -> None:
    house.follow()
    house.follow(WHOLE_EVERY_S)
    assert alarms(house) == []
    assert [record["strangers"] for record in house.records() if record["type"] == "watched"] == [1]


def test_an_order_that_no_token_placed_is_an_alarm_once(house: Gatehouse, venue: Venue) -> None:
    house.follow()
    venue.add("a thief's", "DOGEUSDT")
    for _ in range(3):
        house.follow(WHOLE_EVERY_S)
    assert alarms(house) == ["8"]
    (record,) = [record for record in house.records() if record["type"] == "alarm"]
    assert (record["account"], record["market_id"], record["client_id"]) == ("main", "DOGEUSDT", "a thief's")


def test_a_restart_alarms_nobody_twice_and_forgives_nothing(house: Gatehouse, venue: Venue) -> None:
    """What was noted stays noted, and what came while the gateway was down is new."""
    house.follow()
    venue.add("first")
    house.follow(WHOLE_EVERY_S)
    house.start()
    venue.add("second")
    house.follow(WHOLE_EVERY_S)
    assert alarms(house) == ["8", "9"]


def test_orders_of_tokens_are_no_strangers_working_or_unknown(house: Gatehouse, venue: Venue) -> None:
    house.follow()
    assert code(asyncio.run(house.place("&newClientOrderId=mine"))) is None
    house.clock.ms += 1
    asyncio.run(house.place())
    house.follow(WHOLE_EVERY_S)
    assert alarms(house) == []


def test_a_thief_cannot_hide_behind_a_tokens_client_id(house: Gatehouse, venue: Venue) -> None:
    """An exchange takes the client id of an order that is over again."""
    house.follow()
    asyncio.run(house.place("&newClientOrderId=mine"))
    venue.change(8, "FILLED", "0.01", "500")
    house.follow(WHOLE_EVERY_S)
    venue.add("mine")
    house.follow(WHOLE_EVERY_S)
    assert alarms(house) == ["9"]


def test_an_order_without_numbers_is_a_stranger_too(house: Gatehouse, venue: Venue) -> None:
    house.follow()
    venue.orders[venue.add("a thief's")] |= {"executedQty": "-1"}
    house.follow(WHOLE_EVERY_S)
    assert alarms(house) == ["8"]


def test_a_flood_is_told_in_parts(house: Gatehouse, venue: Venue) -> None:
    house.follow()
    for number in range(AT_ONCE + 3):
        venue.add(f"t{number}")
    house.follow(WHOLE_EVERY_S)
    assert len(alarms(house)) == AT_ONCE
    house.follow(WHOLE_EVERY_S)
    assert len(alarms(house)) == AT_ONCE + 3


def test_a_list_that_makes_no_sense_is_no_first_list(house: Gatehouse, venue: Venue) -> None:
    venue.down = body("nonsense")
    house.follow()
    assert house.ledger.noted("main") is None
    venue.down = None
    house.follow(WHOLE_EVERY_S)
    assert (alarms(house), house.ledger.noted("main")) == ([], {("BTCUSDT", "7")})


def test_an_account_that_was_removed_and_added_begins_anew(house: Gatehouse, venue: Venue) -> None:
    house.follow()
    with house.store.transaction() as change:
        change.drop_stranger("main", "", "")
    venue.add("another person's")
    house.follow(WHOLE_EVERY_S)
    assert alarms(house) == []
