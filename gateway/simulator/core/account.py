"""Who owns what. An account never goes below zero, except the market's own, which is unlimited."""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal

from .orders import Fill, Order
from .refusals import Reason, Refused

ZERO = Decimal(0)
HISTORY = 20_000


@dataclass(slots=True)
class Balance:
    """An asset of one account: what it may use, and what its open orders hold."""

    free: Decimal = ZERO
    locked: Decimal = ZERO


@dataclass(slots=True, eq=False)
class Account:
    """Balances, orders and trades of one owner."""

    name: str
    number: int
    unlimited: bool = False
    maker_fee: Decimal = Decimal("0.001")
    taker_fee: Decimal = Decimal("0.001")
    trade_group: int = -1
    balances: dict[str, Balance] = field(default_factory=dict)
    funding: dict[str, Decimal] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    open_orders: dict[int, Order] = field(default_factory=dict)
    client_ids: dict[str, Order] = field(default_factory=dict)
    fills: deque[Fill] = field(default_factory=lambda: deque(maxlen=HISTORY))
    updated: int = 0

    def balance(self, asset: str) -> Balance:
        """The balance of an asset, zero if it was never touched."""
        found = self.balances.get(asset)
        if found is None:
            found = self.balances[asset] = Balance()
        return found

    def lock(self, asset: str, amount: Decimal) -> None:
        """Moves an amount from free to locked, or refuses."""
        balance = self.balance(asset)
        if amount > balance.free and not self.unlimited:
            raise Refused(Reason.INSUFFICIENT)
        balance.free -= amount
        balance.locked += amount

    def unlock(self, asset: str, amount: Decimal) -> None:
        """Moves an amount from locked back to free."""
        balance = self.balance(asset)
        balance.locked -= amount
        balance.free += amount

    def debit(self, asset: str, amount: Decimal) -> None:
        """Takes a free amount out of the account, or refuses."""
        balance = self.balance(asset)
        if amount > balance.free and not self.unlimited:
            raise Refused(Reason.INSUFFICIENT)
        balance.free -= amount

    def credit(self, asset: str, amount: Decimal) -> None:
        """Adds a free amount."""
        self.balance(asset).free += amount

    def uses(self, client_id: str) -> bool:
        """Whether an open order has this client id."""
        order = self.client_ids.get(client_id)
        return order is not None and order.is_open

    def remember(self, order: Order) -> None:
        """Files a new order; the oldest closed one makes room when the shelf is full."""
        self.orders[order.id] = self.open_orders[order.id] = self.client_ids[order.client_id] = order
        if len(self.orders) > HISTORY:
            self._forget_one()

    def _forget_one(self) -> None:
        for _ in range(len(self.open_orders) + 1):
            oldest = next(iter(self.orders.values()))
            del self.orders[oldest.id]
            if not oldest.is_open:
                if self.client_ids.get(oldest.client_id) is oldest:
                    del self.client_ids[oldest.client_id]
                return
            self.orders[oldest.id] = oldest

    def rename(self, order: Order, client_id: str) -> None:
        """Gives an order another client id, as an amendment may."""
        if self.client_ids.get(order.client_id) is order:
            del self.client_ids[order.client_id]
        order.client_id = client_id
        self.client_ids[client_id] = order
