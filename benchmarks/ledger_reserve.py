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
from gateway.core.order import OrderEvent, OrderRow, OrderStatus, PositionRow
from gateway.core.secret import Secret
from gateway.core.snapshot import Usage
from gateway.core.token import KeyKind, Token, TokenState, VerifyKey
from gateway.ledger.chores import AT_ONCE
from gateway.ledger.ledger import Ledger
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
        Decimal(1), Decimal(40), OrderStatus.OPEN, NOW, NOW * 1000, Side.BUY, Decimal(50), Decimal(2), Decimal(1),
        Decimal(50), Decimal("0.001"), Decimal(40),
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
            change.add_event(token_id(number // 2 % TRADING), "main", kind, currency, at, Decimal(1))
        for number in range(TRADING):
            change.put_position(PositionRow(token_id(number), "BTCUSDT", "main", "USDT", Decimal(10), NOW))
        for number in range(60):
            change.add_price("main", "BTCUSDT", NOW - number * DAY // 60, Decimal(50))
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


def measure_start(path: Path) -> tuple[SqliteStore, Ledger]:
    """Open the store and its ledger as the gateway does at its start."""
    start = time.perf_counter()
    store = SqliteStore.open(path)
    ledger = Ledger.open(store)
    opened = time.perf_counter()
    rows = sum(1 for _ in store.tokens())
    print(f"{'start: open and take up 10,000 orders':48} {opened - start:8.3f} s")
    print(f"{f'start: read {rows:,} token rows':48} {time.perf_counter() - opened:8.3f} s")
    print(f"{'size of state.db':48} {path.stat().st_size / 2**20:8.1f} MiB")
    return store, ledger


def measure_questions(ledger: Ledger) -> None:
    """What policies ask before an order."""

    def usage(number: int) -> None:
        seen = ledger.usage(token_id(number % TRADING), NOW)
        seen.turnover("USDT", DAY)
        seen.messages(1_000)
        seen.open_orders("BTCUSDT")

    def everything(usage: Usage) -> None:
        usage.turnover("USDT", DAY)
        usage.giveaway("USDT", DAY)
        usage.executions(DAY)
        usage.messages(1_000)
        usage.denials(300_000)
        usage.open_orders("BTCUSDT")
        usage.position("BTCUSDT")
        usage.working_quantity("BTCUSDT", Side.BUY)
        usage.markets()
        usage.equity_change("USDT", DAY, {"BTCUSDT": Decimal(50)})

    def both(number: int) -> None:
        everything(ledger.usage(token_id(number % TRADING), NOW))
        everything(ledger.account_usage("main", NOW))

    timed("usage: first read of a token (three windows)", usage)
    timed("usage: later reads, 10,000 open, 1,000 tokens", usage)
    timed("usage: every question, token and account, first", both)
    timed("usage: every question, token and account, later", both)


def measure_orders(ledger: Ledger, tokens: list[Token]) -> None:
    """One order's way: reserved, acknowledged, filled."""

    def reserve(number: int) -> None:
        place = Place("BTCUSDT", Side.BUY, OrderKind.LIMIT, Decimal(1), price=Decimal(1), client_id=f"new{number}")
        held = Reserve(
            Money(Decimal(100), "USDT"), Decimal(1), Money(Decimal(1), "USDT"), Decimal(1), Decimal("0.001")
        )  # fmt: skip
        ledger.reserve(
            tokens[number % TRADING], place, held, NOW, NOW * 1000, Record(2 * number + 1, {"why": "x" * 400})
        )

    def acknowledge(number: int) -> None:
        event = OrderEvent("BTCUSDT", f"new{number}", f"n{number}", Decimal(0), Decimal(0), final=False)
        ledger.settle("main", [event], NOW, Record(2 * TIMES + number, {"why": "x" * 400}))

    def fill_one(number: int) -> None:
        event = OrderEvent("BTCUSDT", f"new{number}", f"n{number}", Decimal("0.5"), Decimal("0.5"), final=False)
        ledger.settle("main", [event], NOW, Record(3 * TIMES + number, {"why": "x" * 400}))

    timed("reserve (synced)", reserve)
    timed("settle an acknowledgement", acknowledge)
    timed("settle a fill", fill_one)


def measure_the_rest(ledger: Ledger, tokens: list[Token]) -> None:
    """Lists of the exchange's orders, denials, and the chores between them."""
    listed = [OrderEvent("BTCUSDT", f"old{n}", f"{n}", Decimal(1), Decimal(40), final=False) for n in range(OPEN)]
    foreign = [OrderEvent("BTCUSDT", f"no{n}", f"m{n}", Decimal(1), Decimal(1), final=True) for n in range(500)]
    timed("news of a list of 10,000 orders, none new", lambda _: ledger.news("main", listed), 5)
    timed("strangers in a list of 10,000 orders", lambda _: ledger.strangers("main", listed), 5)
    timed("count a denial", lambda number: ledger.count(tokens[number % TRADING], "denial", NOW))
    timed(f"tick that stores {AT_ONCE} counts", lambda _: ledger.tick(NOW), 3)
    timed("settle a list of 500 orders that are not ours", lambda _: ledger.settle("main", foreign, NOW, None), 50)


def measure(path: Path) -> None:
    """Print every number."""
    store, ledger = measure_start(path)
    tokens = [token(number) for number in range(TRADING)]
    measure_questions(ledger)
    measure_orders(ledger, tokens)
    measure_the_rest(ledger, tokens)
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
