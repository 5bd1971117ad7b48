"""The live tokens in memory, by id. What a control took for a while lies over what the token's own row says."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

import structlog

from gateway.core.decision import Action
from gateway.core.token import Token, TokenState
from gateway.registry.overlay import Overlay
from gateway.store import Restriction, Store

log = structlog.get_logger()


class LiveTokens:
    """The Tokens of ports. ``halt`` pauses a token durably until a person resumes it."""

    def __init__(self, store: Store, now_ms: Callable[[], int], halt: Callable[[Token, str], None]) -> None:
        self._store = store
        self._halt = halt
        self._tokens: dict[str, Token] = {}
        self._accounts: dict[str, dict[str, Token]] = {}
        self._uses: Counter[tuple[str, str, str]] = Counter()
        self._overlay = Overlay(now_ms)

    def load(self, tokens: Iterable[Token], restrictions: Sequence[Restriction]) -> None:
        """Take in what the state holds."""
        for token in tokens:
            self.put(token)
        for restriction in restrictions:
            if restriction.token_id in self._tokens and restriction.until_ms is not None:
                self._overlay.put(restriction.token_id, restriction.action, restriction.until_ms)

    def put(self, token: Token) -> None:
        """A new token, or a new state of one; a temporary restriction of it stays."""
        self._use(self._tokens.get(token.id), -1)
        self._use(token, +1)
        self._tokens[token.id] = token
        self._accounts.setdefault(token.account, {})[token.id] = token

    def drop(self, token_id: str) -> None:
        """Forget a revoked token."""
        token = self._tokens.pop(token_id, None)
        self._use(token, -1)
        self._overlay.drop(token_id)
        if token is not None:
            self._accounts[token.account].pop(token_id, None)

    def find(self, token_id: str) -> Token | None:
        """The token as it stands now, or None if unknown or revoked."""
        token = self._tokens.get(token_id)
        return None if token is None else self._overlay.over(token)

    def is_other(self, token: Token, token_id: str, now_ms: int) -> bool:
        """Whether the id is another token's of the same account, neither revoked nor expired."""
        other = self._accounts.get(token.account, {}).get(token_id)
        return other is not None and other.id != token.id and not other.expired(now_ms)

    def has_others(self, token: Token, now_ms: int) -> bool:
        """Whether there is any such token."""
        return any(self.is_other(token, token_id, now_ms) for token_id in self._accounts.get(token.account, {}))

    def uses(self) -> Collection[tuple[str, str, str]]:
        """Exchange, account and policy of the tokens that are not revoked, each combination once."""
        return self._uses.keys()

    def live(self) -> Sequence[Token]:
        """Every token that is not revoked, as it stands now."""
        return [token for token_id in self._tokens if (token := self.find(token_id)) is not None]

    def _use(self, token: Token | None, number: int) -> None:
        if token is None:
            return
        use = (token.exchange, token.account, token.policy)
        self._uses[use] += number
        if not self._uses[use]:
            del self._uses[use]

    def lift(self, token_id: str) -> None:
        """A person resumed the token: what controls took comes back."""
        self._overlay.drop(token_id)

    def restrict(self, token: Token, action: Action, until_ms: int | None, reason: str) -> None:
        """A control's action: reduce_only or cancel_only until a time, or halt until a person resumes."""
        own = self._tokens.get(token.id)
        if own is None or own.state is TokenState.PAUSED:
            return
        if action is Action.HALT or until_ms is None:
            log.warning("token restricted", token=own.name, action=action.value, rule=reason)
            self._halt(own, reason)
        elif self._overlay.narrows(own, action):
            log.warning("token restricted", token=own.name, action=action.value, until_ms=until_ms, rule=reason)
            with self._store.transaction(None, synced=False) as change:
                change.restrict(Restriction(own.id, action, until_ms, reason))
            self._overlay.put(own.id, action, until_ms)
