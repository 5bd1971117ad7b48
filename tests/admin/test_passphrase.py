"""The passphrase comes from the first source there is, whole and unseen; what cannot be read stops everything."""

import getpass
import os
import pty
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked

from gateway.admin.passphrase import (
    Ask,
    Sources,
    ask_passphrase,
    find_passphrase,
    from_keyring,
    read_passphrase,
)
from gateway.core.errors import Misuse
from gateway.core.secret import Secret

HOME: Final = Path("/home/of/the/test")
ENVIRONMENT: Final = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
ORDER: Final = ("option", "variable", "systemd", "keyring", "terminal")


class Typist:
    """A person at a terminal: gives the answers in turn, and remembers the questions."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.questions: list[str] = []

    def __call__(self, question: str) -> str:
        self.questions.append(question)
        if not self._answers:
            raise EOFError
        return self._answers.pop(0)


def sources(folder: Path, present: tuple[str, ...]) -> Sources:
    """Sources of which those named hold their own name as passphrase."""
    for name in ("option", "variable"):
        (folder / name).write_text(f"{name}\n")
    (folder / "tradewarden-passphrase").write_text("systemd\n")
    environment = {
        "variable": {"TRADEWARDEN_PASSPHRASE_FILE": str(folder / "variable")},
        "systemd": {"CREDENTIALS_DIRECTORY": str(folder)},
    }
    found: Mapping[str, str] = {k: v for name in present for k, v in environment.get(name, {}).items()}
    ask: Ask | None = Typist("terminal") if "terminal" in present else None
    entry = Secret("keyring") if "keyring" in present else None
    return Sources(HOME, found, folder / "option" if "option" in present else None, lambda: ask, lambda _: entry)


@pytest.mark.parametrize("first", range(len(ORDER)), ids=ORDER)
def test_the_first_source_there_is_wins(tmp_path: Path, first: int) -> None:
    """In the order of the interface; those after it are not asked."""
    assert find_passphrase(sources(tmp_path, ORDER[first:])).reveal().decode() == ORDER[first]


def test_without_any_source_the_refusal_lists_them(tmp_path: Path) -> None:
    """A service without a terminal is told every way there is."""
    with pytest.raises(Misuse) as caught:
        find_passphrase(sources(tmp_path, ()))
    for source in ("--passphrase-file", "$TRADEWARDEN_PASSPHRASE_FILE", "LoadCredential", "keyring"):
        assert source in str(caught.value)


def test_an_empty_variable_counts_as_absent(tmp_path: Path) -> None:
    """As everywhere in a shell."""
    empty = {"TRADEWARDEN_PASSPHRASE_FILE": "", "CREDENTIALS_DIRECTORY": ""}
    assert find_passphrase(Sources(HOME, empty, None, lambda: Typist("typed"), lambda _: None)).reveal() == b"typed"


def test_a_unit_with_other_credentials_only_goes_on_to_the_next_source(tmp_path: Path) -> None:
    """systemd's directory may hold what is not for us."""
    unit = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert find_passphrase(Sources(HOME, unit, None, lambda: None, lambda _: Secret("k"))).reveal() == b"k"


@pytest.mark.parametrize("where", ["option", "variable", "systemd"])
def test_a_named_source_that_cannot_be_read_is_an_error(tmp_path: Path, where: str) -> None:
    """Never a reason to try the next: the mistake would show as a prompt nobody sees."""
    (tmp_path / "tradewarden-passphrase").mkdir()
    named = {"variable": {"TRADEWARDEN_PASSPHRASE_FILE": str(tmp_path / "none")},
             "systemd": {"CREDENTIALS_DIRECTORY": str(tmp_path)}}.get(where, {})
    file = tmp_path / "none" if where == "option" else None
    with pytest.raises(Misuse, match="cannot be read"):
        find_passphrase(Sources(HOME, named, file, lambda: Typist("typed"), lambda _: Secret("k")))


@pytest.mark.parametrize(
    ("content", "passphrase"),
    [
        (b"plain", b"plain"),
        (b"line\n", b"line"),
        (b"windows\r\n", b"windows"),
        (b"two\n\n", b"two\n"),
        (b" spaces \n", b" spaces "),
        (b"return\r", b"return\r"),
        (b"\xff\x00 bytes", b"\xff\x00 bytes"),
        (b"x" * 4096, b"x" * 4096),
    ],
)
def test_one_newline_at_the_end_goes_and_nothing_else(tmp_path: Path, content: bytes, passphrase: bytes) -> None:
    """Editors add one; everything else was meant."""
    (tmp_path / "file").write_bytes(content)
    assert read_passphrase(tmp_path / "file").reveal() == passphrase


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n", b"x" * 4097], ids=["none", "newline", "windows", "too long"])
def test_a_file_that_holds_no_passphrase_is_refused(tmp_path: Path, content: bytes) -> None:
    """An empty one protects nothing; a huge one is the wrong file."""
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(Misuse):
        read_passphrase(tmp_path / "file")


