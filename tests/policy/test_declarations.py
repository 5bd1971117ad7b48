"""Schema and documentation follow from the controls' own declarations."""

import re
from pathlib import Path
from typing import Any

import pytest

from gateway.policy.controls import FLOORS, SETTINGS
from gateway.policy.controls.control import Key, Setting
from gateway.policy.document import load
from gateway.policy.reader import EXTENDS, NOT_YET, SECTIONS, VERSION
from gateway.policy.schema import schema
from gateway.policy.strict_yaml import Items, Node, Table, Text, read

DOCUMENT = (Path(__file__).parents[2] / "docs/policy.md").read_text("utf-8")


def fragment(path: str) -> dict[str, Any]:
    """The schema's part for one key."""
    section, _, leaf = path.partition(".")
    properties = schema()["properties"]
    found = properties[section]["properties"][leaf] if leaf else properties[section]
    assert isinstance(found, dict)
    return found


def accepts(rule: dict[str, Any], node: Node) -> bool:
    """Whether the part of JSON Schema that we use accepts the node; a scalar may be a string or a number."""
    if "anyOf" in rule:
        return any(accepts(one, node) for one in rule["anyOf"])
    if "enum" in rule or "const" in rule:
        return isinstance(node, Text) and node.text in [str(value) for value in rule.get("enum", [rule.get("const")])]
    match node:
        case Items():
            return rule["type"] == "array" and all(accepts(rule["items"], item) for item in node.items)
        case Table():
            return all(accepts(inner, value) for inner, value in entries(rule, node))
        case Text():
            if rule["type"] == "integer":
                return node.text.isdecimal()
            return "string" in rule["type"] and re.search(rule.get("pattern", ""), node.text) is not None


def entries(rule: dict[str, Any], node: Table) -> list[tuple[dict[str, Any], Node]]:
    """Each entry with its part of the schema, which accepts nothing for a key that it does not know."""
    nothing: dict[str, Any] = {"enum": []}
    if "properties" in rule:
        assert set(rule["required"]) <= {key.text for key, _ in node.entries}
        return [(rule["properties"].get(key.text, nothing), value) for key, value in node.entries]
    [(pattern, inner)] = rule["patternProperties"].items()
    return [(inner if re.search(pattern, key.text) else nothing, value) for key, value in node.entries]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.rule)
def test_the_schema_has_every_key_and_accepts_its_example(setting: type[Setting]) -> None:
    """Editors complete every key and do not underline what the loader takes."""
    rule = fragment(setting.key.path)
    assert rule["description"].startswith(setting.key.meaning)
    assert accepts(rule, read(setting.key.example, "x"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("limits.order", "1_000.5 USDT then halt"),
        ("limits.order", "unlimited because x"),
        ("limits.open_orders", "20"),
        ("limits.open_orders", "20 each"),
        ("limits.quantity", "{BTC: 0.05}"),
        ("allow.reads", "all"),
        ("allow.cancel", "account"),
        ("allow.symbols", '["*/USDT", BTC/*]'),
        ("price.market", "deny"),
        ("price.market", "protect 1_0.5%"),
        ("price.stale_after", "500ms"),
        ("version", "1"),
        ("limits.loss", "250 USDT per 24h then reduce_only"),
        ("limits.position", "unlimited because x"),
        ("price.sources", "3"),
        ("price.sources", "1 because x"),
        ("liquidity.volume_24h", "at least 1_000.5 USDT"),
        ("hours", "{zone: UTC}"),
        ("hours", '{days: [sun], from: "22:00", to: "24:00", zone: America/Argentina/Salta}'),
        ("alerts", "[large 5 USDT]"),
        ("mode", "shadow"),
        ("extends", "house-rules"),
    ],
)
def test_the_schema_accepts_what_the_loader_accepts(path: str, value: str) -> None:
    """Other forms than the example."""
    assert accepts(fragment(path), read(value, "x"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("limits.order", "USDT"),
        ("limits.order", "unlimited"),
        ("allow.orders", "[limt]"),
        ("allow.symbols", "[btc/usdt]"),
        ("price.market", "allow"),
        ("price.stale_after", "3"),
        ("version", "2"),
        ("allow.cancel", "all"),
        ("price.collar", "1%"),
        ("price.anchor", "1% from reference"),
        ("price.sources", "1"),
        ("liquidity.volume_24h", "20 USDT"),
        ("hours", '{from: "8", zone: UTC}'),
        ("if_silent", "90s"),
        ("alerts", "[large]"),
        ("mode", "warn"),
        ("extends", "../house"),
    ],
)
def test_the_schema_refuses_plain_mistakes(path: str, value: str) -> None:
    """An editor marks them before the gateway does."""
    assert not accepts(fragment(path), read(value, "x"))


def test_the_schema_is_closed() -> None:
    """Unknown keys are marked at every level."""
    whole = schema()
    assert whole["additionalProperties"] is False
    assert all(whole["properties"][section]["additionalProperties"] is False for section in SECTIONS)
    assert whole["required"] == ["version"]


@pytest.mark.parametrize("key", [VERSION, EXTENDS, *(setting.key for setting in SETTINGS)], ids=lambda key: key.path)
def test_every_key_is_documented_as_it_is_declared(key: Key) -> None:
    """docs/policy.md carries each declaration word for word."""
    example = f"{key.path.rpartition('.')[2]}: {key.example}"
    assert f"### `{key.path}`\n\n{key.meaning}\n\nForm: {key.form}. Example: `{example}`\n" in DOCUMENT


def test_the_documentation_has_no_key_that_is_gone() -> None:
    """Headings of keys and declarations are the same set, and later keys are listed."""
    headings = set(re.findall(r"^### `(.+)`$", DOCUMENT, re.MULTILINE))
    assert headings == {VERSION.path, EXTENDS.path, *(setting.key.path for setting in SETTINGS)}
    assert all(f"`{key}`" in DOCUMENT for key in NOT_YET)


def test_the_policy_in_the_documentation_loads() -> None:
    """The first thing a reader copies works, without a warning."""
    example = re.search(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    assert example is not None
    assert not load(example[1], "example").warnings


def test_rules_are_unique_and_a_settings_rule_is_its_key() -> None:
    """A finding's rule leads to one control, and to one line of the file."""
    rules = [*(setting.rule for setting in SETTINGS), *(floor.rule for floor in FLOORS)]
    assert len(set(rules)) == len(rules)
    assert all(setting.rule == setting.key.path for setting in SETTINGS)
