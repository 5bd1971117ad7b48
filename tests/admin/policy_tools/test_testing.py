"""``policy test``: a case passes or fails by the gateway's own decision, and coverage counts both sides of every edge.

Law: the starter policies are held to what they say: by their own tests, and by their head comment.
"""

from pathlib import Path

import pytest

from gateway.admin.policy_tools import testing
from gateway.admin.policy_tools.cases import load as load_cases
from gateway.admin.policy_tools.testing import Report, as_text, run
from gateway.core.errors import Misuse
from gateway.policy.blast import blast_radius
from gateway.policy.document import load

POLICIES = Path(__file__).parents[3] / "policies"
STARTERS = ("dca", "freqtrade-spot", "grid", "market-making", "read-only")
POLICY = """\
version: 1
allow:
  symbols: [BTC/USDT]
  orders: [limit]
limits:
  order: 100 USDT
  turnover: 1_000 USDT per 24h
price:
  giveaway: 50 USDT per 24h
"""
HEAD = "version: 1\ngiven: {price: 100}\ncases:\n"


def case(name: str, when: str, expect: str, given: str = "") -> str:
    world = f"    given: {{{given}}}\n" if given else ""
    return f"  - name: {name}\n{world}    when: {when}\n    expect: {expect}\n"


def report(cases: str, policy: str = POLICY) -> Report:
    return run(load(policy, "p"), load_cases(HEAD + cases, "p"), "p.test.yaml")


def missing(cases: str, rule: str, policy: str = POLICY) -> tuple[str, ...]:
    return next(held.missing for held in report(cases, policy).coverage if held.rule == rule)


def test_a_case_passes_where_the_decision_is_the_one_expected() -> None:
    """Worth 100 with its fee of 0.1 % is 0.999 at 100."""
    told = report(
        case("fits", "buy 0.999 BTC/USDT limit 100", "allow")
        + case("too large", "buy 1 BTC/USDT limit 100", "deny limits.order")
        + case("another symbol", "buy 0.1 ETH/USDT limit 100", "deny allow.symbols")
        + case("paused", "buy 0.1 BTC/USDT limit 100", "deny state", "state: paused")
    )
    assert [result.passed for result in told.results] == [True] * 4
    assert told.failures == ()


def test_a_case_fails_with_what_came_instead_and_why() -> None:
    """By its line, in the words of an expectation."""
    told = report(
        case("a", "buy 1 BTC/USDT limit 100", "allow")
        + case("b", "buy 0.1 BTC/USDT limit 100", "deny limits.order")
        + case("c", "buy 1 BTC/USDT limit 100", "deny limits.turnover")
    )
    assert [(result.case.line, result.got) for result in told.failures] == [
        (4, "deny limits.order"), (7, "allow"), (10, "deny limits.order"),
    ]  # fmt: skip
    lines = as_text(told).splitlines()
    assert lines[0] == "p.test.yaml: 0 passed, 3 failed; 0 of 7 limits held on both sides"
    assert lines[1].startswith(
        "  p.test.yaml:4: a: expected allow, got deny limits.order (the order is worth up to 100.1 USDT with fees"
    )
    assert told.document()["failed"][1] == {
        "name": "b", "line": 7, "expected": "deny limits.order", "got": "allow", "detail": "",
    }  # fmt: skip


def test_under_shadow_a_case_expects_the_shadowed_rule() -> None:
    """What would be denied is told, and passes."""
    told = report(case("a", "buy 1 BTC/USDT limit 100", "shadow limits.order"), "mode: shadow\n" + POLICY)
    assert told.failures == ()


INSIDE, OUTSIDE = "buy 0.999 BTC/USDT limit 100", "buy 1 BTC/USDT limit 100"


@pytest.mark.parametrize(
    ("orders", "sides"),
    [
        ((INSIDE, OUTSIDE), ()),
        ((INSIDE,), ("outside",)),
        ((OUTSIDE,), ("inside",)),
        (("buy 0.5 BTC/USDT limit 100", "buy 2 BTC/USDT limit 100"), ("inside", "outside")),
        (("read orders",), ("inside", "outside")),
        (("buy 1 ETH/USDT limit 100",), ("inside",)),
    ],
)
def test_a_limit_is_covered_by_a_case_near_each_side_of_its_edge(
    orders: tuple[str, ...], sides: tuple[str, ...]
) -> None:
    """What passes far inside, or fails far outside, shows nothing of where the edge is."""
    cases = "".join(case(f"c{number}", order, "allow") for number, order in enumerate(orders))
    assert missing(cases, "limits.order") == sides


