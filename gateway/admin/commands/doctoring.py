"""`doctor`: what has to be right around a gateway."""

import typer

from gateway.admin.terminal import HomeOption, JsonOption, PassphraseOption, show
from gateway.home import Home


def register(app: typer.Typer) -> None:
    """Put the command on the command line."""
    app.command()(doctor)


def doctor(home: HomeOption = None, json: JsonOption = False, passphrase_file: PassphraseOption = None) -> None:
    """Look at modes, settings, ports, clocks, keys, certificates, room and neighbours; exit 1 if anything is wrong.

    What the keys may do is asked of the running gateway. Without one the vault stays closed, unless --passphrase-file
    is given here: other sources of a passphrase do not count.
    """
    from gateway.admin.doctor.examination import document, examine, is_sound, patient_of, text
    from gateway.admin.logs import configure

    configure()
    where = Home.find(home)
    where.require()
    report = examine(patient_of(where, passphrase_file))
    show(document(report), json, text(report))
    if not is_sound(report):
        raise typer.Exit(1)