def test_a_new_passphrase_is_typed_twice() -> None:
    """Only where it is confirmed, and both must agree."""
    once, twice, unlike = Typist("p"), Typist("p", "p"), Typist("p", "q")
    assert ask_passphrase("Q", once).reveal() == ask_passphrase("Q", twice, confirm=True).reveal() == b"p"
    assert (len(once.questions), len(twice.questions)) == (1, 2)
    with pytest.raises(Misuse, match="differ"):
        ask_passphrase("Q", unlike, confirm=True)


@pytest.mark.parametrize("typist", [Typist(""), Typist(), Typist("\ud800")], ids=["empty", "end of input", "no text"])
def test_a_prompt_without_an_answer_is_refused(typist: Callable[[str], str]) -> None:
    """And what was typed shows neither in the error nor behind it."""
    with pytest.raises(Misuse) as caught:
        ask_passphrase("Q", typist)
    assert not isinstance(caught.value.__context__, UnicodeError)


def test_a_terminal_that_would_show_the_passphrase_is_not_used() -> None:
    """Where echo cannot be turned off, nothing is asked."""

    def echoing(question: str) -> str:
        warnings.warn("cannot control echo", getpass.GetPassWarning, stacklevel=1)
        return "shown"

    with pytest.raises(Misuse, match="no passphrase was typed"):
        ask_passphrase("Q", echoing)


class Ring(KeyringBackend):
    """A keyring with one entry, or one that is locked."""

    priority = 1

    def __init__(self, entry: str | None, locked: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._entry = entry
        self._locked = locked

    def get_password(self, service: str, username: str) -> str | None:
        if self._locked:
            raise KeyringLocked("no key to the ring")
        return self._entry if (service, username) == ("tradewarden", str(HOME)) else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError

    def delete_password(self, service: str, username: str) -> None:
        raise NotImplementedError


def test_the_keyring_knows_each_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two installations of one user have two entries."""
    monkeypatch.setattr(keyring.core, "_keyring_backend", Ring("from the ring"))
    found = from_keyring(HOME)
    assert found is not None
    assert found.reveal() == b"from the ring"
    assert from_keyring(HOME / "other") is None


def test_no_keyring_is_no_entry_and_a_locked_one_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server has none; a locked one was meant to be used."""
    monkeypatch.setattr(keyring.core, "_keyring_backend", NoKeyring())  # type: ignore[no-untyped-call]
    assert from_keyring(HOME) is None
    monkeypatch.setattr(keyring.core, "_keyring_backend", Ring("x", locked=True))
    with pytest.raises(Misuse, match="keyring cannot be read"):
        from_keyring(HOME)


def run(program: str, own_session: bool = False) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, timeout=60, check=True,
        start_new_session=own_session,
    )


def test_without_the_extra_there_is_no_keyring() -> None:
    """The import fails, and the next source is asked."""
    program = (
        "import sys; sys.modules['keyring'] = None\n"
        "from pathlib import Path; from gateway.admin.passphrase import from_keyring; print(from_keyring(Path('/h')))"
    )
    assert run(program).stdout == b"None\n"


def test_nothing_heavy_is_loaded_until_it_is_needed() -> None:
    """A passphrase from a file needs no keyring library."""
    program = "import sys, gateway.admin.passphrase, gateway.admin.hardening; print('keyring' in sys.modules)"
    assert run(program).stdout == b"False\n"


def test_a_process_without_a_terminal_knows_it() -> None:
    """A new session has no controlling terminal: nothing waits for an answer that cannot come."""
    program = "from gateway.admin.passphrase import terminal; print(terminal())"
    assert run(program, own_session=True).stdout == b"None\n"


TYPED: Final = """
import fcntl, os, sys, termios
from pathlib import Path
from gateway.admin.passphrase import Sources, find_passphrase
fcntl.ioctl(os.open(sys.argv[1], os.O_RDWR), termios.TIOCSCTTY, 0)
found = find_passphrase(Sources(Path("/h"), {}, keyring=lambda home: None), confirm=True)
print(len(found.reveal()), found)
"""


def test_what_is_typed_on_a_terminal_is_not_shown() -> None:
    """On a real terminal: two questions, the answers read, not one letter echoed."""
    master, slave = pty.openpty()
    command = [sys.executable, "-c", TYPED, os.ttyname(slave)]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, start_new_session=True) as child:
        shown = answered(master)
        assert child.communicate(timeout=60)[0] == b"12 [secret]\n"
    os.set_blocking(master, False)
    shown += os.read(master, 1024)
    os.close(master)
    os.close(slave)
    assert b"canary" not in shown


def answered(master: int) -> bytes:
    """Types the same answer at both questions; what the terminal showed until then."""
    shown = b""
    for question in (b"Passphrase of the vault: ", b"Once more: "):
        while not shown.endswith(question):
            shown += os.read(master, 1024)
        os.write(master, b"canary-typed\n")
    return shown
