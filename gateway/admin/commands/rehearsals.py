"""`simulate` and `demo`: rehearse a bot and a policy with no key and no network."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gateway.admin.terminal import JsonOption


class Simulated(StrEnum):
    """Exchanges that can be simulated."""

    BINANCE = "binance"


def register(app: typer.Typer) -> None:
    """Put the commands on the command line."""
    app.command()(simulate)
    app.command()(demo)


def simulate(
    exchange: Annotated[Simulated, typer.Argument(help="Which exchange.")],
    host: Annotated[str, typer.Option("--host")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="0 takes a free one.")] = 9443,
    control_port: Annotated[int, typer.Option("--control-port", help="Prices and faults; 0 takes a free one.")] = 9444,
    plain: Annotated[bool, typer.Option("--plain", help="http instead of https.")] = False,
    directory: Annotated[Path | None, typer.Option("--dir", help="Where ca.pem is written.")] = None,
    json: JsonOption = False,
) -> None:
    """Run a local exchange: order book, balances, strict signature checks. Prints how to reach it."""
    from gateway.simulator.command import run
    from gateway.simulator.options import Options

    run(Options(host, port, control_port, plain, directory), as_json=json)


def demo() -> None:
    """The whole story in a minute, with no key and no network."""
    from gateway.admin.demo import play

    play()
