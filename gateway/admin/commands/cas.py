"""`ca`: what bots trust for TLS. Looking needs no vault; nothing is ever installed outside the home."""

from enum import StrEnum
from typing import Annotated, Final

import typer

from gateway.admin.desk import asker, operate
from gateway.admin.terminal import HomeOption, JsonOption, PassphraseOption, existing, reachable, say, show

app = typer.Typer(no_args_is_help=True)


class Which(StrEnum):
    """A CA by what it is for."""

    TUNNELS = "tunnels"
    LISTEN = "listen"
    ALL = "all"


_USERS: Final = {
    Which.TUNNELS.value: "bots that use the forward port (HTTPS_PROXY)",
    Which.LISTEN.value: "bots that speak TLS to the gateway's own ports",
}


@app.command("show")
def show_(home: HomeOption = None, json: JsonOption = False) -> None:
    """Fingerprint, constraints, validity and file of each."""
    from gateway.admin.certificates import text, views
    from gateway.registry.certs import CertsFolder

    folder = CertsFolder(reachable(home).certs)
    seen = views(folder)
    told = "\n".join(text(purpose, view) for purpose, view in seen.items())
    show(seen | {"bundle": str(folder.bundle)}, json, f"{told}\nbundle: {folder.bundle}")


@app.command()
def rotate(
    which: Annotated[Which, typer.Argument(help="Which CA.")] = Which.ALL,
    home: HomeOption = None,
    json: JsonOption = False,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Another key and certificate, used at once. Bots refuse the gateway until they are given the new file."""
    from gateway.admin.certificates import text

    where = existing(home)
    purposes = list(_USERS) if which is Which.ALL else [which.value]
    made = operate(where, "ca.rotate", {"which": purposes}, asker(where, passphrase_file))
    for purpose, view in made.items():
        say(f"give {view['path']} (or the bundle) to {_USERS[purpose]}, and take the old one from them")
    show(made, json, "\n".join(text(purpose, view) for purpose, view in made.items()))


@app.command()
def bundle(home: HomeOption = None, json: JsonOption = False) -> None:
    """The path of the public roots and both CAs in one file, written anew if this version has other roots."""
    from gateway.registry.certs import STEMS, CertsFolder

    folder = CertsFolder(existing(home).certs)
    for purpose in STEMS:
        folder.read(purpose)
    was_written = folder.write_bundle()
    show({"bundle": str(folder.bundle), "written": was_written}, json, str(folder.bundle))
