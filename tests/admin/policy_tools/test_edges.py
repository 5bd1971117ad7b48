"""``policy test --generate``: what is generated passes, and holds every limit of the policy on both sides."""

from decimal import Decimal
from pathlib import Path

import pytest

from gateway.admin.policy_tools.cases import load as load_cases
from gateway.admin.policy_tools.edges import generated
from gateway.admin.policy_tools.testing import Report, run
from gateway.policy.document import load

POLICIES = Path(__file__).parents[3] / "policies"
STARTERS = ("dca", "freqtrade-spot", "grid", "market-making", "read-only")
PRICE = Decimal(60_000)
PLAIN = """\
version: 1
allow:
  symbols: [BTC/USDT]
  orders: [limit]
limits:
  order: 500 USDT
  turnover: 1_000 USDT per 24h
price:
  giveaway: 10 USDT per 24h
  collar: 1% from reference
"""
LIFTED = """\
version: 1
allow:
  symbols: [BTC/*]
  orders: [market, limit]
limits:
  order: unlimited because a
  turnover: unlimited because b
  executions: 5 per 24h then halt
  loss: 5 USDT per 24h then reduce_only
  quantity: {BTC: 0.00002}
price:
  giveaway: unlimited because c
  market: deny
  sources: 1 because d
liquidity:
  share_of_1h: at most 1%
"""
ALL_KINDS = "[limit, post_only, market, stop, stop_limit, take_profit, take_profit_limit, trailing_stop, iceberg]"
UNUSUAL: dict[str, str] = {
    "every kind of order": PLAIN.replace("[limit]", ALL_KINDS) + "  market: protect 0.5%\n",
    "trailing only": PLAIN.replace("[limit]", "[stop_limit, trailing_stop]"),
    "a glob of bases": PLAIN.replace("[BTC/USDT]", '["*/USDT"]'),
    "a glob of quotes": PLAIN.replace("[BTC/USDT]", "[BTC/*]"),
    "most of it lifted": LIFTED,
    "hours that begin in the evening": PLAIN + 'hours: {from: "18:00", to: "20:00", zone: UTC}\n',
    "hours of two days": PLAIN + 'hours: {days: [sat, sun], zone: Asia/Tokyo}\n',
    "shadow": "mode: shadow\n" + PLAIN,
    "an order larger than all else": PLAIN.replace("limits:", "limits:\n  position: 3 USDT each\n  quantity: {BTC: 1}"),
    "a giveaway smaller than an order's fee": PLAIN.replace("10 USDT", "0.02 USDT"),
    "a quantity smaller than an order": PLAIN.replace("limits:", "limits:\n  quantity: {BTC: 0.0001}"),
    "selling only": PLAIN.replace("[limit]", "[limit]\n  sides: [sell]"),
    "rates": PLAIN.replace("limits:", "limits:\n  messages: 2 per 1s\n  requests: 3 per 1s\n  open_orders: 1 each")
    + "if_denied: 1 per 1h then halt\n",
    "reads alone": "version: 1\nallow:\n  reads: [orders]\n",
    "nothing stated": "version: 1\n",
}  # fmt: skip


def round_trip(text: str, name: str) -> Report:
    policy = load(text, name)
    return run(policy, load_cases(generated(policy, PRICE), name), "x")


@pytest.mark.parametrize("name", STARTERS)
def test_generated_tests_of_a_starter_pass_and_cover_it(name: str) -> None:
    """What a user begins with is whole."""
    told = round_trip((POLICIES / f"{name}.yaml").read_text(), name)
    assert told.results
    assert (told.failures, told.uncovered) == ((), ())


@pytest.mark.parametrize("name", UNUSUAL)
def test_generated_tests_of_any_policy_pass_and_cover_it(name: str) -> None:
    """Whatever it allows: an order small enough, in an hour that is open, in a currency that its limits speak of."""
    told = round_trip(UNUSUAL[name], "x")
    assert told.results
    assert (told.failures, told.uncovered) == ((), ())


def test_a_policy_that_allows_nothing_is_generated_and_not_covered() -> None:
    """An iceberg is a kind on top of another."""
    told = round_trip(PLAIN.replace("[limit]", "[iceberg]"), "x")
    assert (told.failures, [held.rule for held in told.uncovered]) == ((), ["allow.orders"])


def test_an_edge_is_shown_inside_at_and_outside() -> None:
    """In steps of the lot: 500 USDT with a fee of 0.1 % buy 0.00832 BTC at 60000, and no more."""
    text = generated(load(PLAIN, "x"), PRICE)
    shown = [
        ("just inside", "0.00831", "allow"), ("at", "0.00832", "allow"),
        ("just outside", "0.00833", "deny limits.order"),
    ]  # fmt: skip
    for where, quantity, expect in shown:
        when = f"buy {quantity} BTC/USDT limit 60000"
        assert f"  - name: limits.order, buy limit, {where}\n    when: {when}\n    expect: {expect}\n" in text


def test_generated_tests_notice_a_limit_that_moved() -> None:
    """By a hundredth, either way."""
    suite = load_cases(generated(load(PLAIN, "x"), PRICE), "x")
    for moved in ("505", "495"):
        told = run(load(PLAIN.replace("order: 500", f"order: {moved}"), "x"), suite, "")
        assert {result.case.name.partition(",")[0] for result in told.failures} == {"limits.order"}
