"""Orders whose outcome nobody knows: ask the exchange until it is known, by its id or else by the client's.

Released only when the exchange, asked twice, does not know the id after the signed request can no longer be
accepted, and a minute more. Until then it stays reserved.
"""

import asyncio
from typing import Final

import structlog

from gateway.core.errors import GatewayError
from gateway.core.order import OrderRow, OrderStatus
from gateway.core.record import Body
from gateway.core.ulid import ulid
from gateway.exchanges.exchange import Exchange, Outcome
from gateway.ports import Surroundings
from gateway.stages import records
from gateway.stages.learned import settle, with_record
from gateway.stages.send import Sender

log = structlog.get_logger()

GRACE_US: Final = 60_000_000
ABSENT_TWICE: Final = 2
FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 15.0


class Reconciler:
    """Follows every unknown order, one question at a time for each account, more slowly the longer it takes."""

    def __init__(self, world: Surroundings, sender: Sender, exchanges: dict[str, Exchange]) -> None:
        self._world = world
        self._sender = sender
        self._exchanges = exchanges
        self._next: dict[tuple[str, str], tuple[float, float]] = {}
        self._asking: set[str] = set()

    async def run(self) -> None:
        """Until cancelled. A pass that waits for one account's exchange holds up no later pass for the others."""
        async with asyncio.TaskGroup() as passes:
            while True:
                passes.create_task(self.pass_once(asyncio.get_running_loop().time()))
                await asyncio.sleep(FIRST_PAUSE_S)

    async def pass_once(self, now_s: float) -> None:
        """Ask for every unknown order that is due, but for accounts that are being asked about already."""
        unknown = [row for row in self._world.ledger.unresolved() if row.status is OrderStatus.UNKNOWN]
        self._next = {key: self._next[key] for row in unknown if (key := (row.account, row.client_id)) in self._next}
        due: dict[str, list[OrderRow]] = {}
        for row in unknown:
            due_s, _ = self._next.get((row.account, row.client_id), (now_s, FIRST_PAUSE_S))
            if due_s <= now_s and row.account not in self._asking:
                due.setdefault(row.account, []).append(row)
        self._asking |= due.keys()
        await asyncio.gather(*(self._ask_all(account, rows, now_s) for account, rows in due.items()))

    async def _ask_all(self, account: str, rows: list[OrderRow], now_s: float) -> None:
        """One account's orders. A failure of ours holds up no other account; it is seen, and tried again."""
        try:
            for row in rows:
                _, pause_s = self._next.get((account, row.client_id), (now_s, FIRST_PAUSE_S))
                self._next[account, row.client_id] = (now_s + pause_s, min(LONGEST_PAUSE_S, pause_s * 2))
                await self._ask(row)
        except Exception as failure:
            log.error("an account's unknown orders could not be asked for", account=account, exc_info=failure)
        finally:
            self._asking.discard(account)

    async def _ask(self, row: OrderRow) -> None:
        account = self._world.accounts.find(row.account)
        if account is None:
            return
        exchange = self._exchanges[account.exchange]
        decision_id = ulid(self._world.clock.now_ms(), self._world.random(10))
        query = exchange.query_order(row.market_id, row.order_id, None if row.order_id else row.client_id)
        try:
            answer = await self._sender.own(exchange, query, account, decision_id, "outcome unknown")
        except GatewayError as failure:
            log.warning("an order's outcome is still unknown", client_id=row.client_id, why=str(failure))
            return
        lesson = exchange.learn(query, answer)
        body = records.outcome(decision_id, answer, lesson)
        if lesson.outcome is Outcome.UNKNOWN:
            return
        if any(event.absent for event in lesson.events):
            self._absent(exchange, row, body)
        elif lesson.events:
            settle(self._world, row.account, lesson.events, body, row.client_id)

    def _absent(self, exchange: Exchange, row: OrderRow, body: Body) -> None:
        """Counts only from the time at which the order can no longer turn up."""
        if self._world.clock.exchange_us(exchange.name) <= row.accept_until_us + GRACE_US:
            return
        now_ms = self._world.clock.now_ms()
        if self._world.ledger.note_absent(row.account, row.client_id, now_ms) >= ABSENT_TWICE:
            with_record(self._world, body, lambda record: self._world.ledger.release(
                row.account, row.client_id, now_ms, record
            ))
