"""Where the vault's passphrase comes from: the first source that is there, in one fixed order, and never argv.

A source that was named and cannot be read is an error, not a reason to try the next: else a mistyped path would
end in a prompt that nobody sees. What a source gives is taken as it is, less one newline at its end.
"""

import getpass
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.core.errors import Misuse
from gateway.core.secret import Secret

FILE_VARIABLE: Final = "TRADEWARDEN_PASSPHRASE_FILE"
CREDENTIAL_NAME: Final = "tradewarden-passphrase"
KEYRING_SERVICE: Final = "tradewarden"
_LONGEST: Final = 4096
_NONE: Final = "no passphrase was given, and there is no terminal to ask on"
_SOURCES: Final = (
    "give one of: --passphrase-file FILE, $TRADEWARDEN_PASSPHRASE_FILE, systemd's LoadCredential="
    f"{CREDENTIAL_NAME}:FILE, the OS keyring (extra keyring; keyring set {KEYRING_SERVICE} HOME)"
)

Ask = Callable[[str], str]
"""Shows a question on the terminal and returns the answer, typed without echo."""


def terminal() -> Ask | None:
    """The way to ask a person, or None if the process has no terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return None
    return getpass.getpass


def from_keyring(home: Path) -> Secret | None:
    """The entry of the OS keyring for this home; None without the extra, a keyring or an entry. Raises Misuse."""
    try:
        import keyring
        from keyring.errors import KeyringError, NoKeyringError
    except ImportError:
        return None
    try:
        entry = keyring.get_password(KEYRING_SERVICE, str(home.absolute()))
    except NoKeyringError:
        return None
    except KeyringError as error:
        raise Misuse(f"the OS keyring cannot be read: {error}", "unlock it, or use --passphrase-file") from error
    return None if entry is None else _clean(Secret(entry), "the keyring's entry")


@dataclass(frozen=True, slots=True)
class Sources:
    """What the passphrase may come from. ``ask`` and ``keyring`` are found out when needed."""

    home: Path
    environment: Mapping[str, str]
    file: Path | None = None
    ask: Callable[[], Ask | None] = terminal
    keyring: Callable[[Path], Secret | None] = from_keyring


def find_passphrase(sources: Sources, *, confirm: bool = False) -> Secret:
    """The passphrase from the first source there is; ``confirm``: a typed one is asked for twice. Raises Misuse."""
    for source in _ORDER:
        found = source(sources)
        if found is not None:
            return found
    return ask_passphrase("Passphrase of the vault", sources.ask(), confirm=confirm)


def ask_passphrase(question: str, ask: Ask | None, *, confirm: bool = False) -> Secret:
    """A passphrase typed on the terminal. Raises Misuse: no terminal, an empty one, or two that differ."""
    if ask is None:
        raise Misuse(_NONE, _SOURCES)
    typed = _typed(ask, f"{question}: ")
    if confirm and typed.reveal() != _typed(ask, "Once more: ").reveal():
        raise Misuse("the two passphrases differ", "nothing was done; try again")
    return typed


def read_passphrase(path: Path) -> Secret:
    """What the file says, less one newline at its end. Raises Misuse."""
    try:
        with path.open("rb") as file:
            content = Secret(file.read(_LONGEST + 1))
    except OSError as error:
        raise Misuse(f"the passphrase file cannot be read: {error}") from error
    if len(content.reveal()) > _LONGEST:
        raise Misuse(f"{path} is no passphrase file", f"a passphrase has at most {_LONGEST} bytes")
    return _clean(content, str(path))


def _from_option(sources: Sources) -> Secret | None:
    return None if sources.file is None else read_passphrase(sources.file)


def _from_variable(sources: Sources) -> Secret | None:
    named = sources.environment.get(FILE_VARIABLE)
    return read_passphrase(Path(named)) if named else None


def _from_systemd(sources: Sources) -> Secret | None:
    directory = sources.environment.get("CREDENTIALS_DIRECTORY")
    if not directory:
        return None
    try:
        return read_passphrase(Path(directory, CREDENTIAL_NAME))
    except Misuse as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None  # the directory is for every credential of the unit, ours need not be among them
        raise


def _from_keyring(sources: Sources) -> Secret | None:
    return sources.keyring(sources.home)


_ORDER: Final = (_from_option, _from_variable, _from_systemd, _from_keyring)


def _typed(ask: Ask, question: str) -> Secret:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)  # it would show what is typed
            return _clean(Secret(ask(question)), "what was typed")
    except (EOFError, getpass.GetPassWarning) as error:
        raise Misuse("no passphrase was typed", _SOURCES) from error
    except UnicodeError:
        pass  # it carries what was typed
    raise Misuse("what was typed is not valid text", "set the terminal to UTF-8")


def _clean(content: Secret, where: str) -> Secret:
    line = content.reveal()
    clean = Secret(line.removesuffix(b"\n").removesuffix(b"\r") if line.endswith(b"\n") else line)
    if not clean.reveal():
        raise Misuse(f"{where} holds an empty passphrase", "it protects nothing")
    return clean
