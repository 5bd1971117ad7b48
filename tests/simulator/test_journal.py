"""What the simulator remembers is bounded, and what it forgets is the oldest."""

import pytest

from gateway.simulator import journal as journal_module
from gateway.simulator.core import account as account_module
from gateway.simulator.journal import Journal
from gateway.simulator.messages import Request
from tests.simulator.floor import NOW, Floor

REQUEST = Request("GET", "/api/v3/ping?x", b"", {"host": "h", "cookie": "c"}, "127.0.0.1")


def test_the_journal_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full journal drops from its beginning; numbers never repeat, not even after a reset."""
    monkeypatch.setattr(journal_module, "LENGTH", 3)
    journal = Journal()
    for _ in range(5):
        journal.arrived(REQUEST, NOW)
    assert [entry.number for entry in journal.since()] == [3, 4, 5]
    assert [entry.number for entry in journal.since(4)] == [5]
    assert [entry.number for entry in journal.since(1)] == [3, 4, 5]
    assert journal.since(5) == []
    journal.clear()
    assert (journal.since(), journal.last) == ([], 5)
    assert journal.arrived(REQUEST, NOW).number == 6


def test_only_some_headers_are_kept() -> None:
    """Those that tell who asked, and how."""
    assert Journal().arrived(REQUEST, NOW).headers == {"host": "h"}


def test_an_account_forgets_its_oldest_closed_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """An open one is kept however old it is, and can still be found by its client id."""
    monkeypatch.setattr(account_module, "HISTORY", 5)
    floor = Floor()
    resting = floor.place("BUY", "LIMIT", quantity="0.1", price="50000", client_id="old")
    for number in range(20):
        floor.place("BUY", "MARKET", quantity="0.001", client_id=f"m{number}")
    assert len(floor.trader.orders) == 5
    assert floor.exchange.find(floor.trader, "BTCUSDT", resting.id, None) is resting
    assert floor.exchange.find(floor.trader, "BTCUSDT", None, "old") is resting
    assert floor.exchange.find(floor.trader, "BTCUSDT", None, "m0") is None
    assert floor.exchange.find(floor.trader, "BTCUSDT", None, "m19") is not None
