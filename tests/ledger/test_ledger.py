"""The ledger's promises, one short story each, over each kind of store."""

from decimal import Decimal

import pytest
from msgspec import structs

from gateway.core.decision import DenyCode
from gateway.core.errors import Refused
from gateway.core.order import OrderStatus
from gateway.ledger.chores import AT_ONCE, KEEP_MS, WRITE_EVERY_MS
from gateway.ledger.ledger import Ledger
from gateway.policy.grammar import MAX_WINDOW_MS
from gateway.store import Store
from tests.ledger.orders import ACCOUNT, DAY, MARKET, NOON, Story, fill, token

MINUTE = 60_000


def statuses(story: Story) -> dict[str, OrderStatus]:
    """The status of every working order."""
    return {row.client_id: row.status for row in story.ledger.working(ACCOUNT)}


def test_a_reservation_counts_before_anything_is_known(story: Story) -> None:
    story.reserve("c1", "100.5")
    assert (story.turnover(), story.open_orders(), story.open_orders(market=MARKET)) == (Decimal("100.5"), 1, 1)
    assert story.ledger.usage("bot", story.now).messages(1000) == 1
    assert statuses(story) == {"c1": OrderStatus.SENT}


def test_the_row_says_what_was_reserved(story: Story) -> None:
    story.reserve("c1", "100.5", "0.25")
    (row,) = story.ledger.working(ACCOUNT, "bot", MARKET)
    assert (row.value, row.quantity, row.currency, row.committed, row.filled) == (
        Decimal("100.5"), Decimal("0.25"), "USDT", 0, 0,
    )  # fmt: skip
    assert (row.token_id, row.placed_at, row.accept_until_us) == ("bot", NOON, NOON * 1000 + 5)


def test_each_reservation_is_stored_with_its_record(story: Story, store: Store) -> None:
    story.reserve("c1")
    assert store.last_record == 1
    assert [record.body for record in store.pending_records()] == [{"n": 1}]


def test_a_client_id_is_used_once_for_ever(story: Story) -> None:
    """Also when its order is over, and with nothing counted for the second."""
    story.reserve("c1")
    story.settle(fill(final=True, order_id="77"))
    with pytest.raises(Refused) as refused:
        story.reserve("c1")
    assert refused.value.code is DenyCode.DUPLICATE
    assert (story.turnover(), story.open_orders()) == (0, 0)
    assert story.ledger.usage("bot", story.now).messages(1000) == 1
    assert story.ledger.knows(ACCOUNT, "c1")
    assert not story.ledger.knows("second", "c1")


def test_orders_without_a_client_id_or_quantity_are_not_taken_in(story: Story) -> None:
    with pytest.raises(ValueError, match="client id"):
        story.reserve("c1", quantity="0")
    assert story.open_orders() == 0


def test_a_reject_gives_the_value_back_and_keeps_the_message(story: Story) -> None:
    story.reserve("c1")
    story.release("c1")
    assert (story.turnover(), story.open_orders(), statuses(story)) == (0, 0, {})
    assert story.ledger.usage("bot", story.now).messages(1000) == 1


def test_an_unknown_outcome_stays_reserved(story: Story) -> None:
    story.reserve("c1")
    story.unknown("c1")
    story.now += 30 * DAY
    assert (story.turnover(), story.open_orders()) == (100, 1)
    assert [row.client_id for row in story.ledger.unresolved()] == ["c1"]


def test_unknown_does_not_undo_what_is_known_already(story: Story) -> None:
    """The order's stream may have been faster than the timeout of its request."""
    story.reserve("c1")
    story.settle(fill("c1", order_id="77"))
    story.unknown("c1")
    assert statuses(story) == {"c1": OrderStatus.OPEN}


def test_a_fill_commits_what_it_cost_and_holds_the_rest(story: Story) -> None:
    story.reserve("c1", "100", "4")
    assert story.settle(fill("c1", "1", "20", order_id="77"))
    assert story.turnover() == 20 + 75
    assert story.settle(fill("c1", "1", "20", order_id="77", final=True))
    assert (story.turnover(), story.open_orders()) == (20, 0)


def test_what_is_committed_leaves_the_window_and_what_is_reserved_does_not(story: Story) -> None:
    story.reserve("c1", "100", "4")
    story.settle(fill("c1", "1", "20", order_id="77"))
    assert story.turnover(window_ms=MINUTE) == 95
    story.now += MINUTE - 1
    assert story.turnover(window_ms=MINUTE) == 95
    story.now += 1 + MINUTE // 60
    assert story.turnover(window_ms=MINUTE) == 75
    assert story.turnover(window_ms=DAY) == 95


