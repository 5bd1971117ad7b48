"""Cancelling. Exits stay open: no limit and no state but revoked and expired stops a token's own cancel.

Whose an order is, ``ownership`` tells, and looks once more as it leaves. A cancel-all leaves whole only where no other
live token could be hit.
"""

import asyncio

from msgspec import structs

from gateway.core.errors import Refused, Unavailable
from gateway.core.intent import Cancel, CancelAll
from gateway.core.request import Answer
from gateway.exchanges.exchange import Outcome
from gateway.ports import Gate, NoAnswer, Surroundings
from gateway.stages import records
from gateway.stages.learned import note, settle
from gateway.stages.ownership import Ownership, Whose
from gateway.stages.send import Sender
from gateway.stages.turn import Turn, gate, judge, look, renewed, written


class Exits:
    """The story of a cancel."""

    def __init__(self, world: Surroundings, sender: Sender) -> None:
        self._world = world
        self._sender = sender
        self._ownership = Ownership(world, sender)

    async def cancel(self, turn: Turn, cancel: Cancel) -> Answer:
        """Raises Denied or Refused (nothing left), Unavailable, or NoAnswer."""
        whose = await self._ownership.whose(turn, cancel)
        turn = await self._decided(turn, whose is Whose.ANOTHERS)
        return await self._send(turn, self._ownership.may_leave(turn, cancel, whose))

    async def cancel_all(self, turn: Turn, cancel: CancelAll) -> Answer:
        """Whole where it may cancel every order that it hits, else one by one."""
        turn = await self._decided(turn, cancels_foreign=False)
        if turn.policy.cancels_any or not self._ownership.has_others(turn):
            return await self._send(turn, self._ownership.may_leave_whole(turn))
        answers = []
        for order in await self._ownership.own_orders(turn, cancel.market_id):
            single = turn.exchange.cancel_order(cancel.market_id, order.order_id, None)
            still_live = gate(turn.token, self._world, opens_risk=False)
            answers.append(await self._send(structs.replace(renewed(turn, self._world), call=single), still_live))
        return turn.exchange.join_cancels(answers)

    async def _decided(self, turn: Turn, cancels_foreign: bool) -> Turn:
        """Judge, wait out the bucket, record. Only then may anything be sent."""
        turn = renewed(turn, self._world)
        allowed = judge(turn, look(turn, self._world, cancels_foreign), self._world)
        if allowed.delay_ms:
            await asyncio.sleep(allowed.delay_ms / 1000)
            turn = renewed(turn, self._world)
        self._world.audit.note(written(turn, allowed, self._world), sync=True)
        return turn

    async def _send(self, turn: Turn, may_leave: Gate) -> Answer:
        try:
            answer = await self._sender.send(turn.exchange, turn.call, turn.account, turn.token.id, may_leave)
        except (Refused, Unavailable) as failure:
            note(self._world, records.unsent(turn.decision_id, str(failure)))
            raise
        except Exception as failure:
            note(self._world, records.unanswered(turn.decision_id, str(failure)))
            raise NoAnswer("sent, and no answer came; the cancel may have worked") from failure
        lesson = turn.exchange.learn(turn.call, answer)
        self._world.meter.outcome(turn.exchange.name, lesson.outcome.value)
        settle(self._world, turn.account.name, lesson.events, records.outcome(turn.decision_id, answer, lesson))
        if lesson.outcome is Outcome.UNKNOWN and answer.status < 400:
            raise NoAnswer("the answer made no sense; the cancel may have worked")
        return answer
