"""Python imports this at its start in whatever runs under ``tradewarden exec``: it lies first on PYTHONPATH.

Some clients take neither a proxy nor a certificate from the environment. Theirs is mended in memory, when and only if
they are imported: aiohttp's sessions, ccxt's switches, and where certifi says that the certificates are. What a program
sets itself stays. Nothing here may break it: what cannot be mended is left as it is.

Runs on Python 3.8 and newer, with the standard library alone.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType
    from typing import Any

BUNDLE = "TRADEWARDEN_CA_BUNDLE"
"""Names the file with the public roots and the gateway's own."""


def _mend_certifi(module: Any) -> None:
    """``certifi.core``: its file is the bundle, which holds certifi's own roots too."""
    bundle = os.environ[BUNDLE]

    def where() -> str:
        return bundle

    def contents() -> str:
        with open(bundle, encoding="ascii") as file:
            return file.read()

    module.where, module.contents = where, contents


def _mend_aiohttp(module: Any) -> None:
    """``aiohttp.client``: a session goes by the environment unless it is told otherwise."""
    own = module.ClientSession.__init__

    @functools.wraps(own)
    def begin(self: Any, *args: Any, **options: Any) -> None:
        options.setdefault("trust_env", True)
        own(self, *args, **options)

    module.ClientSession.__init__ = begin


def _mend_ccxt(module: Any) -> None:
    """``ccxt.base.exchange``: every kind of exchange goes by the environment unless it is told otherwise."""
    root = getattr(module, "BaseExchange", module.Exchange)  # its name since 4.5
    root.requests_trust_env = root.aiohttp_trust_env = True


MENDED = {"certifi.core": _mend_certifi, "aiohttp.client": _mend_aiohttp, "ccxt.base.exchange": _mend_ccxt}


def _mend(module: Any) -> None:
    try:
        MENDED[module.__name__](module)
    except Exception:
        return  # another version than we know: it runs as it would have without us


class _Loader(importlib.abc.Loader):
    """The module's own loader, and then what there is to mend."""

    def __init__(self, own: Any) -> None:
        self._own = own

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._own.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._own
        if module.__spec__ is not None:
            module.__spec__.loader = self._own
        self._own.exec_module(module)
        _mend(module)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds what others find."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in MENDED:
            return None
        for other in sys.meta_path:
            find: Callable[..., Any] | None = None if other is self else getattr(other, "find_spec", None)
            spec: importlib.machinery.ModuleSpec | None = find(fullname, path, target) if find else None
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader)
                return spec
        return None


def _begin() -> None:
    """Mend what is there already, and whatever comes."""
    if not os.path.isfile(os.environ.get(BUNDLE, "")):
        return
    for name in MENDED:
        if name in sys.modules:
            _mend(sys.modules[name])
    sys.meta_path.insert(0, _Finder())


def _go_on() -> None:
    """The ``sitecustomize`` that there would have been without this one; what it raises is its own."""
    here = os.path.dirname(os.path.abspath(__file__))
    others = [place for place in sys.path if os.path.abspath(place) != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


_begin()
_go_on()
