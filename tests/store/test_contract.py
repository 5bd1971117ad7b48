"""What every store promises, whatever it keeps its rows in."""

from dataclasses import replace
from decimal import Decimal

import pytest
from msgspec import structs

from gateway.core.decision import Action
from gateway.core.order import OrderStatus, PositionRow
from gateway.core.token import TokenState
from gateway.ports import Record
from gateway.store import Conflict, Store, StoreUnavailable
from tests.store.rows import ACCOUNT, ORDER, RESTRICTION, REVOKED, TOKEN, record


def test_a_new_store_is_empty(store: Store) -> None:
    assert (store.vault(), store.anchor(), store.checkpoint(), store.clock(), store.last_record) == (
        None, None, None, 0, 0,
    )  # fmt: skip
    assert [*store.accounts(), *store.tokens(), *store.restrictions(), *store.working_orders()] == []
    assert store.pending_records() == []


def test_single_values_are_kept_and_replaced(store: Store) -> None:
    for round_ in (1, 2):
        with store.transaction() as change:
            change.put_vault(b"vault%d" % round_)
            change.put_anchor(b"anchor%d" % round_)
            change.put_checkpoint(round_, f"head{round_}")
            change.put_clock(2**52 + round_)
    assert (store.vault(), store.anchor(), store.checkpoint(), store.clock()) == (
        b"vault2", b"anchor2", (2, "head2"), 2**52 + 2,
    )  # fmt: skip


def test_rows_come_back_as_they_went_in(store: Store) -> None:
    with store.transaction() as change:
        change.add_account(ACCOUNT)
        change.add_token(TOKEN)
        change.restrict(RESTRICTION)
        change.add_order(ORDER)
    assert (store.account("main"), store.token("bot"), store.order("main", "c1")) == (ACCOUNT, TOKEN, ORDER)
    assert [*store.accounts()] == [ACCOUNT]
    assert [*store.tokens()] == [TOKEN]
    assert [*store.restrictions()] == [RESTRICTION]
    assert [*store.working_orders()] == [ORDER]
    assert [*store.orders_by_id("main", "77")] == [ORDER]


def test_rows_without_their_optional_parts_come_back_too(store: Store) -> None:
    token = replace(TOKEN, expires_at=None, addresses=())
    order = structs.replace(ORDER, order_id=None)
    with store.transaction() as change:
        change.add_token(token)
        change.restrict(replace(RESTRICTION, until_ms=None))
        change.add_order(order)
    assert (store.token("bot"), store.order("main", "c1")) == (token, order)
    assert store.restrictions()[0].until_ms is None


def test_what_is_not_there_is_none(store: Store) -> None:
    assert (store.account("x"), store.token("x"), store.order("main", "x")) == (None, None, None)
    assert [*store.orders_by_id("main", "x")] == []


def test_rows_are_replaced_by_their_key(store: Store) -> None:
    with store.transaction() as change:
        change.add_account(ACCOUNT)
        change.add_token(TOKEN)
        change.add_order(ORDER)
        change.add_order(structs.replace(ORDER, client_id="other"))
    account, token = replace(ACCOUNT, key_id="new", box=b"new"), replace(TOKEN, policy="tight", generation=4)
    order = structs.replace(ORDER, filled=Decimal("0.5"), status=OrderStatus.DONE)
    with store.transaction() as change:
        change.replace_account(account)
        change.replace_token(token)
        change.replace_order(order)
    assert (store.account("main"), store.token("bot"), store.order("main", "c1")) == (account, token, order)
    assert [row.client_id for row in store.working_orders()] == ["other"]


def test_replacing_or_removing_what_is_not_there_is_a_conflict(store: Store) -> None:
    with pytest.raises(Conflict), store.transaction() as change:
        change.replace_account(ACCOUNT)
    with pytest.raises(Conflict), store.transaction() as change:
        change.remove_account("main")
    with pytest.raises(Conflict), store.transaction() as change:
        change.replace_token(TOKEN)
    with pytest.raises(Conflict), store.transaction() as change:
        change.replace_order(ORDER)
    with pytest.raises(Conflict), store.transaction() as change:
        change.restrict(RESTRICTION)


