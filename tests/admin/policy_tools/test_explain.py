"""``policy explain`` and ``why`` on a running gateway: what would be decided, with every number and line of YAML."""

from pathlib import Path
from typing import Any

import pytest

from tests.admin.policy_tools.desk import POLICY, Desk, typed
from tests.world.home import Done, Home

FITS, TOO_LARGE, TOO_MUCH = (f"buy {quantity} BTC/USDT limit 40000" for quantity in ("0.001", "0.1", "0.0105"))


def control(document: dict[str, Any], rule: str) -> dict[str, Any]:
    return next(one for one in document["controls"] if one["rule"] == rule)


def numbers(document: dict[str, Any], rule: str) -> tuple[str, str, str]:
    found = control(document, rule)
    return found["verdict"], found["observed"], found["limit"]


def test_the_story_went_as_it_is_told(desk: Desk) -> None:
    """What all other tests lean on."""
    assert [reply.rule for reply in desk.told] == [
        "", "limits.order", "", "", "allow.reads", "", "account.limits.turnover", "",
    ]  # fmt: skip


def test_an_order_that_would_pass_shows_what_it_leaves(desk: Desk) -> None:
    """Numbers are live: the story's orders are in them."""
    told = desk.explained(FITS)
    assert (told["verdict"], told["token"], told["account"], told["policy"]) == ("allow", "bot", "main", "trader")
    assert told["reserve"] == {"value": "40 USDT", "giveaway": "0.04 USDT"}
    assert told["reference"]["price"] == "60000"
    assert numbers(told, "limits.order") == ("pass", "40.04 USDT", "500 USDT")
    assert numbers(told, "limits.turnover") == ("pass", "550.003 USDT", "1000 USDT per 24h")
    assert numbers(told, "account.limits.turnover") == ("pass", "550.003 USDT", "900 USDT per 24h")
    assert numbers(told, "price.collar") == ("pass", "40000", "1% from reference: at most 60600")
    assert {one["verdict"] for one in told["controls"]} == {"pass"}


def test_every_control_has_the_line_that_states_it(desk: Desk) -> None:
    """File, line and words, without the comment; none for what stands by default."""
    told = desk.explained(FITS)
    stated = {one["rule"]: one["yaml"] for one in told["controls"] if one["yaml"]}
    lines = POLICY.splitlines()
    for number, line in enumerate(lines, 1):
        key = line.strip().partition(":")[0]
        rule = next((rule for rule in stated if rule in (f"allow.{key}", f"limits.{key}", f"price.{key}")), None)
        if line.startswith("  "):
            assert rule is not None
            text = line.partition("  #")[0].strip()
            assert stated.pop(rule) == {"file": "trader.yaml", "line": number, "text": text}
    settings = (desk.world.home.path / "gateway.yaml").read_text().splitlines()
    here = stated.pop("account.limits.turnover")
    assert here == {"file": "gateway.yaml", "line": len(settings), "text": "turnover: 900 USDT per 24h"}
    assert stated == {}


def test_an_order_that_would_be_denied_names_every_reason(desk: Desk) -> None:
    """The most severe first, the others beside it; what passes is still told."""
    told = desk.explained(TOO_LARGE)
    assert (told["verdict"], told["rule"]) == ("deny", "limits.order")
    assert told["detail"] == "the order is worth up to 4004 USDT with fees; limits.order is 500 USDT"
    failed = {one["rule"] for one in told["controls"] if one["verdict"] == "fail"}
    assert failed == {"limits.order", "limits.turnover", "account.limits.turnover"}
    assert numbers(told, "limits.turnover")[1:] == ("4510.003 USDT", "1000 USDT per 24h")
    assert control(told, "limits.order")["code"] == "limit"


def test_a_limit_over_the_account_denies_as_it_does_for_the_bot(desk: Desk) -> None:
    """The policy alone would let it pass."""
    told = desk.explained(TOO_MUCH)
    assert (told["verdict"], told["rule"]) == ("deny", "account.limits.turnover")
    assert numbers(told, "limits.turnover")[0] == "pass"


def test_explaining_counts_and_records_nothing(desk: Desk) -> None:
    """It may be asked as often as one likes."""
    before = desk.decisions()
    mark = desk.world.exchange.mark()
    first = desk.explained(TOO_LARGE)
    assert desk.explained(TOO_LARGE)["controls"] == first["controls"]
    assert desk.decisions() == before
    assert [one for one in desk.world.exchange.arrivals(mark) if one.signed and not one.follows] == []


