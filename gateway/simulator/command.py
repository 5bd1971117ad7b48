"""Runs the simulator in the foreground until it is told to stop. Prints one line when it is ready, nothing after."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable

from .options import Options
from .simulator import Simulator


def run(options: Options, *, as_json: bool = True) -> None:
    """Serves until SIGINT or SIGTERM."""
    with asyncio.Runner(loop_factory=_fastest_loop()) as runner:
        runner.run(_serve(options, as_json=as_json))


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not on Windows
        return None
    return uvloop.new_event_loop


async def _serve(options: Options, *, as_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Simulator(options) as simulator:
        about = simulator.about()
        sys.stdout.write((json.dumps(about) if as_json else _for_people(about)) + "\n")
        sys.stdout.flush()
        await stop.wait()


def _for_people(about: dict[str, object]) -> str:
    lines = [f"{name:<12}{json.dumps(value) if isinstance(value, dict) else value}" for name, value in about.items()]
    return "\n".join(lines)
