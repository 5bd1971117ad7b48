"""Faults to order: which requests go wrong, how, and how often. First match wins; a used-up fault is gone."""

from dataclasses import asdict, dataclass, field
from typing import Any

from .messages import Request

KINDS = ("delay", "hold", "drop_before", "drop_after", "garbage", "status", "truncate")
UNKNOWN_OUTCOME = (
    '{"code":-1007,"msg":"Timeout waiting for response from backend server. '
    'Send status unknown; execution status unknown."}'
)


@dataclass(slots=True)
class Fault:
    """One thing that will go wrong.

    delay        waits `milliseconds`, after doing the work if `execute`, else before it
    hold         like delay, until the holds are released
    drop_before  closes the connection, nothing done
    drop_after   does the work, closes the connection without an answer
    garbage      sends bytes that are not HTTP; the work is done if `execute`
    status       answers `status` with `body` and `headers`; the work is done if `execute`
    truncate     does the work, sends half of the answer's body
    """

    kind: str
    method: str | None = None
    path: str = "/"
    count: int = 1
    execute: bool = True
    milliseconds: int = 0
    status: int = 503
    body: str = UNKNOWN_OUTCOME
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such fault: {self.kind}; one of {', '.join(KINDS)}")
        if self.count < 1:
            raise ValueError("a fault happens at least once")

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def matches(self, request: Request) -> bool:
        """Whether this request is meant: the method if one is named, and the start of the path."""
        return self.method in (None, request.method) and request.path.startswith(self.path)


class Faults:
    """The faults still to come."""

    def __init__(self) -> None:
        self.pending: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Another fault, behind those that already wait."""
        self.pending.append(fault)

    def take(self, request: Request) -> Fault | None:
        """The fault for this request, counted down."""
        for fault in self.pending:
            if fault.matches(request):
                fault.count -= 1
                if fault.count == 0:
                    self.pending.remove(fault)
                return fault
        return None
