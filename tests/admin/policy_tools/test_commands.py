"""The `policy` commands as typed: data on stdout, prose on stderr, one JSON document with --json, exit 0, 1 or 2."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.policy.schema import schema
from tests.admin.policy_tools.desk import typed
from tests.world.home import Home

STARTERS = ("dca", "freqtrade-spot", "grid", "market-making", "read-only")
POLICY = """\
version: 1
allow:
  symbols: [BTC/USDT]
  orders: [limit]
limits:
  order: 600 USDT
  turnover: 500 USDT per 24h
price:
  giveaway: 10 USDT per 24h
  collar: 1% from reference
"""
CASES = """\
version: 1
given: {price: 100}
cases:
  - name: good
    when: buy 1 BTC/USDT limit 100
    expect: allow
"""
KNOWN = {
    "$schema", "title", "description", "type", "required", "additionalProperties", "properties", "patternProperties",
    "items", "uniqueItems", "minItems", "minProperties", "enum", "const", "pattern", "anyOf", "minimum", "maximum",
    "exclusiveMinimum",
}  # fmt: skip
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float)}


@pytest.fixture
def home(initialised_home: Home) -> Home:
    """A home to look at; no test of this file changes it."""
    return initialised_home


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with one policy whose turnover keeps its order from ever being reached."""
    (tmp_path / "p.yaml").write_text(POLICY)
    return tmp_path


def test_check_puts_bounds_on_stdout_and_findings_on_stderr(home: Home, place: Path) -> None:
    """`file:line:column: warning: what; suggestion`."""
    path = place / "p.yaml"
    done = typed(home, "policy", "check", str(path))
    bounds = "drain: at most 5.5 USDT per 24h", "exposure: at most 500 USDT per 24h"
    assert done.out == f"{path}: ok\n  {bounds[0]}\n  {bounds[1]}\n"
    assert done.err.splitlines() == [
        f"{path}:6:3: warning: limits.order: is above limits.turnover (500 USDT per 24h); lower it",
        f"{path}:9:3: warning: price.giveaway: is never reached: limits.turnover and price.collar end at 5.5 USDT; "
        "lower it",
    ]
    assert done.code == 0
    told = typed(home, "policy", "check", str(path), "--json")
    document = told.json()
    assert (told.code, told.err) == (0, "")
    assert document["blast_radius"]["drain"] == {"amount": "5.5", "currency": "USDT", "per": "24h"}
    assert [(one["line"], one["column"], one["path"]) for one in document["warnings"]] == [
        (6, 3, "limits.order"), (9, 3, "price.giveaway"),
    ]  # fmt: skip


def test_check_of_a_wrong_file_fails_with_every_error(home: Home, place: Path) -> None:
    """Beside good ones, whose bounds are still told; a file that is not there is one of them."""
    wrong = place / "wrong.yaml"
    wrong.write_text("version: 1\nlimits:\n  ordr: 5 USDT\n  turnover: 5\n")
    done = typed(home, "policy", "check", str(wrong), str(place / "p.yaml"), str(place / "none.yaml"))
    assert done.code == 1
    assert f"{wrong}:3:3: error: unknown key 'limits.ordr'; did you mean limits.order?" in done.err
    assert f"{wrong}:4:13: error: limits.turnover: " in done.err
    assert f"{place / 'none.yaml'}:1:1: error: cannot be read: No such file or directory" in done.err
    assert done.out.startswith(f"{place / 'p.yaml'}: ok\n")
    told = typed(home, "policy", "check", str(wrong), str(place / "p.yaml"), "--json")
    assert (told.code, told.err) == (1, "")
    assert [one["ok"] for one in told.json()["files"]] == [False, True]


def test_the_policies_of_a_new_home_pass_their_tests(home: Home) -> None:
    """And hold every limit on both sides."""
    done = typed(home, "policy", "test", "--coverage", "--json")
    document = done.json()
    assert (done.code, done.err, document["ok"], document["covered"]) == (0, "", True, True)
    assert [one["policy"] for one in document["files"]] == list(STARTERS)


