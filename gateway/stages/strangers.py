"""Orders on an account that no token placed. Whoever places them has the real key: a person, or a thief.

The first list ever read is what was there before. Each order that turns up later is an alarm, once.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog

from gateway.core.order import OrderEvent
from gateway.core.record import Body
from gateway.core.token import Account
from gateway.ports import ListedOrder, Record, Surroundings
from gateway.stages import records
from gateway.stages.learned import with_record

log = structlog.get_logger()

FOREIGN_ORDER: Final = "foreign_order"
AT_ONCE: Final = 100
"""How many alarms one list raises; the rest follow with the next."""


class Lookout:
    """Looks through whole lists."""

    def __init__(self, world: Surroundings) -> None:
        self._world = world

    def look(self, account: Account, listed: Sequence[OrderEvent]) -> frozenset[ListedOrder]:
        """The strangers among the listed orders. Raises the alarm for those that are new."""
        strangers = {_named(event): event for event in self._world.ledger.strangers(account.name, listed)}
        noted = self._world.ledger.noted(account.name)
        there = {_named(event) for event in listed}
        if noted is None:
            self._note(account, list(strangers), there, records.watched(account.name, len(strangers)))
            return frozenset(strangers)
        for name in [name for name in strangers if name not in noted][:AT_ONCE]:
            log.error(
                "an order that no token placed: the real key may have leaked", account=account.name, market=name[0],
                order_id=name[1],
            )  # fmt: skip
            self._world.meter.alarmed(FOREIGN_ORDER)
            self._note(account, [name], there, records.alarm(FOREIGN_ORDER, account.name, strangers[name]))
        return frozenset(strangers)

    def _note(
        self, account: Account, new: Sequence[ListedOrder], listed: set[ListedOrder], body: Body
    ) -> None:
        with_record(self._world, body, partial(self._noted, account, new, listed))

    def _noted(
        self, account: Account, new: Sequence[ListedOrder], listed: set[ListedOrder], record: Record
    ) -> None:
        self._world.ledger.note_strangers(account.name, new, listed, self._world.clock.now_ms(), record)


def _named(event: OrderEvent) -> ListedOrder:
    return event.market_id, event.order_id or ""
