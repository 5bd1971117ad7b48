"""What the simulated Binance remembers besides its books: keys, counters, what has left the accounts."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

from ..core.account import Account
from ..core.exchange import Exchange
from ..core.market import Market
from ..keys import Key
from .errors import error
from .parameters import Parameters

MINUTE = 60_000
TEN_SECONDS = 10_000
DAY = 86_400_000


class Counter:
    """How much was used in the current interval, per name."""

    def __init__(self, interval: int) -> None:
        self._interval = interval
        self._current = 0
        self._used: dict[str, int] = {}

    def add(self, name: str, amount: int, now: int) -> int:
        """Counts, and tells the sum so far."""
        if now // self._interval != self._current:
            self._current = now // self._interval
            self._used.clear()
        used = self._used[name] = self._used.get(name, 0) + amount
        return used


@dataclass(slots=True)
class Conversion:
    """A price that was offered and may be accepted."""

    account: Account
    pay: str
    receive: str
    pay_amount: Decimal
    receive_amount: Decimal


@dataclass(slots=True)
class State:
    """Everything the endpoints work on."""

    exchange: Exchange
    keys: dict[str, Key] = field(default_factory=dict)
    weight: Counter = field(default_factory=lambda: Counter(MINUTE))
    orders_10s: Counter = field(default_factory=lambda: Counter(TEN_SECONDS))
    orders_1d: Counter = field(default_factory=lambda: Counter(DAY))
    weight_limit: int | None = None
    order_limit: int | None = None
    withdrawals: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=10_000))
    conversions: dict[str, Conversion] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=lambda: count(10_000_001))


@dataclass(slots=True)
class Asked:
    """One request that passed authentication, as its endpoint sees it."""

    state: State
    parameters: Parameters
    now: int
    key: Key | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def exchange(self) -> Exchange:
        return self.state.exchange

    @property
    def account(self) -> Account:
        """The account of the key that signed."""
        if self.key is None:
            raise error("BAD_KEY_FORMAT")
        return self.key.account

    def market(self) -> Market:
        """The market of the mandatory symbol."""
        self.parameters.need("symbol")
        return self.market_of(self.parameters.symbol() or "")

    def market_of(self, symbol: str) -> Market:
        """The market of a symbol."""
        market = self.exchange.markets.get(symbol)
        if market is None:
            raise error("BAD_SYMBOL")
        return market
