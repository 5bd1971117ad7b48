"""kill -9 at any moment: every reservation and every fill that the ledger had acknowledged is there afterwards."""

import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.core.intent import Side
from gateway.core.order import OrderStatus
from gateway.ledger.ledger import Ledger
from gateway.store.sqlite import SqliteStore
from tests.ledger.orders import ACCOUNT, DAY, MARKET, NOON

ROOT = Path(__file__).parents[2]


def killed_after(path: Path, acknowledged: int) -> list[str]:
    """Start the process, kill it after so many answers (in the midst of the next), and say all that it said."""
    command = [sys.executable, "-m", "tests.ledger.endless", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(acknowledged)]
        os.kill(process.pid, signal.SIGKILL)
        said += process.stdout.read().split()
    assert process.returncode == -signal.SIGKILL
    return said


@pytest.mark.parametrize("acknowledged", [1, 2, 7, 60, 333])
def test_whatever_was_acknowledged_is_there_after_kill_9(tmp_path: Path, acknowledged: int) -> None:
    path = tmp_path / "state.db"
    SqliteStore.create(path).close()
    said = killed_after(path, acknowledged)
    store = SqliteStore.open(path)
    ledger = Ledger.open(store)
    rows = {row.client_id: row for row in ledger.working(ACCOUNT)}
    reserved = [name for name in said if name.startswith("c")]
    filled = [name for name in said if name.startswith("x")]
    assert set(reserved) <= set(rows)
    assert len(rows) <= len(reserved) + 1, "at most the one in progress besides"
    assert {row.order_id for row in rows.values() if row.order_id} >= set(filled)
    for row in rows.values():
        open_ = row.order_id is not None
        assert row.status is (OrderStatus.OPEN if open_ else OrderStatus.UNKNOWN)
        assert row.committed == (Decimal("2.5") if open_ else 0)
    in_part = sum(row.order_id is not None for row in rows.values())
    usage = ledger.usage("bot", NOON)
    for told in (usage, ledger.account_usage(ACCOUNT, NOON)):
        assert told.turnover("USDT", DAY) == 9 * len(rows) - in_part * Decimal("0.5")
        assert told.giveaway("USDT", DAY) == Decimal("3.09") * len(rows) - in_part * Decimal("0.505")
        assert (told.open_orders(None), told.messages(DAY), told.executions(DAY)) == (len(rows), len(rows), in_part)
        assert told.position(MARKET) == in_part == sum(row.filled for row in rows.values())
        assert told.working_quantity(MARKET, Side.BUY) == 3 * len(rows) - in_part
    assert store.last_record == len(store.pending_records()) == len(rows) + in_part
    store.close()
