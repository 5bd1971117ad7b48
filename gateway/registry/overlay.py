"""What controls took from tokens for a while: it lies over what a token's own row says, and lifts by itself."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from gateway.core.decision import Action
from gateway.core.token import Token, TokenState


class Overlay:
    """The temporary states of tokens, by id."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._until: dict[str, dict[TokenState, int]] = {}

    def over(self, token: Token) -> Token:
        """The token as it stands now."""
        until = self._until.get(token.id)
        if until is None:
            return token
        now_ms = self._now_ms()
        state = next((state for state in _STRICTEST_FIRST if now_ms < until.get(state, 0)), None)
        if state is None:
            del self._until[token.id]
            return token
        return replace(token, state=state) if _is_looser(token.state, state) else token

    def narrows(self, token: Token, action: Action) -> bool:
        """Whether the action would take something from the token as it stands now."""
        return _is_looser(self.over(token).state, _STATES[action])

    def put(self, token_id: str, action: Action, until_ms: int) -> None:
        """Take what the action says, until then."""
        self._until.setdefault(token_id, {})[_STATES[action]] = until_ms

    def drop(self, token_id: str) -> None:
        """Give back whatever was taken."""
        self._until.pop(token_id, None)


_STATES: Final = {Action.REDUCE_ONLY: TokenState.REDUCE_ONLY, Action.CANCEL_ONLY: TokenState.PAUSED}
"""What an action with an end makes of the token until then."""
_STRICTEST_FIRST: Final = (TokenState.PAUSED, TokenState.REDUCE_ONLY)


def _is_looser(state: TokenState, other: TokenState) -> bool:
    order = (TokenState.ACTIVE, TokenState.REDUCE_ONLY, TokenState.PAUSED, TokenState.REVOKED)
    return order.index(state) < order.index(other)
