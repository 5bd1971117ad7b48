"""Cancelling. Exits stay open: no limit and no state but revoked and expired stops a token's own cancel.

Whose an order is, the ledger knows by its ids. Only where another live token has an order whose exchange id never
came back is the exchange asked first. A cancel-all leaves whole only where no other live token could be hit.
"""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial

from msgspec import structs

from gateway.core.errors import Refused, Unavailable
from gateway.core.intent import Cancel, CancelAll
from gateway.core.request import Answer, Call
from gateway.exchanges.exchange import Outcome, WorkingOrder
from gateway.ports import NoAnswer, Surroundings
from gateway.stages import records
from gateway.stages.learned import note, settle
from gateway.stages.send import Sender
from gateway.stages.turn import Turn, gate, judge, look, renewed, written


class Exits:
    """The story of a cancel."""

    def __init__(self, world: Surroundings, sender: Sender) -> None:
        self._world = world
        self._sender = sender

    async def cancel(self, turn: Turn, cancel: Cancel) -> Answer:
        """Raises Denied or Refused (nothing left), Unavailable, or NoAnswer."""
        foreign = await self._is_foreign(turn, cancel)
        turn = await self._decided(turn, foreign)
        return await self._send(turn)

    async def cancel_all(self, turn: Turn, cancel: CancelAll) -> Answer:
        """Whole where it may cancel every order that it hits, else one by one."""
        turn = await self._decided(turn, cancels_foreign=False)
        if turn.policy.cancels_any or not self._has_others(turn):
            return await self._send(turn)
        answers = []
        for order in await self._own_orders(turn, cancel.market_id):
            single = turn.exchange.cancel_order(cancel.market_id, order.order_id, None)
            answers.append(await self._send(structs.replace(renewed(turn, self._world), call=single)))
        return turn.exchange.join_cancels(answers)

    async def _decided(self, turn: Turn, cancels_foreign: bool) -> Turn:
        """Judge, wait out the bucket, record. Only then may anything be sent."""
        turn = renewed(turn, self._world)
        allowed = judge(turn, look(turn, self._world, cancels_foreign), self._world)
        if allowed.delay_ms:
            await asyncio.sleep(allowed.delay_ms / 1000)
            turn = renewed(turn, self._world)
        record = self._world.audit.draft(written(turn, allowed, self._world))
        self._world.audit.append(record, sync=True)
        return turn

    def _has_others(self, turn: Turn) -> bool:
        """Whether the account has other live tokens."""
        return self._world.tokens.has_others(turn.token, self._world.clock.now_ms())

    def _are_others(self, turn: Turn, token_ids: Iterable[str]) -> bool:
        """Whether one of these is another live token of the account."""
        now_ms = self._world.clock.now_ms()
        return any(self._world.tokens.is_other(turn.token, token_id, now_ms) for token_id in token_ids)

    async def _is_foreign(self, turn: Turn, cancel: Cancel) -> bool:
        ledger, account = self._world.ledger, turn.account.name
        if turn.policy.cancels_any or not self._has_others(turn):
            return False
        if self._are_others(turn, ledger.owner(account, cancel.market_id, cancel.order_id, cancel.client_id)):
            return True
        known = ledger.owner(account, cancel.market_id, cancel.order_id, None)
        if cancel.order_id is None or known:
            return False
        if not self._are_others(turn, ledger.unacknowledged(account, cancel.market_id)):
            return False
        return self._are_others(turn, await self._asked_owner(turn, cancel))

    async def _asked_owner(self, turn: Turn, cancel: Cancel) -> Sequence[str]:
        """Whose order the exchange says it is, by its client id. Raises Unavailable without a clear answer."""
        query = turn.exchange.query_order(cancel.market_id, cancel.order_id, None)
        answer = await self._own(turn, query, "whose order is it")
        lesson = turn.exchange.learn(query, answer)
        if lesson.outcome is Outcome.UNKNOWN:
            raise Unavailable("the exchange does not say whose order this is; try again")
        for event in lesson.events:
            owners = self._world.ledger.owner(turn.account.name, event.market_id, None, event.client_id)
            if owners:
                return owners
        return ()

    async def _own_orders(self, turn: Turn, market_id: str) -> Sequence[WorkingOrder]:
        """The working orders there that no other live token placed."""
        query = turn.exchange.open_orders(market_id)
        orders = turn.exchange.parse_open_orders(await self._own(turn, query, "which orders may be cancelled"))
        if orders is None:
            raise Unavailable("the exchange does not list its open orders; try again")
        owner = partial(self._world.ledger.owner, turn.account.name, market_id)
        return [order for order in orders if not self._are_others(turn, owner(order.order_id, order.client_id))]

    async def _own(self, turn: Turn, query: Call, why: str) -> Answer:
        try:
            return await self._sender.own(turn.exchange, query, turn.account, turn.decision_id, why, for_exit=True)
        except NoAnswer as failure:
            raise Unavailable("the exchange did not answer; try again") from failure

    async def _send(self, turn: Turn) -> Answer:
        still_live = gate(turn.token, self._world, opens_risk=False)
        try:
            answer = await self._sender.send(turn.exchange, turn.call, turn.account, turn.token.id, still_live)
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
