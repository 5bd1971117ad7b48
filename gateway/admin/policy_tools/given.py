"""A stated world: what a test case or a dry look says there is, instead of a ledger and a market.

One table says every key, how it is read and what stands where the file is silent. Pure: nothing here looks anywhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from gateway.admin.policy_tools.words import Asked, market_id
from gateway.core.decision import Decision
from gateway.core.intent import Side
from gateway.core.money import plain
from gateway.core.request import Call, Endpoint, EndpointClass, Security
from gateway.core.snapshot import Instrument, Reference, Snapshot
from gateway.core.token import TokenState
from gateway.policy import grammar
from gateway.policy.decide import decide
from gateway.policy.document import Policy
from gateway.policy.grammar import BadValue
from gateway.policy.measures import HIGHEST_FEE

ENDPOINT: Final = Endpoint("POST", "", "/api/v3/order", EndpointClass.ORDER_PLACE, Security.SIGNED, None, "place")
NOON_MS: Final = int(datetime(2026, 1, 7, 12, tzinfo=UTC).timestamp() * 1000)
"""A Wednesday, noon in UTC: the hour of a case that names none."""
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Given:
    """The world of one case. Amounts are in the quote, quantities in base; what is None is as the price says.

    ``change``: what the token's trading gained within the window. ``bids`` and ``offers``: base that works on a side.
    """

    price: Decimal | None = None
    buy: Decimal | None = None
    sell: Decimal | None = None
    anchor: Decimal | None = None
    volume_24h: Decimal = Decimal(10**9)
    volume_1h: Decimal = Decimal(10**8)
    sources: int = 4
    age: int = 0
    time: int = NOON_MS
    state: TokenState = TokenState.ACTIVE
    position: Decimal = _ZERO
    bids: Decimal = _ZERO
    offers: Decimal = _ZERO
    turnover: Decimal = _ZERO
    giveaway: Decimal = _ZERO
    change: Decimal = _ZERO
    open_orders: int = 0
    executions: int = 0
    messages: int = 0
    requests: int = 0
    denials: int = 0
    tick: Decimal = Decimal("0.01")
    lot: Decimal = Decimal("0.00001")
    fee: Decimal = HIGHEST_FEE

    def stated(self, base: "Given | None" = None) -> dict[str, str]:
        """What is not as in ``base`` (else: as where nothing is said), as a file would state it."""
        told = [(field.name, getattr(self, field.name)) for field in fields(self)]
        known = base or NOTHING
        return {name: _WRITTEN.get(name, _shown)(value) for name, value in told if value != getattr(known, name)}


NOTHING: Final = Given()


def instrument(symbol: str, given: Given) -> Instrument:
    """The market of a symbol, with the steps and the fee that are given."""
    base, _, quote = symbol.partition("/")
    return Instrument("binance", market_id(symbol), symbol, "spot", base, quote, given.tick, given.lot, given.fee)


def snapshot(asked: Asked, given: Given) -> Snapshot:
    """The world for the controls."""
    usage = StatedUsage(given, market_id(asked.symbol))
    if asked.place is None:
        return Snapshot(given.time, given.state, usage, cancels_foreign=asked.cancels_foreign)
    return Snapshot(given.time, given.state, usage, instrument(asked.symbol, given), _reference(given))


def _reference(given: Given) -> Reference | None:
    if given.price is None:
        return None
    return Reference(
        given.price, given.time - given.age, "given", given.buy, given.sell, given.sources,
        anchor=given.anchor or given.price, volume_24h=given.volume_24h, volume_1h=given.volume_1h,
    )  # fmt: skip


def decided(policy: Policy, asked: Asked, given: Given) -> Decision:
    """The gateway's own decision in that world."""
    return decide(policy, Call(ENDPOINT, asked.intent), snapshot(asked, given))


@dataclass(frozen=True, slots=True)
class StatedUsage:
    """The Usage of core.snapshot, whatever the window."""

    given: Given
    market_id: str

    def turnover(self, currency: str, window_ms: int) -> Decimal:
        return self.given.turnover

    def giveaway(self, currency: str, window_ms: int) -> Decimal:
        return self.given.giveaway

    def executions(self, window_ms: int) -> int:
        return self.given.executions

    def position(self, market_id: str) -> Decimal:
        return self.given.position if market_id == self.market_id else _ZERO

    def working_quantity(self, market_id: str, side: Side) -> Decimal:
        if market_id != self.market_id:
            return _ZERO
        return self.given.bids if side is Side.BUY else self.given.offers

    def markets(self) -> list[str]:
        return [self.market_id] if self.given.position or self.given.bids or self.given.offers else []

    def equity_change(self, currency: str, window_ms: int, prices: Mapping[str, Decimal]) -> Decimal | None:
        return self.given.change

    def messages(self, window_ms: int) -> int:
        return self.given.messages

    def requests(self, window_ms: int) -> int:
        return self.given.requests

    def cancels(self, window_ms: int) -> int:
        return 0

    def denials(self, window_ms: int) -> int:
        return self.given.denials

    def open_orders(self, market_id: str | None) -> int:
        return self.given.open_orders

    def retry_after_ms(self, kind: str, window_ms: int) -> int:
        return 0


# -- the table ----------------------------------------------------------------------------------------------------


def _signed(text: str) -> Decimal:
    return grammar.number(text.removeprefix("-")) * (-1 if text.startswith("-") else 1)


def _whole(text: str) -> int:
    return 0 if text == "0" else grammar.count(text)


def _age(text: str) -> int:
    return 0 if text in ("0", "0s") else grammar.window(text)


def _time(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        raise BadValue(f"{text[:40]!r} is no time in UTC", "write it like 2026-01-07T12:00:00") from None


def _state(text: str) -> TokenState:
    if text not in set(TokenState):
        raise BadValue(f"{text[:40]!r} is no state of a token", f"known: {', '.join(TokenState)}")
    return TokenState(text)


READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "price": grammar.positive, "buy": grammar.positive, "sell": grammar.positive, "anchor": grammar.positive,
    "volume_24h": grammar.number, "volume_1h": grammar.number, "sources": _whole, "age": _age, "time": _time,
    "state": _state, "position": _signed, "bids": grammar.number, "offers": grammar.number,
    "turnover": grammar.number, "giveaway": grammar.number, "change": _signed, "open_orders": _whole,
    "executions": _whole, "messages": _whole, "requests": _whole, "denials": _whole,
    "tick": grammar.positive, "lot": grammar.positive, "fee": grammar.percent,
}  # fmt: skip


def _shown(value: Any) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)


def _shown_time(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms // 1000, UTC).replace(tzinfo=None, microsecond=at_ms % 1000 * 1000)
    return at.isoformat(timespec="milliseconds" if at_ms % 1000 else "seconds")


_WRITTEN: Final[Mapping[str, Callable[[Any], str]]] = {
    "age": lambda ms: grammar.window_text(ms) if ms else "0",
    "time": _shown_time,
    "fee": grammar.percent_text,
}

