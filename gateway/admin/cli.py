"""The command line: exit 1 with one line on stderr for what cannot be done, exit 2 for wrong usage."""

import sys

import typer

from gateway.admin.commands import (
    accounts,
    audits,
    capturing,
    cas,
    doctoring,
    homes,
    launching,
    policies,
    rehearsals,
    serving,
    tokens,
)
from gateway.admin.hardening import harden
from gateway.core.errors import GatewayError

app = typer.Typer(
    name="tradewarden",
    help="A signing proxy between trading bots and exchanges: real keys stay here, bots get scoped, revocable tokens.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
homes.register(app)
app.add_typer(accounts.app, name="account", help="Sealed real keys.")
app.add_typer(tokens.app, name="token", help="What bots hold instead of a key.")
app.add_typer(policies.app, name="policy", help="What tokens may do.")
app.add_typer(audits.app, name="audit", help="The decision log.")
app.add_typer(cas.app, name="ca", help="The local CAs that bots trust for TLS.")
audits.register(app)
serving.register(app)
doctoring.register(app)
capturing.register(app)
launching.register(app)
rehearsals.register(app)


def main() -> None:
    """Entry point of `tradewarden`. Any command may hold a secret, so none leaves a core or shows its memory."""
    try:
        app(obj=harden())  # the umask goes with it: `exec` gives it back to the command
    except GatewayError as failure:
        print(f"error: {failure}", file=sys.stderr)
        sys.exit(1)
    except OSError as failure:
        print(f"error: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
