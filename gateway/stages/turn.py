"""One request on its way: what every later stage needs to know of it, and the look at the world it is judged by."""

from dataclasses import dataclass, replace

from gateway.core.decision import Action, Allow, Decision, Deny, DenyCode
from gateway.core.errors import Refused, Unavailable
from gateway.core.intent import Cancel, CancelAll, Place
from gateway.core.request import Call
from gateway.core.snapshot import Snapshot
from gateway.core.token import Account, Token, TokenState
from gateway.exchanges.exchange import Exchange
from gateway.policy.decide import decide
from gateway.policy.document import Policy
from gateway.ports import Gate, Need, Surroundings


class Denied(Refused):
    """The policy said no; carries the whole decision, for the record and the answer."""

    def __init__(self, decision: Deny) -> None:
        super().__init__(decision.code, decision.detail, decision.rule)
        self.decision = decision


@dataclass(frozen=True, slots=True)
class Turn:
    """An authenticated request. ``account`` is where its token trades."""

    decision_id: str
    exchange: Exchange
    call: Call
    token: Token
    account: Account
    policy: Policy


def renewed(turn: Turn, world: Surroundings) -> Turn:
    """The same request under the token and policy as they are now; for use after any wait. Raises Refused."""
    token = world.tokens.find(turn.token.id)
    if token is None or token.state is TokenState.REVOKED or token.expired(world.clock.now_ms()):
        raise Refused(DenyCode.TOKEN, "the token was revoked or has expired")
    return replace(turn, token=token, policy=world.policies.find(token.policy))


def look(turn: Turn, world: Surroundings, cancels_foreign: bool = False) -> Snapshot:
    """What the decision is made from, as of now."""
    now_ms = world.clock.now_ms()
    usage = world.ledger.usage(turn.token.id, now_ms)
    if not isinstance(turn.call.intent, Place):
        return Snapshot(now_ms, turn.token.state, usage, cancels_foreign=cancels_foreign)
    environment = turn.account.environment
    instrument = world.market.instrument(turn.exchange.name, environment, turn.call.intent.market_id)
    reference = world.market.reference(instrument, environment) if instrument else None
    return Snapshot(now_ms, turn.token.state, usage, instrument, reference)


def judge(turn: Turn, snapshot: Snapshot, world: Surroundings) -> Allow:
    """The policy's decision; counts the request, and does to the token what a failed control says. Raises Denied."""
    decided: Decision = decide(turn.policy, turn.call, snapshot)
    bucket = "cancel" if isinstance(turn.call.intent, Cancel | CancelAll) else "request"
    world.ledger.count(turn.token.id, bucket, snapshot.now_ms)
    if isinstance(decided, Allow):
        return decided
    for finding in decided.failed:
        if finding.action is not Action.DENY:
            until_ms = snapshot.now_ms + finding.action_ms if finding.action_ms else None
            world.tokens.restrict(turn.token, finding.action, until_ms, finding.rule)
    raise Denied(decided)


def need_room(world: Surroundings, need: Need) -> None:
    """Raises Unavailable while the disk is too full for a request of this kind."""
    if not world.audit.room(need):
        raise Unavailable("the gateway's disk is nearly full: free some space")


def gate(token: Token, world: Surroundings, opens_risk: bool) -> Gate:
    """The last look at the token, in the event-loop step of the first write."""

    def still_live() -> None:
        current = world.tokens.find(token.id)
        if current is None or current.state is TokenState.REVOKED or current.expired(world.clock.now_ms()):
            raise Refused(DenyCode.TOKEN, "the token was revoked or has expired")
        if opens_risk and (current.generation != token.generation or current.state is not TokenState.ACTIVE):
            raise Refused(DenyCode.STATE, "the token's state changed meanwhile")

    return still_live
