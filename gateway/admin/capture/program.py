"""mitmproxy's program: where it is, whether it is one that the addon knows, and its command line.

Law: nothing of mitmproxy's own habits is relied on. It has no configuration but this, its own CA is never asked, and
its environment is made here: no variable of the command's own reaches it.
"""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from gateway.core.errors import Misuse

OLDEST: Final = 12
_ASK_S: Final = 60.0
_VERSION: Final = re.compile(r"^Mitmproxy: ([0-9]+)", re.MULTILINE)
_INSTALL: Final = (
    f"install it with `pipx install 'mitmproxy>={OLDEST}'` (Python 3.12 or newer), or name another with --mitmdump PATH"
)
_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "TMPDIR")
_SETTINGS: Final = (
    "connection_strategy=lazy", "upstream_cert=false", "http2=false", "http3=false", "websocket=false", "rawtcp=false",
    "body_size_limit=1m", "onboarding=false", "flow_detail=0", "termlog_verbosity=warn",
)  # fmt: skip


def find_program(named: Path | None) -> Path:
    """mitmdump: the one named, this environment's, the one on the path. Raises Misuse that says what to install."""
    if named is not None:
        found = named.expanduser().absolute()
    elif find_spec("mitmproxy") is not None:
        found = Path(sys.executable).with_name("mitmdump")
    else:
        on_path = shutil.which("mitmdump")
        if on_path is None:
            raise Misuse("mitmproxy is not installed", _INSTALL)
        found = Path(on_path).absolute()
    _check(found)
    return found


def _check(program: Path) -> None:
    try:
        asked = subprocess.run(
            [program, "--version"],
            env=variables(Path("/")), capture_output=True, text=True, timeout=_ASK_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise Misuse(f"{program} does not run: {failure}", _INSTALL) from None
    version = _VERSION.search(asked.stdout)
    if version is None:
        raise Misuse(f"{program} is no mitmdump", _INSTALL)
    if int(version[1]) < OLDEST:
        raise Misuse(f"{program} is mitmproxy {version[1]}, and {OLDEST} is needed", _INSTALL)


def variables(directory: Path) -> dict[str, str]:
    """The whole environment of its process."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    python = dict.fromkeys(("PYTHONDONTWRITEBYTECODE", "PYTHONNOUSERSITE", "PYTHONUNBUFFERED"), "1")
    return kept | {"HOME": str(directory)} | python


def command(program: Path, mode: str, directory: Path, leaf: Path) -> list[str]:
    """Its command line. One certificate answers for every name, so that mitmproxy has none to make."""
    words = [str(program), "--mode", mode, "--scripts", str(directory / "addon.py"), "--certs", f"*={leaf}"]
    for setting in (f"confdir={directory / 'mitmproxy'}", *_SETTINGS):
        words += ["--set", setting]
    return words
