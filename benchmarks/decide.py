"""What one decision costs, with every control of the policy language in force. Run: ``python benchmarks/decide.py``.

Targets: an order within 60 µs, a read or a cancel within 10 µs. The ledger's counters are a stub that answers at
once, for they are measured with the ledger. Compare numbers inside one run only.
"""

import time
import timeit
from decimal import Decimal

from gateway.core.intent import Cancel, Intent, OrderKind, Place, Read, ReadName, Side
from gateway.core.request import Call, Endpoint, EndpointClass, Security
from gateway.core.snapshot import Instrument, Reference, Snapshot
from gateway.core.token import TokenState
from gateway.policy.decide import decide
from gateway.policy.document import load

POLICY = """\
version: 1
allow:
  symbols: [BTC/USDT, ETH/USDT]
  orders: [limit, post_only, market, stop]
limits:
  order: 500 USDT
  quantity: {BTC: 0.05, ETH: 1}
  open_orders: 20
  turnover: 50_000 USDT per 24h
  messages: 10 per 1s
  requests: 20 per 1s
price:
  market: protect 0.3%
  stale_after: 3s
if_denied: 200 per 5m then cancel_only
parameters: {POST /api/v3/order: [strategyId]}
"""
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
ROUNDS, REPEATS = 2_000, 7


class Idle:
    """A token that has used next to nothing."""

    def turnover(self, currency: str, window_ms: int) -> Decimal:
        return Decimal("1234.56")

    def messages(self, window_ms: int) -> int:
        return 1

    requests = cancels = denials = messages

    def open_orders(self, market_id: str | None) -> int:
        return 3

    def retry_after_ms(self, kind: str, window_ms: int) -> int:
        return 0


def main() -> None:
    """Print the best and the median of several rounds, in µs of CPU time per decision."""
    policy = load(POLICY, "benchmark")
    snapshot = Snapshot(0, TokenState.ACTIVE, Idle(), INSTRUMENT, Reference(Decimal(64000), 0, "benchmark"))
    print(f"{'decision':<26}{'best µs':>9}{'median µs':>11}")
    for name, intent in INTENTS.items():
        call = Call(ENDPOINT, intent)
        timer = timeit.Timer(lambda call=call: decide(policy, call, snapshot), timer=time.process_time)  # type: ignore[misc]
        runs = sorted(seconds / ROUNDS * 1e6 for seconds in timer.repeat(REPEATS, ROUNDS))
        print(f"{name:<26}{runs[0]:>9.1f}{runs[REPEATS // 2]:>11.1f}")
    loads = timeit.Timer(lambda: load(POLICY, "benchmark")).timeit(20) / 20 * 1e3
    print(f"reading a policy file: {loads:.1f} ms")


if __name__ == "__main__":
    main()