def test_reads_and_cancels_are_explained_too(desk: Desk) -> None:
    """With the reason of each."""
    assert desk.explained("read trades")["rule"] == "allow.reads"
    assert desk.explained("read orders")["verdict"] == "allow"
    assert desk.explained("cancel foreign")["rule"] == "allow.cancel"
    assert desk.explained("cancel own")["verdict"] == "allow"


def test_a_person_reads_failures_first(desk: Desk) -> None:
    """One line each, with numbers and place; what has no say is left out."""
    done = desk.run("policy", "explain", "--token", "bot", TOO_LARGE)
    lines = done.out.splitlines()
    assert lines[0] == "DENIED by limits.order: the order is worth up to 4004 USDT with fees; limits.order is 500 USDT"
    assert lines[1].startswith("  fair price 60000 (")
    words = [line.split()[0] for line in lines[2:]]
    assert words == sorted(words)
    assert "   [trader.yaml:7: order: 500 USDT]" in lines[2]
    assert "[gateway.yaml:" in done.out
    assert "allow.reads" not in done.out
    assert (done.code, done.err) == (0, "")
    passed = desk.run("policy", "explain", "--token", "bot", FITS).out.splitlines()
    assert passed[0] == "ALLOWED"
    assert passed[2] == "  would reserve 40 USDT, giveaway 0.04 USDT"


@pytest.mark.parametrize(
    ("token", "order", "told"),
    [
        ("nobody", FITS, "error: there is no live token 'nobody'; `tradewarden token list` shows them"),
        ("bot", "buy 1 FOO/USDT market", "error: the exchange lists no FOO/USDT that can be valued; "
         "no policy is asked about it"),
    ],
)  # fmt: skip
def test_what_cannot_be_explained_is_refused_in_one_line(desk: Desk, token: str, order: str, told: str) -> None:
    """Exit code 1, nothing on standard output."""
    done = desk.world.home.attempt("policy", "explain", "--token", token, order, "--json")
    assert (done.code, done.out, done.err.strip()) == (1, "", told)


def test_a_paused_token_is_explained_as_paused(desk: Desk) -> None:
    """State is live, too."""
    desk.world.issue("sleeper")
    desk.world.home.run("token", "pause", "sleeper")
    told = desk.explained(FITS, "sleeper")
    assert (told["verdict"], told["rule"]) == ("deny", "state")
    assert numbers(told, "limits.turnover")[1] == "40 USDT"


def given(desk: Desk, number: int) -> str:
    """The id of one of the story's decisions, as its bot was told."""
    return desk.told[number].headers["x-tradewarden-decision"]


def findings(done: Done) -> dict[str, dict[str, Any]]:
    """What ``why --json`` tells of each control."""
    return {one["rule"]: one for one in done.json()["findings"]}


def account_line(home: Home) -> tuple[str, int]:
    """Where the story's limit over the account stands: in the last line."""
    return "gateway.yaml", len((home.path / "gateway.yaml").read_text().splitlines())


def test_why_names_the_line_of_the_control_that_denied(desk: Desk) -> None:
    """By the id that the bot was given; failures first."""
    done = desk.run("why", given(desk, 1))
    assert "detail: the order is worth up to 500.5 USDT with fees; limits.order is 500 USDT" in done.out
    told = [line.split()[:2] for line in done.out.splitlines() if line.startswith(("  FAIL", "  PASS"))]
    assert told[0] == ["FAIL", "limits.order"]
    assert ["PASS", "limits.turnover"] in told
    assert "   [trader.yaml:7: order: 500 USDT]\n" in done.out
    assert (done.code, done.err) == (0, "")
    [record] = desk.run("why", given(desk, 1), "--json").json()["records"]
    assert (record["rule"], record["verdict"]) == ("limits.order", "deny")


