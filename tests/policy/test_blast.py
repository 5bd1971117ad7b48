"""The blast radius: the number, the window it is for, and when it says that there is none."""

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decision import Allow
from gateway.core.snapshot import Reference
from gateway.exchanges.binance.market import MAX_FEE
from gateway.policy.blast import BlastRadius, Bound, blast_radius, summed
from gateway.policy.document import Policy, load
from gateway.policy.measures import HIGHEST_FEE
from tests.policy.cases import INSTRUMENT, NOW_MS, D, FakeUsage, decided, place, policy, snapshot
from tests.policy.test_document import ROOT, STARTERS

SOUND = """\
version: 1
allow:
  symbols: [BTC/USDT, ETH/USDT]
  orders: [limit]
limits:
  order: 500 USDT
  turnover: 50_000 USDT per 24h
price:
  giveaway: 100 USDT per 24h
"""


def sound(*lines: str, **limits: str) -> Policy:
    """The policy with two sources, more lines under ``price`` or below, and other limits."""
    return policy(SOUND + "".join(f"{line}\n" for line in lines), **limits)


def drain(rules: Policy) -> str:
    return str(blast_radius(rules).drain)


def test_the_giveaway_bounds_the_drain() -> None:
    """What is reserved for losses is the most that can be lost."""
    radius = blast_radius(sound("  collar: 1% from reference"))
    bound = {"amount": "100", "currency": "USDT", "per": "24h"}
    assert radius.document()["drain"] == bound
    assert str(radius).startswith("drain: at most 100 USDT per 24h\nexposure: at most 50000 USDT per 24h")


@pytest.mark.parametrize(
    ("turnover", "collar", "told"),
    [
        ("1_000 USDT per 24h", "1%", "at most 11 USDT per 24h"),
        ("1_000 USDT per 1h", "0.1%", "at most 48 USDT per 24h"),
        ("1_000 USDT per 5h", "1%", "at most 55 USDT per 24h"),
        ("1_000 USDT per 7d", "1%", "at most 11 USDT per 24h"),
        ("50_000 USDT per 24h", "0.1%", "at most 100 USDT per 24h"),
        ("49_999 USDT per 24h", "0.1%", "at most 99.998 USDT per 24h"),
    ],
)
def test_turnover_times_collar_and_fee_bounds_it_too(turnover: str, collar: str, told: str) -> None:
    """The smaller counts; a shorter window fits more than once into the giveaway's, and begun ones count whole."""
    assert drain(sound(f"  collar: {collar} from reference", turnover=turnover)) == told


def test_without_a_collar_all_that_is_traded_may_be_lost() -> None:
    """And the fees on it."""
    free = SOUND.replace("100 USDT per 24h", "unlimited because of a test")
    radius = blast_radius(policy(free, turnover="50_000.50 USDT per 7d"))
    assert str(radius.drain) == "at most 50050.5005 USDT per 7d"


def test_lifted_budgets_are_not_bounded_and_say_why() -> None:
    """None, never a large number."""
    free = SOUND.replace("100 USDT per 24h", "unlimited because of a test")
    radius = blast_radius(policy(free, turnover="unlimited because it is a test"))
    assert (radius.drain, radius.exposure) == (None, None)
    assert radius.document()["not_bounded"] == [
        "limits.turnover is unlimited because it is a test", "price.giveaway is unlimited because of a test",
    ]  # fmt: skip
    assert str(radius).startswith("drain: not bounded\nexposure: not bounded\nnot bounded: limits.turnover is unlim")
    assert str(blast_radius(sound(turnover="unlimited because x")).drain) == "at most 100 USDT per 24h"


def test_one_source_bounds_no_drain() -> None:
    """Who moves the only book moves what everything is measured by."""
    radius = blast_radius(sound("  sources: 1 because of a test"))
    assert radius.drain is None
    assert radius.exposure is not None
    assert radius.why == ("price.sources is 1: who moves that one book moves the reference",)


def test_shadow_bounds_nothing() -> None:
    """For nothing is denied."""
    radius = blast_radius(sound("mode: shadow"))
    assert (radius.drain, radius.exposure) == (None, None)
    assert radius.why[0] == "mode is shadow: nothing is denied"


@pytest.mark.parametrize(
    ("position", "told"),
    [
        ("5_000 USDT in all", "at most 5000 USDT"),
        ("2_000 USDT each", "at most 4000 USDT"),
        ("25_000 USDT each", "at most 50000 USDT"),
        ("25_000.1 USDT each", "at most 50000 USDT per 24h"),
        ("unlimited because x", "at most 50000 USDT per 24h"),
    ],
)
def test_exposure_is_the_smallest_of_positions_and_turnover(position: str, told: str) -> None:
    """A position has no window; each counts once for every symbol."""
    assert str(blast_radius(sound(position=position)).exposure) == told


def test_each_over_a_glob_bounds_no_exposure() -> None:
    """Nobody knows how many symbols there are; in all does not ask."""
    text = SOUND.replace("[BTC/USDT, ETH/USDT]", '["*/USDT"]')
    assert str(blast_radius(policy(text, position="1 USDT each")).exposure) == "at most 50000 USDT per 24h"
    assert str(blast_radius(policy(text, position="1 USDT in all")).exposure) == "at most 1 USDT"
    lifted = policy(text, position="1 USDT each", turnover="unlimited because x")
    assert blast_radius(lifted).exposure is None


