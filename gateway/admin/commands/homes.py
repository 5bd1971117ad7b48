"""`init`, `status`, `passphrase change`, `backup`, `restore`, `panic`: the home as a whole."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.admin.commands.tokens import fail_on, revocation_text
from gateway.admin.desk import asker, operate
from gateway.admin.terminal import HomeOption, JsonOption, PassphraseOption, existing, reachable, say, show
from gateway.core.errors import Misuse
from gateway.home import Home

passphrases = typer.Typer(no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Put the commands on the command line."""
    for command in (init, status, backup, restore, panic):
        app.command()(command)
    app.add_typer(passphrases, name="passphrase", help="The vault's passphrase.")


def init(home: HomeOption = None, json: JsonOption = False, passphrase_file: PassphraseOption = None) -> None:
    """Make a home: the vault, the local CAs, a commented gateway.yaml, starter policies."""
    from gateway.admin.beginning import begin
    from gateway.admin.passphrase import Sources, find_passphrase

    where = Home.find(home)
    if where.state.exists():
        raise Misuse(f"{where.path} is a tradewarden home already", "choose another with --home")
    passphrase = find_passphrase(Sources(where.path, os.environ, passphrase_file), confirm=True)
    made = begin(where, passphrase)
    show(made, json, "\n".join((
        f"made {where.path}",
        f"certificates for bots that speak TLS: {where.certs} (look: tradewarden ca show)",
        "next: tradewarden account add NAME --exchange binance --credentials FILE",
    )))


def status(home: HomeOption = None, json: JsonOption = False) -> None:
    """The gateway in one look; the state on the disk if none runs."""
    from gateway.admin import looking, radius
    from gateway.admin.control import Silent, ask

    where = reachable(home)
    try:
        seen = ask(where, "status", {})
    except Silent:
        tokens, accounts = looking.all_tokens(where), looking.accounts(where)
        states = sorted({token["state"] for token in tokens})
        counts = {state: sum(token["state"] == state for token in tokens) for state in states}
        seen = {"running": False, "tokens": counts, "accounts": len(accounts)}
        seen["blast_radius"] = radius.of_home(where, tokens)
    lines = [f"{key}: {_plain(value)}" for key, value in seen.items() if key != "blast_radius"]
    lines += [line for account, radii in sorted(seen["blast_radius"].items()) for line in _worst(account, radii)]
    show(seen, json, "\n".join(lines))


def _worst(account: str, documents: list[dict[str, Any]]) -> list[str]:
    """What an account's live tokens together can do at the worst."""
    from gateway.admin import radius

    told = [line for document in documents for line in radius.text(document).splitlines()]
    return [f"account {account}, its live tokens together:", *(f"  {line}" for line in told)]


def _plain(value: object) -> str:
    match value:
        case dict():
            return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items()) or "none"
        case list():
            return " ".join(map(str, value)) or "none"
        case bool():
            return "yes" if value else "no"
        case None:
            return "unknown"
        case _:
            return str(value)


def panic(
    cancel_orders: Annotated[bool, typer.Option("--cancel-orders", help="Then cancel every open order.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Revoke every token; with --cancel-orders then cancel every open order with the real keys."""
    where = reachable(home)
    result = operate(where, "token.revoke", {"names": [], "all": True})
    if cancel_orders:
        try:
            result |= operate(where, "panic.cancel_orders", {}, asker(where, passphrase_file))
        except Misuse as failure:
            result |= {"cancelled": 0, "cancel_failures": [str(failure)]}
    show(result, json, revocation_text(result))
    fail_on(result)


@passphrases.command()
def change(
    home: HomeOption = None,
    json: JsonOption = False,
    passphrase_file: PassphraseOption = None,
    new_passphrase_file: Annotated[Path | None, typer.Option("--new-passphrase-file", help="The new one.")] = None,
) -> None:
    """Another passphrase; one key is wrapped anew, everything sealed stays as it is."""
    from gateway.admin.passphrase import ask_passphrase, read_passphrase, terminal
    from gateway.core.secret import Secret
    from gateway.store.sqlite import SqliteStore
    from gateway.vault.envelope import LockedVault

    where = existing(home)
    old = asker(where, passphrase_file)()
    store = SqliteStore.open_for_reading(where.state)
    header = store.vault()
    store.close()
    if header is None:
        raise Misuse("state.db has no vault in it", "restore a backup")
    LockedVault(header).unlock(old)
    if new_passphrase_file is not None:
        new = read_passphrase(new_passphrase_file)
    else:
        new = ask_passphrase("New passphrase", terminal(), confirm=True)
    given = {"passphrase": new.reveal().decode()}
    result = operate(where, "passphrase.change", given, lambda: Secret(old.reveal()))
    show(result, json, "the passphrase is changed; older backups still open with the old one")


def backup(
    file: Annotated[Path, typer.Argument(help="A new file.")], home: HomeOption = None, json: JsonOption = False
) -> None:
    """A consistent copy of the home, still sealed; works while the gateway runs."""
    result = operate(reachable(home), "backup", {"file": str(file.absolute())})
    show(result, json, f"{file}: {result['files']} files, {result['bytes']} bytes, still sealed")


def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")], home: HomeOption = None, json: JsonOption = False
) -> None:
    """Put a backup back, with every token paused; what was there is moved aside."""
    from gateway.admin.archive import restore_backup

    result = restore_backup(Home.find(home), file)
    if result["moved_aside"]:
        say(f"what was there is now in {result['moved_aside']}")
    show(result, json, f"restored; paused {len(result['paused'])} tokens: resume those you still trust")