def test_a_failing_case_fails_the_command(home: Home, place: Path) -> None:
    """With its place, on stdout; coverage fails it only where asked."""
    tests = place / "p.test.yaml"
    tests.write_text(CASES)
    done = typed(home, "policy", "test", str(place))
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == f"{tests}: 1 passed, 0 failed; 0 of 8 limits held on both sides"
    assert "  limits.order: no case inside nor outside its edge" in done.out.splitlines()
    assert typed(home, "policy", "test", str(place), "--coverage").code == 1
    tests.write_text(CASES.replace("limit 100", "limit 200"))
    done = typed(home, "policy", "test", str(place))
    assert done.code == 1
    assert f"  {tests}:4: good: expected allow, got deny price.collar (" in done.out
    assert typed(home, "policy", "test", str(place), "--json").json()["ok"] is False


def test_generated_tests_run_and_cover_and_are_never_overwritten(home: Home, place: Path) -> None:
    """The round trip of a new policy."""
    target = place / "p.test.yaml"
    made = typed(home, "policy", "test", "--generate", str(place / "p.yaml"), "--price", "60_000", "--json")
    assert (made.code, made.err) == (0, "")
    assert made.json() == {"file": str(target), "cases": target.read_text().count("- name:")}
    done = typed(home, "policy", "test", str(place), "--coverage")
    assert (done.code, done.err) == (0, "")
    target.write_text("mine")
    again = home.attempt("policy", "test", "--generate", str(place / "p.yaml"))
    told = f"error: {target} exists; move it away to have another one written\n"
    assert (again.code, again.out, again.err) == (1, "", told)
    assert target.read_text() == "mine"


def test_a_dry_look_needs_no_gateway(home: Home, place: Path) -> None:
    """A policy file and a price: what a fresh token would be told."""
    words = "policy", "explain", "--policy", str(place / "p.yaml"), "--price", "100"
    done = typed(home, *words, "buy 7 BTC/USDT limit 100")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("DENIED by limits.order: the order is worth up to 700.7 USDT with fees")
    assert "   [p.yaml:6: order: 600 USDT]\n" in done.out
    document = typed(home, *words, "buy 1 BTC/USDT limit 100", "--json").json()
    assert (document["verdict"], document["token"], document["policy"]) == ("allow", None, "p")


ORDER = "buy 1 BTC/USDT limit 100"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("explain", ORDER), "give --token T, or --policy FILE with --price P"),
        (("explain", ORDER, "--token", "t", "--policy", "p.yaml", "--price", "5"), "give --token T"),
        (("explain", ORDER, "--policy", "p.yaml"), "give --token T"),
        (("explain", ORDER, "--policy", "p.yaml", "--price", "0"), "Invalid value for --price: zero makes no sense"),
        (("explain", "buy 1 BTC", "--token", "t"), "Invalid value for ORDER: the symbol is missing"),
        (("diff", "p.yaml", "--replay", "1 week"), "Invalid value for --replay: '1 week' is not a duration; write"),
        (("test", "--generate", "p.yaml", "--price", "x"), "Invalid value for --price: 'x' is not a number; write"),
        (("check",), "Missing argument"),
    ],
)
def test_wrong_usage_is_2(home: Home, place: Path, words: tuple[str, ...], told: str) -> None:
    """Said on stderr, with nothing on stdout."""
    done = typed(home, "policy", *(str(place / word) if word == "p.yaml" else word for word in words))
    assert (done.code, done.out) == (2, "")
    assert told in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("explain", ORDER, "--token", "t"), "no gateway is running, and live state is what it knows; start it with"),
        (("explain", ORDER, "--policy", "none.yaml", "--price", "5"), "none.yaml cannot be read: No such file"),
        (("explain", ORDER, "--policy", "wrong.yaml", "--price", "5"), "wrong.yaml:1:10: this version of the gateway"),
        (("diff", "p.yaml"), "there is no policy 'p' to compare with; name the one it would replace: --policy"),
        (("test", "."), "there is no *.test.yaml in "),
    ],
)
def test_what_cannot_be_done_is_1_in_one_line(home: Home, place: Path, words: tuple[str, ...], told: str) -> None:
    """It says why, and what to do."""
    (place / "wrong.yaml").write_text("version: 2\n")
    done = home.attempt("policy", *(str(place / word) if word[-1] in "l." else word for word in words), "--json")
    assert (done.code, done.out) == (1, "")
    assert re.fullmatch(f"error: .*{re.escape(told)}.*\n", done.err)