def test_an_answer_that_says_nothing_new_changes_nothing(story: Story, store: Store) -> None:
    story.reserve("c1")
    assert story.settle(fill("c1", "0.5", "40", order_id="77"))
    last = store.last_record
    assert not story.settle(fill("c1", "0.5", "40", order_id="77"))
    assert not story.settle(fill("c1", "0.2", "16", order_id="77"), fill("c1", absent=True))
    assert not story.settle(fill("stranger", "1", "1", order_id="99"))
    assert (store.last_record, story.turnover()) == (last, 90)


def test_one_answer_may_speak_of_several_orders_and_of_one_twice(story: Story) -> None:
    story.reserve("c1", "100", "4")
    story.reserve("c2", "100", "4")
    events = [fill("c1", "1", "20", order_id="7"), fill("c2", order_id="8"), fill(None, "2", "40", order_id="7")]
    assert story.settle(*events)
    assert story.turnover() == (40 + 50) + 100
    assert statuses(story) == {"c1": OrderStatus.OPEN, "c2": OrderStatus.OPEN}


def test_one_answer_that_says_less_after_it_said_more_teaches_the_more(story: Story) -> None:
    story.reserve("c1", "100", "4")
    story.settle(fill("c1", "2", "40", order_id="7"), fill("c1", "1", "20", order_id="7"), fill("c1"))
    assert story.turnover() == 40 + 50


def test_orders_are_known_by_the_exchanges_id_of_their_instrument(story: Story) -> None:
    """The same exchange id in another instrument, or another account, is another order."""
    story.reserve("c1")
    story.settle(fill("c1", order_id="77"))
    assert not story.settle(fill(None, "1", "90", order_id="77", market="ETHUSDT"))
    assert not story.settle(fill(None, "1", "90", order_id="77"), account="second")
    assert story.settle(fill(None, "1", "90", order_id="77"))


def test_absence_changes_nothing_by_itself_and_is_counted_when_apart(story: Story) -> None:
    story.reserve("c1")
    story.unknown("c1")
    seen = []
    for wait in (0, 4_999, 1, 5_000):
        story.now += wait
        story.settle(fill("c1", absent=True))
        seen.append(story.ledger.note_absent(ACCOUNT, "c1", story.now))
    assert seen == [1, 1, 2, 3]
    assert story.turnover() == 100


def test_an_order_that_is_found_was_never_absent(story: Story) -> None:
    """Also when the answer says nothing else that is new."""
    story.reserve("c1")
    story.unknown("c1")
    for _ in range(2):
        assert story.ledger.note_absent(ACCOUNT, "c1", story.now) == 1
        story.settle(fill("c1", order_id="77"))
        story.now += 5_000
    assert story.ledger.note_absent(ACCOUNT, "stranger", story.now) == 0


def test_a_fill_after_the_release_still_counts_and_is_a_surprise(story: Story) -> None:
    story.reserve("c1")
    story.release("c1")
    assert story.ledger.surprises == 0
    assert story.settle(fill("c1", "1", "90", order_id="77", final=True))
    assert (story.turnover(), story.ledger.surprises) == (90, 1)


def test_an_order_found_alive_after_its_release_is_reserved_again(story: Story) -> None:
    story.reserve("c1")
    story.release("c1")
    assert story.settle(fill("c1", order_id="77"))
    assert (story.turnover(), story.open_orders(), story.ledger.surprises) == (100, 1, 1)


def test_tokens_and_currencies_are_counted_apart(story: Story) -> None:
    story.reserve("c1", "100", who=token("a"))
    story.reserve("c2", "50", who=token("b"), market="ETHEUR", currency="EUR")
    assert (story.turnover("a"), story.turnover("b"), story.turnover("b", currency="EUR")) == (100, 0, 50)
    assert (story.open_orders("a"), story.open_orders("b"), story.open_orders("b", MARKET)) == (1, 1, 0)
    assert [row.client_id for row in story.ledger.working(ACCOUNT)] == ["c1", "c2"]
    assert [row.client_id for row in story.ledger.working(ACCOUNT, "b")] == ["c2"]
    assert story.ledger.working(ACCOUNT, "b", MARKET) == []
    assert story.ledger.working("second") == []


