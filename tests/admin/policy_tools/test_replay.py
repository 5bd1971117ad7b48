"""``policy diff NEW --replay``: from the log of a running gateway, exactly the decisions that would have changed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.admin.policy_tools.compared import Replayed
from gateway.admin.policy_tools.replay import Replay
from gateway.audit.line import Entry, encode
from gateway.policy.document import load
from tests.admin.policy_tools.desk import POLICY, Desk, typed


def compared(desk: Desk, place: Path, text: str, name: str = "trader", *more: str) -> dict[str, Any]:
    new = place / f"{name}.yaml"
    new.write_text(text)
    done = desk.run("policy", "diff", str(new), "--json", *more)
    assert (done.code, done.err) == (0, "")
    document: dict[str, Any] = json.loads(done.out)
    return document


def changes(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["asked"], one["was"], one["now"]) for one in document["changed"]]


def test_an_identical_policy_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    """And the replay of the old one decides as the log says, every time; what no policy decides is told apart."""
    told = compared(desk, tmp_path, "# the same\n" + POLICY)
    assert (told["decisions"], told["changed"], told["drift"], told["other_digest"]) == (7, [], 0, 0)
    assert told["skipped"] == {"limits over the account": 1}
    assert told["policy"] == "trader"


def test_a_tightened_limit_turns_allows_into_denials(desk: Desk, tmp_path: Path) -> None:
    """With the id of each decision, and why."""
    told = compared(desk, tmp_path, POLICY.replace("500 USDT", "50 USDT"))
    assert changes(told) == [
        ("buy 0.001 BTC/USDT market", "allow", "deny limits.order"),
        ("buy 0.01 BTC/USDT limit 40000", "allow", "deny limits.order"),
    ]
    recorded = {one["d"]: one for one in desk.decisions()}
    assert [recorded[one["decision_id"]]["verdict"] for one in told["changed"]] == ["allow", "allow"]
    assert told["changed"][1]["detail"] == "the order is worth up to 400.4 USDT with fees; limits.order is 50 USDT"


def test_a_budget_is_filled_by_what_the_new_policy_would_have_let_pass(desk: Desk, tmp_path: Path) -> None:
    """Into 440 fit 40 and 60, and not 400 more; where the 60 are denied, the 400 fit and the last 10 do not."""
    told = compared(desk, tmp_path, POLICY.replace("1_000 USDT per 24h", "440 USDT per 24h"))
    assert changes(told) == [("buy 0.01 BTC/USDT limit 40000", "allow", "deny limits.turnover")]
    freed = POLICY.replace("1_000 USDT per 24h", "440 USDT per 24h").replace("market]", "limit]").replace("limit, ", "")
    assert changes(compared(desk, tmp_path, freed)) == [
        ("buy 0.001 BTC/USDT market", "allow", "deny allow.orders"),
        ("buy 0.00025 BTC/USDT limit 40000", "allow", "deny limits.turnover"),
    ]


def test_what_the_exchange_answered_is_in_the_budget(desk: Desk, tmp_path: Path) -> None:
    """The market order reserved 60.3 and filled at 60.003: the 400 fit into 500.1 only by that."""
    told = compared(desk, tmp_path, POLICY.replace("1_000 USDT per 24h", "500.1 USDT per 24h"))
    assert changes(told) == [("buy 0.00025 BTC/USDT limit 40000", "allow", "deny limits.turnover")]


def test_a_loosened_policy_turns_denials_into_allows(desk: Desk, tmp_path: Path) -> None:
    """Orders and reads; then its larger budget is used by what passed."""
    text = POLICY.replace("500 USDT", "5_000 USDT").replace("1_000", "10_000").replace("[balances, orders]", "all")
    assert changes(compared(desk, tmp_path, text)) == [
        ("buy 0.1 BTC/USDT limit 5000", "deny limits.order", "allow"),
        ("read trades", "deny allow.reads", "allow"),
    ]


def test_shadow_shows_what_it_would_let_pass(desk: Desk, tmp_path: Path) -> None:
    """A denial that only would be written down."""
    told = compared(desk, tmp_path, "mode: shadow\n" + POLICY)
    assert ("buy 0.1 BTC/USDT limit 5000", "deny limits.order", "shadow limits.order") in changes(told)


def test_another_name_is_compared_by_option_and_under_a_parent_of_the_home(desk: Desk, tmp_path: Path) -> None:
    """The candidate need not lie in the home."""
    text = "version: 1\nextends: trader\nlimits:\n  order: 100 USDT\n"
    told = compared(desk, tmp_path, text, "next", "--policy", "trader")
    assert changes(told) == [("buy 0.01 BTC/USDT limit 40000", "allow", "deny limits.order")]


def test_a_person_reads_each_change_in_a_line(desk: Desk, tmp_path: Path) -> None:
    """Time, token, order, both verdicts, the reason and the id for `why`."""
    new = tmp_path / "trader.yaml"
    new.write_text(POLICY.replace("500 USDT", "100 USDT"))
    lines = desk.run("policy", "diff", str(new)).out.splitlines()
    assert lines[0] == "7 decisions under trader, replayed against trader: 1 changes"
    assert "  bot  buy 0.01 BTC/USDT limit 40000: allow -> deny limits.order  (the order is worth" in lines[1]
    assert lines[1].endswith(f"d={desk.told[5].headers['x-tradewarden-decision']}")
    assert "  not replayed: 1 (limits over the account)" in lines


def test_the_log_alone_is_enough(desk: Desk, tmp_path: Path) -> None:
    """No gateway need run."""
    home = desk.left_behind(tmp_path)
    new = tmp_path / "trader.yaml"
    new.write_text(POLICY.replace("500 USDT", "50 USDT"))
    assert len(typed(home, "policy", "diff", str(new), "--json").json()["changed"]) == 2


def test_a_policy_that_is_not_there_cannot_be_compared_with(desk: Desk, tmp_path: Path) -> None:
    """One line that says what to name."""
    new = tmp_path / "unknown.yaml"
    new.write_text(POLICY)
    done = desk.world.home.attempt("policy", "diff", str(new), "--json")
    told = "error: there is no policy 'unknown' to compare with; name the one it would replace: --policy"
    assert (done.code, done.out, done.err.strip()) == (1, "", told)


def replayed(desk: Desk, new: str, since_ms: int) -> Replayed:
    return Replay(load(POLICY, "trader"), load(new, "trader"), since_ms).run(desk.log())


@pytest.mark.parametrize("number", [0, 3, 5])
def test_what_lies_before_the_time_fills_budgets_and_is_not_told(desk: Desk, number: int) -> None:
    """The budget is as full as it was, whatever is asked about."""
    mine = [one for one in desk.log() if one.fields["type"] == "decision" and one.fields.get("token") == "bot"]
    since_ms = mine[number].at_ms
    counted = [one for one in mine if one.at_ms >= since_ms and one.fields.get("rule") != "account.limits.turnover"]
    told = replayed(desk, POLICY.replace("1_000 USDT per 24h", "440 USDT per 24h"), since_ms)
    assert told.decisions == len(counted)
    assert [change.now for change in told.changes] == ["deny limits.turnover"]


def test_denials_that_no_policy_makes_count_towards_the_breaker(desk: Desk) -> None:
    """Two of the policy and one of the account: a breaker at three stops the last order alone."""
    told = replayed(desk, POLICY + "if_denied: 3 per 1h then halt\n", 0)
    assert [(change.asked, change.now) for change in told.changes] == [
        ("buy 0.00025 BTC/USDT limit 40000", "deny if_denied"),
    ]  # fmt: skip


KNOWN = {"anchor": "60000", "volume_24h": "1000000000", "volume_1h": "40000000"}


def retold(entry: Entry, slow: Mapping[str, str | None]) -> Entry:
    """The record with these averages and volumes; without any it is one of an older version."""
    body = entry.body
    if "reference" not in body:
        return entry
    body["reference"] = {name: value for name, value in body["reference"].items() if name not in KNOWN} | slow
    line = b'{"n":%d,"t":"%b","prev":"%b",%b\n' % (entry.number, entry.at.encode(), entry.prev.encode(), encode(body))
    return Entry(entry.number, entry.at, entry.prev, entry.type, line)


def slow_diff(desk: Desk, more: str, slow: Mapping[str, str | None]) -> Replayed:
    """The desk's log with such averages and volumes, under its policy and one that has this control too."""
    section, line = more.split(": ", 1)
    rest = POLICY.partition("price:\n")[2] if section == "price" else ""
    text = f"{POLICY.removesuffix(rest)}{'' if rest else 'liquidity:'}\n  {line}\n{rest}"
    old, new = load(POLICY, "trader"), load(text, "trader")
    return Replay(old, new, 0).run(retold(entry, slow) for entry in desk.log())


