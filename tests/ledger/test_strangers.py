"""Which listed orders no token placed, and which of them are noted."""

from msgspec import structs

from gateway.ledger.ledger import Ledger
from gateway.ledger.strangers import KEEP_MS
from gateway.store import Store
from tests.ledger.orders import ACCOUNT, MARKET, Story, fill

FIRST, SECOND = (MARKET, "1"), (MARKET, "2")


def noted(story: Story, *new: tuple[str, str], listed: tuple[tuple[str, str], ...] = ()) -> object:
    """What is noted once these are."""
    story.ledger.note_strangers(ACCOUNT, new, set(listed) | set(new), story.now, story.record())
    return story.ledger.noted(ACCOUNT)


def test_an_account_is_watched_from_its_first_list_on_even_if_that_was_empty(story: Story, store: Store) -> None:
    assert story.ledger.noted(ACCOUNT) is None
    assert noted(story) == set()
    assert Ledger.open(store).noted(ACCOUNT) == set()
    assert story.ledger.noted("second") is None


def test_what_was_noted_is_kept_over_a_restart(story: Story, store: Store) -> None:
    noted(story, FIRST)
    assert noted(story, SECOND) == {FIRST, SECOND}
    assert Ledger.open(store).noted(ACCOUNT) == {FIRST, SECOND}
    assert [record.body for record in store.pending_records()] == [{"n": 1}, {"n": 2}]


def test_what_is_long_gone_from_the_list_is_forgotten_and_what_is_listed_never(story: Story) -> None:
    noted(story, FIRST, SECOND)
    story.now += KEEP_MS
    assert noted(story) == {FIRST, SECOND}
    story.now += 1
    assert noted(story, listed=(SECOND,)) == {SECOND}


def test_an_order_of_a_token_is_known_by_its_exchange_id_or_while_it_has_none_by_its_own(story: Story) -> None:
    story.reserve("c1")
    story.reserve("c2")
    story.settle(fill("c1", order_id="1"), fill("c2", order_id="2", final=True))
    story.reserve("c3")
    own = [fill("c1", order_id="1"), fill(None, order_id="2"), fill("c3", order_id="3")]
    assert story.ledger.strangers(ACCOUNT, own) == []
    foreign = [fill("c1", order_id="9"), fill("x", order_id="8"), fill("c1", order_id="1", market="ETHUSDT")]
    assert story.ledger.strangers(ACCOUNT, foreign) == foreign
    assert story.ledger.strangers("second", own) == own


def test_an_older_order_that_bears_a_new_ones_client_id_is_a_stranger(story: Story) -> None:
    """Placed before ours was signed; ours may never have arrived."""
    story.reserve("c1")
    old = structs.replace(fill("c1", order_id="1"), created_us=(story.now - 60_000) * 1000)
    assert story.ledger.strangers(ACCOUNT, [old]) == [old]


def test_only_what_teaches_is_news(story: Story) -> None:
    story.reserve("c1", "100", "4")
    story.settle(fill("c1", "1", "25", order_id="1"))
    known = [fill("c1", "1", "25", order_id="1"), fill("c1", order_id="1"), fill("x", order_id="8")]
    assert story.ledger.news(ACCOUNT, known) == []
    news = [fill("c1", "2", "50", order_id="1"), fill("c1", "1", "25", order_id="1", final=True)]
    assert story.ledger.news(ACCOUNT, news) == news
    assert story.turnover() == 100, "and nothing was learnt by asking"
