"""What a test or a rehearsal may do to the simulated exchange: prices, accounts, clock, faults, journal.

Every public method takes and returns plain JSON values; amounts are text or whole numbers.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, cast

from .binance import render
from .binance.state import State
from .core.account import Account
from .core.exchange import COUNTERPARTY
from .core.maker import Maker
from .core.orders import Side
from .faults import Fault, Faults
from .journal import Journal
from .keys import DEFAULT_PERMISSIONS, Key, ed25519_from_pem, new_text

Amount = str | int | Decimal
Json = dict[str, Any]


def _decimal(value: Amount) -> Decimal:
    found = Decimal(str(value))
    if not found.is_finite() or found < 0:
        raise ValueError(f"not an amount: {value}")
    return found


def _text(value: Decimal) -> str:
    return f"{value.normalize():f}"


class Control(ABC):
    """The control methods; `Simulator` adds the ports."""

    state: State
    requests: Journal
    coming: Faults
    offset: int
    extra_headers: dict[str, str]

    @property
    @abstractmethod
    def now(self) -> int:
        """The exchange's clock, in microseconds."""

    # -- prices ---------------------------------------------------------------------------------

    def set_price(self, symbol: str, price: Amount) -> None:
        """Moves the market: quotes around the price, sweeps what lies in between, fires stops."""
        self._maker(symbol).move(_decimal(price), self._ms)

    def set_spread(self, symbol: str, spread: Amount) -> None:
        """The distance between best bid and best ask as a fraction of the price."""
        maker = self._maker(symbol)
        maker.move(maker.price, self._ms, _decimal(spread))

    def set_book(self, symbol: str, bids: Iterable[Iterable[Amount]], asks: Iterable[Iterable[Amount]]) -> None:
        """The market shows exactly these [price, quantity] levels."""
        low, high = ([(_decimal(price), _decimal(size)) for price, size in side] for side in (bids, asks))
        self._maker(symbol).show(low, high, self._ms)

    def book(self, symbol: str, limit: int = 20) -> Json:
        """The book as it stands."""
        market = self._maker(symbol).market
        bids, asks = (
            [[_text(price), _text(size)] for price, size in market.ladders[side].levels(limit)]
            for side in ("BUY", "SELL")
        )
        return {"symbol": symbol, "last": _text(market.last), "bids": bids, "asks": asks}

    def trade(self, symbol: str, side: str, quantity: Amount, price: Amount | None = None) -> Json:
        """An order of the counterparty's, with unlimited funds: at a price, or at the market."""
        if side not in ("BUY", "SELL"):
            raise ValueError("side is BUY or SELL")
        exchange = self.state.exchange
        self._maker(symbol)
        kind: Json = {"type": "MARKET"} if price is None else {"type": "LIMIT", "price": _decimal(price)}
        kind |= {"quantity": _decimal(quantity), "time_in_force": "GTC", "self_trade": "NONE"}
        order = exchange.draft(exchange.accounts[COUNTERPARTY], symbol, cast("Side", side), self._ms, **kind)
        exchange.place(order, self._ms)
        return render.placed(order, "FULL")

    # -- accounts and keys ----------------------------------------------------------------------

    def add_account(
        self, account: str, balances: Mapping[str, Amount] | None = None, trade_group: int = -1,
        permissions: Mapping[str, bool] | None = None,
    ) -> Json:  # fmt: skip
        """A new account with an HMAC key of its own: {"account", "apiKey", "secret"}."""
        owner = self.state.exchange.open_account(account)
        owner.trade_group = trade_group
        for asset, amount in (balances or {}).items():
            owner.credit(asset, _decimal(amount))
        return self.add_key(account, permissions=permissions)

    def add_key(
        self, account: str, public_pem: str | None = None, permissions: Mapping[str, bool] | None = None,
        addresses: Iterable[str] = (), api_key: str | None = None, secret: str | None = None,
    ) -> Json:  # fmt: skip
        """Another key: Ed25519 if its public half is given, HMAC otherwise."""
        key = Key(api_key or new_text(), self._account(account), self._ms, addresses=frozenset(addresses))
        if key.name in self.state.keys:
            raise ValueError("this key exists")
        if public_pem is None:
            key.secret = secret or new_text()
        else:
            key.public_key = ed25519_from_pem(public_pem)
        self.state.keys[key.name] = key
        self.set_permissions(key.name, permissions or {})
        made = {"account": account, "apiKey": key.name}
        return made if key.secret is None else made | {"secret": key.secret}

    def set_permissions(self, api_key: str, permissions: Mapping[str, bool]) -> Json:
        """Changes what a key may do, by the names of apiRestrictions."""
        unknown = permissions.keys() - DEFAULT_PERMISSIONS.keys()
        if unknown:
            raise ValueError(f"no such permission: {', '.join(sorted(unknown))}")
        key = self._key(api_key)
        key.permissions.update(permissions)
        return dict(key.permissions)

    def remove_key(self, api_key: str) -> None:
        """The exchange forgets a key."""
        del self.state.keys[self._key(api_key).name]

    def deposit(self, account: str, asset: str, amount: Amount) -> None:
        """Adds to a balance."""
        self._account(account).credit(asset, _decimal(amount))

    def balances(self, account: str = "demo") -> dict[str, dict[str, str]]:
        """Every balance that is not zero; `funding` is the wallet that transfers go to."""
        owner = self._account(account)
        found = {
            name: {"free": _text(one.free), "locked": _text(one.locked)}
            for name, one in owner.balances.items()
            if one.free or one.locked
        }
        for name, amount in owner.funding.items():
            found.setdefault(name, {"free": "0", "locked": "0"})["funding"] = _text(amount)
        return found

    def orders(self, account: str = "demo", open_only: bool = False) -> list[Json]:
        """An account's orders, oldest first, as a query shows them."""
        owner = self._account(account)
        return [render.queried(one) for one in (owner.open_orders if open_only else owner.orders).values()]

    def trades(self, account: str = "demo") -> list[Json]:
        """An account's trades, oldest first."""
        return [render.trade(fill) for fill in self._account(account).fills]

    def withdrawals(self) -> list[Json]:
        """What has left by withdrawal, of all accounts."""
        return list(self.state.withdrawals)

    # -- clock, limits, faults ------------------------------------------------------------------

    def shift_clock(self, milliseconds: int) -> int:
        """Sets the exchange's clock that far from this machine's; tells the exchange's time in ms."""
        self.offset = milliseconds * 1000
        return self._ms

    def set_limits(self, weight: int | None = None, orders: int | None = None) -> None:
        """Enforces the weight per minute and the orders per 10 s; None enforces nothing."""
        self.state.weight_limit, self.state.order_limit = weight, orders

    def set_headers(self, headers: Mapping[str, str]) -> None:
        """More headers on every answer of the exchange."""
        self.extra_headers = dict(headers)

    def add_fault(self, kind: str, **settings: Any) -> None:
        """Something that will go wrong; see `Fault` for the kinds and their settings."""
        self.coming.add(Fault(kind, **settings))

    def faults(self) -> list[Json]:
        """The faults still to come."""
        return [fault.as_json() for fault in self.coming.pending]

    def clear_faults(self) -> None:
        """Nothing more goes wrong."""
        self.coming.pending.clear()

    # -- journal --------------------------------------------------------------------------------

    def journal(self, since: int = 0, method: str | None = None, path: str = "") -> list[Json]:
        """What arrived after that number; `path` is a prefix."""
        return [
            entry.as_json()
            for entry in self.requests.since(since)
            if entry.path.startswith(path) and method in (None, entry.method)
        ]

    def reset_journal(self) -> None:
        """Forgets what arrived; numbering goes on."""
        self.requests.clear()

    async def wait_journal(self, number: int, seconds: float = 10.0) -> bool:
        """Waits until the request of that number has arrived."""
        return await self.requests.reaches(number, seconds)

    # -- names ----------------------------------------------------------------------------------

    @property
    def _ms(self) -> int:
        return self.now // 1000

    def _maker(self, symbol: str) -> Maker:
        if symbol not in self.state.exchange.makers:
            raise ValueError(f"no such symbol: {symbol}")
        return self.state.exchange.makers[symbol]

    def _account(self, name: str) -> Account:
        if name not in self.state.exchange.accounts:
            raise ValueError(f"no such account: {name}")
        return self.state.exchange.accounts[name]

    def _key(self, name: str) -> Key:
        if name not in self.state.keys:
            raise ValueError("no such key")
        return self.state.keys[name]