def accepts(rule: dict[str, Any], value: Any) -> bool:
    """Whether JSON Schema accepts the value, for the words of it that the schema uses."""
    assert set(rule) <= KNOWN, set(rule) - KNOWN
    types = rule.get("type", list(TYPES))
    kinds = [TYPES[name] for name in ([types] if isinstance(types, str) else types)]
    if not any(isinstance(value, kind) for kind in kinds) or value not in rule.get("enum", [value]):
        return False
    if "anyOf" in rule and not any(accepts(one, value) for one in rule["anyOf"]):
        return False
    if isinstance(value, dict):
        return set(rule.get("required", ())) <= set(value) and all(_entry(rule, *entry) for entry in value.items())
    if isinstance(value, list):
        return all(accepts(rule.get("items", {}), one) for one in value)
    if isinstance(value, str):
        return re.search(rule.get("pattern", ""), value) is not None
    return bool(rule.get("minimum", value) <= value)


def _entry(rule: dict[str, Any], key: str, value: Any) -> bool:
    if key in rule.get("properties", {}):
        return accepts(rule["properties"][key], value)
    named = [inner for pattern, inner in rule.get("patternProperties", {}).items() if re.search(pattern, key)]
    if named:
        return all(accepts(inner, value) for inner in named)
    other = rule.get("additionalProperties", True)
    return accepts(other, value) if isinstance(other, dict) else bool(other)


def test_the_schema_is_printed_alone(home: Home) -> None:
    """Ready to be written to a file."""
    done = typed(home, "policy", "schema")
    assert (done.code, done.err) == (0, "")
    assert done.json() == schema()
    assert done.json()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", STARTERS)
def test_the_schema_accepts_a_starter_policy_and_no_key_besides(home: Home, name: str) -> None:
    """As an editor reads it, at every level."""
    document = yaml.safe_load((home.path / f"policies/{name}.yaml").read_text())
    assert accepts(schema(), document)
    assert not accepts(schema(), document | {"limit": 5})
    assert not accepts(schema(), {key: value for key, value in document.items() if key != "version"})
    for section in (key for key, value in document.items() if isinstance(value, dict)):
        assert not accepts(schema(), document | {section: document[section] | {"ordr": "5 USDT"}})
    assert not accepts(schema(), document | {"limits": {"order": "lots"}})


def test_check_names_what_no_order_can_meet_on_a_testnet(home: Home) -> None:
    """Each with its line; the file is no worse for it."""
    path = Path(__file__).parents[3] / "policies" / "grid.yaml"
    lines = path.read_text().splitlines()
    done = typed(home, "policy", "check", str(path), "--environment", "testnet", "--json")
    told = {one["path"]: (one["line"], one["suggestion"]) for one in done.json()["warnings"]}
    line = {key: number for number, text in enumerate(lines, 1) for key in ("anchor:", "volume_24h:") if key in text}
    assert told == {
        "price.sources": (1, "say under price: `sources: 1 because it is a rehearsal`"),
        "price.anchor": (line["anchor:"], "leave out price.anchor"),
        "liquidity.volume_24h": (line["volume_24h:"], "leave out liquidity.volume_24h"),
    }
    assert (done.code, done.json()["ok"]) == (0, True)
    text = typed(home, "policy", "check", str(path), "--environment", "testnet").err
    assert f"{path}:{line['anchor:']}:1: warning: price.anchor: on testnet nobody but the exchange itself" in text
    assert typed(home, "policy", "check", str(path), "--json").json()["warnings"] == []
    assert typed(home, "policy", "check", str(path), "--environment", "paper").code == 2
