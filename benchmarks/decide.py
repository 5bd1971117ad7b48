"""What one decision costs, with every control of the policy language in force. Run: ``python benchmarks/decide.py``.

Target: an order within 150 µs with every control; a read or a cancel within 25 µs. Asked with counters that answer at
once, and of a ledger that holds 10,000 open orders of 1,000 tokens. Compare numbers inside one run only.
"""

import time
import timeit
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from gateway.core.intent import Cancel, Intent, OrderKind, Place, Read, ReadName, Side
from gateway.core.order import OrderRow, OrderStatus, PositionRow
from gateway.core.request import Call, Endpoint, EndpointClass, Security
from gateway.core.snapshot import Instrument, Reference, Snapshot
from gateway.core.token import TokenState
from gateway.ledger.ledger import Ledger
from gateway.policy.account import AccountLimits, load_account_limits
from gateway.policy.decide import decide
from gateway.policy.document import load
from gateway.policy.strict_yaml import read
from gateway.store.memory import MemoryStore

POLICY = """\
version: 1
allow:
  symbols: [BTC/USDT, ETH/USDT]
  orders: [limit, post_only, market, stop]
limits:
  order: 500 USDT
  quantity: {BTC: 0.05, ETH: 1}
  open_orders: 20
  position: 100_000 USDT in all
  turnover: 50_000 USDT per 24h
  messages: 10 per 1s
  requests: 20 per 1s
  executions: 200 per 24h then halt
  loss: 250 USDT per 24h then reduce_only
price:
  collar: 1% from reference
  anchor: 10% from 24h vwap
  market: protect 0.3%
  giveaway: 100 USDT per 24h then halt
  stale_after: 3s
  sources: 3
liquidity:
  volume_24h: at least 20_000_000 USDT
  share_of_1h: at most 1%
hours: {days: [mon, tue, wed, thu, fri, sat, sun], from: "00:00", to: "24:00", zone: Europe/Berlin}
if_silent: 90s then cancel_orders
if_denied: 200 per 5m then cancel_only
alerts: [denied, halted]
parameters: {POST /api/v3/order: [strategyId]}
"""
ACCOUNT = """\
{turnover: 500_000 USDT per 24h, giveaway: 1_000 USDT per 24h, position: 200_000 USDT in all, order: 1_000 USDT,
 loss: 5_000 USDT per 24h, open_orders: 20_000}
"""
MARKETS = ["BTCUSDT", *(f"COIN{number}USDT" for number in range(9))]
MARKS = {market: Decimal(20) for market in MARKETS[1:]}
ENDPOINT = Endpoint("POST", "host", "/api/v3/order", EndpointClass.ORDER_PLACE, Security.SIGNED, None, "order")
INSTRUMENT = Instrument(
    "binance", "BTCUSDT", "BTC/USDT", "spot", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal("0.001")
)
SIZE, PRICE = Decimal("0.00123"), Decimal("64000.12")
INTENTS: dict[str, Intent] = {
    "limit buy": Place("BTCUSDT", Side.BUY, OrderKind.LIMIT, SIZE, price=PRICE),
    "limit sell": Place("BTCUSDT", Side.SELL, OrderKind.LIMIT, SIZE, price=PRICE),
    "market buy by quote": Place("BTCUSDT", Side.BUY, OrderKind.MARKET, None, quote_quantity=Decimal(100)),
    "stop sell": Place("BTCUSDT", Side.SELL, OrderKind.STOP, SIZE, trigger=PRICE),
    "order too large (denied)": Place("BTCUSDT", Side.BUY, OrderKind.LIMIT, Decimal(1), price=PRICE),
    "read": Read(ReadName.BALANCES),
    "cancel": Cancel("BTCUSDT", "1", None),
}
REFERENCE = Reference(
    Decimal(64000), 0, "median of three", Decimal("63999.5"), Decimal("64000.5"), 3, anchor=Decimal(63000),
    volume_24h=Decimal(2_000_000_000), volume_1h=Decimal(80_000_000),
)  # fmt: skip
ROUNDS, REPEATS = 400, 7


