"""Reading: the market and the account. What passes teaches the ledger, and costs no synced write."""

from collections.abc import Callable
from functools import partial

from gateway.core.decision import Allow, DenyCode
from gateway.core.errors import Refused, Unavailable
from gateway.core.record import Body, Filled
from gateway.core.request import Answer, Call, Security
from gateway.exchanges.exchange import Exchange
from gateway.ports import Need, NoAnswer, Surroundings
from gateway.stages import records
from gateway.stages.learned import note, settle
from gateway.stages.send import Sender
from gateway.stages.sparing import Sparing
from gateway.stages.turn import Turn, gate, judge, look, need_room, warned


class Reads:
    """The story of a read."""

    def __init__(self, world: Surroundings, sender: Sender, sparing: Sparing) -> None:
        self._world = world
        self._sender = sender
        self._sparing = sparing

    async def public(self, exchange: Exchange, call: Call, decision_id: str) -> Answer:
        """Market data for anybody who reaches the port. Raises Refused, Unavailable."""
        if call.endpoint.security is not Security.NONE:
            raise Refused(DenyCode.TOKEN, "this endpoint needs a token's key")
        self._recorded(False, lambda: records.decision(decision_id, None, None, call, Allow()))
        try:
            return await self._sender.public(exchange, call, call.environment or "live")
        except NoAnswer as failure:
            raise Unavailable("the exchange did not answer; try again") from failure

    async def read(self, turn: Turn) -> Answer:
        """Raises Denied, Refused, Unavailable."""
        allowed = judge(turn, look(turn, self._world), self._world)
        limits = self._world.accounts.limits(turn.account.name)
        record = partial(records.read, turn.decision_id, turn.token, turn.policy, turn.call, allowed, limits)
        recorded = self._recorded(turn.call.signed, record)
        still_live = gate(turn.token, self._world, opens_risk=False)
        try:
            answer = await self._sender.send(turn.exchange, turn.call, turn.account, turn.token.id, still_live)
        except (Refused, Unavailable) as failure:
            self._note(recorded, records.unsent(turn.decision_id, str(failure)))
            raise
        except NoAnswer as failure:
            self._note(recorded, records.unanswered(turn.decision_id, str(failure)))
            raise Unavailable("the exchange did not answer; try again") from failure
        self._learn(turn, answer, recorded)
        return warned(turn, answer, allowed)

    def _recorded(self, proven: bool, decision: Callable[[], Body | Filled]) -> bool:
        """Write the decision down; of who proved nothing only as many as the bucket admits. Raises Unavailable."""
        if proven or self._sparing.admits(self._world.clock.now_ms()):
            self._world.audit.note(decision(), need=Need.READ)
            return True
        need_room(self._world, Need.READ)
        self._world.meter.unrecorded()
        return False

    def _learn(self, turn: Turn, answer: Answer, recorded: bool) -> None:
        lesson = turn.exchange.learn(turn.call, answer)
        if lesson.events:
            body = records.outcome(turn.decision_id, answer, lesson)
            settle(self._world, turn.account.name, lesson.events, body)
        else:
            self._note(recorded, records.read_outcome(turn.decision_id, answer, lesson))

    def _note(self, recorded: bool, body: Body | Filled) -> None:
        """What became of a read, if its decision is on record: who only names a token's id may be anybody."""
        if recorded:
            note(self._world, body, Need.READ)
