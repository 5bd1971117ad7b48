"""`capture`: for bots without any proxy setting."""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.admin.terminal import HomeOption, existing
from gateway.home import Home, holder

if TYPE_CHECKING:
    from gateway.admin.capture.running import Way


class Mode(StrEnum):
    """How a bot's traffic is led here."""

    SOCKS5 = "socks5"
    LOCAL = "local"


def register(app: typer.Typer) -> None:
    """Put the command on the command line."""
    app.command()(capture)


def capture(
    processes: Annotated[
        list[str] | None, typer.Argument(metavar="[SPEC]...", help="With local: process ids or parts of names.")
    ] = None,
    mode: Annotated[Mode, typer.Option("--mode", help="A port, or what the processes send.")] = Mode.SOCKS5,
    listen: Annotated[str, typer.Option("--listen", help="With socks5: where, on the loopback.")] = "127.0.0.1:1080",
    mitmdump: Annotated[Path | None, typer.Option("--mitmdump", help="mitmproxy's program, 12 or newer.")] = None,
    home: HomeOption = None,
) -> None:
    """Lead bots without any proxy setting to the running gateway, through mitmproxy in a process of its own."""
    from gateway.admin.capture.place import Place
    from gateway.admin.capture.plan import plan_of
    from gateway.admin.capture.program import find_program
    from gateway.admin.capture.running import run
    from gateway.settings import load_settings

    specs = processes or []
    address = _checked(mode, specs, listen)
    where = existing(home)
    with _way(mode, specs, address, where) as way, Place() as place:
        program = find_program(mitmdump)
        place.furnish(plan_of(load_settings(where.settings), where.capture.name))
        code = run(where, place, program, way)
    raise typer.Exit(code)


@contextmanager
def _way(mode: Mode, specs: list[str], address: str, home: Home) -> "Iterator[Way]":
    from gateway.admin.capture.running import Way

    trust = f"the bots must trust {home.certs / 'ca.pem'}"
    if mode is Mode.SOCKS5:
        yield Way(f"socks5@{address}", f"capturing what comes to socks5h://{address}; {trust}")
        return
    from gateway.admin.capture import local

    local.require()
    with local.probing() as probe:
        spec = local.mode_of(specs, holder(home), probe.pid)
        yield Way(spec, f"capturing the processes {', '.join(specs)}; {trust}", probe.confirm)


def _checked(mode: Mode, specs: list[str], listen: str) -> str:
    """The address to listen on. Raises BadParameter for what does not belong together."""
    if (mode is Mode.LOCAL) != bool(specs):
        raise typer.BadParameter("local captures the processes that are named, socks5 names none")
    host, _, port = listen.rpartition(":")
    try:
        is_loopback = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback or not port.isdecimal() or not 0 < int(port) < 65536:
        raise typer.BadParameter("write an address of the loopback and a port: 127.0.0.1:1080", param_hint="--listen")
    return listen
