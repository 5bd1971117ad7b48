"""What happens to orders while no bot asks, and orders that no bot placed: read from the account's own list.

Law: what the list says of an order is settled; an order that vanished from it is asked for by itself, and only that
answer ends it. After a start nothing is taken for granted: an account whose orders were working places no new one until
its list was read and every order that is missing there was asked for.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

import structlog
from msgspec import structs

from gateway.core.errors import GatewayError
from gateway.core.order import OrderEvent, OrderRow, OrderStatus
from gateway.core.request import Answer, Call
from gateway.core.token import Account
from gateway.core.ulid import ulid
from gateway.exchanges.exchange import Exchange, Lesson, Outcome
from gateway.ports import ListedOrder, Need, Surroundings
from gateway.stages import records
from gateway.stages.learned import by_number, settle
from gateway.stages.send import Sender
from gateway.stages.strangers import Lookout

log = structlog.get_logger()

TICK_S: Final = 1.0
LIST_EVERY_S: Final = 5.0
"""How often an account's orders are listed while they change."""
SLOWEST_S: Final = 30.0
"""How often while nothing changes, or while the exchange does not answer."""
WHOLE_EVERY_S: Final = 60.0
"""How often the whole account is listed: the only list that shows strangers, and a dear one."""
ASK_AT_ONCE: Final = 5
"""How many single orders are asked for in one pass."""
ASK_AGAIN_S: Final = 15.0
AT_ONCE: Final = 500
"""How many listed orders are compared before others have their turn."""
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Told:
    """An answer that says something, and the decision that its question was recorded under."""

    decision_id: str
    answer: Answer
    lesson: Lesson


@dataclass(slots=True)
class Watch:
    """What is known of one account's lists. ``missing`` maps client ids to when they are asked for next.

    ``awaited`` are those that a start still waits for; None: not even the list was read.
    """

    listed_s: float = -SLOWEST_S
    listed_ms: int = 0
    pause_s: float = LIST_EVERY_S
    whole_due_s: float = 0.0
    markets_s: dict[str, float] = field(default_factory=dict)
    missing: dict[str, float] = field(default_factory=dict)
    awaited: set[str] | None = None
    strangers: frozenset[ListedOrder] = frozenset()

    def is_due(self, now_s: float, orders: Sequence[OrderRow]) -> bool:
        """Whether it is time for a list: sooner where orders were placed since the last."""
        waited_s = now_s - self.listed_s
        placed = waited_s >= LIST_EVERY_S and any(row.placed_at >= self.listed_ms for row in orders)
        return placed or waited_s >= self.pause_s

    def listed(self, now_s: float, now_ms: int, changed: bool) -> None:
        """The next list comes soon where something changed, and ever later where nothing does."""
        self.pause_s = LIST_EVERY_S if changed else min(SLOWEST_S, self.pause_s * 1.5)
        self.listed_s, self.listed_ms = now_s, now_ms

    def found(self, client_id: str) -> None:
        """What became of this missing order is known."""
        self.missing.pop(client_id, None)
        self.asked(client_id)

    def asked(self, client_id: str) -> None:
        """The exchange gave an answer about it; a start waits for no more."""
        if self.awaited is not None:
            self.awaited.discard(client_id)


