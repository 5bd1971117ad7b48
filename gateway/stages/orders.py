"""Placing an order: price, decide, reserve, record, sign, send, settle.

From the snapshot to the record there is no await: on one event loop that makes the turn atomic, and with it the
budgets exact. One sync makes both durable: the reservation holds its record until the log is known to. What was sent
is released only by a definite rejection; everything else stays reserved.
"""

from collections.abc import Callable
from dataclasses import replace

from msgspec import structs

from gateway.core.decision import Allow, Deny, DenyCode
from gateway.core.errors import Refused, Unavailable
from gateway.core.intent import Place, TimeInForce
from gateway.core.record import Body
from gateway.core.request import Answer
from gateway.core.snapshot import Snapshot
from gateway.core.token import TokenState
from gateway.exchanges.exchange import Lesson, Outcome
from gateway.policy.controls.allow import Symbols
from gateway.ports import Need, NoAnswer, Record, Surroundings
from gateway.stages import records
from gateway.stages.learned import settle, with_record
from gateway.stages.send import Sender
from gateway.stages.turn import Denied, Turn, gate, judge, look, need_room, renewed, warned, written


class Orders:
    """The story of one order."""

    def __init__(self, world: Surroundings, sender: Sender, ready: Callable[[str], bool]) -> None:
        self._world = world
        self._sender = sender
        self._ready = ready

    async def place(self, turn: Turn, order: Place) -> Answer:
        """Raises Denied, Refused or Unavailable (nothing left) or NoAnswer (it may be working)."""
        world = self._world
        policy = turn.policy
        if self._is_worth_a_price(turn, order):
            await world.market.refresh(
                turn.exchange.name, turn.account.environment, order.market_id, policy.stale_after_ms, policy.venues
            )
        turn = renewed(turn, world)
        venue = (turn.exchange.name, turn.account.environment)
        if world.market.lists(*venue) and world.market.instrument(*venue, order.market_id) is None:
            raise Refused(DenyCode.SYMBOL, f"the exchange lists no {order.market_id} that can be valued")
        need_room(world, Need.ORDER)
        if not self._ready(turn.account.name):
            raise Unavailable("the account's working orders are being read again after the start; try again")
        snapshot = look(turn, world)
        try:
            allowed = judge(turn, snapshot, world)
        except Refused:
            world.ledger.count(turn.token, "message", snapshot.now_ms)
            raise
        leaving = self._leaving(turn, allowed, order)
        body = written(turn, structs.replace(allowed, order=leaving), world, snapshot)
        turn = structs.replace(turn, call=structs.replace(turn.call, intent=leaving))
        record = world.audit.draft(body)
        if allowed.reserve is None:
            world.ledger.count(turn.token, "message", snapshot.now_ms)
            world.audit.append(record, sync=False)
            return warned(turn, await self._send(turn), allowed)
        self._reserve(turn, leaving, allowed, snapshot, record)
        self._record(turn, leaving, record)
        return warned(turn, await self._send_and_settle(turn, leaving), allowed)

    def _record(self, turn: Turn, leaving: Place, record: Record) -> None:
        """It is on the disk already, in the reservation. Without a line in the log nothing leaves or stays reserved."""
        try:
            self._world.audit.append(record, sync=False)
        except Exception:
            self._world.ledger.release(turn.account.name, str(leaving.client_id), self._world.clock.now_ms(), None)
            raise

    def _is_worth_a_price(self, turn: Turn, order: Place) -> bool:
        """Not for what is denied at any price: a bot's wishes must not set off requests that the exchange counts."""
        instrument = self._world.market.instrument(turn.exchange.name, turn.account.environment, order.market_id)
        symbols = turn.policy.find(Symbols)
        listed = instrument is None or symbols is None or symbols.covers(instrument)
        return listed and turn.token.state is not TokenState.PAUSED

    def _leaving(self, turn: Turn, allowed: Allow, order: Place) -> Place:
        """The order as it will leave, with an id by which it can be asked for."""
        leaving = allowed.order or order
        if leaving.client_id is None:
            return replace(leaving, client_id=turn.exchange.client_id(self._world.random))
        return leaving

    def _reserve(self, turn: Turn, leaving: Place, allowed: Allow, snapshot: Snapshot, record: Record) -> None:
        """Raises Denied for a client order id that the ledger knows: there is no second order of that name."""
        assert allowed.reserve is not None
        now_us = self._world.clock.exchange_us(turn.exchange.name)
        until_us = turn.exchange.accept_until_us(turn.call, now_us)
        try:
            self._world.ledger.reserve(turn.token, leaving, allowed.reserve, snapshot.now_ms, until_us, record)
        except Refused as known:
            self._world.ledger.count(turn.token, "message", snapshot.now_ms)
            raise Denied(Deny(known.code, known.rule, known.detail, allowed.findings), snapshot) from known

    async def _send(self, turn: Turn) -> Answer:
        still_live = gate(turn.token, self._world, opens_risk=True)
        return await self._sender.send(turn.exchange, turn.call, turn.account, turn.token.id, still_live)

    async def _send_and_settle(self, turn: Turn, order: Place) -> Answer:
        try:
            answer = await self._send(turn)
        except (Refused, Unavailable) as failure:
            self._release(turn, order, records.unsent(turn.decision_id, str(failure)))
            raise
        except Exception as failure:
            self._unknown(turn, order, records.unanswered(turn.decision_id, str(failure)))
            raise NoAnswer("sent, and no answer came; the order may be working") from failure
        return self._settle(turn, order, answer)

    def _settle(self, turn: Turn, order: Place, answer: Answer) -> Answer:
        lesson = turn.exchange.learn(turn.call, answer)
        body = records.outcome(turn.decision_id, answer, lesson)
        self._world.meter.outcome(turn.exchange.name, lesson.outcome.value)
        match lesson.outcome:
            case Outcome.REJECTED:
                self._release(turn, order, body)
            case Outcome.UNKNOWN:
                self._unknown(turn, order, body)
                if answer.status < 400:
                    raise NoAnswer("the answer made no sense; the order may be working")
            case Outcome.ACCEPTED:
                self._accepted(turn, order, lesson, body)
        return answer

    def _accepted(self, turn: Turn, order: Place, lesson: Lesson, body: Body) -> None:
        """An immediate order whose answer shows no end is asked for: its fills are not known yet."""
        immediate = order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
        if immediate and not any(event.final for event in lesson.events):
            self._unknown(turn, order, body, next((event.order_id for event in lesson.events), None))
        else:
            settle(self._world, turn.account.name, lesson.events, body, order.client_id)

    def _release(self, turn: Turn, order: Place, body: Body) -> None:
        with_record(self._world, body, lambda record: self._world.ledger.release(
            turn.account.name, str(order.client_id), self._world.clock.now_ms(), record
        ))

    def _unknown(self, turn: Turn, order: Place, body: Body, order_id: str | None = None) -> None:
        with_record(self._world, body, lambda record: self._world.ledger.unknown(
            turn.account.name, str(order.client_id), self._world.clock.now_ms(), record, order_id
        ))
