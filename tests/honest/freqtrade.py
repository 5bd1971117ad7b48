"""freqtrade on spot as it goes about it: a loop over its pairs, entries and exits by limit, its stop at the market.

Law: what it sends is what freqtrade sends through ccxt; when it does so is a simple rule of the price's last minutes.
"""

from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tests.honest.bots import Bot, Order
from tests.honest.street import D, Street

BASES: Final = {"BTCUSDT": "BTC", "ETHUSDT": "ETH", "SOLUSDT": "SOL"}
STAKE: Final = D(450)
TIMEOUT: Final = 10
GAIN, STOP, DIP = D("1.008"), D("0.985"), D("0.997")
PATIENCE: Final = 8 * 60
NOTHING: Final = D(0)


@dataclass
class Trade:
    """One pair's trade: what works of it, and what is held at which price."""

    working: Order
    since: int
    entered: int
    price: Decimal = NOTHING
    held: Decimal = NOTHING


class Freqtrade(Bot):
    """Up to one trade a pair."""

    PREFIX = "x-TKT5PX2F"

    def __init__(self, street: Street) -> None:
        super().__init__(street)
        self.trades: dict[str, Trade] = {}
        self.stopped = 0
        self._seen = {name: deque[Decimal](maxlen=30) for name in BASES}

    async def minute(self, minute: int) -> None:
        """Public candles and books, the orders under way, the balances now and then."""
        if minute % 60 == 0:
            await self.free("USDT")
        for name in BASES:
            bid, ask = self.street.best(name)
            self._seen[name].append(bid)
            trade = self.trades.get(name)
            if trade is None:
                await self._maybe_enter(name, minute, bid)
            elif trade.working:
                await self._wait(name, trade, minute)
            else:
                await self._maybe_exit(name, trade, minute, bid, ask)

    async def _maybe_enter(self, name: str, minute: int, bid: Decimal) -> None:
        if bid > max(self._seen[name]) * DIP:
            return
        order = await self.limit(name, "BUY", self.lots(name, STAKE, bid), bid)
        if order is not None:
            self.trades[name] = Trade(order, minute, minute)

    async def _wait(self, name: str, trade: Trade, minute: int) -> None:
        now = await self.look(trade.working)
        if now["status"] == "FILLED":
            await self._done(name, trade, now)
        elif minute - trade.since >= TIMEOUT and await self.cancel(trade.working):
            await self._taken_back(name, trade, now)

    async def _done(self, name: str, trade: Trade, order: Order) -> None:
        self.filled += 1
        trade.working = {}
        if order["side"] == "SELL":
            del self.trades[name]
            return
        trade.price = D(order["cummulativeQuoteQty"]) / D(order["executedQty"])
        trade.held = await self._sellable(name, D(order["executedQty"]))

    async def _sellable(self, name: str, bought: Decimal) -> Decimal:
        """What was bought, less the fee that was taken in the coin, unless the wallet covers it."""
        return min(self.rounded(name, bought * D("0.999")), await self.free(BASES[name]))

    async def _taken_back(self, name: str, trade: Trade, order: Order) -> None:
        """An entry that did not fill is forgotten, one that filled in part is kept; an exit is tried anew."""
        executed, trade.working = D(order["executedQty"]), {}
        if order["side"] == "SELL":
            trade.held -= executed
        elif executed:
            await self._done(name, trade, order)
        else:
            del self.trades[name]

    async def _maybe_exit(self, name: str, trade: Trade, minute: int, bid: Decimal, ask: Decimal) -> None:
        if bid <= trade.price * STOP:
            self.stopped += 1
            order = await self.order(name, "SELL", "MARKET", trade.held)
        elif bid >= trade.price * GAIN:
            order = await self.limit(name, "SELL", trade.held, ask)
        elif minute - trade.entered >= PATIENCE:
            order = await self.limit(name, "SELL", trade.held, bid, "IOC")
        else:
            return
        if order is not None:
            trade.working, trade.since = order, minute
