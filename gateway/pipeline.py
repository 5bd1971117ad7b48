"""The one path. Every request to an exchange goes through here, whatever port it came by, or not at all.

    decode ─▶ authenticate ─▶ decide ─▶ reserve + record ─▶ sign ─▶ forward ─▶ settle + record ─▶ answer

Whatever goes wrong on the way becomes a denial in the exchange's own words. A failure of ours denies too.
"""

from collections.abc import Awaitable, Callable

import structlog
from msgspec import Struct, structs

from gateway.core.decision import Deny, DenyCode
from gateway.core.errors import Refused, Unavailable
from gateway.core.intent import Cancel, CancelAll, Forbidden, Place, Public, Read
from gateway.core.request import Answer, Call, RawRequest
from gateway.core.snapshot import Snapshot
from gateway.core.token import Token
from gateway.core.ulid import Ulids
from gateway.exchanges.exchange import Denial, Exchange
from gateway.exchanges.registry import EXCHANGES, UNROUTABLE, locate
from gateway.policy.decide import counts_as_denial
from gateway.ports import Connection, Need, NoAnswer, NotSent, Surroundings
from gateway.stages import records
from gateway.stages.authenticate import Authenticator
from gateway.stages.exits import Exits
from gateway.stages.learned import note
from gateway.stages.orders import Orders
from gateway.stages.reads import Reads
from gateway.stages.send import Sender
from gateway.stages.sparing import Denials, Sparing
from gateway.stages.turn import Denied, Turn, judge, look

log = structlog.get_logger()


class Trail(Struct):
    """What is known of a request so far: what a denial is told with."""

    decision_id: str
    exchange: Exchange = UNROUTABLE
    call: Call | None = None
    token: Token | None = None
    snapshot: Snapshot | None = None


