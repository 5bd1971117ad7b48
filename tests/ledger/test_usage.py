"""What is told of a token and of its account beside turnover: giveaway, executions, positions, and what was lost."""

from decimal import Decimal

import pytest

from gateway.core.intent import Side
from gateway.ledger.ledger import Ledger
from gateway.store import Store
from tests.ledger.orders import ACCOUNT, DAY, MARKET, NOON, Story, fill, token

MINUTE = 60_000
PRICE = {MARKET: Decimal(100)}


def buy(story: Story, client_id: str = "c1", quantity: str = "4", price: str = "110", **changes: str) -> None:
    """A purchase at 110 or better while 100 is fair, at a fee of 1 %."""
    value = Decimal(quantity) * Decimal(price)
    lost = Decimal(quantity) * max(Decimal(0), Decimal(price) - 100) + value / 100
    terms = {"price": price, "giveaway": str(lost), "fair": "100", "fee_rate": "0.01"} | changes
    story.reserve(client_id, str(value), quantity, side=Side.BUY, **terms)  # type: ignore[arg-type]


def sell(story: Story, client_id: str = "s1", quantity: str = "1", price: str = "100", **changes: str) -> None:
    """A sale of which nothing is charged."""
    value = str(Decimal(quantity) * Decimal(price))
    story.reserve(client_id, value, quantity, side=Side.SELL, price=price, **changes)  # type: ignore[arg-type]


def test_giveaway_is_reserved_then_committed_then_leaves_the_window(story: Story) -> None:
    buy(story)
    assert story.giveaway() == Decimal("44.4")
    story.settle(fill("c1", "1", "105", order_id="7"))
    assert story.giveaway() == Decimal("6.05") + Decimal("33.3")
    story.settle(fill("c1", "1", "105", order_id="7", final=True))
    assert story.giveaway(window_ms=MINUTE) == Decimal("6.05")
    story.now += 2 * MINUTE
    assert (story.giveaway(window_ms=MINUTE), story.giveaway()) == (0, Decimal("6.05"))
    assert story.giveaway(currency="EUR") == 0


@pytest.mark.parametrize("given_back", ["release", "cancel"])
def test_an_order_that_never_fills_gives_its_giveaway_back(story: Story, given_back: str) -> None:
    buy(story)
    if given_back == "release":
        story.release("c1")
    else:
        story.settle(fill("c1", order_id="7", final=True))
    assert story.giveaway() == 0


def test_an_unknown_order_holds_its_giveaway(story: Story) -> None:
    buy(story)
    story.unknown("c1")
    story.now += 30 * DAY
    assert story.giveaway() == Decimal("44.4")


@pytest.mark.parametrize(
    "wrong", [{"giveaway": "44.3"}, {"giveaway": "0"}, {"fee_rate": "0.02"}, {"fair": "99"}], ids=str
)
def test_a_giveaway_that_the_limit_could_exceed_is_not_taken_in(story: Story, wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="worst"):
        buy(story, **wrong)
    assert story.open_orders() == 0


def test_an_order_without_a_giveaway_is_charged_nothing(story: Story) -> None:
    story.reserve("c1", "100")
    story.settle(fill("c1", "1", "100", order_id="7"))
    assert story.giveaway() == 0


def test_an_order_is_one_execution_however_often_it_fills(story: Story) -> None:
    def executions(window_ms: int = DAY) -> int:
        return story.ledger.usage("bot", story.now).executions(window_ms)

    buy(story)
    story.settle(fill("c1", order_id="7"))
    assert executions() == 0
    for filled in ("1", "2", "4"):
        story.settle(fill("c1", filled, str(Decimal(filled) * 100), order_id="7"))
        assert executions() == 1
    buy(story, "c2")
    story.now += MINUTE + MINUTE // 60
    story.settle(fill("c2", "4", "400", order_id="8"))
    assert (executions(), executions(MINUTE)) == (2, 1)


def test_a_position_is_buys_minus_sells_and_what_works_is_told_by_side(story: Story) -> None:
    buy(story)
    sell(story)
    usage = story.ledger.usage("bot", story.now)
    assert (usage.position(MARKET), usage.markets()) == (0, [MARKET])
    story.settle(fill("c1", "3", "300", order_id="7"), fill("s1", "0.25", "25", order_id="8"))
    usage = story.ledger.usage("bot", story.now)
    assert usage.position(MARKET) == Decimal("2.75")
    assert usage.working_quantity(MARKET, Side.BUY) == 1
    assert usage.working_quantity(MARKET, Side.SELL) == Decimal("0.75")
    assert (usage.position("ETHUSDT"), usage.working_quantity("ETHUSDT", Side.BUY)) == (0, 0)


