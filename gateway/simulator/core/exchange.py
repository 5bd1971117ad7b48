"""The exchange as a whole: accounts, markets, and the few verbs that reach them."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import count
from typing import Any

from . import filters
from .account import Account
from .instruments import DEFAULT_INSTRUMENTS, Instrument
from .maker import Maker
from .market import Market
from .orders import Order, Side
from .refusals import Reason, Refused

MARKET_ACCOUNT = "market"
COUNTERPARTY = "counterparty"


class Exchange:
    """Accounts and markets. Everything that happens in it happens through these methods."""

    def __init__(self, now: int, instruments: Iterable[Instrument] = DEFAULT_INSTRUMENTS) -> None:
        self._order_ids = count(1)
        self._account_numbers = count(1)
        self.accounts: dict[str, Account] = {}
        market = self.open_account(MARKET_ACCOUNT, unlimited=True)
        self.open_account(COUNTERPARTY, unlimited=True)
        self.markets = {one.symbol: Market(one, now) for one in instruments}
        self.makers = {symbol: Maker(one, market, self.next_order_id) for symbol, one in self.markets.items()}
        for maker in self.makers.values():
            maker.move(maker.price, now)

    def next_order_id(self) -> int:
        """Order ids are unique over all markets and rise."""
        return next(self._order_ids)

    @property
    def assets(self) -> list[str]:
        """Every asset that some market trades."""
        names = dict.fromkeys(name for m in self.markets.values() for name in (m.instrument.base, m.instrument.quote))
        return list(names)

    def open_account(self, name: str, *, unlimited: bool = False) -> Account:
        """A new, empty account."""
        if name in self.accounts:
            raise ValueError(f"account {name} exists")
        account = self.accounts[name] = Account(name, next(self._account_numbers), unlimited)
        return account

    def draft(self, account: Account, symbol: str, side: Side, now: int, **fields: Any) -> Order:
        """An order that nobody has seen yet."""
        number = self.next_order_id()
        fields["client_id"] = fields.get("client_id") or f"sim{number:019d}"
        return Order(
            id=number, account=account, instrument=self.markets[symbol].instrument, side=side, created=now, **fields
        )

    def check(self, order: Order, now: int) -> None:
        """Refuses what `place` would refuse, and leaves no trace."""
        market = self.markets[order.instrument.symbol]
        if order.account.uses(order.client_id):
            raise Refused(Reason.DUPLICATE_ID)
        filters.check(order, market.tape.average(now))
        market.check(order)

    def place(self, order: Order, now: int) -> None:
        """Runs a new order; afterwards the market fills up its book."""
        market = self.markets[order.instrument.symbol]
        if order.account.uses(order.client_id):
            raise Refused(Reason.DUPLICATE_ID)
        if not order.account.unlimited:
            filters.check(order, market.tape.average(now))
        market.place(order, now)
        self.makers[order.instrument.symbol].fill_up(now)

    def find(self, account: Account, symbol: str, order_id: int | None, client_id: str | None) -> Order | None:
        """An order by its id (which must then agree with the client id, if given), or by client id."""
        if order_id is not None:
            order = account.orders.get(order_id)
            if order is not None and client_id not in (None, order.client_id):
                return None
        else:
            order = account.client_ids.get(client_id or "")
        return order if order is not None and order.instrument.symbol == symbol else None

    def cancel(self, order: Order, now: int) -> None:
        """Cancels an open order."""
        if not order.is_open:
            raise Refused(Reason.UNKNOWN_ORDER)
        self.markets[order.instrument.symbol].cancel(order, now)
        self.makers[order.instrument.symbol].fill_up(now)

    def reduce(self, order: Order, quantity: Decimal, now: int) -> None:
        """Makes an open order smaller."""
        if not order.is_open:
            raise Refused(Reason.UNKNOWN_ORDER)
        self.markets[order.instrument.symbol].reduce(order, quantity, now)
