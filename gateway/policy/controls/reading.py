"""Reading a setting's value from its node: the right shape, then the grammar, each fault at its own place."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import TypeVar

from gateway.policy.controls.control import BadSetting, Fault
from gateway.policy.grammar import BadValue
from gateway.policy.strict_yaml import Items, Mark, Node, Table, Text

T = TypeVar("T")


def scalar(node: Node, read: Callable[[str], T], example: str) -> T:
    """One value, read by ``read``."""
    if not isinstance(node, Text):
        raise BadSetting(Fault(node.mark, "expected one value, not a list or a mapping", f"write it like {example}"))
    if not node.text:
        raise BadSetting(Fault(node.mark, "an empty value", f"write it like {example}"))
    try:
        return read(node.text)
    except BadValue as error:
        raise BadSetting(Fault(node.mark, error.message, error.suggestion)) from None


def listing(node: Node, read: Callable[[str], T], example: str) -> tuple[T, ...]:
    """A list of distinct values, each read by ``read``; faults of all of them together."""
    if not isinstance(node, Items):
        raise BadSetting(Fault(node.mark, "expected a list", f"write it like {example}"))
    values: list[T] = []
    faults: list[Fault] = []
    for item in node.items:
        try:
            value = scalar(item, read, example)
        except BadSetting as error:
            faults += error.faults
        else:
            faults += [Fault(item.mark, f"{str(value)!r} stands here twice", "remove one")] if value in values else []
            values.append(value)
    if faults:
        raise BadSetting(*faults)
    return tuple(values)


def table(node: Node, read: Callable[[str, Node], T], example: str) -> dict[str, T]:
    """A mapping whose values ``read(key, node)`` reads; faults of all of them together."""
    if not isinstance(node, Table) or not node.entries:
        raise BadSetting(Fault(node.mark, "expected a mapping", f"write it like {example}"))
    values: dict[str, T] = {}
    faults: list[Fault] = []
    for key, value in node.entries:
        try:
            values[key.text] = _entry(key.text, key.mark, value, read)
        except BadSetting as error:
            faults += error.faults
    if faults:
        raise BadSetting(*faults)
    return values


def _entry(key: str, mark: Mark, value: Node, read: Callable[[str, Node], T]) -> T:
    try:
        return read(key, value)
    except BadValue as error:
        raise BadSetting(Fault(mark, error.message, error.suggestion)) from None


def one_of(choices: Mapping[str, T], not_yet: frozenset[str] = frozenset()) -> Callable[[str], T]:
    """A reader of one of these words; ``not_yet`` are words of a later version."""

    def read(text: str) -> T:
        if text in not_yet:
            raise BadValue(f"'{text}' is not supported yet by this version", _listed(choices))
        if text not in choices:
            near = nearest(text, choices)
            raise BadValue(f"unknown value '{text[:40]}'", f"did you mean {near}?" if near else _listed(choices))
        return choices[text]

    return read


def nearest(text: str, choices: Mapping[str, object]) -> str:
    """The choice that was probably meant; empty where none is near."""
    return next(iter(get_close_matches(text.lower(), choices, n=1, cutoff=0.6)), "")


def _listed(choices: Mapping[str, object]) -> str:
    return f"known: {', '.join(choices)}"
