"""What a rehearsal's gateway has of its own: one token with one real key, one policy, and a log that forgets."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.admin.policy_tools.played import EXCHANGE, Clock
from gateway.core.decision import Action
from gateway.core.record import Filled
from gateway.core.secret import Secret
from gateway.core.token import Account, Credential, KeyKind, Token, TokenState, VerifyKey
from gateway.policy.account import AccountLimits
from gateway.policy.document import Policy
from gateway.ports import Need, Record
from gateway.registry.overlay import Overlay

SECRET: Final = Secret("the token's secret")


class Holder:
    """The Tokens, Accounts, Policies and Lender of ports: one token, one account, one policy, one real key.

    What a control takes for a while comes back by itself; a halt stays, for no person is there to resume.
    """

    def __init__(self, policy: Policy, real: Credential, clock: Clock) -> None:
        self._policy, self._real = policy, real
        key = VerifyKey(KeyKind.HMAC, SECRET)
        self._own = Token("stolen", "s" * 64, EXCHANGE, "victim", policy.name, key, TokenState.ACTIVE, 1, 0, None, ())
        self._taken = Overlay(clock.now_ms)
        self._account = Account("victim", EXCHANGE, "live", real.key_id, KeyKind.HMAC, 0)

    @property
    def token(self) -> Token:
        """The stolen token as it stands now."""
        return self._taken.over(self._own)

    def token_of(self, token_id: str) -> Token | None:
        return self.token if token_id == self._own.id else None

    def restrict(self, token: Token, action: Action, until_ms: int | None, reason: str) -> None:
        if self._own.state is TokenState.PAUSED:
            return
        if action is Action.HALT or until_ms is None:
            self._own = replace(self._own, state=TokenState.PAUSED, generation=self._own.generation + 1)
        elif self._taken.narrows(self._own, action):
            self._taken.put(self._own.id, action, until_ms)

    def account(self, name: str) -> Account | None:
        return self._account if name == self._account.name else None

    def accounts(self) -> list[Account]:
        return [self._account]

    def policy(self, name: str) -> Policy:
        return self._policy

    @contextmanager
    def lend(self, account: str) -> Iterator[Credential]:
        yield self._real


@dataclass(frozen=True, slots=True)
class Tokens:
    """The Tokens of ports."""

    holder: Holder

    def find(self, token_id: str) -> Token | None:
        return self.holder.token_of(token_id)

    def is_other(self, token: Token, token_id: str, now_ms: int) -> bool:
        return False

    def has_others(self, token: Token, now_ms: int) -> bool:
        return False

    def restrict(self, token: Token, action: Action, until_ms: int | None, reason: str) -> None:
        self.holder.restrict(token, action, until_ms, reason)


@dataclass(frozen=True, slots=True)
class Accounts:
    """The Accounts of ports."""

    holder: Holder

    def find(self, name: str) -> Account | None:
        return self.holder.account(name)

    def limits(self, name: str) -> AccountLimits | None:
        return None

    def all(self) -> Sequence[Account]:
        return self.holder.accounts()


@dataclass(frozen=True, slots=True)
class Policies:
    """The Policies of ports."""

    holder: Holder

    def find(self, name: str) -> Policy:
        return self.holder.policy(name)


class Paper:
    """The Audit of ports: numbers and forgets; the last few bodies stay to be looked at."""

    def __init__(self) -> None:
        self._next = 0
        self.bodies: deque[Mapping[str, Any]] = deque(maxlen=64)

    def draft(self, body: Mapping[str, Any]) -> Record:
        return Record(self._next, body)

    def append(self, record: Record, sync: bool, need: Need = Need.EXIT) -> None:
        self._next += 1
        self.bodies.append(record.body)

    def note(self, body: Mapping[str, Any] | Filled, sync: bool = False, need: Need = Need.EXIT) -> None:
        self.append(self.draft(body.body if isinstance(body, Filled) else body), sync, need)

    def room(self, need: Need) -> bool:
        return True

    def release_reserve(self) -> None:
        """There is none."""


class Unmeasured:
    """The Meter of ports."""

    def decided(self, exchange: str, verdict: str, code: str) -> None:
        """Nobody counts."""

    def alert(self, token: str, event: str, text: str) -> None:
        """Nobody listens."""

    def unrecorded(self) -> None:
        """Nobody counts."""

    def outcome(self, exchange: str, outcome: str) -> None:
        """Nobody counts."""

    def alarmed(self, alarm: str) -> None:
        """Nobody counts."""


@dataclass
class Hand:
    """A bot's connection."""

    owner: str | None = None
