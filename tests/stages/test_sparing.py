"""A flood of requests that nobody signed leaves a bounded trace; what a token signs is recorded whatever goes on."""

import asyncio
from dataclasses import replace

from gateway.stages.sparing import BURST, PER_SECOND, Sparing
from tests.stages.gatehouse import Gatehouse


def test_a_burst_passes_and_then_so_many_a_second() -> None:
    sparing = Sparing()
    assert sum(sparing.admits(0) for _ in range(2 * BURST)) == BURST
    assert sum(sparing.admits(1000) for _ in range(2 * BURST)) == PER_SECOND
    assert not sparing.admits(1000)


def test_strangers_cannot_fill_the_log(house: Gatehouse) -> None:
    stranger = replace(house.bot, id="stranger".ljust(64, "x"))

    async def flood() -> None:
        for _ in range(BURST + 20):
            await house.ask(house.request("GET", "/api/v3/account", token=stranger))
        await house.place()

    asyncio.run(flood())
    decisions = [record for record in house.records() if record["type"] == "decision"]
    assert len(decisions) == BURST + 1
    assert decisions[-1]["token"] == "bot"
    assert house.meter.unrecorded_count == 20
