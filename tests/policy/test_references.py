"""Price against independent prices: collar and anchor on both sides of their edge for every kind of order; sources."""

from dataclasses import replace

import pytest

from gateway.core.decision import Allow, Deny, DenyCode
from gateway.core.intent import Cancel, OrderKind, Place, Read, ReadName, Side
from gateway.core.snapshot import Reference
from gateway.policy.exits import edge_of
from gateway.policy.valuation import Valuation, valuation
from tests.policy.cases import (
    INSTRUMENT,
    IOC,
    NOW_MS,
    POLICY,
    REFERENCE,
    D,
    decided,
    failed,
    finding,
    place,
    policy,
    snapshot,
)  # fmt: skip

COLLAR = policy(POLICY + "  collar: 10% from reference\n")
ANCHOR = policy(POLICY + "  anchor: 10% from 24h vwap\n")
ANCHORED = replace(REFERENCE, anchor=D(100))


def at(side: str, kind: str, price: str, **changes: object) -> Place:
    return place(side, kind, "1", price=price, **changes)


EDGES: dict[str, tuple[Place, Place]] = {
    "limit buy": (at("buy", "limit", "110"), at("buy", "limit", "110.01")),
    "limit sell": (at("sell", "limit", "90"), at("sell", "limit", "89.99")),
    "IOC buy": (at("buy", "limit", "110", time_in_force=IOC), at("buy", "limit", "110.01", time_in_force=IOC)),
    "post-only buy": (at("buy", "post_only", "110"), at("buy", "post_only", "110.01")),
    "post-only sell": (at("sell", "post_only", "90"), at("sell", "post_only", "89.99")),
    "iceberg buy": (at("buy", "limit", "110", display="0.1"), at("buy", "limit", "110.01", display="0.1")),
    "iceberg kind sell": (at("sell", "iceberg", "90"), at("sell", "iceberg", "89.99")),
    "stop buy": (place("buy", "stop", "1", trigger="88"), place("buy", "stop", "1", trigger="88.01")),
    "stop sell": (place("sell", "stop", "1", trigger="120"), place("sell", "stop", "1", trigger="119.98")),
    "take-profit buy": (
        place("buy", "take_profit", "1", trigger="88"), place("buy", "take_profit", "1", trigger="88.01"),
    ),
    "take-profit sell": (
        place("sell", "take_profit", "1", trigger="120"), place("sell", "take_profit", "1", trigger="119.98"),
    ),
    "stop-limit buy": (at("buy", "stop_limit", "110", trigger="105"), at("buy", "stop_limit", "110.01", trigger="105")),
    "stop-limit sell": (at("sell", "stop_limit", "90", trigger="95"), at("sell", "stop_limit", "89.99", trigger="95")),
    "a buy's trigger": (at("buy", "stop_limit", "99", trigger="110"), at("buy", "stop_limit", "99", trigger="110.01")),
    "a sell's trigger": (at("sell", "stop_limit", "99", trigger="90"), at("sell", "stop_limit", "99", trigger="89.99")),
    "take-profit-limit buy": (
        at("buy", "take_profit_limit", "110", trigger="90"), at("buy", "take_profit_limit", "110.01", trigger="90"),
    ),
    "take-profit-limit sell": (
        at("sell", "take_profit_limit", "90", trigger="160"), at("sell", "take_profit_limit", "89.99", trigger="160"),
    ),
    "trailing stop-limit buy": (
        at("buy", "stop_limit", "110", trailing_bips=10), at("buy", "stop_limit", "110.01", trailing_bips=10),
    ),
    "trailing kind sell": (
        at("sell", "trailing_stop", "90", trailing_bips=10), at("sell", "trailing_stop", "89.99", trailing_bips=10),
    ),
}  # fmt: skip
"""Of every kind with prices of its own: one exactly 10 % from 100, and the next worse one."""


