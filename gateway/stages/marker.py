"""What the markets that tokens hold are worth, told to the ledger every few seconds: what a loss is measured from.

Only markets that somebody's limit asks about are fetched, and only while a token holds something there.
"""

import asyncio
from typing import Final

from gateway.core.token import Account
from gateway.ports import Surroundings

EVERY_S: Final = 5.0
MAX_AGE_MS: Final = 15_000
"""An older price says nothing of now."""


class Marker:
    """Marks every held market again and again."""

    def __init__(self, world: Surroundings) -> None:
        self._world = world

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.pass_once()
            await asyncio.sleep(EVERY_S)

    async def pass_once(self) -> None:
        """Fetch and mark; a market whose price is not known is left out."""
        for name, market_id in self._world.ledger.marked():
            account = self._world.accounts.find(name)
            if account is not None:
                await self._mark(account, market_id)

    async def _mark(self, account: Account, market_id: str) -> None:
        market, where = self._world.market, (account.exchange, account.environment)
        await market.refresh(*where, market_id, MAX_AGE_MS)
        instrument = market.instrument(*where, market_id)
        reference = market.reference(instrument, account.environment, MAX_AGE_MS) if instrument else None
        now_ms = self._world.clock.now_ms()
        if reference is not None and now_ms - reference.at_ms <= MAX_AGE_MS:
            self._world.ledger.mark(account.name, {market_id: reference.price}, now_ms)
