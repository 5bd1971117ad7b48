"""``policy test``: run the cases beside the policies, and tell which limits they hold on both sides of their edge.

A limit is covered *inside* by a case that passes it near its edge, and *outside* by one that fails it near its edge:
turned a hundredth (or one step) across, the limit would say the opposite. What grants by name has no edge: one case
each way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.admin.policy_tools import cases
from gateway.admin.policy_tools.cases import Case, Suite
from gateway.admin.policy_tools.dials import DIALS, Scene, at_edge, said
from gateway.admin.policy_tools.given import decided
from gateway.core.decision import Decision, Deny
from gateway.core.errors import Misuse
from gateway.policy.controls.allow import Orders
from gateway.policy.controls.control import Setting
from gateway.policy.controls.limited import Limited
from gateway.policy.document import Policy
from gateway.policy.limits import Unlimited
from gateway.policy.strict_yaml import DocumentError
from gateway.registry.policies import beside

SUFFIX: Final = ".test.yaml"
_GRANTS: Final = ("allow.symbols", "allow.orders", "allow.sides", "allow.reads", "price.market")
_DEFAULTS: Final = frozenset({"price.stale_after", "price.sources"})
"""Rules that stand by default, and hold as much as those that a file states."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one case; ``got`` in the words of an expectation, ``detail`` why."""

    case: Case
    got: str
    detail: str

    @property
    def passed(self) -> bool:
        """Whether it came as expected."""
        return self.got == self.case.expect


@dataclass(frozen=True, slots=True)
class Held:
    """How a rule is covered; ``missing`` names the sides of its edge that no case shows."""

    rule: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """One test file. ``problem`` says why it could not be run."""

    file: str
    policy: str
    results: tuple[Result, ...] = ()
    coverage: tuple[Held, ...] = ()
    problem: str = ""

    @property
    def failures(self) -> tuple[Result, ...]:
        """The cases that did not come as expected."""
        return tuple(result for result in self.results if not result.passed)

    @property
    def uncovered(self) -> tuple[Held, ...]:
        """The rules that lack a side."""
        return tuple(held for held in self.coverage if held.missing)

    def document(self) -> dict[str, Any]:
        """The report for ``--json``."""
        return {
            "file": self.file, "policy": self.policy, "problem": self.problem,
            "passed": len(self.results) - len(self.failures),
            "failed": [
                {"name": result.case.name, "line": result.case.line, "expected": result.case.expect,
                 "got": result.got, "detail": result.detail}
                for result in self.failures
            ],
            "coverage": {held.rule: list(held.missing) for held in self.coverage},
        }  # fmt: skip


def test_directory(directory: Path) -> list[Report]:
    """Every test file of the directory. Raises Misuse where there is none."""
    files = sorted(directory.glob(f"*{SUFFIX}"))
    if not files:
        raise Misuse(f"there is no *{SUFFIX} in {directory}", "`policy test --generate FILE` begins one")
    return [test_file(path) for path in files]


def test_file(path: Path) -> Report:
    """One test file, against the policy that it names."""
    try:
        suite = cases.load(path.read_bytes(), path.name.removesuffix(SUFFIX))
    except OSError as failure:
        return Report(str(path), "", problem=f"{path} cannot be read: {failure.strerror}")
    except DocumentError as wrong:
        return Report(str(path), "", problem="\n".join(problem.render(str(path)) for problem in wrong.problems))
    try:
        policy = beside(path.parent)(suite.policy)
    except LookupError as wrong:
        return Report(str(path), suite.policy, problem=str(wrong))
    return run(policy, suite, str(path))


def run(policy: Policy, suite: Suite, file: str) -> Report:
    """Every case of the suite, and what they cover."""
    results = tuple(judged(policy, case) for case in suite.cases)
    scenes = [case.scene for case in suite.cases]
    return Report(file, policy.name, results, tuple(covered(policy, control, scenes) for control in _held(policy)))


def judged(policy: Policy, case: Case) -> Result:
    """One case."""
    decision = decided(policy, case.scene.asked, case.scene.given)
    return Result(case, *verdict(decision))


def verdict(decision: Decision) -> tuple[str, str]:
    """A decision in the words of an expectation, and its reason."""
    if isinstance(decision, Deny):
        return f"deny {decision.rule}", decision.detail
    suspended = decision.suspended
    return (f"shadow {suspended[0].rule}", suspended[0].detail) if suspended else ("allow", "")


def _held(policy: Policy) -> Iterable[Setting]:
    """The controls that tests are to hold on both sides."""
    for control in policy.controls:
        stated = policy.origin(control.rule) is not None or (control.rule in _DEFAULTS and bool(policy.orders))
        lifted = isinstance(control, Limited) and isinstance(control.limit, Unlimited)
        if stated and not lifted and (control.rule in DIALS or control.rule in _GRANTS):
            yield control


def covered(policy: Policy, control: Setting, scenes: Sequence[Scene]) -> Held:
    """Which sides of the control's edge these scenes show."""
    rule = control.rule
    sides = {side for scene in scenes if (side := _side(policy, rule, scene))}
    wanted = [side for side in ("inside", "outside") if side in _possible(control)]
    return Held(rule, tuple(side for side in wanted if side not in sides))


def _possible(control: Setting) -> Iterable[str]:
    """Grants of everything have no outside, and a denial of all market orders has no inside."""
    if control.rule == "price.market":
        return ("outside",) if control.text == "deny" else ("inside",)
    everything = control.rule in _GRANTS and type(control).absent() == control
    if isinstance(control, Orders):
        everything = len(control.kinds) == len(Orders.key.schema["items"]["enum"])
    return ("inside",) if everything else ("inside", "outside")


def _side(policy: Policy, rule: str, scene: Scene) -> str:
    found = scene.found(policy, rule)
    if found is None or not said(found) or (rule in DIALS and not at_edge(policy, scene, rule)):
        return ""
    return "inside" if found.passed else "outside"


def as_text(report: Report) -> str:
    """A report of tests for a person."""
    if report.problem:
        return f"{report.file}: NOT RUN\n{report.problem}"
    held = [one for one in report.coverage if not one.missing]
    counted = f"{len(report.results) - len(report.failures)} passed, {len(report.failures)} failed"
    lines = [f"{report.file}: {counted}; {len(held)} of {len(report.coverage)} limits held on both sides"]
    for result in report.failures:
        why = f" ({result.detail})" if result.detail else ""
        told = f"expected {result.case.expect}, got {result.got}{why}"
        lines.append(f"  {report.file}:{result.case.line}: {result.case.name}: {told}")
    lines += [f"  {one.rule}: no case {' nor '.join(one.missing)} its edge" for one in report.uncovered]
    return "\n".join(lines)
