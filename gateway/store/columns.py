"""How each row becomes columns and back: one pair of functions per table, in the order of its fields."""

from collections.abc import Callable
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

from gateway.core.decision import Action
from gateway.core.intent import Side
from gateway.core.money import plain
from gateway.core.order import OrderRow, OrderStatus, PositionRow
from gateway.core.token import KeyKind, TokenState
from gateway.store import AccountRow, Restriction, TokenRow

Row = AccountRow | TokenRow | Restriction | OrderRow | PositionRow
Columns = tuple[Any, ...]

_ROWS: Final = (AccountRow, TokenRow, Restriction, OrderRow, PositionRow)
NAMES: Final[dict[type[Row], tuple[str, ...]]] = {row: row.__match_args__ for row in _ROWS}
_VALUES: Final[dict[type[Row], Callable[[Row], Columns]]] = {row: attrgetter(*names) for row, names in NAMES.items()}
_TEXTS: Final[dict[type, Callable[[Any], str]]] = {Decimal: plain, tuple: " ".join}


def columns_of(row: Row) -> Columns:
    """What is written for a row."""
    values = _VALUES[type(row)](row)
    return tuple([text(value) if (text := _TEXTS.get(type(value))) else value for value in values])


def account_row(columns: Columns) -> AccountRow:
    """The account that these columns hold."""
    name, exchange, environment, key_id, kind, added_at, box = columns
    return AccountRow(name, exchange, environment, key_id, KeyKind(kind), added_at, box)


def token_row(columns: Columns) -> TokenRow:
    """The token that these columns hold."""
    name, id_, exchange, account, policy, kind, state, generation, issued_at, expires_at, addresses, box = columns
    return TokenRow(
        name, id_, exchange, account, policy, KeyKind(kind), TokenState(state), generation, issued_at, expires_at,
        tuple(addresses.split()), box,
    )  # fmt: skip


def restriction(columns: Columns) -> Restriction:
    """The restriction that these columns hold."""
    token_id, action, until_ms, reason = columns
    return Restriction(token_id, Action(action), until_ms, reason)


def order_row(columns: Columns) -> OrderRow:
    """The order that these columns hold."""
    client_id, order_id, token_id, account, market_id, quantity, value, currency, filled, committed, *rest = columns
    status, placed_at, accept_until_us, side, price, giveaway, given, fair, fee_rate, filled_value, shadow = rest
    return OrderRow(
        client_id, order_id, token_id, account, market_id, Decimal(quantity), Decimal(value), currency,
        Decimal(filled), Decimal(committed), OrderStatus(status), placed_at, accept_until_us, Side(side),
        Decimal(price), Decimal(giveaway), Decimal(given), Decimal(fair), Decimal(fee_rate), Decimal(filled_value),
        bool(shadow),
    )  # fmt: skip


def position_row(columns: Columns) -> PositionRow:
    """The position that these columns hold."""
    token_id, market_id, account, currency, quantity, at = columns
    return PositionRow(token_id, market_id, account, currency, Decimal(quantity), at)
