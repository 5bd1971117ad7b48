"""What controls take from a token for a while: the right state, the strictest of several, and a halt is never lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from gateway.core.decision import Action
from gateway.core.secret import Secret
from gateway.core.token import KeyKind, Token, TokenState, VerifyKey
from gateway.registry.tokens import LiveTokens
from gateway.store import Restriction

KEY = VerifyKey(KeyKind.HMAC, Secret("secret"))
TOKEN = Token("bot", "id", "binance", "main", "grid", KEY, TokenState.ACTIVE, 1, 0, None, ())


class Kept:
    """The store, as far as restrictions go."""

    def __init__(self) -> None:
        self.restrictions: list[Restriction] = []

    @contextmanager
    def transaction(self, record: None, synced: bool) -> Iterator["Kept"]:
        """Every change stays."""
        yield self

    def restrict(self, restriction: Restriction) -> None:
        """Keep it."""
        self.restrictions.append(restriction)


class Desk:
    """One token, its clock, and who was halted."""

    def __init__(self) -> None:
        self.now_ms, self.halted, self.kept = 1_000, list[tuple[Token, str]](), Kept()
        self.tokens = LiveTokens(self.kept, lambda: self.now_ms, lambda *halt: self.halted.append(halt))  # type: ignore[arg-type]
        self.tokens.put(TOKEN)

    def restrict(self, action: Action, until_ms: int | None) -> None:
        """A control acts."""
        self.tokens.restrict(TOKEN, action, until_ms, "limits.turnover")

    @property
    def state(self) -> TokenState:
        """As it stands now."""
        found = self.tokens.find("id")
        assert found is not None
        return found.state


@pytest.mark.parametrize(
    ("action", "state"), [(Action.REDUCE_ONLY, TokenState.REDUCE_ONLY), (Action.CANCEL_ONLY, TokenState.PAUSED)]
)
def test_an_action_sets_its_own_state_until_its_end(action: Action, state: TokenState) -> None:
    """reduce_only leaves reductions, cancel_only leaves none; both are lifted by the window's end, and are stored."""
    desk = Desk()
    desk.restrict(action, 2_000)
    assert desk.state is state
    assert desk.kept.restrictions == [Restriction("id", action, 2_000, "limits.turnover")]
    desk.now_ms = 2_000
    assert desk.state is TokenState.ACTIVE


def test_of_two_the_strictest_holds_and_then_the_other() -> None:
    """A cancel_only within a reduce_only ends first."""
    desk = Desk()
    desk.restrict(Action.REDUCE_ONLY, 3_000)
    desk.restrict(Action.CANCEL_ONLY, 2_000)
    assert desk.state is TokenState.PAUSED
    desk.now_ms = 2_500
    assert desk.state is TokenState.REDUCE_ONLY


@pytest.mark.parametrize("first", [Action.REDUCE_ONLY, Action.CANCEL_ONLY])
def test_a_halt_is_not_lost_in_another_restriction(first: Action) -> None:
    """Only a person resumes a halted token; the end of a window must not."""
    desk = Desk()
    desk.restrict(first, 2_000)
    desk.restrict(Action.HALT, None)
    assert desk.halted == [(TOKEN, "limits.turnover")]


def test_a_start_takes_up_what_was_stored() -> None:
    """The state that the action set, and not another."""
    desk = Desk()
    desk.tokens.load([TOKEN], [Restriction("id", Action.REDUCE_ONLY, 2_000, "limits.loss")])
    assert desk.state is TokenState.REDUCE_ONLY


def test_a_person_who_resumes_lifts_everything() -> None:
    """And a paused token stays paused under any restriction."""
    desk = Desk()
    desk.restrict(Action.CANCEL_ONLY, 2_000)
    desk.tokens.lift("id")
    assert desk.state is TokenState.ACTIVE


def test_whose_order_is_anothers() -> None:
    """Another token's of the same account that may still act; a stranger's, an expired one's and one's own are not."""
    desk = Desk()
    assert not desk.tokens.has_others(TOKEN, 1_000)
    for name, changes in {"twin": {}, "gone": {"expires_at": 1_000}, "far": {"account": "second"}}.items():
        desk.tokens.put(replace(TOKEN, name=name, id=name, **changes))  # type: ignore[arg-type]
    found = {name for name in ("id", "twin", "gone", "far", "none") if desk.tokens.is_other(TOKEN, name, 1_000)}
    assert found == {"twin"}
    assert desk.tokens.has_others(TOKEN, 1_000)
    desk.tokens.drop("twin")
    assert not desk.tokens.has_others(TOKEN, 1_000)


def test_which_policies_are_used_where_is_known_without_looking_at_every_token() -> None:
    """Each combination once, for as long as a token has it: of a hundred thousand tokens a look each second is none."""
    desk = Desk()
    desk.tokens.put(replace(TOKEN, name="twin", id="twin"))
    desk.tokens.put(replace(TOKEN, name="other", id="other", policy="dca"))
    assert set(desk.tokens.uses()) == {("binance", "main", "grid"), ("binance", "main", "dca")}
    desk.tokens.put(replace(TOKEN, name="other", id="other", policy="grid"))
    assert set(desk.tokens.uses()) == {("binance", "main", "grid")}
    for token_id in ("id", "twin", "other", "none"):
        desk.tokens.drop(token_id)
    assert not desk.tokens.uses()
