"""A flood of requests leaves a bounded trace, whoever sends it; what is denied without a record of its own is told."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from gateway.core.decision import Action, DenyCode
from gateway.core.request import Answer
from gateway.core.token import Token
from gateway.ports import Need
from gateway.stages.sparing import BURST, OWN, PER_SECOND, STRANGERS, SUM_AFTER_MS, Denials, Sparing
from tests.stages.gatehouse import NOW_MS, POLICY, Gatehouse, code

PATIENT = POLICY.replace("if_denied: 5 per 5m", "if_denied: 100000 per 5m")


@pytest.fixture
def patient(tmp_path: Path) -> Gatehouse:
    """A gatehouse whose policy never stops a bot for being denied."""
    return Gatehouse(tmp_path, PATIENT)


def decisions(house: Gatehouse, verdict: str) -> list[dict[str, object]]:
    return [record for record in house.records() if record["type"] == "decision" and record["verdict"] == verdict]


def sums(house: Gatehouse) -> list[dict[str, object]]:
    return [record for record in house.records() if record["type"] == "denials"]


def flood(house: Gatehouse, number: int, token: Token | None = None) -> list[Answer]:
    """So many orders that are denied, each signed anew, all within a moment."""

    async def all_of_them() -> list[Answer]:
        answers = []
        for serial in range(number):
            text = f"symbol=ETHUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price={serial + 1}"
            answers.append(await house.ask(house.request("POST", "/api/v3/order", text, token)))
        return answers

    return asyncio.run(all_of_them())


def test_a_burst_passes_and_then_so_many_a_second() -> None:
    sparing = Sparing()
    assert sum(sparing.admits(0) for _ in range(2 * BURST)) == BURST
    assert sum(sparing.admits(1000) for _ in range(2 * BURST)) == PER_SECOND
    assert not sparing.admits(1000)


def test_strangers_cannot_fill_the_log(house: Gatehouse) -> None:
    stranger = replace(house.bot, id="stranger".ljust(64, "x"))

    async def many() -> None:
        for _ in range(STRANGERS[0] + 20):
            await house.ask(house.request("GET", "/api/v3/account", token=stranger))
        await house.place()

    asyncio.run(many())
    assert len(decisions(house, "deny")) == STRANGERS[0]
    assert [record["token"] for record in decisions(house, "allow")] == ["bot"]
    assert house.meter.unrecorded_count == 20


def test_a_token_cannot_fill_the_log(patient: Gatehouse) -> None:
    """Each is answered; what is beyond the bucket is one record, which says how many there were and since when."""
    answers = flood(patient, OWN[0] + 50)
    assert {code(answer) for answer in answers} == {-2010}
    assert len(decisions(patient, "deny")) == OWN[0]
    assert patient.meter.unrecorded_count == 50
    patient.pipeline.sum_up()
    assert not sums(patient)
    patient.clock.ms += SUM_AFTER_MS
    patient.pipeline.sum_up()
    patient.pipeline.sum_up()
    (told,) = sums(patient)
    assert (told["token"], told["code"], told["count"]) == ("bot", "symbol", 50)
    assert (told["since"], told["until"]) == (NOW_MS, NOW_MS)


def test_one_tokens_flood_spares_the_others_records(patient: Gatehouse) -> None:
    other = patient.token("other")
    flood(patient, OWN[0] + 5)
    flood(patient, 3, other)
    assert [record["token"] for record in decisions(patient, "deny")].count("other") == 3


def test_what_is_allowed_is_recorded_whatever_went_before(patient: Gatehouse) -> None:
    flood(patient, OWN[0] + 5)
    asyncio.run(patient.place())
    assert len(decisions(patient, "allow")) == 1


def test_every_denial_counts_though_it_is_not_recorded(tmp_path: Path) -> None:
    """The breaker sees them all: at two more than the bucket holds it still trips."""
    limit = OWN[0] + 2
    house = Gatehouse(tmp_path, POLICY.replace("if_denied: 5 per 5m", f"if_denied: {limit} per 5m"))
    flood(house, limit)
    assert house.ledger.usage(house.bot.id, house.clock.ms).denials(300_000) == limit
    asyncio.run(house.place())
    assert house.tokens.restricted == [("bot", Action.CANCEL_ONLY)]


def test_who_knows_only_a_tokens_id_is_a_stranger(house: Gatehouse) -> None:
    """Unsigned requests that name it share the strangers' bucket and leave the token's own alone."""
    signed = house.request("GET", "/api/v3/account")
    unsigned = structs.replace(signed, target=b"/api/v3/account?timestamp=1")
    forged = house.request("GET", "/api/v3/account", secret=b"wrong")

    async def many() -> None:
        for _ in range(STRANGERS[0]):
            await house.ask(unsigned)
            await house.ask(forged)

    asyncio.run(many())
    assert len(decisions(house, "deny")) == STRANGERS[0]
    flood(house, 1)
    assert len(decisions(house, "deny")) == STRANGERS[0] + 1
    house.pipeline.sum_up(at_once=True)
    told = sums(house)
    assert sum(int(str(record["count"])) for record in told) == STRANGERS[0]
    assert all("token" not in record for record in told)


def test_reads_that_only_name_an_id_are_strangers_too(house: Gatehouse) -> None:
    """They are answered all the same, each with two records or none."""
    unsigned = structs.replace(house.request("GET", "/api/v3/time"), target=b"/api/v3/time")

    async def many() -> None:
        for _ in range(BURST + 20):
            assert (await house.ask(unsigned)).status == 200

    before = len(house.records())
    asyncio.run(many())
    assert len(house.records()) - before == 2 * BURST
    assert house.meter.unrecorded_count == 20


def test_a_full_disk_keeps_the_count(patient: Gatehouse) -> None:
    flood(patient, OWN[0] + 5)
    patient.audit.full_for = frozenset({Need.READ})
    patient.pipeline.sum_up(at_once=True)
    assert not sums(patient)
    patient.audit.full_for = frozenset()
    patient.pipeline.sum_up(at_once=True)
    assert [record["count"] for record in sums(patient)] == [5]


def test_buckets_of_tokens_that_were_quiet_are_forgotten(house: Gatehouse) -> None:
    denials = Denials()
    assert all(denials.admits(house.bot, DenyCode.LIMIT, 0) for _ in range(OWN[0]))
    denials.due(1_000)
    assert [denials.admits(house.bot, DenyCode.LIMIT, 1_000) for _ in range(2)] == [True, False]
    denials.due(1_000 * (OWN[0] + 2))
    assert sum(denials.admits(house.bot, DenyCode.LIMIT, 1_000_000) for _ in range(2 * OWN[0])) == OWN[0]