def test_who_placed_an_order_is_known_by_either_id_for_ever(story: Story) -> None:
    story.reserve("c1", who=token("a"))
    story.reserve("c2", who=token("b"))
    story.settle(fill("c1", order_id="77"))
    owner, there = story.ledger.owner, (ACCOUNT, "BTCUSDT")
    for _ in ("working", "over"):
        assert owner(*there, "77", None) == owner(*there, None, "c1") == owner(*there, "77", "c1") == ("a",)
        story.settle(fill("c1", order_id="77", final=True))
    assert owner(*there, "77", "c2") == ("a", "b"), "a request that names two orders names two owners"
    assert owner(*there, "78", "c3") == owner("second", "BTCUSDT", "77", "c1") == ()
    assert owner(ACCOUNT, "ETHUSDT", "77", "c1") == (), "an order id is an order's only within its market"


def test_an_order_is_unacknowledged_until_its_exchange_id_is_known_or_it_is_over(story: Story) -> None:
    def unacknowledged(market: str = MARKET, account: str = ACCOUNT) -> bool:
        return bool(story.ledger.unacknowledged(account, market))

    assert not unacknowledged()
    story.reserve("c1")
    story.reserve("c2")
    assert unacknowledged()
    assert list(story.ledger.unacknowledged(ACCOUNT, MARKET)) == ["bot"]
    assert not unacknowledged("ETHUSDT")
    assert not unacknowledged(account="second")
    story.settle(fill("c1", order_id="77"))
    assert unacknowledged()
    story.release("c2")
    assert not unacknowledged()


def test_everything_survives_a_restart(story: Story, store: Store) -> None:
    """A crash: nothing is closed. What was on its way is unknown; what is open stays so; nothing refills."""
    story.reserve("c1", "100", "4")
    story.reserve("c2")
    story.settle(fill("c1", "1", "20", order_id="77"))
    story.ledger = Ledger.open(store)
    assert statuses(story) == {"c1": OrderStatus.OPEN, "c2": OrderStatus.UNKNOWN}
    assert (story.turnover(), story.open_orders()) == (95 + 100, 2)
    assert story.ledger.usage("bot", story.now).messages(MINUTE) == 2
    assert [row.client_id for row in story.ledger.unresolved()] == ["c2"]
    again = Ledger.open(store)
    assert again.working(ACCOUNT) == story.ledger.working(ACCOUNT)


def test_a_clock_set_back_frees_nothing(story: Story, store: Store) -> None:
    """What is committed after the step is stamped with the ledger's clock, also after a restart."""
    story.reserve("c1", "100")
    story.settle(fill("c1", "1", "100", order_id="77"))
    story.now -= 2 * DAY
    story.ledger = Ledger.open(store)
    assert story.turnover() == 100
    story.reserve("c2", "50")
    story.settle(fill("c2", "1", "50", order_id="78"))
    story.now = NOON + DAY - 1
    assert story.turnover() == 150


def test_a_clock_that_jumps_ahead_and_back_frees_nothing(story: Story, store: Store) -> None:
    """Looking, counting and ticking in the false future leave the past as it was, for old windows and new ones."""
    story.reserve("c1", "100")
    story.settle(fill("c1", "1", "100", order_id="77"))
    story.ledger.count(token(), "denial", story.now)
    story.turnover()
    story.now += 30 * DAY
    assert (story.turnover(), story.turnover(window_ms=2 * DAY)) == (0, 0)
    story.ledger.tick(story.now)
    story.now = NOON + 1
    assert (story.turnover(), story.turnover(window_ms=2 * DAY)) == (100, 100)
    assert story.ledger.usage("bot", story.now).denials(MINUTE) == 1
    story.ledger = Ledger.open(store)
    assert (story.turnover(), story.ledger.usage("bot", story.now).messages(MINUTE)) == (100, 1)


def test_a_jump_in_which_another_token_trades_frees_nothing_either(story: Story, store: Store) -> None:
    """The ledger's clock moves on with that trade; this token's budget still goes by the time that is told."""
    story.reserve("c1", "100")
    story.settle(fill("c1", "1", "100", order_id="77"))
    story.now += 30 * DAY
    story.reserve("c2", "50", who=token("other"))
    story.now = NOON + 1
    story.ledger.tick(story.now)
    assert (story.turnover(), story.turnover(window_ms=2 * DAY)) == (100, 100)
    story.ledger = Ledger.open(store)
    assert (story.turnover(), story.turnover("other")) == (100, 50)