class Idle:
    """A token that has used next to nothing."""

    def turnover(self, currency: str, window_ms: int) -> Decimal:
        return Decimal("1234.56")

    def messages(self, window_ms: int) -> int:
        return 1

    requests = cancels = denials = executions = messages
    giveaway = turnover

    def position(self, market_id: str) -> Decimal:
        return Decimal("0.25")

    def working_quantity(self, market_id: str, side: Side) -> Decimal:
        return Decimal("0.125")

    def markets(self) -> list[str]:
        return MARKETS

    def equity_change(self, currency: str, window_ms: int, prices: Mapping[str, Decimal]) -> Decimal:
        return Decimal("-12.5")

    def open_orders(self, market_id: str | None) -> int:
        return 3

    def retry_after_ms(self, kind: str, window_ms: int) -> int:
        return 0


def busy() -> Snapshot:
    """The world of one token of a ledger where a thousand have ten half-filled orders each, in two of ten markets."""
    store, account = MemoryStore(), "main"
    now_ms, later = 1_800_000_000_000, 1_800_000_060_000
    prices = {**MARKS, "BTCUSDT": Decimal(64000)}
    with store.transaction() as change:
        for number in range(10_000):
            token_id, market = f"token{number % 1_000}", MARKETS[(number % 5 + number // 1_000 % 2 * 5)]
            value = prices[market] * SIZE
            change.add_order(OrderRow(
                f"c{number}", str(number), token_id, account, market, SIZE, value, "USDT", SIZE / 2, value / 2,
                OrderStatus.OPEN, now_ms, now_ms * 1000, Side.BUY, prices[market], value / 1000, value / 2000,
                prices[market], Decimal("0.001"), value / 2,
            ))  # fmt: skip
            change.put_position(PositionRow(token_id, market, account, "USDT", SIZE / 2, now_ms))
            for kind, unit in (("turnover", "USDT"), ("giveaway", "USDT"), ("execution", ""), ("message", "")):
                change.add_event(token_id, account, kind, unit, now_ms, Decimal(1))
        change.put_clock(now_ms)
    ledger = Ledger.open(store)
    ledger.mark(account, prices, later)
    reference = replace(REFERENCE, at_ms=later)
    usage, whole = ledger.usage("token0", later), ledger.account_usage(account, later)
    return Snapshot(later, TokenState.ACTIVE, usage, INSTRUMENT, reference, marks=MARKS, account=whole)


def main() -> None:
    """Print the best and the median of several rounds, in µs of CPU time per decision."""
    account = load_account_limits(read(ACCOUNT, "benchmark"), "main")
    quiet = Snapshot(0, TokenState.ACTIVE, Idle(), INSTRUMENT, REFERENCE, marks=MARKS, account=Idle())
    full = busy()
    table("counters at rest", quiet, None)
    table("10,000 open orders, 1,000 tokens", full, None)
    table("the same, and limits of the account", full, account)
    loads = timeit.Timer(lambda: load(POLICY, "benchmark")).timeit(20) / 20 * 1e3
    print(f"reading a policy file: {loads:.1f} ms")


def table(title: str, snapshot: Snapshot, account: AccountLimits | None) -> None:
    """One line for each kind of request."""
    policy = load(POLICY, "benchmark")
    print(f"{title:<38}{'best µs':>9}{'median µs':>11}")
    for name, intent in INTENTS.items():
        call = Call(ENDPOINT, intent)
        timer = timeit.Timer(lambda call=call: decide(policy, call, snapshot, account), timer=time.process_time)  # type: ignore[misc]
        runs = sorted(seconds / ROUNDS * 1e6 for seconds in timer.repeat(REPEATS, ROUNDS))
        print(f"  {name:<36}{runs[0]:>9.1f}{runs[REPEATS // 2]:>11.1f}")


if __name__ == "__main__":
    main()
