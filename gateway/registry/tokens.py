"""The live tokens in memory, by id. What a control took for a while lies over what the token's own row says."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import structlog

from gateway.core.decision import Action
from gateway.core.token import Token, TokenState
from gateway.store import Restriction, Store

log = structlog.get_logger()


class LiveTokens:
    """The Tokens of ports. ``halt`` pauses a token durably until a person resumes it."""

    def __init__(self, store: Store, now_ms: Callable[[], int], halt: Callable[[Token, str], None]) -> None:
        self._store = store
        self._now_ms = now_ms
        self._halt = halt
        self._tokens: dict[str, Token] = {}
        self._accounts: dict[str, dict[str, Token]] = {}
        self._restricted: dict[str, tuple[int, Token]] = {}

    def load(self, tokens: Iterable[Token], restrictions: Sequence[Restriction]) -> None:
        """Take in what the state holds."""
        for token in tokens:
            self.put(token)
        for restriction in restrictions:
            restricted = self._tokens.get(restriction.token_id)
            if restricted is not None and restriction.until_ms is not None:
                self._overlay(restricted, restriction.until_ms)

    def put(self, token: Token) -> None:
        """A new token, or a new state of one; a temporary restriction of it stays."""
        self._tokens[token.id] = token
        self._accounts.setdefault(token.account, {})[token.id] = token
        restricted = self._restricted.get(token.id)
        if restricted is not None:
            self._overlay(token, restricted[0])

    def drop(self, token_id: str) -> None:
        """Forget a revoked token."""
        token = self._tokens.pop(token_id, None)
        self._restricted.pop(token_id, None)
        if token is not None:
            self._accounts[token.account].pop(token_id, None)

    def find(self, token_id: str) -> Token | None:
        """The token as it stands now, or None if unknown or revoked."""
        restricted = self._restricted.get(token_id)
        if restricted is None:
            return self._tokens.get(token_id)
        if self._now_ms() < restricted[0]:
            return restricted[1]
        del self._restricted[token_id]
        return self._tokens.get(token_id)

    def others(self, token: Token, now_ms: int) -> Sequence[Token]:
        """The other tokens of its account that are neither revoked nor expired."""
        same = self._accounts.get(token.account, {})
        return [other for other in same.values() if other.id != token.id and not other.expired(now_ms)]

    def live(self) -> Sequence[Token]:
        """Every token that is not revoked, as it stands now."""
        return [token for token_id in self._tokens if (token := self.find(token_id)) is not None]

    def lift(self, token_id: str) -> None:
        """A person resumed the token: what controls took comes back."""
        self._restricted.pop(token_id, None)

    def restrict(self, token: Token, action: Action, until_ms: int | None, reason: str) -> None:
        """A control's action: cancel_only until a time, or halt until a person resumes."""
        current = self.find(token.id)
        if current is None or current.state is TokenState.PAUSED:
            return
        log.warning("token restricted", token=token.name, action=action.value, until_ms=until_ms, rule=reason)
        if action is Action.HALT or until_ms is None:
            self._halt(token, reason)
            return
        with self._store.transaction(None, synced=False) as change:
            change.restrict(Restriction(token.id, action, until_ms, reason))
        self._overlay(self._tokens[token.id], until_ms)

    def _overlay(self, token: Token, until_ms: int) -> None:
        state = TokenState.PAUSED if token.state is TokenState.ACTIVE else token.state
        self._restricted[token.id] = (until_ms, replace(token, state=state))