@pytest.mark.parametrize("name", EDGES)
def test_an_order_may_reach_the_collar_and_not_cross_it(name: str) -> None:
    """price.collar: never buy higher, never sell lower, triggers included."""
    order, worse = EDGES[name]
    assert isinstance(decided(COLLAR, order), Allow)
    denied = decided(COLLAR, worse)
    assert failed(denied) == {"price.collar"}
    assert isinstance(denied, Deny)
    assert denied.code is DenyCode.LIMIT


@pytest.mark.parametrize("name", EDGES)
def test_an_order_may_reach_the_anchor_and_not_cross_it(name: str) -> None:
    """price.anchor: the same against the average of a day, wherever the reference has been walked to."""
    order, worse = EDGES[name]
    for now in (D(100), D(80), D(130)):
        world = snapshot(reference=replace(ANCHORED, price=now))
        if order.kind is not OrderKind.MARKET:
            assert isinstance(decided(ANCHOR, order, world), Allow)
            assert failed(decided(ANCHOR, worse, world)) == {"price.anchor"}


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("quote", [True, False])
def test_a_market_order_is_held_by_the_limit_it_leaves_with(side: Side, quote: bool) -> None:
    """It leaves 25 % from the reference: within a collar or anchor of 25 %, beyond one of less."""
    order = place(side, "market", quote_quantity="100") if quote else place(side, "market", "1")
    world = snapshot(reference=ANCHORED)
    for rule, text in (("price.collar", "collar: {} from reference"), ("price.anchor", "anchor: {} from 24h vwap")):
        assert isinstance(decided(policy(f"{POLICY}  {text.format('25%')}\n"), order, world), Allow)
        assert failed(decided(policy(f"{POLICY}  {text.format('24.99%')}\n"), order, world)) == {rule}


@pytest.mark.parametrize("order", [at("buy", "limit", "0.01"), at("sell", "limit", "100000")])
def test_a_price_far_on_the_harmless_side_passes(order: Place) -> None:
    """A bid far below and an offer far above harm nobody."""
    world = snapshot(reference=ANCHORED)
    assert isinstance(decided(COLLAR, order, world), Allow)
    assert isinstance(decided(ANCHOR, order, world), Allow)


@pytest.mark.parametrize("anchor", [None, D(0), D(-1), D("NaN"), D("Infinity")])
def test_an_anchor_that_is_not_known_denies(anchor: object) -> None:
    """Unknown is not a pass; the bot may try again."""
    denied = decided(ANCHOR, at("buy", "limit", "100"), snapshot(reference=replace(REFERENCE, anchor=anchor)))
    assert isinstance(denied, Deny)
    assert (denied.code, denied.rule, denied.detail) == (DenyCode.UNPRICED, "price.anchor", "the 24h vwap is not known")


def test_a_collar_denial_tells_the_edge_and_the_price() -> None:
    """policy explain shows both numbers."""
    told = finding(decided(COLLAR, at("buy", "limit", "120")), "price.collar")
    assert (told.limit, told.observed) == ("10% from reference: at most 110", "120")
    assert told.detail == "the price 120 is above 110, 10% from reference"
    told = finding(decided(COLLAR, at("sell", "stop_limit", "95", trigger="50")), "price.collar")
    assert (told.limit, told.observed) == ("10% from reference: at least 90", "50")
    assert told.detail == "the trigger 50 is below 90, 10% from reference"


DIFFER = Reference(D(100), NOW_MS, "two", buy=D(98), sell=D(102), sources=2)
"""Two sources that differ: one of them may be the thief's."""


@pytest.mark.parametrize(
    ("order", "passes"),
    [
        (at("buy", "limit", "107.8"), True),
        (at("buy", "limit", "107.81"), False),
        (at("sell", "limit", "91.8"), True),
        (at("sell", "limit", "91.79"), False),
    ],
)
def test_of_two_sources_that_differ_the_collar_holds_from_both(order: Place, passes: bool) -> None:
    """Whichever of the two is honest, nothing is bought more than 10 % above it or sold 10 % below."""
    assert failed(decided(COLLAR, order, snapshot(reference=DIFFER))) == (set() if passes else {"price.collar"})