def test_what_is_taken_is_a_conflict(store: Store) -> None:
    with store.transaction() as change:
        change.add_account(ACCOUNT)
        change.add_token(TOKEN)
        change.add_order(ORDER)
    with pytest.raises(Conflict), store.transaction() as change:
        change.add_account(ACCOUNT)
    with pytest.raises(Conflict), store.transaction() as change:
        change.add_token(replace(TOKEN, id="id-2"))
    with pytest.raises(Conflict), store.transaction() as change:
        change.add_token(replace(TOKEN, name="other"))
    with pytest.raises(Conflict), store.transaction() as change:
        change.add_order(structs.replace(ORDER, order_id="other"))


def test_a_client_id_is_unique_within_its_account_only(store: Store) -> None:
    with store.transaction() as change:
        change.add_order(ORDER)
        change.add_order(structs.replace(ORDER, account="second"))
    assert store.order("second", "c1") == structs.replace(ORDER, account="second")
    assert [row.account for row in store.orders_by_id("second", "77")] == ["second"]


def test_the_name_of_a_revoked_token_is_free_again(store: Store) -> None:
    newer = replace(TOKEN, id="id-2", issued_at=99)
    with store.transaction() as change:
        change.add_token(TOKEN)
        change.replace_token(REVOKED)
        change.add_token(newer)
    assert store.token("bot") == newer
    assert [*store.tokens()] == [REVOKED, newer]
    with store.transaction() as change:
        change.replace_token(replace(newer, state=TokenState.REVOKED, box=None))
    found = store.token("bot")
    assert found is not None
    assert found.id == "id-2", "of revoked tokens the one issued last"


def test_a_token_has_a_box_exactly_until_it_is_revoked(store: Store) -> None:
    with pytest.raises(Conflict), store.transaction() as change:
        change.add_token(replace(TOKEN, box=None))
    with pytest.raises(Conflict), store.transaction() as change:
        change.add_token(replace(TOKEN, state=TokenState.REVOKED))


def test_restrictions_are_one_per_token_and_action(store: Store) -> None:
    with store.transaction() as change:
        change.add_token(TOKEN)
        change.restrict(RESTRICTION)
        change.restrict(replace(RESTRICTION, until_ms=99))
        change.restrict(replace(RESTRICTION, action=Action.HALT, until_ms=None))
    assert [(row.action, row.until_ms) for row in store.restrictions()] == [
        (Action.CANCEL_ONLY, 99), (Action.HALT, None),
    ]  # fmt: skip
    with store.transaction() as change:
        change.lift("id-1", Action.CANCEL_ONLY)
        change.lift("id-1", Action.REDUCE_ONLY)
    assert [row.action for row in store.restrictions()] == [Action.HALT]


def test_events_come_back_by_time_for_one_token_kind_and_currency(store: Store) -> None:
    with store.transaction() as change:
        for at in (30, 10, 20):
            change.add_event("t", "main", "turnover", "USDT", at, Decimal(at) / 8)
        change.add_event("t", "main", "turnover", "EUR", 20, Decimal(1))
        change.add_event("t", "main", "message", "", 20, Decimal(1))
        change.add_event("u", "main", "turnover", "USDT", 20, Decimal(1))
    assert [*store.events("t", "turnover", "USDT", 20)] == [(20, Decimal("2.5")), (30, Decimal("3.75"))]


def test_old_events_are_pruned_in_bounded_steps(store: Store) -> None:
    with store.transaction() as change:
        for at in range(10):
            change.add_event("t", "main", "message", "", at, Decimal(1))
    steps = []
    for _ in range(3):
        with store.transaction() as change:
            steps.append(change.prune_events(before_ms=6, at_most=4))
    assert steps == [4, 2, 0]
    assert [at for at, _ in store.events("t", "message", "", 0)] == [6, 7, 8, 9]


def test_an_accounts_events_are_those_of_all_its_tokens(store: Store) -> None:
    with store.transaction() as change:
        for at, (who, account) in enumerate((("t", "main"), ("u", "main"), ("v", "second"))):
            change.add_event(who, account, "turnover", "USDT", at, Decimal(at + 1))
    assert [*store.account_events("main", "turnover", "USDT", 0)] == [(0, 1), (1, 2)]
    assert [*store.account_events("main", "turnover", "USDT", 1)] == [(1, 2)]
    assert [*store.account_events("main", "turnover", "EUR", 0)] == []


def test_amounts_below_zero_come_back(store: Store) -> None:
    """What a sale takes from a position, and what a purchase takes from the cash."""
    with store.transaction() as change:
        change.add_event("t", "main", "base", "BTCUSDT", 1, Decimal("-0.000000000000000001"))
    assert [*store.events("t", "base", "BTCUSDT", 0)] == [(1, Decimal("-0.000000000000000001"))]


