"""The process keeps its memory to itself; a home that others can look into is refused, and told how to mend it."""

import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.admin.hardening import check_home
from gateway.core.errors import Misuse


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home as ``init`` makes it, with something at every depth."""
    home = tmp_path / "a home"
    for folder in (home, home / "policies", home / "audit", home / "audit" / "old"):
        folder.mkdir(mode=0o700)
    for file in ("state.db", "policies/grid.yaml", "audit/1.jsonl", "audit/old/0.jsonl"):
        (home / file).touch(mode=0o600)
    return home


def refusal(home: Path) -> str:
    with pytest.raises(Misuse) as caught:
        check_home(home)
    return str(caught.value)


def mend(complaint: str) -> None:
    """Does what the refusal says, as a person would."""
    subprocess.run(complaint.partition("run: ")[2], shell=True, check=True, timeout=30)


def test_a_home_as_init_makes_it_passes(home: Path) -> None:
    """Directories 0700, files 0600, stricter ones too."""
    (home / "state.db").chmod(0o400)
    check_home(home)


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        (".", 0o701), (".", 0o755), ("policies", 0o750), ("audit/old", 0o702),
        ("state.db", 0o604), ("policies/grid.yaml", 0o620), ("audit/old/0.jsonl", 0o640), ("state.db", 0o700),
    ],
)
def test_one_loose_path_is_named_and_its_command_mends_it(home: Path, path: str, mode: int) -> None:
    """At any depth, whatever bit it is; the command is for exactly that path."""
    (home / path).chmod(mode)
    complaint = refusal(home)
    assert f"has mode {mode:04o}" in complaint
    assert complaint.endswith(shlex.quote(str(home / path)))
    mend(complaint)
    check_home(home)


def test_one_command_mends_many_loose_paths(home: Path) -> None:
    """The refusal counts them, and running its command once is enough."""
    for path in (".", "policies", "audit/old/0.jsonl", "state.db"):
        (home / path).chmod(0o777)
    complaint = refusal(home)
    assert "(and 3 more)" in complaint
    mend(complaint)
    check_home(home)


def test_a_link_counts_as_what_it_points_to(home: Path, tmp_path: Path) -> None:
    """A policy that others can write is no safer elsewhere; a link to nothing, or in a circle, is harmless."""
    elsewhere = tmp_path / "shared.yaml"
    elsewhere.touch(mode=0o600)
    (home / "policies" / "shared.yaml").symlink_to(elsewhere)
    (home / "policies" / "gone.yaml").symlink_to(tmp_path / "gone")
    (home / "audit" / "circle").symlink_to(home)
    check_home(home)
    elsewhere.chmod(0o666)
    mend(refusal(home))
    assert elsewhere.stat().st_mode & 0o777 == 0o600


def test_a_socket_in_the_home_is_held_to_the_same(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control socket is 0600 like any file."""
    monkeypatch.chdir(home)  # a socket's path may be short only
    with socket.socket(socket.AF_UNIX) as control:
        control.bind("control.sock")
        (home / "control.sock").chmod(0o600)
        check_home(home)
        (home / "control.sock").chmod(0o660)
        assert "control.sock has mode 0660" in refusal(home)


def test_no_home_says_how_to_make_one(tmp_path: Path) -> None:
    """Nothing there, or a file in its place."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "none", tmp_path / "file"):
        assert "tradewarden init" in refusal(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_belongs_to_another_user_is_refused(home: Path) -> None:
    """Its owner could loosen it at any time."""
    os.chown(home / "state.db", 12345, -1)
    complaint = refusal(home)
    assert "belongs to another user" in complaint
    mend(complaint)
    check_home(home)


HARDENED = """
import ctypes, os, resource, sys
from gateway.admin.hardening import harden
os.umask(0o022)
harden()
dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
open("made", "w").close()
print(resource.getrlimit(resource.RLIMIT_CORE), dumpable, oct(os.stat("made").st_mode & 0o777))
sys.stdout.flush()
os.abort()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel whether it obeyed")
def test_a_hardened_process_leaves_no_core_and_no_readable_file(tmp_path: Path) -> None:
    """The limits are set, the kernel agrees, and a crash leaves nothing behind."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", HARDENED],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )
    assert done.stdout == "(0, 0) 0 0o600\n"
    assert done.returncode == -6
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


FILES = """
import resource, sys
from gateway.admin.hardening import open_files
soft, hard = (int(word) for word in sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
told = open_files()
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (told, hard)
print(told)
"""


@pytest.mark.parametrize(("soft", "hard"), [(64, 300), (300, 300)])
def test_as_many_files_may_be_open_as_the_system_allows(soft: int, hard: int) -> None:
    """A soft limit is a default for others; the hard one is ours to use, and is not touched."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", FILES, str(soft), str(hard)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout) == hard
