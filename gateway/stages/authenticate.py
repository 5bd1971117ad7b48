"""Who asks. Token by id, then its state, its address, the bot's own signature, its clock, and single use.

A request that changes state is good for one time. Its signed bytes are remembered until the exchange's clock
has passed their window, whatever path they came by: a signature of most exchanges covers no path. What a read was
signed with is no order afterwards, but it may be a cancel: a bot that asks for an order and cancels it within one
millisecond signs the same bytes twice, and exits stay open. After a start nothing signed before it is taken, since what
was seen then is forgotten.
"""

from typing import Final

from gateway.core.decision import DenyCode
from gateway.core.errors import Refused
from gateway.core.intent import Cancel, CancelAll, Intent, Place
from gateway.core.request import Call, Proof, RawRequest
from gateway.core.token import Token, TokenState
from gateway.exchanges.exchange import Exchange
from gateway.ports import Clock, Connection, Tokens

SLACK_US: Final = 5_000_000
"""How long beyond its window a signature is remembered: more than a clock measurement can move."""


_CHANGES: Final = (Place, Cancel, CancelAll)


def changes_state(intent: Intent) -> bool:
    """Whether the call does something at the exchange (a test order counts)."""
    return isinstance(intent, _CHANGES)


class Seen:
    """The signed bytes of the last moments, each kept at least until it may be forgotten.

    Remembered are 64-bit hashes of them, keyed anew by each process: equal bytes have equal ones, so that no replay is
    missed; a new request is taken for another by a chance of one in 2**64 for each that is remembered, and refused.
    They lie in two heaps: once all of the older may be forgotten it goes, and the younger takes its place.
    """

    def __init__(self) -> None:
        self._older: set[int] = set()
        self._younger: set[int] = set()
        self._older_until_us = self._younger_until_us = 0

    def first_time(self, token_id: str, payload: bytes, forget_us: int, now_us: int) -> bool:
        """Remember these bytes; False if they were here already."""
        if self._older_until_us < now_us:
            self._forget_older()
        hashed = hash((token_id, payload))
        if hashed in self._younger or hashed in self._older:
            return False
        self._younger.add(hashed)
        self._younger_until_us = max(self._younger_until_us, forget_us)
        return True

    def knows(self, token_id: str, payload: bytes) -> bool:
        """Whether these bytes were here and are not forgotten yet."""
        hashed = hash((token_id, payload))
        return hashed in self._younger or hashed in self._older

    def _forget_older(self) -> None:
        self._older, self._older_until_us = self._younger, self._younger_until_us
        self._younger, self._younger_until_us = set(), 0


class Authenticator:
    """One per gateway; holds what has been seen since it started."""

    def __init__(self, tokens: Tokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock
        self._changed = Seen()
        self._read = Seen()
        self._started: dict[str, int] = {}

    def start(self, exchange: str) -> None:
        """From now on, on this exchange's clock, requests that change state are taken."""
        self._started[exchange] = self._clock.exchange_us(exchange)

    def __call__(self, exchange: Exchange, call: Call, raw: RawRequest, connection: Connection) -> Token | None:
        """The token that sent this, or None where nothing was presented. Raises Refused."""
        proof = call.proof
        if proof is None:
            return None
        token = self._live(exchange, proof, raw.peer)
        if proof.signature is not None:
            self._check(exchange, call, proof, token)
            if connection.owner not in (None, token.id):
                raise Refused(DenyCode.TOKEN, "this connection belongs to another token; open one per token")
            connection.owner = token.id
        return token

    def _live(self, exchange: Exchange, proof: Proof, peer: str) -> Token:
        token = self._tokens.find(proof.token_id)
        if token is None or token.exchange != exchange.name or token.state is TokenState.REVOKED:
            raise Refused(DenyCode.TOKEN, "unknown or revoked token")
        if token.expired(self._clock.now_ms()):
            raise Refused(DenyCode.TOKEN, "the token has expired")
        if not token.admits(peer):
            raise Refused(DenyCode.TOKEN, "the token may not be used from this address")
        return token

    def _check(self, exchange: Exchange, call: Call, proof: Proof, token: Token) -> None:
        now_us = self._clock.exchange_us(exchange.name)
        exchange.verify(proof, token.key, now_us)
        changes = changes_state(call.intent)
        if changes and proof.signed_at_us < self._started.get(exchange.name, now_us):
            raise Refused(DenyCode.TIMESTAMP, "signed before the gateway started; sign anew")
        forget_us = max(proof.signed_at_us, now_us) + proof.window_us + SLACK_US
        what = (token.id, proof.payload)
        was_read = isinstance(call.intent, Place) and self._read.knows(*what)
        seen = self._changed if changes else self._read
        if (not seen.first_time(*what, forget_us, now_us) and changes) or was_read:
            raise Refused(DenyCode.REPLAY, "this signed request was used before; sign anew")
