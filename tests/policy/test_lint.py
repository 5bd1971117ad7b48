"""Lint: each thing that is probably not meant has its own words, at its line and column, with what to write instead."""

import pytest

from gateway.policy.document import PolicyError, load
from gateway.policy.inherit import NoParent
from gateway.policy.lint import _CHECKS

CLEAN = """\
version: 1
allow:
  symbols: [BTC/USDT, ETH/USDT]
  orders:  [limit, market]
limits:
  order:    500 USDT
  turnover: 10_000 USDT per 24h
price:
  collar:   1% from reference
  market:   protect 0.3%
  giveaway: 50 USDT per 24h then halt
"""
GLOB = CLEAN.replace("[BTC/USDT, ETH/USDT]", '["*/USDT"]')
ALL_PAIRS = (
    "x:3:3: allow.symbols: */USDT allows every such pair, thinly traded ones too; list the symbols it needs"
)  # fmt: skip
EACH = "each of an unknown number of symbols is no bound; list the symbols, or limit it in all"
NOT_BOUND = "is unlimited; nothing bounds the damage here; state a limit"


def under_limits(line: str) -> str:
    return CLEAN.replace("limits:\n", f"limits:\n  {line}\n")


def under_price(line: str) -> str:
    return CLEAN + f"  {line}\n"


CASES: dict[str, tuple[str, list[str]]] = {
    "a glob": (GLOB, [ALL_PAIRS]),
    "orders each over a glob": (
        GLOB.replace("limits:\n", "limits:\n  open_orders: 5 each\n"),
        [ALL_PAIRS, f"x:6:3: limits.open_orders: {EACH}"],
    ),
    "a position each over a glob": (
        GLOB.replace("limits:\n", "limits:\n  position: 900 USDT each\n"),
        [ALL_PAIRS, f"x:6:3: limits.position: {EACH}"],
    ),
    "a kind on top of nothing": (
        CLEAN.replace("[limit, market]", "[iceberg]"),
        ["x:4:3: allow.orders: iceberg alone allows no order; add the kind that it is besides, like limit"],
    ),
    "symbols in another currency": (
        CLEAN.replace("ETH/USDT", "ETH/BTC").replace("50 USDT per 24h then halt", "unlimited because x"),
        [
            "x:6:3: limits.order: is in USDT; orders in BTC are all denied; one policy, one quote currency",
            "x:7:3: limits.turnover: is in USDT; orders in BTC are all denied; one policy, one quote currency",
            f"x:11:3: price.giveaway: {NOT_BOUND}",
        ],
    ),
    "a position and a loss in another currency": (
        under_limits("position: 5 EUR each\n  loss: 5 EUR per 24h")
        .replace("500 USDT", "unlimited because x").replace("10_000 USDT per 24h", "unlimited because x")
        .replace("50 USDT per 24h then halt", "unlimited because x"),
        [
            "x:6:3: limits.position: is in EUR; orders in USDT are all denied; one policy, one quote currency",
            "x:7:3: limits.loss: is in EUR; orders in USDT are all denied; one policy, one quote currency",
            f"x:8:3: limits.order: {NOT_BOUND}",
            f"x:9:3: limits.turnover: {NOT_BOUND}",
            f"x:13:3: price.giveaway: {NOT_BOUND}",
        ],
    ),
    "a base without its quantity": (
        under_limits("quantity: {BTC: 1}"),
        ["x:6:3: limits.quantity: does not list ETH; its orders are all denied; add ETH"],
    ),
    "no limit": (CLEAN.replace("500 USDT", "unlimited because x"), [f"x:6:3: limits.order: {NOT_BOUND}"]),
    "one source": (
        under_price("sources: 1 because x"),
        ["x:12:3: price.sources: one book is the reference, and who moves it moves every bound; write 2"],
    ),
    "an order above the turnover": (
        CLEAN.replace("500 USDT", "10_001 USDT"),
        ["x:6:3: limits.order: is above limits.turnover (10000 USDT per 24h); lower it"],
    ),
    "an order above the position": (
        under_limits("position: 499 USDT in all"),
        ["x:7:3: limits.order: is above limits.position (499 USDT); lower it"],
    ),
    "more messages than requests in the same time": (
        under_limits("messages: 11 per 1s\n  requests: 10 per 1s"),
        ["x:6:3: limits.messages: is above limits.requests (10 per 1s); lower it"],
    ),
    "more messages in less time than requests": (
        under_limits("messages: 11 per 1s\n  requests: 10 per 1m"),
        ["x:6:3: limits.messages: is above limits.requests (10 per 1m); lower it"],
    ),
    "a giveaway that fees use up": (
        CLEAN.replace("50 USDT", "10 USDT"),
        [
            "x:11:3: price.giveaway: fees alone take 10 USDT of it when limits.turnover is used up; "
            "raise it, or lower limits.turnover"
        ],
    ),
    "a giveaway out of reach": (
        CLEAN.replace("50 USDT", "110.01 USDT"),
        ["x:11:3: price.giveaway: is never reached: limits.turnover and price.collar end at 110 USDT; lower it"],
    ),
    "market orders denied": (
        CLEAN.replace("protect 0.3%", "deny"),
        ["x:10:3: price.market: denies market, which allow.orders lists; allow or protect them"],
    ),
    "market orders protected beyond the collar": (
        CLEAN.replace("protect 0.3%", "protect 1.1%"),
        [
            "x:10:3: price.market: lets market orders leave beyond price.collar (1% from reference), "
            "which denies them; lower it"
        ],
    ),
    "market orders far away": (
        CLEAN.replace("protect 0.3%", "protect 5.1%").replace("  collar:   1% from reference\n", ""),
        ["x:9:3: price.market: 5.1% from the reference is far; 0.3% is common"],
    ),
    "a wide collar": (
        CLEAN.replace("1% from", "5.1% from"),
        ["x:9:3: price.collar: 5.1% from the reference is far; 1% is common"],
    ),
    "an old price": (
        under_price("stale_after: 30001ms"),
        ["x:12:3: price.stale_after: a price may be 30001ms old; the default is 3s"],
    ),
}  # fmt: skip
"""Each finding, in a file that gives no other reason."""