def test_positions_are_one_per_token_and_market(store: Store) -> None:
    """Those that are zero are read only where they moved lately."""
    held = PositionRow("t", "BTCUSDT", "main", "USDT", Decimal("0.5"), 10)
    sold = PositionRow("t", "ETHUSDT", "main", "USDT", Decimal("0E-18"), 20)
    with store.transaction() as change:
        change.put_position(structs.replace(held, quantity=Decimal(2)))
        change.put_position(held)
        change.put_position(sold)
        change.put_position(structs.replace(sold, token_id="u", quantity=Decimal("-1.5")))
    assert {row.quantity for row in store.positions(20)} == {Decimal("0.5"), 0, Decimal("-1.5")}
    assert {(row.token_id, row.market_id) for row in store.positions(21)} == {("t", "BTCUSDT"), ("u", "ETHUSDT")}


def test_prices_come_back_by_time_and_are_pruned_in_bounded_steps(store: Store) -> None:
    with store.transaction() as change:
        for at in range(6):
            change.add_price("main", "BTCUSDT", at, Decimal(at))
        change.add_price("second", "BTCUSDT", 3, Decimal(9))
    assert [*store.prices("main", "BTCUSDT", 4)] == [(3, 3), (4, 4), (5, 5)], "and the last one before"
    assert len([*store.prices("main", "BTCUSDT", 0)]) == 6
    steps = []
    for _ in range(3):
        with store.transaction() as change:
            steps.append(change.prune_prices(before_ms=5, at_most=4))
    assert steps == [4, 2, 0], "the second account's price is old as well"
    assert [*store.prices("main", "BTCUSDT", 0)] == [(5, 5)]


def test_strangers_are_noted_once_and_go_with_their_account(store: Store) -> None:
    with store.transaction() as change:
        change.add_account(ACCOUNT)
        for at in (1, 2):
            change.add_stranger("main", "", "", at)
            change.add_stranger("main", "BTCUSDT", "7", at)
        change.add_stranger("main", "BTCUSDT", "8", 3)
        change.add_stranger("second", "BTCUSDT", "9", 4)
    with store.transaction() as change:
        change.drop_stranger("main", "BTCUSDT", "8")
    assert [*store.strangers("main")] == [("", "", 1), ("BTCUSDT", "7", 1)]
    with store.transaction() as change:
        change.remove_account("main")
    assert ([*store.strangers("main")], len([*store.strangers("second")])) == ([], 1)


def test_a_failure_undoes_the_whole_transaction(store: Store) -> None:
    """Whatever raises inside the block: no row, no record and no number of it remains."""

    def interrupted() -> None:
        with store.transaction(record(1)) as change:
            change.add_account(ACCOUNT)
            change.put_clock(5)
            raise ZeroDivisionError

    def conflicting() -> None:
        with store.transaction(record(1)) as change:
            change.add_token(TOKEN)
            change.replace_account(ACCOUNT)

    with pytest.raises(ZeroDivisionError):
        interrupted()
    with pytest.raises(Conflict):
        conflicting()
    assert (store.account("main"), store.token("bot"), store.clock(), store.last_record) == (None, None, 0, 0)
    assert store.pending_records() == []
    with store.transaction(record(1)) as change:
        change.add_account(ACCOUNT)
    assert store.last_record == 1, "and the next transaction works"


def test_a_record_that_cannot_be_written_down_undoes_its_change(store: Store) -> None:
    with pytest.raises(TypeError), store.transaction(Record(1, {"what": object()})) as change:
        change.add_account(ACCOUNT)
    assert (store.account("main"), store.last_record) == (None, 0)


def test_records_are_kept_until_the_log_holds_them(store: Store) -> None:
    for number in (4, 7, 9):
        with store.transaction(record(number)) as change:
            change.put_clock(number)
    assert store.pending_records() == [record(4), record(7), record(9)]
    assert store.pending_records(7) == [record(7), record(9)]
    store.logged(7)
    with store.transaction(record(10)) as change:
        change.put_clock(10)
    assert store.pending_records() == [record(9), record(10)]
    assert store.last_record == 10


def test_no_two_changes_name_one_record(store: Store) -> None:
    """A number that was used means that the log is behind the store: nothing may change until it is completed."""
    with store.transaction(record(4)) as change:
        change.put_clock(1)
    for number in (4, 3):
        with pytest.raises(StoreUnavailable), store.transaction(record(number)) as change:
            change.put_clock(2)
    assert (store.clock(), store.last_record) == (1, 4)
