"""Rows to store, with every column told apart from the others."""

from dataclasses import replace
from decimal import Decimal

from gateway.core.decision import Action
from gateway.core.intent import Side
from gateway.core.order import OrderRow, OrderStatus
from gateway.core.token import KeyKind, TokenState
from gateway.ports import Record
from gateway.store import AccountRow, Restriction, TokenRow

ACCOUNT = AccountRow("main", "binance", "testnet", "realkey", KeyKind.ED25519, 11, b"\x00account box\xff")
TOKEN = TokenRow(
    "bot", "id-1", "binance", "main", "careful", KeyKind.HMAC, TokenState.ACTIVE, 3, 12, 13,
    ("10.0.0.0/8", "::1/128"), b"\x00token box\xff",
)  # fmt: skip
REVOKED = replace(TOKEN, state=TokenState.REVOKED, generation=4, box=None)
RESTRICTION = Restriction("id-1", Action.CANCEL_ONLY, 14, "too many denials")
ORDER = OrderRow(
    "c1", "77", "id-1", "main", "BTCUSDT", Decimal("0.5"), Decimal("250.125"), "USDT", Decimal("0.25"),
    Decimal("100.000000000000000001"), OrderStatus.OPEN, 15, 16, Side.SELL, Decimal("499.5"), Decimal("1.25"),
    Decimal("0.625"), Decimal("500.125"), Decimal("0.001"), Decimal("124.875"), shadow=True,
)  # fmt: skip


def record(number: int) -> Record:
    """An audit record whose body says its number, and the kinds of value that bodies hold."""
    return Record(number, {"n": number, "why": "é", "nested": {"list": [1, None, True]}})
