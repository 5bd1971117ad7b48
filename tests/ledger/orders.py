"""Orders and answers to tell the ledger's stories with."""

from decimal import Decimal

from gateway.core.decision import Reserve
from gateway.core.intent import OrderKind, Place, Side
from gateway.core.money import Money
from gateway.core.order import OrderEvent
from gateway.core.secret import Secret
from gateway.core.token import KeyKind, Token, TokenState, VerifyKey
from gateway.ledger.ledger import Ledger
from gateway.ports import Record

ACCOUNT = "main"
MARKET = "BTCUSDT"
DAY = 86_400_000
NOON = 1_700_000_000_000
"""Some time in ms to start at."""


def token(name: str = "bot", account: str = ACCOUNT) -> Token:
    """An active token; its id is its name."""
    key = VerifyKey(KeyKind.HMAC, Secret("k"))
    return Token(name, name, "binance", account, "p", key, TokenState.ACTIVE, 1, 0, None, ())


def fill(
    client_id: str | None = "c1", filled: str = "0", value: str = "0", *, final: bool = False,
    order_id: str | None = None, absent: bool = False, market: str = MARKET,
) -> OrderEvent:  # fmt: skip
    """What an answer says of an order: by default that it is open and nothing is filled."""
    return OrderEvent(market, client_id, order_id, Decimal(filled), Decimal(value), final, absent)


class Story:
    """A ledger, told in short sentences. Records are numbered by themselves; ``now`` moves only when told."""

    def __init__(self, ledger: Ledger, number: int = 0) -> None:
        self.ledger = ledger
        self.now = NOON
        self._number = number

    def record(self) -> Record:
        """The next audit record."""
        self._number += 1
        return Record(self._number, {"n": self._number})

    def reserve(
        self, client_id: str = "c1", value: str = "100", quantity: str = "1", *, who: Token | None = None,
        market: str = MARKET, currency: str = "USDT", side: Side = Side.BUY, price: str | None = None,
        giveaway: str | None = None, fair: str | None = None, fee_rate: str = "0",
    ) -> None:  # fmt: skip
        """An order is taken in; its limit is what its value amounts to."""
        limit = Decimal(value) / Decimal(quantity) if price is None and Decimal(quantity) else Decimal(price or 1)
        order = Place(market, side, OrderKind.LIMIT, Decimal(quantity), price=limit, client_id=client_id)
        reserve = Reserve(
            Money(Decimal(value), currency), Decimal(quantity),
            None if giveaway is None else Money(Decimal(giveaway), currency),
            None if fair is None else Decimal(fair), Decimal(fee_rate),
        )  # fmt: skip
        self.ledger.reserve(who or token(), order, reserve, self.now, self.now * 1000 + 5, self.record())

    def settle(self, *events: OrderEvent, account: str = ACCOUNT) -> bool:
        """An answer arrives."""
        return self.ledger.settle(account, events, self.now, self.record())

    def release(self, client_id: str = "c1") -> None:
        """The exchange rejects the order."""
        self.ledger.release(ACCOUNT, client_id, self.now, self.record())

    def unknown(self, client_id: str = "c1") -> None:
        """No answer comes."""
        self.ledger.unknown(ACCOUNT, client_id, self.now, self.record())

    def turnover(self, who: str = "bot", window_ms: int = DAY, currency: str = "USDT") -> Decimal:
        """What the token has used now."""
        return self.ledger.usage(who, self.now).turnover(currency, window_ms)

    def open_orders(self, who: str = "bot", market: str | None = None) -> int:
        """How many orders of the token work now."""
        return self.ledger.usage(who, self.now).open_orders(market)

    def giveaway(self, who: str = "bot", window_ms: int = DAY, currency: str = "USDT") -> Decimal:
        """What the token has given away now, or may."""
        return self.ledger.usage(who, self.now).giveaway(currency, window_ms)

    def position(self, who: str = "bot", market: str = MARKET) -> Decimal:
        """The token's own net fills."""
        return self.ledger.usage(who, self.now).position(market)