class Pipeline:
    """Handles one request after another; holds no state but what has been seen since the start.

    ``ready`` says whether an account may place orders yet; ``heard`` is told of every token that proved itself.
    """

    def __init__(
        self, world: Surroundings, sender: Sender, ready: Callable[[str], bool], heard: Callable[[str], None]
    ) -> None:
        self._world = world
        self._ids = Ulids(world.random)
        self._heard = heard
        self.authenticator = Authenticator(world.tokens, world.clock)
        self._orders = Orders(world, sender, ready)
        self._exits = Exits(world, sender)
        self._denials = Denials()
        self._reads = Reads(world, sender, Sparing())

    async def handle(self, raw: RawRequest, connection: Connection) -> Answer:
        """The answer to a bot's request: the exchange's, or ours in its format. Never raises."""
        trail = Trail(self._ids(self._world.clock.now_ms()))
        try:
            answer = await self._story(raw, connection, trail)
            self._world.meter.decided(trail.exchange.name, "allow", "")
        except Exception as failure:
            trail.snapshot = failure.snapshot if isinstance(failure, Denied) else None
            answer = self._deny(trail, _denial(failure))
        return self._stamped(trail, answer)

    def _stamped(self, trail: Trail, answer: Answer) -> Answer:
        decision = (b"x-tradewarden-decision", trail.decision_id.encode())
        return Answer(answer.status, (*answer.headers, decision), answer.body)

    def _story(self, raw: RawRequest, connection: Connection, trail: Trail) -> Awaitable[Answer]:
        """Who asks for what; the rest is told by the kind of request."""
        trail.exchange, host, target = locate(raw)
        trail.call = call = trail.exchange.decode(raw, host, target)
        trail.token = token = self.authenticator(trail.exchange, call, raw, connection)
        if token is None:
            return self._anonymous(trail.exchange, call, trail.decision_id)
        if call.signed:
            self._heard(token.id)
        return self._decide(self._turn(trail.exchange, call, token, trail.decision_id))

    def _anonymous(self, exchange: Exchange, call: Call, decision_id: str) -> Awaitable[Answer]:
        if isinstance(call.intent, Forbidden):
            raise Refused(DenyCode.UNSUPPORTED if call.intent.ever else DenyCode.FORBIDDEN, call.intent.why)
        if not isinstance(call.intent, Public):
            raise Refused(DenyCode.TOKEN, "without a token's credentials only public market data can be had")
        return self._reads.public(exchange, call, decision_id)

    def _turn(self, exchange: Exchange, call: Call, token: Token, decision_id: str) -> Turn:
        account = self._world.accounts.find(token.account)
        if account is None:
            raise Refused(DenyCode.TOKEN, "the token's account was removed")
        if call.environment not in (None, account.environment):
            detail = f"the account is on {account.environment}, the host named is {call.environment}"
            raise Refused(DenyCode.UNKNOWN_ENDPOINT, detail)
        return Turn(decision_id, exchange, call, token, account, self._world.policies.find(token.policy))

    def _decide(self, turn: Turn) -> Awaitable[Answer]:
        match turn.call.intent:
            case Read() | Public():
                return self._reads.read(turn)
            case Place() as order:
                return self._orders.place(turn, order)
            case Cancel() as cancel:
                return self._exits.cancel(turn, cancel)
            case CancelAll() as cancel:
                return self._exits.cancel_all(turn, cancel)
            case Forbidden():
                judge(turn, look(turn, self._world), self._world)
                raise Refused(DenyCode.FORBIDDEN, turn.call.intent.why)

    def refuse(self, port: str | None, status: int, detail: str) -> Answer:
        """The answer to bytes that are no request: in the words of the port's exchange, with HTTP's own status."""
        trail = Trail(self._ids(self._world.clock.now_ms()))
        trail.exchange = EXCHANGES.get(port or "", UNROUTABLE)
        answer = self._deny(trail, Deny(DenyCode.MALFORMED, "malformed", detail))
        return self._stamped(trail, structs.replace(answer, status=status))

    def sum_up(self, *, at_once: bool = False) -> None:
        """Record what was denied without records of its own; while the disk is full it is counted on."""
        if self._world.audit.room(Need.READ):
            for spared in self._denials.due(self._world.clock.now_ms(), at_once=at_once):
                note(self._world, records.denials(spared), Need.READ)

    def _deny(self, trail: Trail, denied: Deny) -> Answer:
        """Count, record and say the denial. It stands even where it cannot be written down."""
        try:
            self._write_down(trail, denied)
        except Exception as failure:
            log.error("a denial could not be written down", d=trail.decision_id, exc_info=failure)
        return trail.exchange.deny(
            Denial(denied.code, denied.rule, denied.detail, trail.decision_id, denied.retry_after_ms)
        )

    def _write_down(self, trail: Trail, denied: Deny) -> None:
        self._world.meter.decided(trail.exchange.name, "deny", denied.code.value)
        token, now_ms = trail.token, self._world.clock.now_ms()
        proven = token if trail.call is not None and trail.call.signed else None
        if proven is not None and counts_as_denial(denied.code):
            self._world.ledger.count(proven, "denial", now_ms)
        if not self._denials.admits(proven, denied.code, now_ms):
            self._world.meter.unrecorded()
            return
        policy = self._world.policies.find(token.policy) if token else None
        limits = self._world.accounts.limits(token.account) if token else None
        body = records.decision(trail.decision_id, token, policy, trail.call, denied, trail.snapshot, limits)
        note(self._world, body, Need.READ)


def _denial(failure: Exception) -> Deny:
    """The denial that a failure amounts to; one we did not foresee is logged, and denies."""
    match failure:
        case Denied():
            return failure.decision
        case Refused():
            return Deny(failure.code, failure.rule, failure.detail)
        case NotSent():
            return Deny(DenyCode.BAD_GATEWAY, "upstream", str(failure))
        case NoAnswer():
            return Deny(DenyCode.UNKNOWN_OUTCOME, "unknown", str(failure))
        case Unavailable():
            return Deny(DenyCode.NOT_READY, "not_ready", str(failure))
    log.error("a request failed inside the gateway and was denied", exc_info=failure)
    return Deny(DenyCode.INTERNAL, "internal", type(failure).__name__)
