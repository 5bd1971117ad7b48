"""What the gateway decided, and why. A decision carries every control's finding, not only the first failure."""

from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from gateway.core.intent import Place
from gateway.core.money import Money


class DenyCode(StrEnum):
    """Why a request goes no further; each exchange has its own answer for each of them.

    The order is the severity: of several failures the first in this list becomes the primary one.
    """

    MALFORMED = "malformed"            # not a request that can be read in exactly one way
    PARAMETER = "parameter"            # an unknown, repeated, missing or ill-formed parameter
    UNKNOWN_ENDPOINT = "endpoint"      # not in the catalogue, or another host
    FORBIDDEN = "forbidden"            # a class that no policy can grant
    UNSUPPORTED = "unsupported"        # known, and not served by this version
    TOKEN = "token"                    # unknown, revoked, expired, or from a foreign address
    SIGNATURE = "signature"            # does not verify
    TIMESTAMP = "timestamp"            # outside the window, or signed before the gateway started
    REPLAY = "replay"                  # a state-changing request seen before
    STATE = "state"                    # the token is paused, reduce-only or halted
    NOT_GRANTED = "grant"              # a read, cancel or setting that the policy does not allow
    SYMBOL = "symbol"                  # an instrument that the policy does not allow
    ORDER = "order"                    # an order that the policy does not allow
    DUPLICATE = "duplicate"            # a client order id that the ledger knows already
    LIMIT = "limit"                    # a budget or limit is used up
    RATE = "rate"                      # too many messages or requests just now
    UNPRICED = "unpriced"              # no fresh price
    NOT_READY = "not_ready"            # starting, stopping, or a need that cannot be met now
    UNKNOWN_OUTCOME = "unknown"        # sent, and no answer came
    BAD_GATEWAY = "upstream"           # not sent: the exchange could not be reached
    INTERNAL = "internal"              # our own failure; denied because of it


SILENT: Final = "has no say here"
"""The detail of a control that is not concerned."""


class Action(StrEnum):
    """What a failing control does beyond denying (``then …`` in a policy)."""

    DENY = "deny"
    REDUCE_ONLY = "reduce_only"
    CANCEL_ONLY = "cancel_only"
    HALT = "halt"


class Finding(Struct, frozen=True):
    """One control's word on one request.

    ``rule`` is its key in the policy (``limits.order``); ``limit`` and ``observed`` are its numbers with units;
    ``before`` is what was used or held before this request, where that counts in ``observed``; ``code`` says how a
    failure is answered; ``retry_after_ms`` when waiting helps; ``action`` what a failure sets. ``suspended``: it
    failed, and the policy's shadow mode lets that pass.
    """

    rule: str
    passed: bool
    detail: str = ""
    limit: str = ""
    observed: str = ""
    code: DenyCode = DenyCode.LIMIT
    retry_after_ms: int | None = None
    action: Action = Action.DENY
    action_ms: int = 0
    suspended: bool = False
    before: str = ""


class Reserve(Struct, frozen=True):
    """What an allowed order may cost at the worst: ``value`` in the quote, ``quantity`` in base.

    ``giveaway`` is what it may lose against the price it is charged against, ``fair``, fees at ``fee_rate`` (a
    fraction of the value, the highest of the schedule) included, in the quote. None: nothing is charged.
    """

    value: Money
    quantity: Decimal
    giveaway: Money | None = None
    fair: Decimal | None = None
    fee_rate: Decimal = Decimal(0)


class Allow(Struct, frozen=True):
    """Go ahead; ``order`` is the order as it will leave (a market order leaves as a limit IOC).

    ``delay_ms``: a cancel beyond its bucket waits this long, and then goes.
    """

    findings: tuple[Finding, ...] = ()
    order: Place | None = None
    reserve: Reserve | None = None
    delay_ms: int = 0

    @property
    def suspended(self) -> tuple[Finding, ...]:
        """What a policy in shadow mode would have denied it for."""
        return tuple([f for f in self.findings if f.suspended])


class Deny(Struct, frozen=True):
    """Stop here. ``code`` and ``rule`` are those of the most severe failed finding."""

    code: DenyCode
    rule: str
    detail: str
    findings: tuple[Finding, ...] = ()
    retry_after_ms: int | None = None

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The findings that did not pass."""
        return tuple([f for f in self.findings if not f.passed])


Decision = Allow | Deny

SEVERITY: Final = {code: rank for rank, code in enumerate(DenyCode)}


def deny(findings: tuple[Finding, ...]) -> Deny:
    """The denial that these findings amount to; at least one must have failed."""
    worst = min((f for f in findings if not f.passed), key=lambda f: SEVERITY[f.code])
    waits = [f.retry_after_ms for f in findings if not f.passed and f.retry_after_ms is not None]
    return Deny(worst.code, worst.rule, worst.detail, findings, max(waits, default=None))
