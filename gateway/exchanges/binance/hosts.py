"""Binance's hosts. One table says which may be named, which product each is, and which environment.

Source: the exchange's REST documentation (general API information, testnet and demo pages).
"""

from functools import lru_cache
from typing import Final

from gateway.core.decision import DenyCode
from gateway.core.errors import Refused

API: Final = "api.binance.com"
FAPI: Final = "fapi.binance.com"
DAPI: Final = "dapi.binance.com"
EAPI: Final = "eapi.binance.com"
PAPI: Final = "papi.binance.com"
LIVE: Final = "live"
_FUTURES_TESTNET: Final = "testnet.binancefuture.com"

_NAMED: Final = {
    API: ("live", None), "api1.binance.com": ("live", API), "api2.binance.com": ("live", API),
    "api3.binance.com": ("live", API), "api4.binance.com": ("live", API), "api-gcp.binance.com": ("live", API),
    FAPI: ("live", None), DAPI: ("live", None), EAPI: ("live", None), PAPI: ("live", None),
    "ws-api.binance.com": ("live", None), "ws-fapi.binance.com": ("live", None), "ws-dapi.binance.com": ("live", None),
    "stream.binance.com": ("live", None), "www.binance.com": ("live", None),
    "testnet.binance.vision": ("testnet", API), _FUTURES_TESTNET: ("testnet", None),
    "demo-api.binance.com": ("demo", API), "demo-fapi.binance.com": ("demo", FAPI),
    "demo-dapi.binance.com": ("demo", DAPI),
}

HOSTS: Final = {host: environment for host, (environment, _) in _NAMED.items()}
"""Every host that a bot may name, with its environment."""

PORTS: Final = {"stream.binance.com": frozenset((443, 9443))}

_BY_PATH: Final = {
    "api": API, "sapi": API, "fapi": FAPI, "dapi": DAPI, "eapi": EAPI, "papi": PAPI, "bapi": "www.binance.com",
}

_DIALLED: Final = {
    (API, "live"): API, (FAPI, "live"): FAPI, (DAPI, "live"): DAPI,
    (API, "testnet"): "testnet.binance.vision",
    (FAPI, "testnet"): _FUTURES_TESTNET, (DAPI, "testnet"): _FUTURES_TESTNET,
    (API, "demo"): "demo-api.binance.com",
    (FAPI, "demo"): "demo-fapi.binance.com", (DAPI, "demo"): "demo-dapi.binance.com",
}


def product(host: str | None, path: str) -> str | None:
    """The catalogue's host for a named host (None: the path decides), or None where there is none.

    ``/futures/data`` is the same path at two products; without a host it belongs to neither.
    """
    by_path = _BY_PATH.get(path.split("/", 2)[1])
    if host is None:
        return by_path
    if host == _FUTURES_TESTNET:
        return by_path if by_path in (FAPI, DAPI) else None
    if host not in _NAMED:
        return None
    return _NAMED[host][1] or host


@lru_cache(maxsize=256)
def dialled(host: str, path: str, environment: str) -> str:
    """The host to dial for a catalogue row in an environment. Raises Refused where the environment has no such host."""
    named = _DIALLED.get((host, environment))
    if named is None or (environment != LIVE and path.startswith("/sapi/")):
        raise Refused(DenyCode.UNSUPPORTED, f"Binance has no {path} in the {environment} environment")
    return named
