"""`exec`: a bot with its requests led through the forward port. The process becomes the command."""

import os
from typing import Annotated

import typer

from gateway.admin.terminal import HomeOption, existing, say

NOT_EXECUTABLE = 126
NOT_FOUND = 127


def register(app: typer.Typer) -> None:
    """Put the command on the command line."""
    app.command("exec", context_settings={"allow_interspersed_args": False})(exec_)


def exec_(
    context: typer.Context,
    command: Annotated[list[str], typer.Argument(metavar="COMMAND", help="After `--`: what to run.")],
    token: Annotated[str, typer.Option("--token", help="The token's name.")],
    with_secret: Annotated[
        bool, typer.Option("--with-secret", help="Also set TRADEWARDEN_SECRET; this is recorded.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Run a bot whose requests go through the forward port of the running gateway.

    Sets HTTPS_PROXY and the variables by which clients trust the gateway's CA, and mends Python clients that ignore
    them. TRADEWARDEN_API_KEY is the token's id. Signals and the exit code are the command's own; 126 and 127 say
    that it could not be run, as in a shell.
    """
    from gateway.admin.launching import become, environment, handed

    told = handed(existing(home), token, with_secret, command[0])
    if told["state"] != "active":
        say(f"note: token {token} is {told['state']}")
    try:
        become(command, environment(os.environ, told), context.obj)
    except OSError as failure:
        say(f"error: {command[0]} cannot be run: {failure.strerror}")
        missing = isinstance(failure, FileNotFoundError | NotADirectoryError)
        raise typer.Exit(NOT_FOUND if missing else NOT_EXECUTABLE) from None