def test_selling_what_was_not_bought_is_a_position_below_zero(story: Story) -> None:
    sell(story, quantity="2")
    story.settle(fill("s1", "2", "200", order_id="8"))
    assert story.position() == -2
    assert story.ledger.usage("bot", story.now).markets() == [MARKET]


def test_a_market_is_named_while_something_is_held_or_works_there(story: Story) -> None:
    buy(story)
    story.settle(fill("c1", "4", "400", order_id="7"))
    sell(story, quantity="4")
    story.settle(fill("s1", "4", "400", order_id="8"))
    assert (story.position(), story.ledger.usage("bot", story.now).markets()) == (0, [])


def test_two_orders_of_one_answer_move_one_position(story: Story, store: Store) -> None:
    buy(story, "c1")
    buy(story, "c2")
    story.settle(fill("c1", "1", "100", order_id="7"), fill("c2", "2", "200", order_id="8"))
    assert story.position() == 3
    story.ledger = Ledger.open(store)
    assert story.position() == 3


def test_everything_survives_a_restart(story: Story, store: Store) -> None:
    buy(story)
    sell(story)
    story.settle(fill("c1", "3", "315", order_id="7"), fill("s1", "1", "99", order_id="8"))

    def picture() -> list[object]:
        return [
            (
                usage.giveaway("USDT", DAY), usage.turnover("USDT", DAY), usage.executions(DAY), usage.messages(DAY),
                usage.position(MARKET), usage.working_quantity(MARKET, Side.BUY), usage.markets(),
                usage.equity_change("USDT", DAY, PRICE),
            )
            for usage in (story.ledger.usage("bot", story.now), story.ledger.account_usage(ACCOUNT, story.now))
        ]  # fmt: skip

    before = picture()
    story.ledger = Ledger.open(store)
    assert picture() == before
    assert before[0] == before[1] == (
        Decimal("18.15") + Decimal("11.1"), Decimal(315 + 99 + 110), 2, 2, 2, 1, [MARKET], -Decimal("19.15"),
    )  # fmt: skip


def test_an_account_has_used_what_its_tokens_have(story: Story) -> None:
    buy(story, "c1", who=token("a"))  # type: ignore[arg-type]
    buy(story, "c2", who=token("b"))  # type: ignore[arg-type]
    story.settle(fill("c1", "1", "110", order_id="7"))
    for kind in ("message", "denial", "request", "cancel"):
        for who in ("a", "a", "b"):
            story.ledger.count(token(who), kind, story.now)
    a, b = (story.ledger.usage(who, story.now) for who in "ab")
    both = story.ledger.account_usage(ACCOUNT, story.now)
    assert both.turnover("USDT", DAY) == a.turnover("USDT", DAY) + b.turnover("USDT", DAY) == 880
    assert both.giveaway("USDT", DAY) == a.giveaway("USDT", DAY) + b.giveaway("USDT", DAY) == Decimal("88.8")
    assert (both.open_orders(None), both.open_orders(MARKET), both.executions(DAY)) == (2, 2, 1)
    assert (both.messages(DAY), both.denials(DAY), both.requests(DAY), both.cancels(DAY)) == (5, 3, 3, 3)
    assert both.position(MARKET) == 1
    assert both.retry_after_ms("messages", MINUTE) == a.retry_after_ms("messages", MINUTE)
    other = story.ledger.account_usage("second", story.now)
    assert (other.turnover("USDT", DAY), other.open_orders(None), other.messages(DAY)) == (0, 0, 0)


def test_a_token_named_like_its_account_is_not_the_account(story: Story) -> None:
    buy(story, "c1", who=token(ACCOUNT))  # type: ignore[arg-type]
    buy(story, "c2", who=token("b"))  # type: ignore[arg-type]
    assert story.ledger.usage(ACCOUNT, story.now).turnover("USDT", DAY) == 440
    assert story.ledger.account_usage(ACCOUNT, story.now).turnover("USDT", DAY) == 880


# -- gains and losses ---------------------------------------------------------------------------------------------


def change(story: Story, price: str | None, window_ms: int = DAY, who: str = "bot") -> Decimal | None:
    """What the token gained within the window, at that price of today."""
    prices = {} if price is None else {MARKET: Decimal(price)}
    return story.ledger.usage(who, story.now).equity_change("USDT", window_ms, prices)


def bought(story: Story) -> None:
    """4 were bought for 400; the fee is 4."""
    buy(story)
    story.settle(fill("c1", "4", "400", order_id="7"))


def marked(story: Story, price: str) -> None:
    """The market is worth that now."""
    story.ledger.mark(ACCOUNT, {MARKET: Decimal(price)}, story.now)