class Follower:
    """Follows every account's orders, each account at its own pace, within what the exchanges allow."""

    def __init__(self, world: Surroundings, sender: Sender, exchanges: dict[str, Exchange]) -> None:
        self._world = world
        self._sender = sender
        self._exchanges = exchanges
        self._lookout = Lookout(world)
        self._watches: dict[str, Watch] = {}
        self._starting = set(world.ledger.working_accounts())

    def ready(self, account: str) -> bool:
        """Whether the account may place orders: what worked before the start was found again, or asked for."""
        return account not in self._starting

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.pass_once(asyncio.get_running_loop().time())
            await asyncio.sleep(TICK_S)

    async def pass_once(self, now_s: float) -> None:
        """List what is due, and ask for a few of the orders that are missing; the accounts beside each other."""
        accounts = {account.name: account for account in self._world.accounts.all()}
        self._watches = {name: self._watches.get(name) or Watch() for name in accounts}
        await asyncio.gather(*(self._watched(account, now_s) for account in accounts.values()))

    async def _watched(self, account: Account, now_s: float) -> None:
        """A failure of ours with one account holds up no other; it is seen, and the next pass tries again."""
        try:
            await self._follow(account, now_s)
        except Exception as failure:
            log.error("an account's orders could not be followed", account=account.name, exc_info=failure)

    async def _follow(self, account: Account, now_s: float) -> None:
        if not self._world.audit.room(Need.READ):
            return
        watch, exchange = self._watches[account.name], self._exchanges[account.exchange]
        orders = self._world.ledger.working(account.name)
        if watch.is_due(now_s, orders):
            await self._list(exchange, account, watch, now_s, orders)
        if watch.missing:
            await self._ask_some(exchange, account, watch, now_s)
        if watch.awaited is not None and not watch.awaited:
            self._starting.discard(account.name)

    # -- the list -------------------------------------------------------------------------------------------------

    async def _list(
        self, exchange: Exchange, account: Account, watch: Watch, now_s: float, orders: Sequence[OrderRow]
    ) -> None:
        markets = {row.market_id for row in orders}
        whole = watch.whole_due_s <= now_s or not self.ready(account.name)
        if not whole and not markets:
            return
        market_id = None if whole else min(sorted(markets), key=lambda market: watch.markets_s.get(market, 0.0))
        expected = [row for row in orders if market_id in (None, row.market_id) and self._should_be_listed(row)]
        asked_ms = self._world.clock.now_ms()
        events = await self._listed(exchange, account, watch, market_id)
        gone = [] if events is None else _gone(expected, events)
        watch.missing |= {client_id: now_s for client_id in gone if client_id not in watch.missing}
        watch.listed(now_s, asked_ms, changed=bool(gone))
        if events is None:
            return
        watch.markets_s |= dict.fromkeys(markets if whole else [str(market_id)], now_s)
        if whole:
            watch.whole_due_s = now_s + WHOLE_EVERY_S
            watch.strangers = self._lookout.look(account, events)
            watch.awaited = set(gone) if watch.awaited is None else watch.awaited

    def _should_be_listed(self, row: OrderRow) -> bool:
        """Acknowledged orders; after a start whatever may be working."""
        return row.status is OrderStatus.OPEN or not self.ready(row.account)

    async def _listed(
        self, exchange: Exchange, account: Account, watch: Watch, market_id: str | None
    ) -> Sequence[OrderEvent] | None:
        """What the exchange lists as working, settled; None if it does not say.

        Of an order whose numbers are unavailable only the name is taken.
        """
        told = await self._own(exchange, account, exchange.open_orders(market_id), "what became of the working orders")
        named = None if told is None else exchange.parse_open_orders(told.answer)
        if told is None or named is None:
            return None
        numbers = {(event.market_id, event.order_id): event for event in told.lesson.events}
        events = [
            numbers.get((order.market_id, order.order_id))
            or OrderEvent(order.market_id, order.client_id, order.order_id, _ZERO, _ZERO, False)
            for order in named
        ]
        own = [event for event in events if (event.market_id, event.order_id) not in watch.strangers]
        for first in range(0, len(own), AT_ONCE):
            some = structs.replace(told.lesson, events=tuple(own[first : first + AT_ONCE]))
            self._learn(account, replace(told, lesson=some))
            await asyncio.sleep(0)
        return events

    # -- single orders --------------------------------------------------------------------------------------------

    async def _ask_some(self, exchange: Exchange, account: Account, watch: Watch, now_s: float) -> None:
        working = {row.client_id: row for row in self._world.ledger.working(account.name)}
        due = [client_id for client_id, at_s in watch.missing.items() if at_s <= now_s]
        for client_id in due[:ASK_AT_ONCE]:
            watch.missing[client_id] = now_s + ASK_AGAIN_S
            row = working.get(client_id)
            if row is None:
                watch.found(client_id)
            else:
                await self._ask(exchange, account, watch, row)

    async def _ask(self, exchange: Exchange, account: Account, watch: Watch, row: OrderRow) -> None:
        query = exchange.query_order(row.market_id, row.order_id, None if row.order_id else row.client_id)
        told = await self._own(exchange, account, query, "it is no longer listed")
        if told is None:
            return
        if any(event.absent for event in told.lesson.events):
            self._absent(watch, row)
        elif told.lesson.outcome is Outcome.ACCEPTED:
            self._learn(account, told, row.client_id)
            watch.found(row.client_id)

    def _absent(self, watch: Watch, row: OrderRow) -> None:
        """It stays reserved. One whose outcome is unknown is the reconciler's; one that was open must turn up again."""
        if row.status is OrderStatus.OPEN:
            log.warning("the exchange no longer knows an order that it had accepted", client_id=row.client_id)
            watch.missing[row.client_id] += WHOLE_EVERY_S
            watch.asked(row.client_id)
        else:
            watch.found(row.client_id)

    # -- asking and learning --------------------------------------------------------------------------------------

    def _learn(self, account: Account, told: Told, own: str | None = None) -> None:
        """Settle and record what is new in it; most of what is told is known."""
        news = tuple(self._world.ledger.news(account.name, by_number(told.lesson.events, own)))
        if news:
            body = records.outcome(told.decision_id, told.answer, structs.replace(told.lesson, events=news))
            settle(self._world, account.name, news, body, own)

    async def _own(self, exchange: Exchange, account: Account, query: Call, why: str) -> Told | None:
        """What the exchange told, or None where that says nothing; then it is asked again, later."""
        decision_id = ulid(self._world.clock.now_ms(), self._world.random(10))
        try:
            answer = await self._sender.own(exchange, query, account, decision_id, why)
        except GatewayError as failure:
            log.warning("an account's orders could not be read", account=account.name, why=str(failure))
            return None
        lesson = exchange.learn(query, answer)
        if lesson.outcome is Outcome.ACCEPTED or lesson.events:
            return Told(decision_id, answer, lesson)
        log.warning("an account's orders could not be read", account=account.name, why=lesson.error)
        return None


def _gone(expected: Sequence[OrderRow], listed: Sequence[OrderEvent]) -> list[str]:
    """The client ids of the orders that should be in the list and are not, by neither of their ids."""
    order_ids = {(event.market_id, event.order_id) for event in listed}
    client_ids = {(event.market_id, event.client_id) for event in listed}
    return [
        row.client_id for row in expected
        if (row.market_id, row.order_id) not in order_ids and (row.market_id, row.client_id) not in client_ids
    ]  # fmt: skip
