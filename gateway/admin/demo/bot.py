"""An ordinary ccxt bot. It knows nothing of tradewarden: a key, a secret and the URLs it was told, as any bot does.

It reads its configuration from the first line of standard input, trades, tries what a thief would try, waits for
one more line, and then trades on until its key is refused. Every step is one JSON line on standard output.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import ccxt  # type: ignore[import-untyped]

LONGEST = 2_000

Order = dict[str, Any]


def main() -> None:
    """The bot's life."""
    exchange = ccxt.binance(json.loads(sys.stdin.readline()))
    exchange.load_markets()
    tell("balance", usdt=exchange.fetch_balance()["USDT"]["free"])

    price = exchange.fetch_ticker("BTC/USDT")["last"]
    attempt("buy", lambda: exchange.create_order("BTC/USDT", "limit", "buy", 0.002, round(price * 1.002, 2)))
    attempt("sell", lambda: exchange.create_order("BTC/USDT", "market", "sell", 0.002))
    attempt("oversized", lambda: exchange.create_order("BTC/USDT", "limit", "buy", 1, round(price, 2)))
    attempt("withdraw", lambda: exchange.withdraw("USDT", 10_000, "0x" + "ab" * 20, params={"network": "ETH"}))
    attempt("foreign", lambda: exchange.create_order("DOGE/USDT", "limit", "buy", 1_000, 0.1))

    sys.stdin.readline()
    for number in range(LONGEST):
        if isinstance(attempt("loop", partial(one_more, exchange, number)), ccxt.AuthenticationError):
            return


def one_more(exchange: ccxt.binance, number: int) -> Order:
    """Buy and sell by turns."""
    order: Order = exchange.create_order("BTC/USDT", "market", "sell" if number % 2 else "buy", 0.0002)
    return order


def attempt(step: str, act: Callable[[], Order]) -> ccxt.BaseError | None:
    """Do it, and tell what came of it; what the exchange, or the network, had against it."""
    try:
        order = act()
    except ccxt.BaseError as refused:
        kinds = [kind.__name__ for kind in type(refused).__mro__]
        tell(step, error=kinds[0], kinds=kinds, message=str(refused))
        return refused
    tell(step, status=order["status"], filled=order["filled"], price=order["average"])
    return None


def tell(step: str, **told: Any) -> None:
    """One line about one step."""
    print(json.dumps({"step": step, **told}), flush=True)


if __name__ == "__main__":
    main()