@pytest.mark.parametrize("kind", ["message", "denial", "request", "cancel"])
def test_counts_roll_and_say_when_to_come_back(story: Story, kind: str) -> None:
    usage = story.ledger.usage("bot", story.now)
    assert usage.retry_after_ms(f"{kind}s", MINUTE) == 0
    for _ in range(3):
        story.ledger.count(token(), kind, story.now)
    assert getattr(story.ledger.usage("bot", story.now), f"{kind}s")(MINUTE) == 3
    wait = story.ledger.usage("bot", story.now).retry_after_ms(f"{kind}s", MINUTE)
    assert MINUTE <= wait <= MINUTE + MINUTE // 60
    assert getattr(story.ledger.usage("bot", story.now + wait - 1), f"{kind}s")(MINUTE) == 3
    assert getattr(story.ledger.usage("bot", story.now + wait), f"{kind}s")(MINUTE) == 0
    assert getattr(story.ledger.usage("other", story.now), f"{kind}s")(MINUTE) == 0


@pytest.mark.parametrize("kind", ["message", "denial", "request", "cancel"])
def test_a_window_of_a_new_length_counts_what_came_before_it_was_asked_for(story: Story, kind: str) -> None:
    for _ in range(3):
        story.ledger.count(token(), kind, story.now)
    story.ledger.tick(story.now)
    story.ledger.count(token(), kind, story.now)
    assert getattr(story.ledger.usage("bot", story.now), f"{kind}s")(MINUTE) == 4


def test_counts_are_stored_by_the_tick_and_by_closing(story: Story, store: Store) -> None:
    def denials() -> int:
        return Ledger.open(store).usage("bot", story.now).denials(MINUTE)

    story.ledger.tick(story.now)
    story.ledger.count(token(), "denial", story.now)
    story.ledger.tick(story.now + WRITE_EVERY_MS - 1)
    assert denials() == 0
    story.ledger.tick(story.now + WRITE_EVERY_MS)
    assert denials() == 1
    story.ledger.count(token(), "denial", story.now)
    story.ledger.close()
    assert denials() == 2


def test_many_counts_are_stored_in_bounded_steps(story: Story, store: Store) -> None:
    for number in range(AT_ONCE + 1):
        story.ledger.count(token(f"bot{number}"), "denial", story.now)

    def stored() -> int:
        return sum(len([*store.events(f"bot{number}", "denial", "", 0)]) for number in range(AT_ONCE + 1))

    story.ledger.tick(story.now)
    assert stored() == AT_ONCE
    story.ledger.tick(story.now)
    assert stored() == AT_ONCE + 1


def test_a_tick_with_nothing_to_do_writes_nothing(story: Story, store: Store) -> None:
    story.ledger.tick(story.now)
    story.ledger.count(token(), "request", story.now)
    before = store.clock()
    story.ledger.tick(story.now + WRITE_EVERY_MS)
    assert store.clock() == before
    assert [*store.events("bot", "request", "", 0)] == []


def test_old_events_go_and_those_of_the_longest_window_stay(story: Story, store: Store) -> None:
    for n in range(600):
        story.reserve(f"old{n}", "1")
    story.now += KEEP_MS - MAX_WINDOW_MS
    story.reserve("kept")
    story.now += MAX_WINDOW_MS + 1
    story.reserve("new")
    for _ in range(4):
        story.ledger.tick(story.now)
    assert len([*store.events("bot", "message", "", 0)]) == 2


def test_a_budget_over_the_longest_window_survives_a_restart(story: Story, store: Store) -> None:
    """What was traded a month ago still counts where a policy looks back so far."""
    story.reserve("c1", "100")
    story.settle(fill("c1", "1", "90", order_id="1", final=True))
    story.now += MAX_WINDOW_MS - DAY
    story.reserve("c2", "1")
    for _ in range(4):
        story.ledger.tick(story.now)
    story.ledger = Ledger.open(store)
    assert story.turnover(window_ms=MAX_WINDOW_MS) == Decimal(91)


def test_settling_an_order_of_another_account_changes_nothing(story: Story) -> None:
    story.reserve("c1")
    assert not story.settle(fill("c1", "1", "90", order_id="77"), account="second")


def test_an_order_that_the_ledger_does_not_know_cannot_be_released(story: Story) -> None:
    with pytest.raises(KeyError):
        story.release("stranger")


def test_two_accounts_may_use_one_client_id(story: Story) -> None:
    story.reserve("c1", "100", who=token("a"))
    story.reserve("c1", "50", who=token("b", account="second"))
    story.settle(fill("c1", "1", "40", order_id="1", final=True), account="second")
    assert (story.turnover("a"), story.turnover("b")) == (100, 40)


def test_orders_read_from_the_store_equal_those_in_memory(story: Story, store: Store) -> None:
    story.reserve("c1", "100.000000000000000001", "3")
    story.settle(fill("c1", "1", "20.5", order_id="77"))
    (row,) = story.ledger.working(ACCOUNT)
    assert store.order(ACCOUNT, "c1") == row == structs.replace(row)