MEANT = {
    "nothing": CLEAN,
    "an order as large as the turnover": CLEAN.replace("500 USDT", "10_000 USDT"),
    "an order as large as the position": under_limits("position: 500 USDT in all"),
    "more messages over longer time": under_limits("messages: 11 per 1m\n  requests: 10 per 1s"),
    "each over a list": under_limits("open_orders: 5 each\n  position: 900 USDT each"),
    "a giveaway that is just reached": CLEAN.replace("50 USDT", "110 USDT"),
    "a giveaway just above the fees": CLEAN.replace("50 USDT", "10.01 USDT"),
    "a market order at the collar": CLEAN.replace("protect 0.3%", "protect 1%"),
    "a kind on top of another": CLEAN.replace("[limit, market]", "[limit, iceberg]"),
    "half a minute": under_price("stale_after: 30s"),
    "five percent": CLEAN.replace("1% from", "5% from"),
}


def told(text: str) -> list[str]:
    return [problem.render("x") for problem in load(text, "x").warnings]


@pytest.mark.parametrize("case", CASES)
def test_what_is_probably_not_meant_is_told_exactly(case: str) -> None:
    """Line, column, words and suggestion, and nothing besides."""
    text, warnings = CASES[case]
    assert told(text) == warnings


@pytest.mark.parametrize("case", MEANT)
def test_what_may_be_meant_is_not_told(case: str) -> None:
    """The other side of each edge."""
    assert told(MEANT[case]) == []


def test_every_check_has_a_case() -> None:
    """A check that never finds anything here is not tested."""
    silent = {check.__name__ for check in _CHECKS}
    for text, _ in CASES.values():
        controls = load(text, "x").controls
        silent -= {check.__name__ for check in _CHECKS if any(True for _ in check(controls))}
    assert silent == set()


@pytest.mark.parametrize(
    ("below", "problem"),
    [
        ("limits:\n  order: 500.01 USDT\n", "4:3: limits.order: looser than in policy 'house', where it is 500 USDT; "
         "write 500 USDT, or leave it out"),
        ("price:\n  collar: 2% from reference\n", "4:3: price.collar: looser than in policy 'house', where it is "
         "1% from reference; write 1% from reference, or leave it out"),
        ("limits: {turnover: 10_000 USDT per 1h}\n", "3:10: limits.turnover: looser than in policy 'house', where "
         "it is 10000 USDT per 24h; write 10000 USDT per 24h, or leave it out"),
        ("limits:\n  order: 5 EUR\n", "4:3: limits.order: 5 EUR and 500 USDT cannot be compared with policy 'house'; "
         "one policy, one quote currency"),
    ],
)  # fmt: skip
def test_looser_than_its_parent_is_an_error(below: str, problem: str) -> None:
    """A child cannot widen; its own line is named, and the parent's bound."""
    house = load(CLEAN, "house")
    with pytest.raises(PolicyError) as caught:
        load(f"version: 1\nextends: house\n{below}", "x", lambda _: house)
    assert problem in [found.render("x").removeprefix("x:") for found in caught.value.problems]


def test_units_that_no_order_can_meet_are_an_error() -> None:
    """Two currencies in one policy."""
    with pytest.raises(PolicyError) as caught:
        load(under_limits("position: 5 EUR each"), "x")
    [problem] = caught.value.problems
    told_of = "limits.position is in EUR, limits.order in USDT; one policy, one quote currency"
    assert problem.render("x") == f"x:6:3: {told_of}"


def test_a_missing_parent_is_an_error_where_it_is_named() -> None:
    """The name's own place."""

    def nobody(name: str) -> None:
        raise NoParent(f"there is no policy {name!r}")

    with pytest.raises(PolicyError, match="2:10: extends: there is no policy 'hous'"):
        load("version: 1\nextends: hous\n", "x", nobody)  # type: ignore[arg-type]
