"""The control port: POST /NAME with a JSON object of arguments calls the control of that name.

Rule: the names below are all there is; an error is a 400 with {"error": why}.
"""

import inspect
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

import msgspec

from .core.refusals import Refused
from .messages import Reply, Request
from .server import Answer, Handler

if TYPE_CHECKING:
    from .simulator import Simulator

CONTROLS = (
    "set_price", "set_spread", "set_book", "book", "trade",
    "add_account", "add_key", "set_permissions", "remove_key", "deposit", "balances", "orders", "trades", "withdrawals",
    "shift_clock", "set_limits", "set_headers", "add_fault", "faults", "clear_faults", "release_holds",
    "journal", "reset_journal", "wait_journal", "about",
)  # fmt: skip
_HEADERS = {"Content-Type": "application/json"}


def _reply(status: int, value: Any) -> Reply:
    return Reply(status, msgspec.json.encode(value), dict(_HEADERS))


def switchboard(simulator: "Simulator") -> Handler:
    """The control port's handler."""

    def handle(request: Request) -> Answer | Awaitable[Answer]:
        name = request.path.removeprefix("/")
        if request.method != "POST" or name not in CONTROLS:
            return _reply(404, {"error": "POST one of these", "controls": CONTROLS})
        try:
            arguments = msgspec.json.decode(request.body or b"{}", type=dict[str, Any])
            found = getattr(simulator, name)(**arguments)
        except (TypeError, ValueError, ArithmeticError, Refused, msgspec.MsgspecError) as problem:
            return _reply(400, {"error": str(problem)})
        return _later(found) if inspect.isawaitable(found) else _reply(200, found)

    return handle


async def _later(found: Awaitable[Any]) -> Answer:
    return _reply(200, await found)
