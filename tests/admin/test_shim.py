"""The shim that ``exec`` puts on PYTHONPATH: what it mends, what it leaves alone, and that it breaks nothing."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import certifi
import pytest

from gateway.admin.launching import SHIM

SOURCE = SHIM / "sitecustomize.py"
SEVERAL = {
    "certifi/__init__.py": "from .core import contents, where\n",
    "certifi/core.py": "def where():\n    return 'own'\n\n\ndef contents():\n    return 'own'\n",
    "aiohttp/__init__.py": "from .client import ClientSession\n",
    "aiohttp/client.py": "class ClientSession:\n    def __init__(self, base=None, *, trust_env=False):\n"
    "        self.base, self.trust_env = base, trust_env\n",
    "ccxt/__init__.py": "from ccxt.base.exchange import Exchange\n",
    "ccxt/base/__init__.py": "",
    "ccxt/base/exchange.py": "class Exchange:\n    requests_trust_env = aiohttp_trust_env = False\n",
}
"""Packages of the clients' names and shapes: what the shim does to the real ones is in tests/clients/test_exec.py."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write(tmp_path, SEVERAL)
    (tmp_path / "bundle.pem").write_bytes(Path(certifi.where()).read_bytes())
    return tmp_path


def write(place: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def run(place: Path, script: str, *more: Path, bundle: str = "bundle.pem") -> subprocess.CompletedProcess[str]:
    """A program that finds the packages in ``place``, with the shim before them; no site-packages stand behind."""
    environment = {
        "PYTHONPATH": os.pathsep.join(map(str, (SHIM, *more, place))),
        "TRADEWARDEN_CA_BUNDLE": str(place / bundle),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def said(place: Path, script: str, *more: Path, bundle: str = "bundle.pem") -> Any:
    done = run(place, f"import json\n{script}\nprint(json.dumps(said))", *more, bundle=bundle)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_certifi_names_the_bundle(place: Path) -> None:
    """By whichever way it is asked."""
    script = "import certifi, certifi.core\nsaid = [certifi.where(), certifi.core.where(), len(certifi.contents())]"
    bundle = place / "bundle.pem"
    assert said(place, script) == [str(bundle), str(bundle), len(bundle.read_text())]


def test_a_session_goes_by_the_environment_unless_it_says_otherwise(place: Path) -> None:
    """Its other arguments are its own."""
    script = "from aiohttp import ClientSession as S\n"
    script += "said = [S().trust_env, S(trust_env=False).trust_env, S('base').base, S.__init__.__name__]"
    assert said(place, script) == [True, False, "base", "__init__"]


@pytest.mark.parametrize("name", ["Exchange", "BaseExchange"])
def test_every_kind_of_ccxt_exchange_goes_by_the_environment(name: str, place: Path) -> None:
    """The class that holds the switches has two names, in older and newer versions."""
    if name == "BaseExchange":
        exchange = SEVERAL["ccxt/base/exchange.py"].replace("Exchange", "BaseExchange")
        write(place, {"ccxt/base/exchange.py": exchange + "class Exchange(BaseExchange):\n    pass\n"})
    script = f"from ccxt.base.exchange import {name} as E\nsaid = [E.requests_trust_env, E.aiohttp_trust_env]"
    assert said(place, script) == [True, True]


def test_what_is_not_imported_is_not_loaded(place: Path) -> None:
    """A program pays for what it uses."""
    script = "import sys\nsaid = sorted({'certifi', 'aiohttp', 'ccxt', 'asyncio', 'ssl'} & sys.modules.keys())"
    assert said(place, script) == []


def test_the_modules_keep_their_own_loaders(place: Path) -> None:
    """Resources, sources and pickles find what they look for."""
    script = "import certifi.core as core, inspect\n"
    script += "said = [type(core.__loader__).__name__, type(core.__spec__.loader).__name__, inspect.getsource(core)]"
    assert said(place, script) == ["SourceFileLoader", "SourceFileLoader", SEVERAL["certifi/core.py"]]


def test_what_was_imported_before_is_mended_too(place: Path) -> None:
    """By a .pth file, say: here by the sitecustomize that would have been there, run again after it."""
    script = "import sys, importlib\nsaid = []\n"
    script += f"sys.path.remove({str(SHIM)!r}); sys.meta_path.pop(0); sys.modules.pop('sitecustomize', None)\n"
    script += "import certifi\nsaid.append(certifi.core.where())\n"
    script += f"sys.path.insert(0, {str(SHIM)!r})\nimport sitecustomize\nsaid.append(certifi.core.where())"
    assert said(place, script) == ["own", str(place / "bundle.pem")]


def test_another_sitecustomize_is_run_as_if_it_were_alone(place: Path, tmp_path: Path) -> None:
    """It stands under its own name, and what comes after it on the path is found by it."""
    other = tmp_path / "other"
    write(other, {"sitecustomize.py": "import certifi\nMINE = certifi.where()\n"})
    script = "import sitecustomize\nsaid = [sitecustomize.MINE, sitecustomize.__file__]"
    assert said(place, script, other) == [str(place / "bundle.pem"), str(other / "sitecustomize.py")]


def test_what_another_sitecustomize_raises_is_told_as_ever(place: Path, tmp_path: Path) -> None:
    """Python says so and goes on; so it is with ours before it, and the clients are mended."""
    other = tmp_path / "other"
    write(other, {"sitecustomize.py": "raise ValueError('its own')\n"})
    done = run(place, "import certifi\nprint(certifi.where())", other)
    assert (done.returncode, done.stdout) == (0, f"{place / 'bundle.pem'}\n")
    assert "ValueError: its own" in done.stderr


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("aiohttp/client.py", "ClientSession = None\n"),
        ("ccxt/base/exchange.py", "Exchange = 3\n"),
        ("certifi/core.py", "where = contents = None\n"),
    ],
)
def test_a_version_that_it_does_not_know_runs_unmended(module: str, text: str, place: Path) -> None:
    """Nothing is raised, and nothing is said."""
    write(place, {module: text})
    script = "import certifi, aiohttp, ccxt\nsaid = 'ran'"
    assert said(place, script) == "ran"


def test_a_module_that_breaks_breaks_as_ever(place: Path) -> None:
    """Its own error, with its own line."""
    write(place, {"certifi/core.py": "raise KeyError('its own')\n"})
    done = run(place, "import certifi")
    assert done.returncode == 1
    assert done.stderr.endswith("KeyError: 'its own'\n")
    assert "core.py" in done.stderr


@pytest.mark.parametrize("bundle", ["gone.pem", ""])
def test_without_a_bundle_nothing_is_touched(bundle: str, place: Path) -> None:
    """A path that leads nowhere is worse than none."""
    script = "import sys, certifi, aiohttp\n"
    script += "said = [certifi.where(), aiohttp.ClientSession().trust_env, len(sys.meta_path)]"
    where, trust, finders = said(place, script, bundle=bundle)
    assert (where, trust) == ("own", False)
    assert finders == said(place, script)[2] - 1


def test_it_reads_as_python_3_8() -> None:
    """Bots run on older interpreters than the gateway."""
    tree = ast.parse(SOURCE.read_text(), feature_version=(3, 8))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
    assert SHIM.joinpath("__init__.py").exists() is False
