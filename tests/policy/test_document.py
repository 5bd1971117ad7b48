"""Loading: every wrong file is refused with its exact message, every right one means one thing."""

from itertools import takewhile
from pathlib import Path

import pytest

from gateway.core.intent import OrderKind, ReadName
from gateway.policy.blast import blast_radius
from gateway.policy.controls import SETTINGS
from gateway.policy.controls.access import Cancels, Parameters, Reads
from gateway.policy.controls.allow import Markets, Sides, Symbols
from gateway.policy.controls.control import Setting
from gateway.policy.controls.price import MarketPrice
from gateway.policy.controls.references import Sources
from gateway.policy.document import PolicyError, load
from gateway.policy.reader import NOT_YET
from tests.policy.cases import POLICY, policy

ROOT = Path(__file__).parents[2]
WRONG = sorted((ROOT / "tests/vectors/policy/wrong").glob("*.yaml"))
STARTERS = sorted(path for path in (ROOT / "policies").glob("*.yaml") if not path.name.endswith(".test.yaml"))


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_wrong_file_is_refused_with_exactly_its_problems(path: Path) -> None:
    """Each file of the corpus names its problems in its first lines: place, message, suggestion."""
    source = path.read_bytes()
    lines = takewhile(lambda line: line.startswith("# expect: "), source.decode("utf-8", "replace").split("\n"))
    with pytest.raises(PolicyError) as caught:
        load(source, path.stem)
    assert str(caught.value).split("\n") == [f"{path.stem}:{line.removeprefix('# expect: ')}" for line in lines]


def test_the_corpus_is_there() -> None:
    """At least a hundred ways to be wrong."""
    assert len(WRONG) >= 100


@pytest.mark.parametrize("path", STARTERS, ids=lambda path: path.stem)
def test_a_starter_policy_loads_without_a_warning_and_is_bounded(path: Path) -> None:
    """What `init` writes is valid, and its damage is a number."""
    loaded = load(path.read_bytes(), path.stem)
    assert not loaded.warnings
    assert blast_radius(loaded).drain is not None


def test_the_starter_policies_are_there() -> None:
    """A glob that finds nothing would pass for the wrong reason."""
    assert {"read-only", "dca", "grid", "freqtrade-spot", "market-making"} <= {path.stem for path in STARTERS}


@pytest.mark.parametrize("key", sorted(NOT_YET))
def test_a_key_of_a_later_version_is_an_error_that_says_so(key: str) -> None:
    """Nothing would enforce it; so it cannot be written."""
    section, _, leaf = key.rpartition(".")
    text = f"version: 1\n{section}:\n  {leaf}: x\n" if section else f"version: 1\n{leaf}: x\n"
    with pytest.raises(PolicyError, match=f"'{key}' is not supported yet by this version"):
        load(text, "x")


def test_the_smallest_policy_reads_everything_and_trades_nothing() -> None:
    """The defaults: all reads, no orders, own cancels, spot, market orders denied, prices of three seconds."""
    smallest = load("version: 1\n", "x")
    assert not smallest.orders
    assert not smallest.symbols
    assert smallest.stale_after_ms == 3_000
    assert not smallest.cancels_any
    assert smallest.find(Reads) == Reads(frozenset(ReadName) - {ReadName.INSTRUMENTS})
    assert smallest.find(Markets) == Markets(frozenset({"spot"}))
    assert smallest.find(MarketPrice) == MarketPrice(None)
    assert smallest.find(Cancels) == Cancels(False)
    sides = smallest.find(Sides)
    assert sides is not None
    assert len(sides.sides) == 2


MORE = """\
  stale_after: 2s
  collar: 1% from reference
  anchor: 10% from 24h vwap
liquidity:
  volume_24h: at least 20_000_000 USDT
  share_of_1h: at most 1%
if_denied: 3 per 1m then halt
if_silent: 90s then cancel_orders
mode: enforce
hours: {zone: UTC}
alerts: [denied, large 500 USDT]
parameters: {POST /api/v3/order: [strategyId]}
"""
MORE_LIMITS = """\
  markets: [spot]
  sides: [buy]
  reads: [orders]
  cancel: account
limits:
  quantity: {BTC: 1}
  open_orders: 3 each
  position: 100 USDT each
  loss: 50 USDT per 24h
  executions: 9 per 1h
  messages: 1 per 1s
  requests: 2 per 1s
"""


