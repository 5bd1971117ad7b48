"""What the ledger costs: ``python benchmarks/ledger_reserve.py [DIR]`` (DIR on the disk that is to be measured).

A home of 100,000 tokens, 1 M usage events, and 10,000 open orders spread over 1,000 tokens; then one number a line.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from gateway.core.decision import Reserve
from gateway.core.intent import OrderKind, Place, Side
from gateway.core.money import Money
from gateway.core.order import OrderEvent, OrderRow, OrderStatus
from gateway.core.secret import Secret
from gateway.core.token import KeyKind, Token, TokenState, VerifyKey
from gateway.ledger.ledger import AT_ONCE, Ledger
from gateway.ports import Record
from gateway.store import TokenRow
from gateway.store.sqlite import SqliteStore

TOKENS, TRADING, OPEN, EVENTS = 100_000, 1_000, 10_000, 1_000_000
DAY = 86_400_000
NOW = 1_700_000_000_000
TIMES = 1_000


def token_id(number: int) -> str:
    """An id as long as an exchange's own."""
    return f"{number:064d}"


def token_row(number: int) -> TokenRow:
    """A token as it is stored."""
    return TokenRow(
        f"bot{number}", token_id(number), "binance", "main", "careful", KeyKind.HMAC, TokenState.ACTIVE, 1, NOW, None,
        (), bytes(300),
    )  # fmt: skip


def token(number: int) -> Token:
    """The same token, opened."""
    row, key = token_row(number), VerifyKey(KeyKind.HMAC, Secret(""))
    return Token(row.name, row.id, row.exchange, row.account, row.policy, key, row.state, row.generation, NOW, None, ())


def order_row(number: int) -> OrderRow:
    """An open order, filled in part."""
    return OrderRow(
        f"old{number}", f"{number}", token_id(number % TRADING), "main", "BTCUSDT", Decimal(2), Decimal(100), "USDT",
        Decimal(1), Decimal(40), OrderStatus.OPEN, NOW, NOW * 1000,
    )  # fmt: skip


def fill(store: SqliteStore) -> None:
    """The tokens, orders and events."""
    with store.transaction() as change:
        for number in range(TOKENS):
            change.add_token(token_row(number))
        for number in range(OPEN):
            change.add_order(order_row(number))
        for number in range(EVENTS):
            kind, currency = (("message", ""), ("turnover", "USDT"))[number % 2]
            at = NOW - 7 * DAY + number * (7 * DAY // EVENTS)
            change.add_event(token_id(number // 2 % TRADING), kind, currency, at, Decimal(1))
        change.put_clock(NOW)


def timed(name: str, step: Callable[[int], object], times: int = TIMES) -> None:
    """Run the step so often and print the median and the 99th percentile."""
    took = []
    for number in range(times):
        start = time.perf_counter()
        step(number)
        took.append((time.perf_counter() - start) * 1e6)
    took.sort()
    print(f"{name:48} median {took[times // 2]:10.1f} µs   p99 {took[times * 99 // 100]:10.1f} µs")


def measure(path: Path) -> None:
    """Print every number."""
    start = time.perf_counter()
    store = SqliteStore.open(path)
    ledger = Ledger.open(store)
    opened = time.perf_counter()
    rows = sum(1 for _ in store.tokens())
    print(f"{'start: open and take up 10,000 orders':48} {opened - start:8.3f} s")
    print(f"{f'start: read {rows:,} token rows':48} {time.perf_counter() - opened:8.3f} s")
    print(f"{'size of state.db':48} {path.stat().st_size / 2**20:8.1f} MiB")
    tokens = [token(number) for number in range(TRADING)]

    def usage(number: int) -> None:
        seen = ledger.usage(token_id(number % TRADING), NOW)
        seen.turnover("USDT", DAY)
        seen.messages(1_000)
        seen.open_orders("BTCUSDT")

    def reserve(number: int) -> None:
        place = Place("BTCUSDT", Side.BUY, OrderKind.LIMIT, Decimal(1), price=Decimal(1), client_id=f"new{number}")
        held = Reserve(Money(Decimal(100), "USDT"), Decimal(1))
        ledger.reserve(
            tokens[number % TRADING], place, held, NOW, NOW * 1000, Record(2 * number + 1, {"why": "x" * 400})
        )

    def acknowledge(number: int) -> None:
        event = OrderEvent("BTCUSDT", f"new{number}", f"n{number}", Decimal(0), Decimal(0), final=False)
        ledger.settle("main", [event], NOW, Record(2 * TIMES + number, {"why": "x" * 400}))

    foreign = [OrderEvent("BTCUSDT", f"no{n}", f"m{n}", Decimal(1), Decimal(1), final=True) for n in range(500)]
    timed("usage: first read of a token (three windows)", usage)
    timed("usage: later reads, 10,000 open, 1,000 tokens", usage)
    timed("reserve (synced)", reserve)
    timed("settle an acknowledgement", acknowledge)
    timed("count a denial", lambda number: ledger.count(token_id(number % TRADING), "denial", NOW))
    timed(f"tick that stores {AT_ONCE} counts", lambda _: ledger.tick(NOW), 3)
    timed("settle a list of 500 orders that are not ours", lambda _: ledger.settle("main", foreign, NOW, None), 50)
    print(f"{'memory of the process at most':48} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.1f} MiB")
    ledger.close()
    store.close()


def main() -> None:
    """Fill a new store, then measure it."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        path = Path(folder) / "state.db"
        store = SqliteStore.create(path)
        fill(store)
        store.close()
        measure(path)


if __name__ == "__main__":
    main()
