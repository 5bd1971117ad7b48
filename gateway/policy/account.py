"""Limits over all tokens of one account: the same keys and controls as a policy's, asked about the account's usage.

They stand in ``gateway.yaml`` under ``accounts.NAME.limits``, hold beside every policy, and nothing suspends them.
Their findings carry ``account.`` before the rule. Whether an order is a reduction is a matter of its token alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from msgspec import structs

from gateway.core.decision import DenyCode, Finding
from gateway.core.request import Call
from gateway.core.snapshot import Snapshot
from gateway.policy.controls import ACCOUNT_SETTINGS
from gateway.policy.controls.control import BadSetting, Setting, Valued, heard
from gateway.policy.controls.reading import nearest
from gateway.policy.measures import currencies, digest, needs_marks
from gateway.policy.strict_yaml import DocumentError, Mark, Node, Problem, Table, Text

PREFIX: Final = "account."
_BY_KEY: Final = {setting.rule.rpartition(".")[2]: setting for setting in ACCOUNT_SETTINGS}


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """What all tokens of ``account`` together may do; ``lines`` maps a rule to its line of the settings,
    ``digest`` is of what they mean, as a policy's.
    """

    account: str
    controls: tuple[Setting, ...]
    lines: tuple[tuple[str, int], ...] = ()
    digest: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", digest(self.controls))

    @property
    def needs_marks(self) -> bool:
        """Whether an order needs the prices of the other instruments that the account's tokens hold."""
        return needs_marks(self.controls)


def load_account_limits(node: Node, name: str) -> AccountLimits:
    """The limits that stand at ``accounts.<name>.limits``. Raises DocumentError with every problem."""
    problems: list[Problem] = []
    settings: dict[type[Setting], Setting] = {}
    marks: dict[str, Mark] = {}
    path = f"accounts.{name}.limits"
    for key, value in _entries(node, path, problems):
        setting = _BY_KEY.get(key.text)
        if setting is None:
            near = nearest(key.text, _BY_KEY)
            known = f"did you mean {near}?" if near else f"known: {', '.join(_BY_KEY)}"
            problems.append(_problem(key.mark, f"{path}.{key.text[:40]}", "unknown key", known))
            continue
        marks[setting.rule] = key.mark
        try:
            settings[setting] = setting.read(value)
        except BadSetting as error:
            where = f"{path}.{key.text}"
            problems += [_problem(fault.mark, where, fault.message, fault.suggestion) for fault in error.faults]
    controls = tuple(settings[setting] for setting in ACCOUNT_SETTINGS if setting in settings)
    problems += _mixed(controls, marks, path)
    if problems:
        raise DocumentError(name, tuple(problems))
    return AccountLimits(name, controls, tuple((rule, mark.line) for rule, mark in marks.items()))


def decide_account(limits: AccountLimits, call: Call, snapshot: Snapshot, valued: Valued) -> tuple[Finding, ...]:
    """The findings of those that have a say, about ``snapshot.account``; without that every one of them denies."""
    if snapshot.account is None:
        unread = "what the account has used is not known"
        return tuple([_named(control.fails(DenyCode.INTERNAL, unread)) for control in limits.controls])
    whole = structs.replace(snapshot, usage=snapshot.account)
    return tuple([_named(found) for found in heard(limits.controls, call, whole, valued)])


def _named(found: Finding) -> Finding:
    if found.passed:
        rule = PREFIX + found.rule
        return Finding(
            rule, True, "", found.limit, found.observed, found.code, found.retry_after_ms, before=found.before
        )
    return structs.replace(found, rule=PREFIX + found.rule, detail=f"over all tokens of the account: {found.detail}")


def _entries(node: Node, path: str, problems: list[Problem]) -> Iterator[tuple[Text, Node]]:
    if isinstance(node, Table) and node.entries:
        yield from node.entries
    else:
        like = "write it like {turnover: 50_000 USDT per 24h}"
        problems.append(_problem(node.mark, path, "expected a mapping of limits", like))


def _mixed(controls: tuple[Setting, ...], marks: dict[str, Mark], path: str) -> Iterator[Problem]:
    units = currencies(controls)
    first = next(iter(units), "")
    for rule, unit in units.items():
        if unit != units[first]:
            what = f"{rule} is in {unit}, {first} in {units[first]}"
            yield _problem(marks[rule], path, what, "one account, one quote currency")


def _problem(mark: Mark, path: str, message: str, suggestion: str) -> Problem:
    return Problem(mark.line, mark.column, path, f"{path}: {message}", suggestion)
