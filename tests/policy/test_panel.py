"""Who is asked about which kind of intent: a control that is not asked must have had nothing to say."""

from typing import get_args

import pytest

from gateway.core.intent import Cancel, CancelAll, Forbidden, Intent, Public, Read, ReadName
from gateway.policy.controls import FLOORS, SETTINGS
from gateway.policy.controls.control import Control
from gateway.policy.panel import Panel
from gateway.policy.strict_yaml import read
from tests.policy.cases import call, place, snapshot

INTENTS: tuple[Intent, ...] = (
    Public(), Read(ReadName.ORDERS), place("buy", "limit", "1", price="100"), Cancel("BTCUSDT", "1", None),
    CancelAll("BTCUSDT"), Forbidden("it moves value"),
)  # fmt: skip
CONTROLS: tuple[Control, ...] = (*FLOORS, *(setting.read(read(setting.key.example, "x")) for setting in SETTINGS))


def test_every_kind_of_intent_is_here() -> None:
    """A new kind is found."""
    assert {type(intent) for intent in INTENTS} == set(get_args(Intent))


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.rule)
@pytest.mark.parametrize("intent", INTENTS, ids=lambda intent: type(intent).__name__)
@pytest.mark.parametrize("foreign", [False, True])
def test_who_is_not_asked_would_have_been_silent(control: Control, intent: Intent, foreign: bool) -> None:
    """``concerns`` leaves out only what ``check`` has no word on."""
    if control.concerns is None or type(intent) in control.concerns:
        return
    asked = call(intent, needs_grant=frozenset({"strategyId"}))
    assert control.check(asked, snapshot(cancels_foreign=foreign), None) is control.silent


@pytest.mark.parametrize("intent", INTENTS, ids=lambda intent: type(intent).__name__)
def test_the_findings_are_those_of_asking_everybody(intent: Intent) -> None:
    """In their order, the second time too."""
    panel, asked, world = Panel(CONTROLS), call(intent), snapshot()
    heard = [(control, control.check(asked, world, None)) for control in CONTROLS]
    everybody = tuple(found for control, found in heard if found is not control.silent)
    assert panel.findings(asked, world, None) == everybody
    assert panel.findings(asked, world, None) == everybody