@pytest.mark.parametrize("text", ["version: 1\n", "version: 1\nlimits:\n  turnover: 5 USDT per 1h\n"])
def test_a_policy_without_orders_can_lose_nothing(text: str) -> None:
    """Zero, in no currency."""
    nothing = {"amount": "0", "currency": None, "per": None}
    document = blast_radius(load(text, "x")).document()
    assert document == {"drain": nothing, "exposure": nothing, "not_bounded": []}


def bound(amount: int, currency: str | None = "USDT", per_ms: int | None = 3_600_000) -> Bound:
    return Bound(D(amount), currency, per_ms)


def test_tokens_add_up_over_the_longest_window() -> None:
    """An hour's budget fits 24 times into a day; positions have no window; what trades nothing adds nothing."""
    nothing = BlastRadius(bound(0, None, None), bound(0, None, None))
    day = BlastRadius(bound(100, per_ms=86_400_000), bound(7, per_ms=None))
    hour = BlastRadius(bound(5), bound(3, per_ms=None))
    assert summed([day, hour, nothing]) == (
        BlastRadius(bound(100 + 5 * 24, per_ms=86_400_000), bound(10, per_ms=None)),
    )
    assert summed([nothing]) == (nothing,)
    assert summed([]) == (nothing,)


def test_currencies_are_summed_apart_and_the_unbounded_spoils_all() -> None:
    """USDT and EUR are never equated; one token without a bound leaves its account without one."""
    euro = BlastRadius(bound(1, "EUR"), bound(2, "EUR"))
    assert summed([euro, BlastRadius(bound(5), bound(6)), euro]) == (
        BlastRadius(bound(2, "EUR"), bound(4, "EUR")), BlastRadius(bound(5), bound(6)),
    )  # fmt: skip
    spoiled = summed([euro, BlastRadius(None, bound(6), ("why",))])
    assert [radius.drain for radius in spoiled] == [None, None]
    assert [str(radius.exposure) for radius in spoiled] == ["at most 2 EUR per 1h", "at most 6 USDT per 1h"]
    assert all(radius.why == ("why",) for radius in spoiled)


def test_the_highest_fee_is_that_of_every_exchange_served() -> None:
    """A fee above it would break the bound."""
    assert HIGHEST_FEE >= MAX_FEE


@pytest.mark.parametrize("path", STARTERS, ids=lambda path: path.stem)
def test_a_starter_policy_says_its_radius_in_its_head(path: Path) -> None:
    """The comment above the policy is what `policy check` prints."""
    text = path.read_text("utf-8")
    told = dict(re.findall(r"^# (drain|exposure): (.+)$", text.partition("version:")[0], re.MULTILINE))
    radius = blast_radius(load(text, path.stem))
    assert told == {"drain": str(radius.drain), "exposure": str(radius.exposure)}


def test_the_number_in_the_documentation_is_the_examples() -> None:
    """docs/policy.md says what its example costs."""
    text = (ROOT / "docs/policy.md").read_text("utf-8")
    example = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert example is not None
    assert str(blast_radius(load(example[1], "x")).drain) == "at most 100 USDT per 24h"
    assert "at most 100 USDT a day" in text


prices = st.decimals(min_value=D(80), max_value=D(125), places=2)


sizes = st.decimals(min_value=D("0.001"), max_value=1, places=3)


@given(st.lists(st.tuples(st.booleans(), prices, sizes), max_size=30))
def test_no_sequence_of_orders_takes_more_than_the_drain(orders: list[tuple[bool, Decimal, Decimal]]) -> None:
    """Whatever a thief sends, filled at its limit at once by him, with the highest fee: what is lost is within."""
    thief = sound("  collar: 1% from reference", turnover="500 USDT per 24h", order="300 USDT")
    mean = policy(SOUND.replace("100 USDT", "3 USDT") + "  collar: 1% from reference\n", order="300 USDT")
    for chosen in (thief, mean):
        radius = blast_radius(chosen).drain
        assert radius is not None
        assert _played(chosen, orders) <= radius.amount


def _played(rules: Policy, orders: list[tuple[bool, Decimal, Decimal]]) -> Decimal:
    instrument = replace(INSTRUMENT, max_fee=HIGHEST_FEE)
    reference = Reference(D(100), NOW_MS, "two", buy=D("99.5"), sell=D("100.5"), sources=2)
    lost = turned = given_away = D(0)
    for buys, price, quantity in orders:
        order = place("buy" if buys else "sell", "limit", str(quantity), price=str(price))
        usage = FakeUsage(used={"USDT": turned}, given={"USDT": given_away})
        decision = decided(rules, order, snapshot(instrument=instrument, reference=reference, usage=usage))
        if isinstance(decision, Allow):
            assert decision.reserve is not None
            assert decision.reserve.giveaway is not None
            turned += decision.reserve.value.amount
            given_away += decision.reserve.giveaway.amount
            beyond = price - D("99.5") if buys else D("100.5") - price
            lost += max(beyond, D(0)) * quantity + price * quantity * HIGHEST_FEE
    return lost
