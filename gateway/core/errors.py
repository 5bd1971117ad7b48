"""Every error of ours, three wide and two deep. An error says what happened and what to do next.

    GatewayError
    ├── Refused      a request that goes no further; becomes the exchange's own error
    ├── Unavailable  something this request needs is not there now (a price, a disk, an upstream)
    └── Misuse       a person asked for something impossible; one line on stderr, exit 1
"""

from gateway.core.decision import DenyCode


class GatewayError(Exception):
    """The root; never raised itself."""


class Refused(GatewayError):
    """This request is denied before policy is asked: malformed, unknown, or not authenticated."""

    def __init__(self, code: DenyCode, detail: str, rule: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.rule = rule or code.value


class Unavailable(GatewayError):
    """Not now: nothing was sent, and trying again later is right."""


class Misuse(GatewayError):
    """A person's command cannot be done; ``hint`` says what would work."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}; {hint}" if hint else message)
        self.message, self.hint = message, hint