@pytest.mark.parametrize(
    ("more", "rule", "denied", "passing"),
    [
        ("price: anchor: 10% from 24h vwap", "price.anchor", {"anchor": "35000"}, {"anchor": "60000"}),
        ("liquidity: volume_24h: at least 5_000_000 USDT", "liquidity.volume_24h",
         {"volume_24h": "4999999"}, {"volume_24h": "5000000"}),
        ("liquidity: share_of_1h: at most 1%", "liquidity.share_of_1h", {"volume_1h": "500"}, {"volume_1h": "9000000"}),
    ],
)  # fmt: skip
def test_averages_and_volumes_of_then_are_judged(
    desk: Desk, more: str, rule: str, denied: dict[str, str], passing: dict[str, str]
) -> None:
    """By what the records hold; what nobody knew then is denied, what an older record does not say passes."""
    told = slow_diff(desk, more, KNOWN | denied)
    assert {change.now for change in told.changes} == {f"deny {rule}"}
    assert told.changes
    assert (told.without_slow, slow_diff(desk, more, KNOWN | passing).changes) == (0, [])
    unknown = slow_diff(desk, more, {**KNOWN, **dict.fromkeys(denied)})
    assert {change.now for change in unknown.changes} == {f"deny {rule}"}
    older = slow_diff(desk, more, {})
    assert (older.changes, older.without_slow) == ([], 5)


def test_a_denial_is_judged_by_the_price_that_it_was_denied_at(desk: Desk) -> None:
    """Its record has it; no other price need stand for it."""
    denials = [one for one in desk.decisions() if one["verdict"] == "deny" and one["intent"]["is"] == "place"]
    assert [one["reference"]["price"] for one in denials] == ["60000", "60000"]
