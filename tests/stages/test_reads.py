"""No record, no room, no read: whoever asks, and however often."""

import asyncio

import pytest
from msgspec import structs

from gateway.core.request import RawRequest
from gateway.ports import Need
from gateway.stages.sparing import BURST
from tests.stages.gatehouse import Gatehouse


def asked(house: Gatehouse, who: str) -> RawRequest:
    """A read by its token, by somebody who knows the token's id, or by anybody."""
    signed = house.request("GET", "/api/v3/account" if who == "token" else "/api/v3/time")
    if who == "token":
        return signed
    headers = signed.headers if who == "id" else ()
    return structs.replace(signed, target=b"/api/v3/time", headers=headers)


@pytest.mark.parametrize("who", ["token", "id", "anybody"])
def test_on_a_full_disk_nobody_reads(house: Gatehouse, who: str) -> None:
    """Also beyond what is recorded of strangers."""

    async def story() -> None:
        for _ in range(BURST if who != "token" else 0):
            assert (await house.ask(asked(house, who))).status == 200
        house.exchange.arrived.clear()
        house.audit.full_for = frozenset({Need.READ})
        for _ in range(3):
            assert (await house.ask(asked(house, who))).status == 503

    asyncio.run(story())
    assert house.exchange.arrived == []


@pytest.mark.parametrize("who", ["token", "anybody"])
def test_a_read_that_cannot_be_recorded_does_not_leave(house: Gatehouse, who: str) -> None:
    house.audit.fail_next = True
    assert asyncio.run(house.ask(asked(house, who))).status == 503
    assert house.exchange.arrived == []
