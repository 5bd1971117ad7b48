"""A flood of denied requests leaves a bounded trace: the log tells how many there were, and does not grow with each."""

from collections import Counter

from gateway.stages.sparing import OWN
from tests.attacks.thief import Thief, Wire, raw
from tests.world import World

FLOOD = OWN[0] + 200
WHILE_IT_LASTS_S = 30
"""How long the flood may take at the most: so many more records does a token's bucket gain meanwhile."""


def test_a_token_that_is_denied_again_and_again_does_not_fill_the_disk(world: World) -> None:
    """Every denial is answered; with those that are summed up at the end the log has them all."""
    credential = world.issue("flood")
    thief = Thief(credential.key, credential.secret)
    answered: Counter[int] = Counter()
    with Wire(world.addresses.binance_port) as wire:
        for _ in range(FLOOD):
            answered[wire.ask(thief.order(quantity="1")).status] += 1
    assert answered == {400: FLOOD}
    assert world.stop() == 0
    records = [record for record in world.audit() if record.get("token") == "flood"]
    single = [record for record in records if record["type"] == "decision"]
    summed = [record for record in records if record["type"] == "denials"]
    assert OWN[0] <= len(single) <= OWN[0] + OWN[1] * WHILE_IT_LASTS_S
    assert len(single) + sum(record["count"] for record in summed) == FLOOD


def test_an_order_is_recorded_whatever_flood_went_before(world: World) -> None:
    """Strangers who know a token's id cost it nothing."""
    credential = world.issue("known")
    with Wire(world.addresses.binance_port) as wire:
        for _ in range(FLOOD):
            assert wire.ask(raw("GET", "/api/v3/account?timestamp=1", key=credential.key)).status >= 400
        assert wire.ask(Thief(credential.key, credential.secret).order()).status == 200
    decisions = [one for one in world.audit() if one.get("token") == "known" and one["type"] == "decision"]
    assert [one["verdict"] for one in decisions if one["call"] == "POST /api/v3/order"] == ["allow"]
