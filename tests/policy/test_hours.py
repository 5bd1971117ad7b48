"""Hours: by the wall clock of a zone, over midnight and over changes of the clock; cancels and reads always."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.core.decision import Allow, Deny, DenyCode
from gateway.core.intent import Cancel, Read, ReadName
from gateway.core.snapshot import Snapshot
from gateway.policy.controls.hours import Hours
from gateway.policy.document import Policy
from tests.policy.cases import POLICY, WORTH_80, decided, failed, policy, snapshot

ORDER = WORTH_80["limit IOC buy"][0]


def hours(text: str) -> Policy:
    return policy(f"{POLICY}hours: {text}\n")


def when(text: str, zone: str = "Europe/Berlin") -> Snapshot:
    """That moment by that zone's wall clock, with a price of the same moment."""
    now_ms = int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)
    world = snapshot(now_ms=now_ms)
    assert world.reference is not None
    return snapshot(now_ms=now_ms, reference=world.reference.__class__(world.reference.price, now_ms, "test"))


OFFICE = '{days: [mon, tue, wed, thu, fri], from: "08:00", to: "20:00", zone: Europe/Berlin}'
NIGHT = '{days: [fri], from: "22:00", to: "06:00", zone: Europe/Berlin}'
CASES = [
    (OFFICE, "2026-07-06T08:00:00", True),
    (OFFICE, "2026-07-06T07:59:59.999", False),
    (OFFICE, "2026-07-06T19:59:59.999", True),
    (OFFICE, "2026-07-06T20:00:00", False),
    (OFFICE, "2026-07-04T12:00:00", False),
    (OFFICE, "2026-01-05T08:00:00", True),
    (NIGHT, "2026-07-03T22:00:00", True),
    (NIGHT, "2026-07-03T21:59:59", False),
    (NIGHT, "2026-07-04T05:59:59", True),
    (NIGHT, "2026-07-04T06:00:00", False),
    (NIGHT, "2026-07-03T05:00:00", False),
    (NIGHT, "2026-07-04T23:00:00", False),
    ("{days: [sun], zone: Europe/Berlin}", "2026-07-05T00:00:00", True),
    ("{days: [sun], zone: Europe/Berlin}", "2026-07-05T23:59:59", True),
    ("{days: [sun], zone: Europe/Berlin}", "2026-07-06T00:00:00", False),
    ('{from: "22:00", to: "24:00", zone: Europe/Berlin}', "2026-07-05T23:59:59", True),
    ('{from: "22:00", to: "24:00", zone: Europe/Berlin}', "2026-07-05T00:00:00", False),
    ('{from: "00:00", to: "24:00", zone: Europe/Berlin}', "2026-07-05T00:00:00", True),
]


@pytest.mark.parametrize(("text", "moment", "passes"), CASES)
def test_orders_are_placed_within_the_hours_only(text: str, moment: str, passes: bool) -> None:
    """From the first minute, to before the last; a shift over midnight belongs to the day that it begins on."""
    decision = decided(hours(text), ORDER, when(moment))
    assert failed(decision) == (set() if passes else {"hours"})
    if isinstance(decision, Deny):
        assert decision.code is DenyCode.LIMIT


def test_the_zone_is_the_files_and_its_summer_time_too() -> None:
    """08:00 in Berlin is 07:00 UTC in winter and 06:00 UTC in summer."""
    assert isinstance(decided(hours(OFFICE), ORDER, when("2026-01-05T07:00:00", "UTC")), Allow)
    assert failed(decided(hours(OFFICE), ORDER, when("2026-01-05T06:59:59", "UTC"))) == {"hours"}
    assert isinstance(decided(hours(OFFICE), ORDER, when("2026-07-06T06:00:00", "UTC")), Allow)


@pytest.mark.parametrize("name", WORTH_80)
def test_hours_hold_for_every_kind_of_order(name: str) -> None:
    """A Sunday."""
    assert failed(decided(hours(OFFICE), WORTH_80[name][0], when("2026-07-05T12:00:00"))) == {"hours"}


@pytest.mark.parametrize("intent", [Cancel("BTCUSDT", "1", None), Read(ReadName.BALANCES)])
def test_cancels_and_reads_pass_at_every_hour(intent: Cancel | Read) -> None:
    """Exits stay open."""
    assert isinstance(decided(hours(OFFICE), intent, when("2026-07-05T12:00:00")), Allow)


def test_hours_print_as_what_they_are() -> None:
    """The text that explanations and the digest use."""
    found = hours('{days: [tue, mon], from: "08:30", to: "20:00", zone: UTC}').find(Hours)
    assert found is not None
    assert found.text == "mon, tue 08:30 to 20:00 UTC"
