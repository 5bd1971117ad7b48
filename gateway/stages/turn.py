"""One request on its way: what every later stage needs to know of it, and the look at the world it is judged by."""

from decimal import Decimal
from typing import Final

from msgspec import Struct, structs

from gateway.core.decision import Action, Allow, Decision, Deny, DenyCode
from gateway.core.errors import Refused, Unavailable
from gateway.core.intent import Cancel, CancelAll, Place
from gateway.core.record import Body
from gateway.core.request import Answer, Call
from gateway.core.snapshot import Instrument, Reference, Snapshot, Usage
from gateway.core.token import Account, Token, TokenState
from gateway.exchanges.exchange import Exchange
from gateway.policy.alerts import alerts_for
from gateway.policy.decide import decide, fresh
from gateway.policy.document import Policy
from gateway.ports import Gate, Need, Surroundings
from gateway.stages import records

_CANCELS: Final = (Cancel, CancelAll)


class Denied(Refused):
    """The policy said no; carries the whole decision and what it was made from, for the record and the answer."""

    def __init__(self, decision: Deny, snapshot: Snapshot) -> None:
        super().__init__(decision.code, decision.detail, decision.rule)
        self.decision = decision
        self.snapshot = snapshot


class Turn(Struct, frozen=True):
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
    if token.key is not turn.token.key:
        raise Refused(DenyCode.TOKEN, "the token's secret was rotated meanwhile")
    policy = world.policies.find(token.policy)
    if token is turn.token and policy is turn.policy:
        return turn
    return structs.replace(turn, token=token, policy=policy)


def look(turn: Turn, world: Surroundings, cancels_foreign: bool = False) -> Snapshot:
    """What the decision is made from, as of now."""
    now_ms = world.clock.now_ms()
    usage = world.ledger.usage(turn.token.id, now_ms)
    limits = world.accounts.limits(turn.account.name)
    account = world.ledger.account_usage(turn.account.name, now_ms) if limits else None
    if not isinstance(turn.call.intent, Place):
        return Snapshot(now_ms, turn.token.state, usage, cancels_foreign=cancels_foreign, account=account)
    environment = turn.account.environment
    instrument = world.market.instrument(turn.exchange.name, environment, turn.call.intent.market_id)
    reference = _priced(turn, instrument, world) if instrument else None
    marks = {}
    if instrument and turn.policy.needs_marks:
        marks = _marks(turn, instrument, usage, world)
    if instrument and account is not None and limits is not None and limits.needs_marks:
        marks |= _marks(turn, instrument, account, world)
    most = None
    if instrument and (reference is None or reference.sources < turn.policy.sources):
        most = world.market.most_sources(instrument, environment)
    averages = (reference is not None and reference.anchor is not None) or world.market.averages(environment)
    return Snapshot(
        now_ms, turn.token.state, usage, instrument, reference, marks=marks, account=account, most_sources=most,
        averages=averages,
    )  # fmt: skip


def _priced(turn: Turn, instrument: Instrument, world: Surroundings) -> Reference | None:
    """The fair price; where too few sources are fresh, the last good one, at which only a reduction may leave."""
    environment, policy = turn.account.environment, turn.policy
    fresh_one = world.market.reference(instrument, environment, policy.stale_after_ms)
    if fresh_one is not None and fresh_one.sources >= policy.sources:
        return fresh_one
    return world.market.last_good(instrument, environment, policy.sources, policy.stale_after_ms) or fresh_one


def _marks(turn: Turn, traded: Instrument, usage: Usage, world: Surroundings) -> dict[str, Decimal]:
    """Fresh prices, in the traded instrument's quote, of the other markets where the token holds or works something."""
    marks = {}
    for market_id in usage.markets():
        held = world.market.instrument(turn.exchange.name, turn.account.environment, market_id)
        if held is None or held.quote != traded.quote or market_id == traded.market_id:
            continue
        reference = world.market.reference(held, turn.account.environment, turn.policy.stale_after_ms)
        if reference is not None and fresh(reference, world.clock.now_ms(), turn.policy):
            marks[market_id] = reference.price
    return marks


def judge(turn: Turn, snapshot: Snapshot, world: Surroundings) -> Allow:
    """The policy's decision. Raises Denied.

    Without the token's signature a request costs it nothing: anyone who knows the id could have sent it.
    """
    decided: Decision = decide(turn.policy, turn.call, snapshot, world.accounts.limits(turn.account.name))
    for alert in alerts_for(turn.policy, decided):
        world.meter.alert(turn.token.name, alert.event, alert.text)
    if turn.call.signed:
        _charge(turn, snapshot, decided, world)
    if isinstance(decided, Deny):
        raise Denied(decided, snapshot)
    return decided


def _charge(turn: Turn, snapshot: Snapshot, decided: Decision, world: Surroundings) -> None:
    """Count the request, and do to the token what a failed control says."""
    bucket = "cancel" if isinstance(turn.call.intent, _CANCELS) else "request"
    world.ledger.count(turn.token, bucket, snapshot.now_ms)
    for finding in decided.failed if isinstance(decided, Deny) else ():
        if finding.action is not Action.DENY:
            until_ms = snapshot.now_ms + finding.action_ms if finding.action_ms else None
            world.tokens.restrict(turn.token, finding.action, until_ms, finding.rule)


def written(turn: Turn, allowed: Allow, world: Surroundings, snapshot: Snapshot | None = None) -> Body:
    """The record of what was allowed; ``snapshot`` where prices went into it."""
    limits = world.accounts.limits(turn.account.name)
    return records.decision(turn.decision_id, turn.token, turn.policy, turn.call, allowed, snapshot, limits)


def warned(turn: Turn, answer: Answer, allowed: Allow) -> Answer:
    """The answer, and with it what the policy would have denied were it not in shadow mode."""
    if not turn.policy.shadow or not allowed.suspended:
        return answer
    rules = ", ".join(finding.rule for finding in allowed.suspended)
    warning = (b"warning", f'299 - "shadow: denied by {rules}"'.encode())
    return structs.replace(answer, headers=(*answer.headers, warning))


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
        if current.key is not token.key:
            raise Refused(DenyCode.TOKEN, "the token's secret was rotated meanwhile")
        if opens_risk and (current.generation != token.generation or current.state is not token.state):
            raise Refused(DenyCode.STATE, "the token's state changed meanwhile")

    return still_live