@pytest.mark.parametrize(("side", "edge"), [(Side.BUY, "108.9"), (Side.SELL, "91.8")])
def test_the_median_holds_too(side: Side, edge: str) -> None:
    """Where the fair price of the side were the better one, the median decides."""
    odd = Reference(D(99) if side is Side.BUY else D(102), NOW_MS, "x", buy=D(120), sell=D(80))
    assert edge_of(side, odd, D("0.1")) == D(edge)


@pytest.mark.parametrize(("side", "limit"), [("buy", "122.5"), ("sell", "76.5")])
def test_a_protected_order_is_priced_from_the_less_favourable_source(side: str, limit: str) -> None:
    """A market buy from the lower source, a sell from the higher; the thief's book does not stretch it."""
    result = valuation(place(side, "market", "1"), INSTRUMENT, DIFFER, D("0.25"))
    assert isinstance(result, Valuation)
    assert (result.order.price, result.fair) == (D(limit), D(98) if side == "buy" else D(102))


def test_a_sell_counts_at_the_highest_source() -> None:
    """What leaves the account is valued at no less than the best price that may be true."""
    result = valuation(at("sell", "limit", "95"), INSTRUMENT, DIFFER, None)
    assert isinstance(result, Valuation)
    assert result.worst_price == 102


@pytest.mark.parametrize(
    ("known", "most", "code"),
    [(1, 1, DenyCode.SYMBOL), (0, 1, DenyCode.SYMBOL), (1, 2, DenyCode.UNPRICED), (1, None, DenyCode.UNPRICED)],
)
def test_sources_that_can_never_be_met_are_a_final_no(known: int, most: int | None, code: DenyCode) -> None:
    """Trying again helps only where enough venues list the market."""
    two = policy(POLICY.replace("sources: 1 because it is a test", "sources: 2"))
    reference = replace(REFERENCE, sources=known) if known else None
    denied = decided(two, at("buy", "limit", "100"), snapshot(reference=reference, most_sources=most))
    assert isinstance(denied, Deny)
    assert denied.code is code
    if code is DenyCode.SYMBOL:
        told = "2 independent sources must agree on the price, and this market has at most 1"
        assert (denied.rule, denied.detail) == ("price.sources", told)


def test_a_last_good_price_of_enough_sources_counts_though_there_are_fewer_now() -> None:
    """A venue that delists the market closes no exit."""
    two = policy(POLICY.replace("sources: 1 because it is a test", "sources: 2"))
    once = replace(REFERENCE, sources=2)
    assert isinstance(decided(two, at("buy", "limit", "100"), snapshot(reference=once, most_sources=1)), Allow)


@pytest.mark.parametrize(
    ("stated", "known", "passes"),
    [("2", 2, True), ("2", 1, False), ("3", 3, True), ("3", 2, False), ("4", 3, False), ("1 because x", 1, True),
     ("1 because x", 0, False), (None, 2, True), (None, 1, False)],
)  # fmt: skip
def test_as_many_sources_as_stated_stand_behind_a_price(stated: str | None, known: int, passes: bool) -> None:
    """price.sources, two by default; fewer are an unknown price, which a bot may ask for again."""
    line = "  sources: 1 because it is a test\n"
    rules = policy(POLICY.replace(line, f"  sources: {stated}\n" if stated else ""))
    decision = decided(rules, at("buy", "limit", "100"), snapshot(reference=replace(REFERENCE, sources=known)))
    assert failed(decision) == (set() if passes else {"price.sources"})
    if isinstance(decision, Deny):
        assert decision.code is DenyCode.UNPRICED


@pytest.mark.parametrize("rules", [COLLAR, ANCHOR], ids=["collar", "anchor"])
def test_reads_and_cancels_need_no_price(rules: object) -> None:
    """Exits stay open whatever the market does."""
    world = snapshot(reference=None, instrument=None)
    for intent in (Cancel("BTCUSDT", "1", None), Read(ReadName.BALANCES)):
        assert isinstance(decided(rules, intent, world), Allow)  # type: ignore[arg-type]
