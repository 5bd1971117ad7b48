"""The policy file as JSON Schema, for editors. Made from the controls' own declarations, never by hand."""

from typing import Any

from gateway.policy.controls import SETTINGS
from gateway.policy.controls.control import Key
from gateway.policy.reader import EXTENDS, SECTIONS, VERSION


def schema() -> dict[str, Any]:
    """The schema (draft 2020-12). A file that it accepts may still be refused by the loader, never the reverse."""
    root: dict[str, Any] = {key.path: _described(key) for key in (VERSION, EXTENDS)}
    for section in SECTIONS:
        root[section] = {"type": "object", "additionalProperties": False, "properties": {}}
    for setting in SETTINGS:
        section, _, leaf = setting.key.path.partition(".")
        home = root[section]["properties"] if leaf else root
        home[leaf or section] = _described(setting.key)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tradewarden policy",
        "type": "object",
        "required": [VERSION.path],
        "additionalProperties": False,
        "properties": root,
    }


def _described(key: Key) -> dict[str, Any]:
    return {"description": f"{key.meaning} Form: {key.form}.", **key.schema}