def test_why_shows_every_control_of_an_allowed_order_with_its_numbers_and_its_line(desk: Desk) -> None:
    """The same controls and lines as ``policy explain``, with the numbers of then."""
    now = {one["rule"]: one for one in desk.explained(FITS)["controls"] if not one["silent"]}
    told = findings(desk.run("why", given(desk, 5), "--json"))
    assert set(told) == set(now)
    for rule, one in told.items():
        line = now[rule]["yaml"] or {"file": None, "line": None, "text": None}
        assert (one["verdict"], one["file"], one["line"], one["yaml"]) == (
            "pass", line["file"], line["line"], line["text"],
        ), rule  # fmt: skip
    turnover = told["limits.turnover"]
    assert (turnover["observed"], turnover["limit"]) == ("500.003 USDT", "1000 USDT per 24h")
    assert turnover["before"] == "100.003 USDT"
    assert told["price.giveaway"]["before"] == "0.103003 USDT"
    assert told["limits.order"]["observed"] == "400.4 USDT"
    assert told["allow.symbols"]["detail"] == "granted"


def test_why_shows_the_line_of_a_limit_over_the_account(desk: Desk) -> None:
    """It stands in the settings, passed or failed."""
    place = account_line(desk.world.home)
    for number, verdict in ((5, "pass"), (6, "fail")):
        one = findings(desk.run("why", given(desk, number), "--json"))["account.limits.turnover"]
        assert (one["verdict"], one["limit"]) == (verdict, "900 USDT per 24h")
        assert (one["file"], one["line"], one["yaml"]) == (*place, "turnover: 900 USDT per 24h")
    text = desk.run("why", given(desk, 6)).out
    assert f"[gateway.yaml:{place[1]}: turnover: 900 USDT per 24h]" in text


def test_why_tells_of_reads_and_of_what_no_control_was_asked(desk: Desk) -> None:
    """A read's grant, and nothing of what the exchange answered."""
    told = findings(desk.run("why", given(desk, 3), "--json"))
    assert (told["allow.reads"]["verdict"], told["allow.reads"]["yaml"]) == ("pass", "reads: [balances, orders]")
    denied = findings(desk.run("why", given(desk, 4), "--json"))["allow.reads"]
    assert (denied["verdict"], denied["line"]) == ("fail", 5)


def test_why_quotes_no_file_that_says_something_else_now(desk: Desk, tmp_path: Path) -> None:
    """A line of today is no reason of yesterday; a comment or a moved line changes nothing."""
    home = desk.left_behind(tmp_path)
    home.write("policies/trader.yaml", "# moved\n" + POLICY)
    assert "[trader.yaml:8: order: 500 USDT]\n" in typed(home, "why", given(desk, 1)).out
    home.write("policies/trader.yaml", POLICY.replace("500 USDT", "400 USDT"))
    assert "order: 400" not in (told := typed(home, "why", given(desk, 1)).out)
    assert "  policy trader as of digest " in told
    assert "limits.order" in told
    changed = findings(typed(home, "why", given(desk, 1), "--json"))["limits.order"]
    assert (changed["file"], changed["line"], changed["yaml"]) == (None, None, None)
    home.write("policies/trader.yaml", "version: 2\n")
    assert "; it cannot be read now\n" in typed(home, "why", given(desk, 1)).out


def test_why_quotes_no_settings_that_say_something_else_now(desk: Desk, tmp_path: Path) -> None:
    """Nor settings that cannot be read; the policy's lines stay."""
    home = desk.left_behind(tmp_path)
    text = (home.path / "gateway.yaml").read_text()
    for changed in (text.replace("turnover: 900", "turnover: 800"), text.replace("accounts:", "acounts:"), None):
        if changed is None:
            (home.path / "gateway.yaml").unlink()
        else:
            home.write("gateway.yaml", changed)
        told = findings(typed(home, "why", given(desk, 6), "--json"))
        assert told["account.limits.turnover"]["line"] is None
        assert told["limits.order"]["line"] == 7


def test_a_token_for_a_testnet_is_issued_with_a_warning(desk: Desk) -> None:
    """Its policy would deny every order there; under one that knows, nothing is said."""
    world = desk.world
    world.add_account("rehearsal", world.real_key, "--environment", "testnet", "--no-check")
    world.home.write("policies/wary.yaml", POLICY.replace("sources: 1 because it is a test", "sources: 2"))
    words = ("token", "issue", "--account", "rehearsal", "--json", "--policy")
    warned, quiet = desk.run(*words, "wary", "rehearser"), desk.run(*words, "trader", "rehearser-2")
    assert warned.err.startswith("warning: on testnet nobody but the exchange itself tells a price: price.sources will")
    assert "warning" not in quiet.err
    assert warned.json().keys() == quiet.json().keys()
    assert "warning" not in desk.run("token", "issue", "--account", "main", "--policy", "wary", "live", "--json").err
