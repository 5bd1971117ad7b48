"""Whose order a cancel names. The ledger knows by its ids; where it cannot, the exchange is asked.

Law: a token never hits another live token's order. It is asked again in the step of the first write, for orders are
placed while a cancel waits: an id that is nobody's now may be another token's then.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from functools import partial

from gateway.core.decision import DenyCode
from gateway.core.errors import Refused, Unavailable
from gateway.core.intent import Cancel
from gateway.core.request import Answer, Call
from gateway.exchanges.exchange import Outcome, WorkingOrder
from gateway.policy.controls.access import Cancels
from gateway.ports import Gate, NoAnswer, Surroundings
from gateway.stages.send import Sender
from gateway.stages.turn import Turn, gate, renewed


class Whose(Enum):
    """What is known of the order that a cancel names."""

    ANOTHERS = "another live token's"
    SETTLED = "the token's own, or no live token's, and so it stays"
    OPEN = "nobody's so far as the ledger knows"


class Ownership:
    """Asks whose orders are."""

    def __init__(self, world: Surroundings, sender: Sender) -> None:
        self._world = world
        self._sender = sender

    async def whose(self, turn: Turn, cancel: Cancel) -> Whose:
        """Raises Unavailable where the exchange has to tell and does not."""
        ledger, account = self._world.ledger, turn.account.name
        if turn.policy.cancels_any or not self.has_others(turn):
            return Whose.OPEN
        if self._are_others(turn, ledger.owner(account, cancel.market_id, cancel.order_id, cancel.client_id)):
            return Whose.ANOTHERS
        if cancel.order_id is None or ledger.owner(account, cancel.market_id, cancel.order_id, None):
            return Whose.OPEN
        if not self._are_others(turn, ledger.unacknowledged(account, cancel.market_id)):
            return Whose.OPEN
        return Whose.ANOTHERS if self._are_others(turn, await self._asked(turn, cancel)) else Whose.SETTLED

    def may_leave(self, turn: Turn, cancel: Cancel, whose: Whose) -> Gate:
        """The last look, in the step of the first write. Raises Refused or Unavailable."""
        still_live = gate(turn.token, self._world, opens_risk=False)
        ledger, account, market = self._world.ledger, turn.account.name, cancel.market_id

        def still_own() -> None:
            still_live()
            if renewed(turn, self._world).policy.cancels_any or not self.has_others(turn):
                return
            if self._are_others(turn, ledger.owner(account, market, cancel.order_id, cancel.client_id)):
                raise Refused(DenyCode.NOT_GRANTED, "the order belongs to another token", Cancels.rule)
            if whose is Whose.SETTLED or cancel.order_id is None:
                return
            is_known = bool(ledger.owner(account, market, cancel.order_id, None))
            if not is_known and self._are_others(turn, ledger.unacknowledged(account, market)):
                raise Unavailable("an order of another token is on its way, and may be the one named; try again")

        return still_own

    def may_leave_whole(self, turn: Turn) -> Gate:
        """The same for a cancel of everything in a market."""
        still_live = gate(turn.token, self._world, opens_risk=False)

        def alone() -> None:
            still_live()
            if not renewed(turn, self._world).policy.cancels_any and self.has_others(turn):
                raise Unavailable("the account has another live token meanwhile; try again")

        return alone

    def has_others(self, turn: Turn) -> bool:
        """Whether the account has other live tokens."""
        return self._world.tokens.has_others(turn.token, self._world.clock.now_ms())

    async def own_orders(self, turn: Turn, market_id: str) -> Sequence[WorkingOrder]:
        """The working orders there that no other live token placed. Raises Unavailable."""
        query = turn.exchange.open_orders(market_id)
        orders = turn.exchange.parse_open_orders(await self._own(turn, query, "which orders may be cancelled"))
        if orders is None:
            raise Unavailable("the exchange does not list its open orders; try again")
        owner = partial(self._world.ledger.owner, turn.account.name, market_id)
        return [order for order in orders if not self._are_others(turn, owner(order.order_id, order.client_id))]

    def _are_others(self, turn: Turn, token_ids: Iterable[str]) -> bool:
        """Whether one of these is another live token of the account."""
        now_ms = self._world.clock.now_ms()
        return any(self._world.tokens.is_other(turn.token, token_id, now_ms) for token_id in token_ids)

    async def _asked(self, turn: Turn, cancel: Cancel) -> Sequence[str]:
        """Whose order the exchange says it is, by its client id.

        Raises Unavailable without a clear answer. That it knows no such order is none: the one on its way may be it.
        """
        query = turn.exchange.query_order(cancel.market_id, cancel.order_id, None)
        answer = await self._own(turn, query, "whose order is it")
        lesson = turn.exchange.learn(query, answer)
        found = [event for event in lesson.events if not event.absent]
        if lesson.outcome is Outcome.UNKNOWN or not found:
            raise Unavailable("the exchange does not say whose order this is; try again")
        owner = partial(self._world.ledger.owner, turn.account.name)
        return [token_id for event in found for token_id in owner(event.market_id, None, event.client_id)]

    async def _own(self, turn: Turn, query: Call, why: str) -> Answer:
        try:
            return await self._sender.own(turn.exchange, query, turn.account, turn.decision_id, why, for_exit=True)
        except NoAnswer as failure:
            raise Unavailable("the exchange did not answer; try again") from failure
