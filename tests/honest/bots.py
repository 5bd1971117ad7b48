"""Honest bots, as the usual ones go about it: what they read, place, wait for and take back.

Law: a bot knows what it was told in answers and sees the public book, like any bot; it never looks into the gateway.
"""

from abc import ABC, abstractmethod
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from tests.honest.street import D, Street

BTC: Final = "BTCUSDT"


Order = dict[str, Any]


class Bot(ABC):
    """What all share: an order's form as ccxt sends it, its status, its cancel."""

    PREFIX = "bot"

    def __init__(self, street: Street) -> None:
        self.street = street
        self.placed = self.cancelled = self.filled = 0

    @abstractmethod
    async def minute(self, minute: int) -> None:
        """What it does in this minute."""

    async def order(self, symbol: str, side: str, kind: str, quantity: Decimal, **more: object) -> Order | None:
        """Place it; the exchange's answer, or None where it was not taken."""
        told = {"symbol": symbol, "side": side, "newClientOrderId": f"{self.PREFIX}{self.placed:022d}"}
        told |= {"newOrderRespType": "FULL", "type": kind, "quantity": f"{quantity:f}"}
        told |= {name: str(value) for name, value in more.items()}
        self.placed += 1
        text = "&".join(f"{name}={value}" for name, value in told.items())
        return self.street.told() if await self.street.ask("POST", "/api/v3/order", text, in_body=True) else None

    async def limit(
        self, symbol: str, side: str, quantity: Decimal, price: Decimal, force: str = "GTC"
    ) -> Order | None:
        """A limit order."""
        return await self.order(symbol, side, "LIMIT", quantity, price=price, timeInForce=force)

    async def look(self, order: Order) -> Order:
        """The order's state."""
        assert await self.street.ask("GET", "/api/v3/order", _of(order))
        found: Order = self.street.told()
        return found

    async def cancel(self, order: Order) -> bool:
        """Take it back; False where it was too late."""
        done = await self.street.ask("DELETE", "/api/v3/order", _of(order))
        self.cancelled += done
        return done

    async def free(self, asset: str) -> Decimal:
        """What is free of an asset."""
        assert await self.street.ask("GET", "/api/v3/account")
        return next(D(one["free"]) for one in self.street.told()["balances"] if one["asset"] == asset)

    def lots(self, symbol: str, worth: Decimal, price: Decimal) -> Decimal:
        """So much of the quote, in whole lots of the base."""
        return self.rounded(symbol, worth / price)

    def rounded(self, symbol: str, quantity: Decimal) -> Decimal:
        """Down to whole lots."""
        return quantity.quantize(self.street.house.listed(symbol).step, ROUND_DOWN)


def _of(order: Order) -> str:
    return f"symbol={order['symbol']}&orderId={order['orderId']}"


class Grid(Bot):
    """Levels of one distance around the price; what is bought at one is offered at the next, and the other way round.

    Once a day it takes the whole grid back and lays it anew around the price, all at once, as after a restart.
    """

    PREFIX = "grid"
    LEVELS, STEP, WORTH = 18, D("0.005"), D(150)

    def __init__(self, street: Street) -> None:
        super().__init__(street)
        self.working: dict[int, Order] = {}
        self._centre = D(0)

    async def minute(self, minute: int) -> None:
        if minute % (24 * 60) == 0:
            await self._take_back()
            await self._lay()
        assert await self.street.ask("GET", "/api/v3/openOrders", f"symbol={BTC}")
        listed = {one["orderId"] for one in self.street.told()}
        for level, order in [item for item in self.working.items() if item[1]["orderId"] not in listed]:
            await self._ended(level, order)

    async def _lay(self) -> None:
        self._centre = sum(self.street.best(BTC), D(0)) / 2
        for away in range(1, self.LEVELS + 1):
            await self._quote(-away, "BUY", "LIMIT_MAKER")
            await self._quote(away, "SELL", "LIMIT_MAKER")

    async def _take_back(self) -> None:
        for order in self.working.values():
            await self.cancel(order)
        self.working.clear()

    async def _ended(self, level: int, order: Order) -> None:
        """Ask what became of it, and quote the other side one level on."""
        del self.working[level]
        if (await self.look(order))["status"] == "FILLED":
            self.filled += 1
            bought = order["side"] == "BUY"
            await self._quote(level + 1 if bought else level - 1, "SELL" if bought else "BUY", "LIMIT")

    async def _quote(self, level: int, side: str, kind: str) -> None:
        if level in self.working:
            return
        price = (self._centre * (1 + self.STEP * level)).quantize(D("0.01"))
        quantity = self.lots(BTC, self.WORTH, self._centre)
        rests: dict[str, object] = {"timeInForce": "GTC"} if kind == "LIMIT" else {}
        told = await self.order(BTC, side, kind, quantity, price=price, **rests)
        if told is not None:
            self.working[level] = told


class Dca(Bot):
    """One purchase a day, seldom to the minute; one day at the market, the next by a bid that it waits for.

    A bid that nobody met within the hour is taken back, and the rest bought at the market.
    """

    PREFIX = "dca"
    WORTH = D(50)
    _WAIT: Final = 60

    def __init__(self, street: Street, late: tuple[int, ...] = (4, 3, 1, 4, 2, 1, 0)) -> None:
        super().__init__(street)
        self._due = [day * 24 * 60 + 9 * 60 + minutes for day, minutes in enumerate(late)]
        self.bid: Order | None = None
        self._since = 0

    async def minute(self, minute: int) -> None:
        if self._due and minute >= self._due[0]:
            self._due.pop(0)
            await self._buy(minute)
        elif self.bid is not None and minute % 5 == 0:
            await self._wait(self.bid, minute)
        elif minute % 60 == 0:
            await self.free("USDT")

    async def _buy(self, minute: int) -> None:
        bid, ask = self.street.best(BTC)
        if len(self._due) % 2 == 0:
            self._bought(await self.order(BTC, "BUY", "MARKET", self.lots(BTC, self.WORTH, ask)))
        else:
            self.bid, self._since = await self.limit(BTC, "BUY", self.lots(BTC, self.WORTH, bid), bid), minute

    async def _wait(self, bid: Order, minute: int) -> None:
        if (now := await self.look(bid))["status"] == "FILLED":
            self.bid = None
            self._bought(now)
        elif minute - self._since >= self._WAIT and await self.cancel(bid):
            self.bid = None
            left = D(now["origQty"]) - D(now["executedQty"])
            self._bought(await self.order(BTC, "BUY", "MARKET", left))

    def _bought(self, order: Order | None) -> None:
        self.filled += order is not None and order["status"] == "FILLED"
