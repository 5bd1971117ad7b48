"""The dead man's switch: a token that has fallen silent loses its working orders, and only its own.

Law: silence is measured on the steady clock, from the token's last authenticated request or from the start, whichever
is later. In one silence each order is cancelled once; a cancel that the exchange did not accept is tried again until
the order is known to be over.
"""

import asyncio
import time
from collections.abc import Callable
from math import inf
from typing import Final

import structlog

from gateway.core.errors import GatewayError
from gateway.core.order import OrderRow
from gateway.core.token import Account
from gateway.core.ulid import ulid
from gateway.exchanges.exchange import Exchange, Outcome
from gateway.ports import Surroundings
from gateway.stages import records
from gateway.stages.learned import settle
from gateway.stages.send import Sender

log = structlog.get_logger()

TICK_S: Final = 1.0
AT_ONCE: Final = 10
"""How many cancels one pass sends for a token."""
AGAIN_S: Final = 5.0
"""How long after a cancel without a clear answer it is tried again."""


class Silence:
    """When each token was last heard, and what is done about those that were not. ``steady_s`` is in seconds."""

    def __init__(
        self,
        world: Surroundings,
        sender: Sender,
        exchanges: dict[str, Exchange],
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._world = world
        self._sender = sender
        self._exchanges = exchanges
        self._steady_s = steady_s
        self._started_s = steady_s()
        self._heard_s: dict[str, float] = {}
        self._next_s: dict[str, dict[str, float]] = {}

    def heard(self, token_id: str) -> None:
        """The token made an authenticated request: its silence, if it was silent, is over."""
        self._heard_s[token_id] = self._steady_s()
        self._next_s.pop(token_id, None)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.pass_once()
            await asyncio.sleep(TICK_S)

    async def pass_once(self) -> None:
        """Cancel what silent tokens left behind; the accounts beside each other."""
        working = self._world.ledger.working_tokens()
        silent: dict[str, list[str]] = {}
        for account, token_id in working:
            if self._is_silent(token_id):
                silent.setdefault(account, []).append(token_id)
        await asyncio.gather(*(self._clear(account, token_ids) for account, token_ids in silent.items()))
        left = {token_id for _, token_id in working}
        self._next_s = {token_id: orders for token_id, orders in self._next_s.items() if token_id in left}

    async def _clear(self, name: str, token_ids: list[str]) -> None:
        """One account's silent tokens. A failure of ours holds up no other account; it is seen, and tried again."""
        account = self._world.accounts.find(name)
        if account is None:
            return
        try:
            for token_id in token_ids:
                await self._cancel(account, token_id)
        except Exception as failure:
            log.error("the orders of silent tokens could not be cancelled", account=name, exc_info=failure)

    def _is_silent(self, token_id: str) -> bool:
        token = self._world.tokens.find(token_id)
        after_ms = None if token is None else self._world.policies.find(token.policy).silent_after_ms
        heard_s = self._heard_s.get(token_id, self._started_s)
        return after_ms is not None and (self._steady_s() - heard_s) * 1000 >= after_ms

    async def _cancel(self, account: Account, token_id: str) -> None:
        next_s, now_s = self._next_s.setdefault(token_id, {}), self._steady_s()
        orders = self._world.ledger.working(account.name, token_id)
        due = [row for row in orders if next_s.get(row.client_id, now_s) <= now_s]
        for row in due[:AT_ONCE]:
            if not self._is_silent(token_id):
                return
            outcome = await self._outcome(account, row)
            next_s[row.client_id] = inf if outcome is Outcome.ACCEPTED else now_s + AGAIN_S
            if outcome is Outcome.UNKNOWN:
                return

    async def _outcome(self, account: Account, row: OrderRow) -> Outcome:
        """What became of its cancel. Rejected may mean that the order is over, or that the exchange was too busy."""
        exchange = self._exchanges[account.exchange]
        decision_id = ulid(self._world.clock.now_ms(), self._world.random(10))
        call = exchange.cancel_order(row.market_id, row.order_id, None if row.order_id else row.client_id)
        try:
            answer = await self._sender.own(exchange, call, account, decision_id, "its token has fallen silent")
        except GatewayError as failure:
            log.warning("a silent token's order could not be cancelled", client_id=row.client_id, why=str(failure))
            return Outcome.UNKNOWN
        lesson = exchange.learn(call, answer)
        settle(self._world, account.name, lesson.events, records.outcome(decision_id, answer, lesson))
        return lesson.outcome
