"""`account`: real keys in, never out."""

from typing import Annotated

import typer

from gateway.admin.desk import asker, operate
from gateway.admin.terminal import (
    HomeOption,
    JsonOption,
    PassphraseOption,
    existing,
    reachable,
    read_document,
    say,
    show,
    table,
)

app = typer.Typer(no_args_is_help=True)

COLUMNS = ("name", "exchange", "environment", "kind", "key_id", "added")
NameArgument = Annotated[str, typer.Argument(help="The account's name.")]
CredentialsOption = Annotated[str, typer.Option("--credentials", help='JSON file in ccxt\'s names, or "-" for stdin.')]
NoCheckOption = Annotated[bool, typer.Option("--no-check", help="Do not ask the exchange what the key may do.")]
AllowWithdrawOption = Annotated[bool, typer.Option("--allow-withdraw-key", help="Take a key that can withdraw.")]


@app.command()
def add(
    name: NameArgument,
    exchange: Annotated[str, typer.Option("--exchange", help="Which exchange: binance.")],
    credentials: CredentialsOption,
    environment: Annotated[str, typer.Option("--environment", help="live, testnet or demo.")] = "live",
    no_check: NoCheckOption = False,
    allow_withdraw_key: AllowWithdrawOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Seal a real key. Works on a locked vault: the key is sealed to its public half."""
    where = existing(home)
    given = {
        "name": name,
        "exchange": exchange,
        "environment": environment,
        "document": read_document(credentials),
        "check": not no_check,
        "allow_withdraw": allow_withdraw_key,
    }
    _told(operate(where, "account.add", given), json, f"account {name} sealed")


@app.command()
def rotate(
    name: NameArgument,
    credentials: CredentialsOption,
    no_check: NoCheckOption = False,
    allow_withdraw_key: AllowWithdrawOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Swap the real key under live tokens; bots notice nothing."""
    where = existing(home)
    given = {
        "name": name,
        "document": read_document(credentials),
        "check": not no_check,
        "allow_withdraw": allow_withdraw_key,
    }
    result = operate(where, "account.rotate", given, asker(where, passphrase_file))
    _told(result, json, f"account {name} has its new key")


@app.command("list")
def list_(home: HomeOption = None, json: JsonOption = False) -> None:
    """All accounts; of their keys only the beginning of the id."""
    seen = _seen(home)
    show(seen, json, table(COLUMNS, seen) if seen else "no accounts yet: `tradewarden account add`")


@app.command("show")
def show_(name: NameArgument, home: HomeOption = None, json: JsonOption = False) -> None:
    """One account."""
    from gateway.admin import looking, radius
    from gateway.core.errors import Misuse

    found = [account for account in _seen(home) if account["name"] == name]
    if not found:
        raise Misuse(f"there is no account {name!r}", "`tradewarden account list` shows them")
    lines = [f"{key}: {value}" for key, value in found[0].items()]
    where = reachable(home)
    radii = radius.of_home(where, looking.all_tokens(where)).get(name, [])
    lines += [f"its live tokens together\n{radius.text(one)}" for one in radii]
    show(found[0] | {"blast_radius": radii}, json, "\n".join(lines))


@app.command()
def remove(name: NameArgument, home: HomeOption = None, json: JsonOption = False) -> None:
    """Destroy a sealed key; its tokens must be revoked first."""
    show(operate(existing(home), "account.remove", {"name": name}), json, f"account {name} removed")


def _seen(home: HomeOption) -> list[dict[str, object]]:
    from gateway.admin import looking

    return looking.accounts(reachable(home))


def _told(result: dict[str, object], json: bool, text: str) -> None:
    for warning in result.get("warnings", ()):  # type: ignore[attr-defined]
        say(f"warning: {warning}")
    show(result, json, text)
