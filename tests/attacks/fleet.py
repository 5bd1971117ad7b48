"""Bots at full speed, each in a process of its own: raw sockets, signed reads and orders, waiting for answers alone.

``python -m tests.attacks.fleet PORT PREFIX CA`` takes key and secret from its standard input, says ``running`` after
the first answer, asks until that input is closed, and then prints how many answers it got, by status (0: none). With
a CA's file it goes through a tunnel at that port.
"""

import http.client
import json
import os
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from tests.attacks.thief import ORDER, Thief, Tunnel, Way, Wire
from tests.attacks.ways import Entrance
from tests.world.home import ROOT

MOST = 20_000
GRACE_SECONDS = 30


def run(way: Way, thief: Thief, prefix: str) -> Counter[int]:
    """Ask and ask; orders and reads by turns. A closed connection is opened again."""
    counted: Counter[int] = Counter()
    wire: Wire | None = None
    for number in range(MOST):
        if select.select([sys.stdin], [], [], 0)[0]:
            break
        try:
            wire = wire or Wire(way)
            counted[wire.ask(_next(thief, prefix, number)).status] += 1
        except (OSError, http.client.HTTPException):
            counted[0] += 1
            wire = None
        if number == 0:
            print("running", flush=True)
    return counted


def _next(thief: Thief, prefix: str, number: int) -> bytes:
    if number % 2:
        return thief.request("GET", "/api/v3/account", window=60_000)
    text = ORDER.replace("GTC", "IOC").format(quantity="0.0005", price="20000")
    text += f"&newClientOrderId={prefix}-{number}"
    return thief.request("POST", "/api/v3/order", text, window=60_000)


class Fleet:
    """Bots of one token, from the first answer each of them got until ``halt``."""

    def __init__(self, entrance: Entrance, thief: Thief, count: int = 4, prefix: str = "b") -> None:
        way = entrance.way
        where = (str(way.port), str(way.ca)) if isinstance(way, Tunnel) else (str(way), "")
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        self._bots = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.attacks.fleet", where[0], f"{prefix}{number}", where[1]],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
            )
            for number in range(count)
        ]  # fmt: skip
        for bot in self._bots:
            assert bot.stdin is not None
            bot.stdin.write(json.dumps([thief.key, thief.secret]) + "\n")
            bot.stdin.flush()

    def under_way(self) -> None:
        """Returns once every bot has had an answer."""
        for bot in self._bots:
            assert bot.stdout is not None
            assert bot.stdout.readline() == "running\n"

    def halt(self) -> Counter[int]:
        """Stop them all; what they were answered."""
        total: Counter[int] = Counter()
        for bot in self._bots:
            out, _ = bot.communicate(timeout=GRACE_SECONDS)
            total.update({int(status): count for status, count in json.loads(out.splitlines()[-1]).items()})
        self._bots = []
        return total

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for bot in self._bots:
            bot.kill()
            bot.communicate()


def main(words: Sequence[str]) -> Any:
    """The bot's own process; its secret comes by standard input, never by its command line."""
    port, prefix, ca = words
    key, secret = json.loads(sys.stdin.readline())
    way = Tunnel(int(port), Path(ca)) if ca else int(port)
    host = way.host if isinstance(way, Tunnel) else "127.0.0.1"
    print(json.dumps(run(way, Thief(key, secret, host), prefix)))


if __name__ == "__main__":
    main(sys.argv[1:])
