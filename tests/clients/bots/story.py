"""The story that every bot lives through: ordinary trading first, then what a thief would try.

Law: a bot hands over plain values (text, lists of text) and lets its library's own exceptions fly; this file alone
turns each step into one line of JSON on standard output. It runs in the client's environment, so it imports the
standard library only.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

SYMBOL = "BTCUSDT"
QUANTITY = "0.002"


@dataclass(frozen=True)
class Assignment:
    """What the test hands the bot on standard input.

    ``at`` is the gateway's address with ``{host}`` where the exchange's host belongs, if anywhere; ``low_price`` is a
    price at which a purchase rests, ``steps`` what to do, ``resting`` an order of its own from before, if any.
    ``snippet`` are the lines that the gateway printed for this client, if it is they that are tried.
    """

    at: str
    key: str
    secret: str
    low_price: str
    steps: Sequence[str]
    resting: str = ""
    snippet: str = ""

    def base(self, host: str = "api.binance.com") -> str:
        """The address that stands for ``https://host``."""
        return self.at.format(host=host)

    def pasted(self, name: str) -> Any:
        """What the printed lines make, run as they stand."""
        made: dict[str, Any] = {}
        exec(self.snippet, made)
        return made[name]


class Bot(Protocol):
    """One client library, each act in its own idiom. Identifiers and statuses are text, as the exchange wrote them."""

    def start(self) -> Any: ...
    def balance(self) -> str: ...
    def buy_low(self) -> str: ...
    def open_orders(self) -> list[str]: ...
    def order(self, order_id: str) -> str: ...
    def cancel(self, order_id: str) -> str: ...
    def buy_market(self) -> str: ...
    def sell_market(self) -> str: ...
    def trades(self) -> list[str]: ...
    def withdraw(self) -> Any: ...
    def oversized(self) -> Any: ...
    def foreign(self) -> Any: ...
    def transfer(self) -> Any: ...


def assignment() -> Assignment:
    """The assignment on standard input."""
    return Assignment(**json.load(sys.stdin))


def live(bot: Bot, given: Assignment) -> None:
    """Takes the steps in order; an exception is told, and the next step follows."""
    resting = given.resting
    for name in given.steps:
        act = getattr(bot, name)
        outcome = _take(lambda: act(resting) if name in ("order", "cancel") else act())  # noqa: B023
        resting = outcome.get("result", "") if name == "buy_low" else resting
        print(json.dumps({"step": name, **outcome}, default=str), flush=True)


def _take(act: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"result": act()}
    except Exception as error:
        kinds = [kind.__name__ for kind in type(error).__mro__[:-2]]
        return {"error": kinds[0], "kinds": kinds, "message": _words(error)}


def _words(error: Exception) -> str:
    """What the exception says of itself; some libraries keep it in attributes that str() does not show."""
    return f"{error} {vars(error)}"