def test_who_never_traded_gained_nothing(story: Story) -> None:
    assert change(story, None) == 0


def test_what_was_bought_within_the_window_is_worth_todays_price_less_what_it_cost(story: Story) -> None:
    bought(story)
    assert change(story, "100") == -4
    assert change(story, "90") == -44
    assert change(story, "120") == 76


def test_without_todays_price_of_what_is_held_nothing_is_known(story: Story) -> None:
    bought(story)
    assert change(story, None) is None


def test_what_is_sold_again_needs_no_price(story: Story) -> None:
    bought(story)
    sell(story, quantity="4")
    story.settle(fill("s1", "4", "380", order_id="8"))
    assert change(story, None) == -404 + 380


def test_what_was_held_before_the_window_counts_from_its_price_then(story: Story) -> None:
    bought(story)
    change(story, "100", MINUTE)
    for price in ("100", "95", "91", "90"):
        marked(story, price)
        story.now += MINUTE // 2
    assert change(story, "88", MINUTE) == 4 * (88 - 91)
    assert change(story, "88", DAY) == 4 * 88 - 404


def test_without_a_price_of_then_nothing_is_known(story: Story) -> None:
    bought(story)
    change(story, "100", MINUTE)
    story.now += 2 * MINUTE
    assert change(story, "100", MINUTE) is None
    marked(story, "100")
    assert change(story, "97", MINUTE) == -12


def test_of_two_prices_beside_a_gap_the_one_that_hides_no_loss_is_taken(story: Story) -> None:
    """The gateway was down when the window began."""
    bought(story)
    change(story, "100", MINUTE)
    marked(story, "100")
    story.now += MINUTE // 2
    marked(story, "80")
    story.now += MINUTE * 3 // 4
    assert change(story, "80", MINUTE) == -80


def test_a_loss_before_a_restart_is_one_after_it(story: Story, store: Store) -> None:
    bought(story)
    change(story, "100", MINUTE)
    marked(story, "100")
    story.now += MINUTE + MINUTE // 30
    story.ledger.tick(story.now)
    story.ledger = Ledger.open(store)
    assert change(story, "90", MINUTE) == -40


def test_prices_that_nobody_asks_about_are_not_kept(story: Story, store: Store) -> None:
    marked(story, "100")
    bought(story)
    marked(story, "100")
    story.ledger.close()
    assert [*store.prices(ACCOUNT, MARKET, 0)] == []
    assert story.ledger.marked() == []
    change(story, "100")
    assert story.ledger.marked() == [(ACCOUNT, MARKET)]
    sell(story, quantity="4")
    story.settle(fill("s1", "4", "400", order_id="8"))
    assert story.ledger.marked() == [], "what nobody holds needs no more prices"


def test_few_prices_are_stored_however_many_are_told(story: Story, store: Store) -> None:
    bought(story)
    change(story, "100", 60 * MINUTE)
    for _ in range(3_600):
        marked(story, "100")
        story.now += 1_000
    story.ledger.close()
    assert len([*store.prices(ACCOUNT, MARKET, 0)]) <= 61


def test_an_account_gained_what_its_tokens_gained(story: Story) -> None:
    buy(story, "c1", who=token("a"))  # type: ignore[arg-type]
    sell(story, "s1", "4", "100", who=token("b"))  # type: ignore[arg-type]
    story.settle(fill("c1", "4", "400", order_id="7"), fill("s1", "4", "420", order_id="8"))
    both = story.ledger.account_usage(ACCOUNT, story.now)
    assert both.equity_change("USDT", DAY, {}) == 16, "together they hold nothing"
    assert change(story, "90", who="a") == -44
    assert change(story, "90", who="b") == 60
    both.equity_change("USDT", DAY, PRICE)
    assert story.ledger.marked() == [(ACCOUNT, MARKET)], "but each of them does"


def test_markets_of_another_currency_are_another_matter(story: Story) -> None:
    bought(story)
    story.reserve("e1", "100", "1", market="ETHEUR", currency="EUR")
    story.settle(fill("e1", "1", "100", order_id="9", market="ETHEUR"))
    usage = story.ledger.usage("bot", story.now)
    assert usage.equity_change("USDT", DAY, PRICE) == -4
    assert usage.equity_change("EUR", DAY, {"ETHEUR": Decimal(70)}) == -30


def test_a_clock_that_jumps_ahead_and_back_hides_no_loss(story: Story) -> None:
    bought(story)
    change(story, "100")
    marked(story, "100")
    story.now += 30 * DAY
    change(story, "90")
    story.now = NOON + 1
    assert change(story, "90") == -44
