"""What the audit log tells of the past, record by record: orders and reads that were judged, and what became of them.

Pure: records in, values out. Older records may lack what newer ones say; what is missing is None, never guessed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from gateway.admin.policy_tools import words
from gateway.core.decision import DenyCode
from gateway.core.intent import Place, Read, ReadName
from gateway.core.order import OrderEvent
from gateway.core.snapshot import Instrument, Reference
from gateway.policy.account import PREFIX
from gateway.policy.measures import HIGHEST_FEE

BEFORE_POLICY: Final = frozenset({
    DenyCode.MALFORMED, DenyCode.PARAMETER, DenyCode.UNKNOWN_ENDPOINT, DenyCode.FORBIDDEN, DenyCode.UNSUPPORTED,
    DenyCode.TOKEN, DenyCode.SIGNATURE, DenyCode.TIMESTAMP, DenyCode.REPLAY, DenyCode.DUPLICATE, DenyCode.NOT_READY,
    DenyCode.BAD_GATEWAY, DenyCode.UNKNOWN_OUTCOME, DenyCode.INTERNAL,
})  # fmt: skip
"""Denials that no policy file decides."""
_QUOTES: Final = ("USDT", "USDC", "FDUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL")
_FINE: Final = Decimal("0.00000001")
"""Steps of price and quantity: the log does not say them, and the finest changes no decision by more than a step."""
_ENOUGH: Final = Decimal(10**15)


@dataclass(frozen=True, slots=True)
class Judged:
    """One decision of the log. ``left`` is the order as it left, where it did; ``reference`` what it was judged by,
    ``marks`` the prices of what the token held beside. ``whole``: averages and volumes are on record, known or not.

    ``account_failed``: a limit over all tokens of the account said no, whatever the policy says.
    """

    at_ms: int
    decision_id: str
    token: str
    account: str
    policy: str
    digest: str
    allowed: bool
    code: DenyCode | None
    rule: str
    intent: Place | Read | None
    left: Place | None
    reference: Reference | None
    whole: bool
    account_failed: bool = False
    marks: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Became:
    """What an answer said: of the decision's own order, and of every order that it spoke of."""

    decision_id: str
    outcome: str
    orders: tuple[Mapping[str, Any], ...]


def judged(fields: Mapping[str, Any], at_ms: int) -> Judged | None:
    """The decision that a record tells of; None for any other record, and for requests of nobody."""
    if fields.get("type") != "decision" or "token" not in fields or "policy" not in fields:
        return None
    left = fields.get("order")
    told = fields.get("reference")
    return Judged(
        at_ms, str(fields["d"]), str(fields["token"]), str(fields["account"]), str(fields["policy"]),
        str(fields.get("digest", "")), fields.get("verdict") == "allow", _code(fields.get("code")),
        str(fields.get("rule", "")), _intent(fields.get("intent") or {}),
        words.from_record(left) if left else None, _reference(told) if told else None,
        bool(told and "anchor" in told),
        any(str(one.get("rule", "")).startswith(PREFIX) for one in fields.get("failed", ())),
        {market_id: Decimal(price) for market_id, price in fields.get("marks", {}).items()},
    )  # fmt: skip


def became(fields: Mapping[str, Any]) -> Became | None:
    """The answer that a record tells of."""
    if fields.get("type") != "outcome":
        return None
    return Became(str(fields.get("d", "")), str(fields.get("outcome", "")), tuple(fields.get("orders", ())))


def event(told: Mapping[str, Any], market_id: str) -> OrderEvent | None:
    """What an answer said of one order there."""
    try:
        filled, value = Decimal(told["filled"]), Decimal(told["value"])
    except (KeyError, TypeError, InvalidOperation):
        return None
    return OrderEvent(market_id, told.get("client_id"), told.get("order_id"), filled, value, told.get("final") is True)


def instrument(market_id: str, symbols: Sequence[str]) -> Instrument | None:
    """The market that these symbols and globs, or else a common quote, make of an exchange's name."""
    named = next((name for name in symbols if "*" not in name and words.market_id(name) == market_id), None)
    quotes = [name.rpartition("/")[2] for name in symbols if not name.endswith("/*")]
    quote = next((one for one in (*quotes, *_QUOTES) if market_id.endswith(one) and market_id != one), None)
    if named is None and quote is None:
        return None
    symbol = named or f"{market_id.removesuffix(str(quote))}/{quote}"
    base, _, quoted = symbol.partition("/")
    return Instrument("binance", market_id, symbol, "spot", base, quoted, _FINE, _FINE, HIGHEST_FEE)


def _code(text: object) -> DenyCode | None:
    return next((code for code in DenyCode if code.value == text), None)


def _intent(told: Mapping[str, Any]) -> Place | Read | None:
    if told.get("is") == "place":
        return words.from_record(told)
    if told.get("is") == "read" and told.get("name") in set(ReadName):
        return Read(ReadName(told["name"]), told.get("market_id"))
    return None


def _reference(told: Mapping[str, Any]) -> Reference:
    """As the market made it. Older records say neither whom it was charged against, which then is the less favourable
    median of the sources, nor averages and volumes, which then pass; a null was not known, and passes nothing.
    """
    quoted = tuple((name, Decimal(price)) for name, price in told.get("quoted", {}).items())
    prices = sorted(price for _, price in quoted) or [Decimal(told["price"])]
    buy, sell = prices[(len(prices) - 1) // 2], prices[len(prices) // 2]
    return Reference(
        Decimal(told["price"]), int(told["at"]), str(told.get("source", "")),
        Decimal(told.get("buy", buy)), Decimal(told.get("sell", sell)), max(1, len(quoted)), quoted,
        _slow(told, "anchor", Decimal(told["price"])), _slow(told, "volume_24h", _ENOUGH),
        _slow(told, "volume_1h", _ENOUGH),
    )  # fmt: skip


def _slow(told: Mapping[str, Any], name: str, otherwise: Decimal) -> Decimal | None:
    text = told.get(name, otherwise)
    return None if text is None else Decimal(text)
