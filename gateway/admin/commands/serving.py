"""`serve`: the gateway in the foreground."""

import os
from typing import Annotated

import typer

from gateway.admin.terminal import HomeOption, PassphraseOption, existing, say
from gateway.core.errors import Misuse
from gateway.home import Busy, Home, WriterLock, holder


def register(app: typer.Typer) -> None:
    """Put the command on the command line."""
    app.command()(serve)


def serve(
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    accept_rollback: Annotated[
        bool, typer.Option("--accept-rollback", help="Start from a restored state, every token paused.")
    ] = False,
) -> None:
    """Run the gateway in the foreground until SIGTERM or SIGINT."""
    from gateway.admin.hardening import harden
    from gateway.admin.logs import configure
    from gateway.admin.passphrase import Sources, find_passphrase
    from gateway.admin.serve import check_addresses
    from gateway.admin.serve import serve as run
    from gateway.app import Gateway
    from gateway.settings import load_settings

    where = existing(home)
    harden()
    configure()
    settings = load_settings(where.settings)
    for unserved in check_addresses(settings):
        say(f"note: {unserved}")
    lock = _lock(where)
    try:
        passphrase = find_passphrase(Sources(where.path, os.environ, passphrase_file))
        gateway = Gateway(where, settings, passphrase, accept_rollback)
        for warning in gateway.require_certificates():
            say(f"warning: {warning}")
        run(gateway)
    finally:
        lock.release()


def _lock(home: Home) -> WriterLock:
    """The right to write here. Raises Misuse that names the process which has it."""
    try:
        return WriterLock(home)
    except Busy:
        raise Misuse(
            f"process {holder(home)} holds this home: a gateway runs here already",
            "look with `tradewarden status`; two gateways need two homes",
        ) from None
