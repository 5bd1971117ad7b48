"""What the limits written as one value share: reading it, its text, and how its failures are worded."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Final, Self

from gateway.core.decision import DenyCode, Finding
from gateway.policy import grammar, limits
from gateway.policy.controls.control import Setting
from gateway.policy.controls.reading import scalar
from gateway.policy.limits import Limit, Shape, Unlimited
from gateway.policy.strict_yaml import Node

LIMIT_TEXT: Final = "or unlimited because <reason>"
PER_WINDOW: Final = "per <window> [then reduce_only | cancel_only | halt]"


@dataclass(frozen=True, slots=True)
class Limited(Setting):
    """A limit of one ``shape``, or lifted for a reason."""

    shape: ClassVar[Shape]
    limit: Limit | Unlimited
    _text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_text", str(self.limit))

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(scalar(node, partial(limits.limit_or_unlimited, shape=cls.shape), cls.shape.example))

    @property
    def text(self) -> str:
        return self._text

    def under(self, parent: Self) -> Self:
        return type(self)(limits.tighter(self.limit, parent.limit))

    def exceeds(
        self,
        limit: Limit,
        what: str,
        observed: str,
        code: DenyCode = DenyCode.LIMIT,
        retry_after_ms: int | None = None,
        before: str = "",
    ) -> Finding:
        """The failure of a request beyond the limit, with its action; a halt has no end of its own."""
        detail = f"{what}; {self.rule} is {self._text}"
        lasts_ms = limit.window_ms if limit.action in limits.PASSING else 0
        return self.fails(code, detail, self._text, observed, retry_after_ms, limit.action, lasts_ms, before)

    def wrong_currency(self, limit: Limit, quote: str) -> Finding:
        """The failure of an order in a currency that the limit does not speak of: never converted, never passed."""
        return self.fails(DenyCode.LIMIT, f"{self.rule} is in {limit.unit}, the order in {quote}", self._text, quote)


def shape_schema(counts: bool = False) -> dict[str, Any]:
    """The schema of a limit's value; the loader checks the grammar itself."""
    text = {"type": "string", "pattern": rf"^({grammar.NUMBER}( .+)?|{limits.UNLIMITED})$"}
    return {"anyOf": [text, {"type": "integer", "minimum": 1}]} if counts else text
