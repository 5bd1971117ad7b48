"""What a decision costs does not depend on how many orders there are, nor on how much history: counted, not timed."""

import sqlite3
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from types import FrameType

import pytest

from gateway.core.intent import Side
from gateway.core.order import OrderRow, OrderStatus, PositionRow
from gateway.ledger.ledger import Ledger
from gateway.store.sqlite import SqliteStore
from gateway.store.sqlite_file import connect
from tests.ledger.orders import ACCOUNT, DAY, MARKET, NOON, Story, fill, token

FEW, MANY = 10, 10_000


class Lines:
    """Counts the lines of Python that run."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, frame: FrameType, event: str, _: object) -> "Lines":
        self.number += event == "line"
        return self


def cost_of(step: Callable[[], object], connection: sqlite3.Connection) -> tuple[int, int]:
    """How many lines of Python and how many instructions of SQLite's machine the step takes."""
    instructions = 0

    def tick() -> int:
        nonlocal instructions
        instructions += 1
        return 0

    lines, tracer = Lines(), sys.gettrace()
    connection.set_progress_handler(tick, 1)
    sys.settrace(lines)
    try:
        step()
    finally:
        sys.settrace(tracer)
        connection.set_progress_handler(None, 1)
    return lines.number, instructions


def rows(size: int) -> Iterator[OrderRow]:
    """So many open orders of the token, so many of another, and so many that are over."""
    for number in range(size):
        at = NOON + number * (DAY // size)
        for name, who, status in (("open", "bot", "open"), ("other", "other", "sent"), ("over", "bot", "done")):
            order_id = None if status == "sent" else f"{name}-{number}"
            yield OrderRow(
                f"{name}{number}", order_id, who, ACCOUNT, MARKET, Decimal(3), Decimal(1), "USDT", Decimal(1),
                Decimal("0.3"), OrderStatus(status), at, at * 1000, Side.BUY, Decimal(1), Decimal("0.3"),
                Decimal("0.1"), Decimal(1), Decimal(0), Decimal("0.3"),
            )  # fmt: skip


def story_of(path: Path, size: int) -> tuple[Story, sqlite3.Connection]:
    """A ledger that has taken up so much."""
    SqliteStore.create(path).close()
    connection = connect(path)
    store = SqliteStore(connection)
    with store.transaction() as change:
        for row in rows(size):
            change.add_order(row)
            change.add_event(row.token_id, row.account, "message", "", row.placed_at, Decimal(1))
            change.add_event(row.token_id, row.account, "turnover", "USDT", row.placed_at, row.committed)
            change.put_clock(row.placed_at)
        for who in ("bot", "other"):
            change.put_position(PositionRow(who, MARKET, ACCOUNT, "USDT", Decimal(size), NOON))
        for number in range(60):
            change.add_price(ACCOUNT, MARKET, NOON + number * (DAY // 60), Decimal(1))
    story = Story(Ledger.open(store))
    story.now = story.ledger.clock
    story.turnover()
    usage = story.ledger.usage("bot", story.now)
    usage.messages(60_000)
    usage.giveaway("USDT", DAY)
    usage.executions(DAY)
    usage.equity_change("USDT", DAY, {})
    story.ledger.account_usage(ACCOUNT, story.now).turnover("USDT", DAY)
    return story, connection


STEPS: dict[str, Callable[[Story], object]] = {
    "turnover": lambda story: story.turnover(window_ms=DAY),
    "messages": lambda story: story.ledger.usage("bot", story.now).messages(60_000),
    "giveaway": lambda story: story.giveaway(window_ms=DAY),
    "executions": lambda story: story.ledger.usage("bot", story.now).executions(DAY),
    "position": lambda story: story.position(),
    "working_quantity": lambda story: story.ledger.usage("bot", story.now).working_quantity(MARKET, Side.BUY),
    "markets": lambda story: story.ledger.usage("bot", story.now).markets(),
    "account": lambda story: story.ledger.account_usage(ACCOUNT, story.now).turnover("USDT", DAY),
    "equity": lambda story: story.ledger.usage("bot", story.now).equity_change("USDT", DAY, {MARKET: Decimal(1)}),
    "open_orders": lambda story: story.open_orders(market=MARKET),
    "knows": lambda story: story.ledger.knows(ACCOUNT, "new"),
    "reserve": lambda story: story.reserve("new"),
    "settle": lambda story: story.settle(fill("open3", "2", "0.6", order_id="open-3")),
    "settle_late": lambda story: story.settle(fill("over3", "2", "0.6", order_id="over-3", final=True)),
    "settle_foreign": lambda story: story.settle(fill("stranger", order_id="s")),
    "unknown": lambda story: story.unknown("other3"),
    "release": lambda story: story.release("other4"),
    "news": lambda story: story.ledger.news(ACCOUNT, [fill("open5", "1", "0.3", order_id="open-5")]),
    "strangers": lambda story: story.ledger.strangers(ACCOUNT, [fill("open5", order_id="open-5")]),
    "noted": lambda story: story.ledger.noted(ACCOUNT),
    "mark": lambda story: story.ledger.mark(ACCOUNT, {MARKET: Decimal(2)}, story.now),
    "owner": lambda story: story.ledger.owner(ACCOUNT, "BTCUSDT", "over-3", "over3"),
    "unacknowledged": lambda story: story.ledger.unacknowledged(ACCOUNT, MARKET),
    "working": lambda story: story.ledger.working(ACCOUNT, "nobody"),
    "count": lambda story: story.ledger.count(token(), "denial", story.now),
}


def costs_of(path: Path, size: int) -> dict[str, tuple[int, int]]:
    """Every step's cost in a ledger of that size."""
    story, connection = story_of(path, size)
    costs = {name: cost_of(lambda step=step: step(story), connection) for name, step in STEPS.items()}  # type: ignore[misc]
    connection.close()
    return costs


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, tuple[int, int]]]:
    """Every step's cost, in a small ledger and in a large one."""
    folder = tmp_path_factory.mktemp("cost")
    return {size: costs_of(folder / f"{size}.db", size) for size in (FEW, MANY)}


@pytest.mark.parametrize("name", STEPS)
def test_no_step_depends_on_how_many_orders_there_are(costs: dict[int, dict[str, tuple[int, int]]], name: str) -> None:
    """Only a window's buckets, which fill up to sixty and no further, and the steps of a search may differ."""
    (few, few_sql), (many, many_sql) = costs[FEW][name], costs[MANY][name]
    assert many_sql <= few_sql + 20
    assert many <= few + 60 + 2 * many_sql


GOOD = (
    "SEARCH", "COMPOUND QUERY", "LEFT-MOST SUBQUERY", "UNION ALL", "SCALAR SUBQUERY",
    "SCAN orders USING INDEX orders_working", "SCAN positions USING INDEX positions_held",
)  # fmt: skip
"""Plans that read what is asked for and nothing else; the scans are of indexes that hold only what works now."""


def test_every_question_to_the_store_is_answered_by_an_index(tmp_path: Path) -> None:
    """SQLite's own plan of each statement names an index or key; a scan would grow with history."""
    story, connection = story_of(tmp_path / "state.db", FEW)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    for step in STEPS.values():
        step(story)
    story.ledger.usage("bot", story.now).turnover("USDT", 7 * DAY)
    story.ledger.usage("bot", story.now).equity_change("USDT", 7 * DAY, {MARKET: Decimal(1)})
    story.ledger.account_usage(ACCOUNT, story.now).giveaway("USDT", 7 * DAY)
    story.ledger.note_strangers(ACCOUNT, [(MARKET, "9")], set(), story.now, story.record())
    Ledger.open(SqliteStore(connection))
    connection.set_trace_callback(None)
    asked = [statement for statement in statements if statement.split()[0] in ("SELECT", "UPDATE", "DELETE")]
    plans = {row[3] for statement in asked for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")}
    connection.close()
    assert len(plans) >= 5
    assert [plan for plan in plans if not plan.startswith(GOOD)] == []