@pytest.mark.parametrize(
    ("rule", "inside", "outside"),
    [
        ("limits.turnover", "turnover: 990", "turnover: 990.01"),
        ("price.giveaway", "giveaway: 49.99", "giveaway: 50"),
        ("price.stale_after", "age: 3s", "age: 3001ms"),
        ("price.sources", "sources: 2", "sources: 1"),
    ],
)
def test_used_budgets_and_defaults_have_their_edge_too(rule: str, inside: str, outside: str) -> None:
    """An order worth 10 that may give away 0.01."""
    order = "buy 0.1 BTC/USDT limit 100"
    near = case("in", order, "allow", inside), case("out", order, f"deny {rule}", outside)
    told = report("".join(near))
    assert told.failures == ()
    assert missing("".join(near), rule) == ()
    assert missing(near[0], rule) == ("outside",)
    assert missing(near[1], rule) == ("inside",)


def test_a_grant_is_covered_by_one_case_each_way() -> None:
    """It has no edge; what grants everything has no outside."""
    cases = case("a", "buy 0.1 BTC/USDT limit 100", "allow")
    assert missing(cases, "allow.symbols") == ("outside",)
    assert missing(cases + case("b", "buy 0.1 ETH/USDT limit 100", "deny allow.symbols"), "allow.symbols") == ()
    everything = POLICY.replace("orders: [limit]", "orders: [limit]\n  sides: [buy, sell]")
    assert missing(cases, "allow.sides", everything) == ()


def test_what_is_unlimited_needs_no_case() -> None:
    """There is no edge to hold."""
    lifted = POLICY.replace("100 USDT", "unlimited because x")
    assert "limits.order" not in {held.rule for held in report(case("a", INSIDE, "allow"), lifted).coverage}


@pytest.mark.parametrize("name", STARTERS)
def test_a_starter_policy_is_held_on_both_sides_of_every_limit(name: str) -> None:
    """Its tests pass, and none of its limits can move by a hundredth without one failing."""
    told = testing.test_file(POLICIES / f"{name}.test.yaml")
    assert (told.problem, told.failures, told.uncovered) == ("", (), ())
    assert told.coverage


@pytest.mark.parametrize("name", STARTERS)
def test_the_head_of_a_starter_policy_is_its_blast_radius(name: str) -> None:
    """What a reader is told first is what is computed."""
    text = (POLICIES / f"{name}.yaml").read_text()
    head = text.partition("version:")[0].splitlines()
    assert head[-2:] == [f"# {line}" for line in str(blast_radius(load(text, name))).splitlines()]
    assert all(line.startswith("#") for line in head)


def test_the_starters_are_these_and_each_has_its_tests() -> None:
    """A new one comes with tests."""
    files = {path.name for path in POLICIES.glob("*.yaml")}
    assert files == {f"{name}{end}" for name in STARTERS for end in (".yaml", ".test.yaml")}
    assert [one.policy for one in testing.test_directory(POLICIES)] == list(STARTERS)


@pytest.mark.parametrize("name", STARTERS[:-1])
@pytest.mark.parametrize("change", ["order", "turnover", "giveaway"])
def test_a_loosened_starter_policy_fails_its_tests(name: str, change: str) -> None:
    """Twice the amount: the cases just outside the edge are let through."""
    lines = (POLICIES / f"{name}.yaml").read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip().startswith(f"{change}:"))
    amount = lines[at].split()[1]
    lines[at] = lines[at].replace(amount, str(int(amount.replace("_", "")) * 2), 1)
    suite = load_cases((POLICIES / f"{name}.test.yaml").read_text(), name)
    told = run(load("\n".join(lines), name), suite, "")
    assert any(result.case.expect.endswith(f".{change}") for result in told.failures)


def test_a_file_that_cannot_run_says_why(tmp_path: Path) -> None:
    """A broken file, one without its policy, one under a broken policy; the others run."""
    (tmp_path / "a.test.yaml").write_text("version: 1\ncases: []\n")
    (tmp_path / "b.test.yaml").write_text(HEAD + case("a", "cancel own", "allow"))
    (tmp_path / "c.yaml").write_text("version: 1\nlimit: 5\n")
    (tmp_path / "c.test.yaml").write_text(HEAD + case("a", "cancel own", "allow"))
    (tmp_path / "d.test.yaml").mkdir()
    (tmp_path / "e.yaml").write_text(POLICY)
    (tmp_path / "e.test.yaml").write_text(HEAD + case("a", "cancel own", "allow"))
    told = [one.problem for one in testing.test_directory(tmp_path)]
    assert told[0].endswith("a.test.yaml:2:8: cases: expected a list of cases; begin one with - name:")
    assert told[1] == "there is no policy 'b'"
    assert told[2].startswith("policy 'c' cannot be used: unknown key 'limit'")
    assert told[3].endswith("d.test.yaml cannot be read: Is a directory")
    assert told[4] == ""


def test_a_directory_without_tests_is_refused(tmp_path: Path) -> None:
    """Nothing tested is no success."""
    with pytest.raises(Misuse, match=r"there is no \*\.test\.yaml in .*--generate FILE` begins one"):
        testing.test_directory(tmp_path)
