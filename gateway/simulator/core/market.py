"""One instrument's market: admits an order, matches it by price and time, settles, rests or expires it.

Rule 1: nothing is changed before everything that can refuse has been asked.
Rule 2: a trade happens at the resting order's price, and each side pays its fee in what it receives.
Rule 3: stops fire when what moved the price is done, never in the middle of a match or of a half-built book.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import ROUND_DOWN, Decimal

from .account import Account
from .book import Ladder
from .instruments import ASSET_STEP, Instrument
from .orders import Fill, Order, Side, Status
from .refusals import Reason, Refused
from .tape import Tape

ZERO = Decimal(0)
BASIS = Decimal(10_000)
PREVENTING = {"EXPIRE_TAKER", "EXPIRE_BOTH"}


class Market:
    """The book, the waiting stops and the tape of one instrument.

    `taken` holds the resting orders that have traded, until the maker has looked at them.
    """

    def __init__(self, instrument: Instrument, now: int) -> None:
        self.instrument = instrument
        self.ladders: dict[Side, Ladder] = {"BUY": Ladder("BUY"), "SELL": Ladder("SELL")}
        self.waiting: dict[int, Order] = {}
        self.tape = Tape(instrument, now)
        self.fees: defaultdict[str, Decimal] = defaultdict(Decimal)
        self.taken: list[Order] = []
        self.updates = 1
        self._stops_held = False

    @property
    def last(self) -> Decimal:
        """The price of the last trade."""
        return self.tape.last

    def opposite(self, order: Order) -> Ladder:
        """The orders that this one would trade with."""
        return self.ladders["SELL" if order.side == "BUY" else "BUY"]

    # -- what the outside asks for --------------------------------------------------------------

    def check(self, order: Order) -> None:
        """Everything that can refuse an order, leaving no trace."""
        self._admit(order)
        self._unlock(order)

    def place(self, order: Order, now: int) -> None:
        """Takes a new order as far as it goes."""
        self._admit(order)
        order.account.remember(order)
        order.updated = now
        if order.is_stop:
            self.waiting[order.id] = order
            self._track(order)
        else:
            self._run(order, now)
        self._settle_stops(now)

    def cancel(self, order: Order, now: int) -> None:
        """Takes an open order out."""
        self._finish(order, "CANCELED", now)

    def reduce(self, order: Order, quantity: Decimal, now: int) -> None:
        """Makes an open order smaller; it keeps its place in the queue."""
        if quantity == order.quantity:
            raise Refused(Reason.NO_CHANGE)
        if quantity > order.quantity or quantity <= order.executed:
            raise Refused(Reason.NO_INCREASE)
        cut = order.quantity - quantity
        order.hidden = max(ZERO, order.hidden - cut)
        order.quantity = quantity
        released = min(order.locked, order.reserve(cut))
        order.locked -= released
        order.account.unlock(order.spends, released)
        order.updated = now
        self.updates += 1

    def print_price(self, price: Decimal, now: int) -> None:
        """Writes a smallest trade at a price, as the market's own, and lets stops see it."""
        self.tape.record(price, self.instrument.step, now, buyer_is_maker=price < self.last)
        self._settle_stops(now)

    @contextmanager
    def stops_held(self, now: int) -> Iterator[None]:
        """Stops wait until the book is whole again: they must not fire into half of one."""
        self._stops_held = True
        try:
            yield
        finally:
            self._stops_held = False
        self._settle_stops(now)

    # -- admission ------------------------------------------------------------------------------

    def _admit(self, order: Order) -> None:
        if order.is_stop and not order.triggered:
            if order.trailing_delta is None and self._reached(order):
                raise Refused(Reason.WOULD_TRIGGER)
            self._lock(order, self._waiting_reserve(order))
            return
        if order.type == "LIMIT_MAKER" and self.opposite(order).crosses(order.price):
            raise Refused(Reason.WOULD_TAKE)
        if order.quote_quantity:
            order.quantity = self._size_by_quote(order)
        if order.is_priceless and order.side == "BUY":
            self._lock(order, self._cost(order))
        else:
            self._lock(order, order.reserve(order.quantity))
        if order.iceberg:
            order.hidden = order.quantity - order.iceberg

    @staticmethod
    def _waiting_reserve(order: Order) -> Decimal:
        # What a market buy will cost is known when it fires; until then it holds nothing.
        if order.is_priceless and order.side == "BUY":
            return ZERO
        return order.reserve(order.quantity)

    @staticmethod
    def _lock(order: Order, amount: Decimal) -> None:
        order.account.lock(order.spends, amount)
        order.locked = amount

    @staticmethod
    def _unlock(order: Order) -> None:
        order.account.unlock(order.spends, order.locked)
        order.locked = ZERO

    def _reachable(self, order: Order) -> Iterator[tuple[Decimal, Decimal]]:
        """Prices and quantities it could trade at, best first, as far as its own limit allows."""
        for maker in self.opposite(order):
            if not self._accepts(order, maker.price):
                return
            mode = prevention(order, maker)
            if mode in PREVENTING:
                return
            if mode != "EXPIRE_MAKER":
                yield maker.price, maker.remaining

    def _cost(self, order: Order) -> Decimal:
        left, cost = order.quantity, ZERO
        for price, quantity in self._reachable(order):
            taken = min(left, quantity)
            cost += taken * price
            left -= taken
            if not left:
                break
        return cost

    def _size_by_quote(self, order: Order) -> Decimal:
        step, left, size = self.instrument.step, order.quote_quantity, ZERO
        for price, quantity in self._reachable(order):
            taken = min(quantity, left / price // step * step)
            size += taken
            left -= taken * price
            if taken < quantity:
                break
        if not size:
            raise Refused(Reason.NO_LIQUIDITY)
        return size

    @staticmethod
    def _accepts(order: Order, price: Decimal) -> bool:
        if order.is_priceless:
            return True
        return price <= order.price if order.side == "BUY" else price >= order.price

    # -- matching -------------------------------------------------------------------------------

    def _run(self, order: Order, now: int) -> None:
        order.working_time = now
        self.updates += 1
        if order.time_in_force == "FOK" and not order.is_priceless:
            reachable = sum((quantity for _, quantity in self._reachable(order)), ZERO)
            if reachable < order.quantity:
                self._finish(order, "EXPIRED", now)
                return
        self._match(order, now)
        if not order.is_open:
            return
        if order.is_priceless or order.time_in_force != "GTC":
            self._finish(order, "EXPIRED", now)
        else:
            self.ladders[order.side].add(order)

    def _match(self, taker: Order, now: int) -> None:
        ladder = self.opposite(taker)
        while taker.is_open:
            maker = ladder.best
            if maker is None or not self._accepts(taker, maker.price):
                return
            mode = prevention(taker, maker)
            if mode is None:
                self._trade(taker, maker, min(taker.remaining, maker.visible), now)
            else:
                self._prevent(mode, taker, maker, now)

    def _trade(self, taker: Order, maker: Order, quantity: Decimal, now: int) -> None:
        price = maker.price
        quote = (price * quantity).quantize(ASSET_STEP, ROUND_DOWN)
        trade = self.tape.record(price, quantity, now, buyer_is_maker=maker.side == "BUY")
        for order in (taker, maker):
            self._pay(order, quantity, quote)
            fill = self._receive(order, trade.id, price, quantity, quote, now, order is maker)
            order.account.fills.append(fill)
            if order is taker:
                order.fills.append(fill)
            order.executed += quantity
            order.spent += quote
            order.updated = now
            if order.remaining:
                order.status = "PARTIALLY_FILLED"
            else:
                self._finish(order, "FILLED", now)
        self.taken.append(maker)
        self._show_more(maker)

    def _show_more(self, maker: Order) -> None:
        if maker.is_open and not maker.visible:
            maker.hidden = max(ZERO, maker.remaining - (maker.iceberg or maker.remaining))
            self.ladders[maker.side].requeue(maker)

    @staticmethod
    def _pay(order: Order, quantity: Decimal, quote: Decimal) -> None:
        paid = quote if order.side == "BUY" else quantity
        released = paid if order.is_priceless else order.reserve(quantity)
        order.locked -= released
        order.account.unlock(order.spends, released)
        order.account.balance(order.spends).free -= paid

    def _receive(
        self, order: Order, trade: int, price: Decimal, quantity: Decimal, quote: Decimal, now: int, is_maker: bool
    ) -> Fill:
        account, instrument = order.account, order.instrument
        asset, amount = (instrument.base, quantity) if order.side == "BUY" else (instrument.quote, quote)
        rate = account.maker_fee if is_maker else account.taker_fee
        fee = (amount * rate).quantize(ASSET_STEP, ROUND_DOWN)
        account.credit(asset, amount - fee)
        account.updated = now
        self.fees[asset] += fee
        return Fill(trade, order, price, quantity, quote, fee, asset, now, is_maker)

    # -- self-trade prevention ------------------------------------------------------------------

    def _prevent(self, mode: str, taker: Order, maker: Order, now: int) -> None:
        if mode in ("DECREMENT", "TRANSFER"):
            self._decrement(taker, maker, now, transfer=mode == "TRANSFER")
            return
        if mode in ("EXPIRE_MAKER", "EXPIRE_BOTH"):
            maker.prevented += maker.remaining
            self._finish(maker, "EXPIRED_IN_MATCH", now)
        if mode in ("EXPIRE_TAKER", "EXPIRE_BOTH"):
            taker.prevented += taker.remaining
            self._finish(taker, "EXPIRED_IN_MATCH", now)

    def _decrement(self, taker: Order, maker: Order, now: int, *, transfer: bool) -> None:
        quantity = min(taker.remaining, maker.visible)
        quote = (maker.price * quantity).quantize(ASSET_STEP, ROUND_DOWN)
        for order in (taker, maker):
            released = quote if order.is_priceless and order.side == "BUY" else order.reserve(quantity)
            order.locked -= released
            order.account.unlock(order.spends, released)
            if transfer:
                self._hand_over(order.account, order.side, quantity, quote)
            order.prevented += quantity
            if not order.remaining:
                self._finish(order, "EXPIRED_IN_MATCH", now)
        self._show_more(maker)

    def _hand_over(self, account: Account, side: Side, quantity: Decimal, quote: Decimal) -> None:
        sign = 1 if side == "BUY" else -1
        account.balance(self.instrument.base).free += sign * quantity
        account.balance(self.instrument.quote).free -= sign * quote

    # -- stops ----------------------------------------------------------------------------------

    def _settle_stops(self, now: int) -> None:
        if self._stops_held:
            return
        for order in self.waiting.values():
            self._track(order)
        while fired := next((o for o in self.waiting.values() if self._reached(o)), None):
            del self.waiting[fired.id]
            fired.triggered = True
            self._unlock(fired)
            try:
                self._admit(fired)
            except Refused:
                self._finish(fired, "EXPIRED", now)
            else:
                self._run(fired, now)
            for order in self.waiting.values():
                self._track(order)

    def _track(self, order: Order) -> None:
        if order.trailing_delta is None:
            return
        if order.extreme is None and not self._passed(order):
            return
        extreme = order.extreme if order.extreme is not None else self.last
        order.extreme = min(extreme, self.last) if order.rises else max(extreme, self.last)

    def _passed(self, order: Order) -> bool:
        stop = order.stop_price
        return stop is None or (self.last >= stop if order.rises else self.last <= stop)

    def _reached(self, order: Order) -> bool:
        if order.trailing_delta is None:
            return self._passed(order)
        if order.extreme is None:
            return False
        distance = order.extreme * order.trailing_delta / BASIS
        if order.rises:
            return self.last >= order.extreme + distance
        return self.last <= order.extreme - distance

    def _finish(self, order: Order, status: Status, now: int) -> None:
        order.status = status
        order.updated = now
        self._unlock(order)
        self.waiting.pop(order.id, None)
        self.ladders[order.side].remove(order)
        order.account.open_orders.pop(order.id, None)
        self.updates += 1


def prevention(taker: Order, maker: Order) -> str | None:
    """How a match between the two is prevented; None where it may trade."""
    one, other = taker.account, maker.account
    if one is not other and (one.trade_group < 0 or one.trade_group != other.trade_group):
        return None
    if taker.self_trade == "NONE":
        return None
    if taker.self_trade == "TRANSFER" and (one is other or maker.self_trade != "TRANSFER"):
        return "DECREMENT"
    return taker.self_trade
