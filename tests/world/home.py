"""A gateway's home on disk, and the commands that a person types at it.

Law: everything goes through the command line; a test that reaches into state.db or a module proves nothing about
what a user gets.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TRADEWARDEN = (sys.executable, "-m", "gateway.admin.cli")
COMMAND_SECONDS = 120
PASSPHRASE = "correct horse battery staple of the tests"


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The one JSON document on its standard output."""
        return json.loads(self.out)


class CommandFailed(AssertionError):
    """A command that should have succeeded did not."""


class Home:
    """A home directory, its passphrase beside it in a file, and the ``tradewarden`` command."""

    def __init__(self, place: Path) -> None:
        self.path = place / "home"
        self.passphrase_file = place / "passphrase"

    @classmethod
    def initialised(cls, place: Path) -> "Home":
        """A new home by ``tradewarden init``."""
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        home = cls(place)
        home.passphrase_file.touch(mode=0o600)
        home.passphrase_file.write_text(PASSPHRASE + "\n")
        home.run("init")
        return home

    def copied(self, place: Path) -> "Home":
        """The same home elsewhere: an initialised one is worth a second of Argon2."""
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        home = Home(place)
        shutil.copytree(self.path, home.path, copy_function=shutil.copy2)
        shutil.copy2(self.passphrase_file, home.passphrase_file)
        return home

    @property
    def environment(self) -> Mapping[str, str]:
        """What its processes see: this home, this passphrase file, and nothing of the tester's own setup."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        kept["PYTHONPATH"] = str(ROOT)
        return kept | {"TRADEWARDEN_HOME": str(self.path), "TRADEWARDEN_PASSPHRASE_FILE": str(self.passphrase_file)}

    def command(self, *words: str) -> list[str]:
        """The command line of ``tradewarden words…``, of this checkout."""
        return [*TRADEWARDEN, *words]

    def attempt(self, *words: str, stdin: str = "") -> Done:
        """Runs a command to its end, whatever that is."""
        done = subprocess.run(
            self.command(*words),
            input=stdin, env=self.environment, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    def run(self, *words: str, stdin: str = "") -> Done:
        """Runs a command that must succeed. Raises CommandFailed with its words if it does not."""
        done = self.attempt(*words, stdin=stdin)
        if done.code != 0:
            raise CommandFailed(f"tradewarden {' '.join(words)} ended with {done.code}\n{done.out}\n{done.err}")
        return done

    def write(self, name: str, text: str) -> None:
        """One of its files, readable by the owner alone."""
        path = self.path / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text)