def test_every_key_is_read_into_its_control() -> None:
    """A file with every key yields every control, and each knows its line."""
    text = (POLICY + MORE).replace("limits:\n", MORE_LIMITS)
    loaded = load(text, "x")
    assert [type(control) for control in loaded.controls] == list(SETTINGS)
    lines = text.split("\n")
    for setting in SETTINGS:
        line = loaded.line(setting.rule)
        assert line is not None
        assert lines[line - 1].strip().startswith(setting.rule.rpartition(".")[2] + ":")
    assert loaded.cancels_any
    assert loaded.find(Parameters) == Parameters({"POST /api/v3/order": frozenset({"strategyId"})})
    assert loaded.orders == frozenset(OrderKind) - {OrderKind.OCO, OrderKind.BRACKET, OrderKind.BATCH, OrderKind.AMEND}
    assert loaded.symbols == {"BTC/USDT"}
    assert load("version: 1\n", "x").line("limits.order") is None


def test_the_digest_is_of_the_meaning() -> None:
    """Comments, order, spelling of numbers and stated defaults change nothing; a limit does."""
    same = (
        POLICY.replace("1_000_000", "1000000.0").replace("limits:", "limits:   # rolling") + "  stale_after: 3000ms\n"
    )
    assert load(same, "other name").digest == policy().digest
    assert policy(order="1_000_001 USDT").digest != policy().digest
    assert policy(open_orders="5").digest != policy(open_orders="5 each").digest
    assert len(policy().digest) == 64


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.rule)
def test_the_example_of_every_key_loads(setting: type[Setting]) -> None:
    """What the documentation and the error messages suggest is right."""
    section, _, leaf = setting.key.path.rpartition(".")
    line = f"{leaf}: {setting.key.example}"
    body = [text for text in POLICY.split("\n") if not text.strip().startswith(f"{leaf}:")]
    if section and f"{section}:" not in body:
        body.append(f"{section}:")
    at = body.index(f"{section}:") + 1 if section else len(body)
    body.insert(at, f"  {line}" if section else line)
    assert load("\n".join(body), "x").line(setting.rule)


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (POLICY.replace("[BTC/USDT]", '[BTC/USDT, "*/USDT"]'), "3:3: allow.symbols: */USDT allows every such pair"),
        (
            POLICY.replace("[BTC/USDT]", "[BTC/USDT, ETH/BTC]"),
            "6:3: limits.order: is in USDT; orders in BTC are all denied",
        ),
        (
            POLICY.replace("[BTC/USDT]", '[BTC/USDT, "*/EUR"]'),
            "7:3: limits.turnover: is in USDT; orders in EUR are all denied",
        ),
        (POLICY.replace("limits:", "limits:\n  quantity: {ETH: 1}"), "6:3: limits.quantity: does not list BTC"),
        (POLICY.replace("order: 1_000_000 USDT", "order: unlimited because x"), "6:3: limits.order: is unlimited"),
        (
            POLICY.replace("order: 1_000_000 USDT", "order: 2_000_000 USDT"),
            "6:3: limits.order: is above limits.turnover",
        ),
        (POLICY.replace("protect 25%", "deny"), "11:3: price.market: denies market, stop, take_profit"),
        (POLICY, "11:3: price.market: 25% from the reference is far"),
        (POLICY + "  stale_after: 1m\n", "12:3: price.stale_after: a price may be 1m old"),
    ],
)
def test_what_is_probably_not_meant_is_a_warning(text: str, warning: str) -> None:
    """A warning names its place and leaves the policy loadable."""
    assert any(problem.render("x").startswith(f"x:{warning}") for problem in load(text, "x").warnings)


def test_a_side_that_is_open_needs_no_currency_warning() -> None:
    """BTC/* has any quote; the limit's currency may be among them."""
    text = POLICY.replace("[BTC/USDT]", "[BTC/*, ETH/EUR]").replace("protect 25%", "protect 1%")
    assert {problem.path for problem in load(text, "x").warnings} == {Symbols.rule, Sources.rule}


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        ("", 1),
        ("  anchor: 10% from 24h vwap\n", 2),
        ("liquidity: {volume_24h: at least 20_000_000 USDT}\n", 2),
        ("liquidity: {share_of_1h: at most 1%}\n", 2),
    ],
)
def test_who_needs_an_average_asks_the_venues_for_it(more: str, asked: int) -> None:
    """One source may be enough for a price; what venues alone know is asked of them all the same."""
    assert load(POLICY.rstrip() + "\n" + more, "x").venues == asked
    assert load(POLICY.replace("sources: 1 because it is a test", "sources: 3"), "x").venues == 3
