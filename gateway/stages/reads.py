"""Reading: the market and the account. What passes teaches the ledger, and costs no synced write."""

from gateway.core.decision import Allow, DenyCode
from gateway.core.errors import Refused, Unavailable
from gateway.core.request import Answer, Call, Security
from gateway.exchanges.exchange import Exchange
from gateway.ports import Need, NoAnswer, Surroundings
from gateway.stages import records
from gateway.stages.learned import note, settle
from gateway.stages.send import Sender
from gateway.stages.sparing import Sparing
from gateway.stages.turn import Turn, gate, judge, look, need_room, warned, written


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
        need_room(self._world, Need.READ)
        if self._sparing.admits(self._world.clock.now_ms()):
            record = self._world.audit.draft(records.decision(decision_id, None, None, call, Allow()))
            self._world.audit.append(record, False, Need.READ)
        else:
            self._world.meter.unrecorded()
        try:
            return await self._sender.public(exchange, call, call.environment or "live")
        except NoAnswer as failure:
            raise Unavailable("the exchange did not answer; try again") from failure

    async def read(self, turn: Turn) -> Answer:
        """Raises Denied, Refused, Unavailable."""
        need_room(self._world, Need.READ)
        allowed = judge(turn, look(turn, self._world), self._world)
        record = self._world.audit.draft(written(turn, allowed, self._world))
        self._world.audit.append(record, False, Need.READ)
        return warned(self._learn(turn, await self._send(turn)), allowed)

    async def _send(self, turn: Turn) -> Answer:
        still_live = gate(turn.token, self._world, opens_risk=False)
        try:
            return await self._sender.send(turn.exchange, turn.call, turn.account, turn.token.id, still_live)
        except (Refused, Unavailable) as failure:
            note(self._world, records.unsent(turn.decision_id, str(failure)), Need.READ)
            raise
        except NoAnswer as failure:
            note(self._world, records.unanswered(turn.decision_id, str(failure)), Need.READ)
            raise Unavailable("the exchange did not answer; try again") from failure

    def _learn(self, turn: Turn, answer: Answer) -> Answer:
        lesson = turn.exchange.learn(turn.call, answer)
        body = records.outcome(turn.decision_id, answer, lesson)
        if lesson.events:
            settle(self._world, turn.account.name, lesson.events, body)
        else:
            note(self._world, body, Need.READ)
        return answer
