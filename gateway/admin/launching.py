"""Becoming a bot: `exec` hands its process over to a command whose requests all go through the forward port.

Law: a secret stands in no argument and no URL, and in the environment only where a person asked for it. What the
gateway itself was given to open its vault is not passed on, nor is a secret that only happened to stand around.
"""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from gateway.admin.control import Silent, ask
from gateway.admin.passphrase import CREDENTIAL_NAME, FILE_VARIABLE
from gateway.admin.pointing.variables import direct, variables
from gateway.core.errors import Misuse
from gateway.home import Home

SHIM: Final = Path(__file__).with_name("shim")
SECRET: Final = "TRADEWARDEN_SECRET"
CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"


def handed(home: Home, token: str, with_secret: bool, command: str) -> dict[str, Any]:
    """What the running gateway says of itself and the token. Raises Misuse, also where none runs."""
    arguments = {"name": token, "secret": with_secret, "command": command}
    try:
        told: dict[str, Any] = ask(home, "token.hand", arguments)
    except Silent:
        hint = "start it with `tradewarden serve`, then try again"
        raise Misuse(f"no gateway runs on {home.path}, and the command would get no answer", hint) from None
    if not Path(told["bundle"]).is_file():
        raise Misuse(f"{told['bundle']} is not there", "`tradewarden ca bundle` writes it")
    return told


def environment(was: Mapping[str, str], told: Mapping[str, Any]) -> dict[str, str]:
    """The command's environment: its own, and what points it at the gateway."""
    own = {"TRADEWARDEN_TOKEN": told["token"], "TRADEWARDEN_API_KEY": told["apiKey"]}
    if "secret" in told:
        own[SECRET] = told["secret"]
    back = _kept_back(was)
    kept = {name: value for name, value in was.items() if name not in back}
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, (str(SHIM), was.get("PYTHONPATH"))))}
    pointed = variables(told["forward"], told["ca"], told["bundle"])
    return kept | pointed | direct(was, told["hosts"]) | paths | own


def _kept_back(was: Mapping[str, str]) -> set[str]:
    directory = was.get(CREDENTIALS)
    holds_ours = directory is not None and os.path.lexists(Path(directory, CREDENTIAL_NAME))
    return {FILE_VARIABLE, SECRET, *([CREDENTIALS] if holds_ours else ())}


def become(command: list[str], variables: Mapping[str, str], umask: int | None) -> NoReturn:
    """This process is the command from here on. Raises OSError if it cannot be."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores these, and what is ignored stays so in the command
    if umask is not None:
        os.umask(umask)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execvpe(command[0], command, variables)  # noqa: S606 - the command that a person typed, without a shell
