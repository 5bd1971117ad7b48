"""Binance's addresses as its clients know them, each behind the gateway's shared port.

A partial override of a client's URLs would send the token to the real exchange, hence always the whole map.
"""

import json
from typing import Any, Final

CCXT_PATHS: Final = {
    "sapi": "/sapi/v1", "sapiV2": "/sapi/v2", "sapiV3": "/sapi/v3", "sapiV4": "/sapi/v4",
    "dapiPublic": "/dapi/v1", "dapiPrivate": "/dapi/v1", "dapiPrivateV2": "/dapi/v2", "dapiData": "/futures/data",
    "eapiPublic": "/eapi/v1", "eapiPrivate": "/eapi/v1",
    "fapiPublic": "/fapi/v1", "fapiPublicV2": "/fapi/v2", "fapiPublicV3": "/fapi/v3",
    "fapiPrivate": "/fapi/v1", "fapiPrivateV2": "/fapi/v2", "fapiPrivateV3": "/fapi/v3", "fapiData": "/futures/data",
    "public": "/api/v3", "private": "/api/v3", "v1": "/api/v1", "papi": "/papi/v1", "papiV2": "/papi/v2",
}  # fmt: skip
CCXT_STREAMS: Final[dict[str, Any]] = {
    "spot": "stream.binance.com/ws", "margin": "stream.binance.com/ws",
    "linear": "fstream.binance.com/ws", "future": "fstream.binance.com/ws", "papi": "fstream.binance.com/pm/ws",
    "inverse": "dstream.binance.com/ws", "delivery": "dstream.binance.com/ws",
    "stock": "nbstream.binance.com/equity/ws", "option": "fstream.binance.com/public/ws",
    "optionMarket": "fstream.binance.com/market/ws", "optionPrivate": "fstream.binance.com/private/ws",
    "ws-api": {
        "spot": "ws-api.binance.com/ws-api/v3", "linear": "ws-fapi.binance.com/ws-fapi/v1",
        "future": "ws-fapi.binance.com/ws-fapi/v1", "inverse": "ws-dapi.binance.com/ws-dapi/v1",
        "delivery": "ws-dapi.binance.com/ws-dapi/v1",
    },
}  # fmt: skip
"""Streams, which the gateway refuses for now: left out, ccxt.pro would sign its login at the real exchange."""
HOSTS: Final = {
    "/sapi": "api.binance.com", "/api": "api.binance.com", "/fapi": "fapi.binance.com", "/futures": "fapi.binance.com",
    "/dapi": "dapi.binance.com", "/eapi": "eapi.binance.com", "/papi": "papi.binance.com",
}  # fmt: skip
"""Which host each path belongs to; ``dapiData`` shares its path with ``fapiData`` and is told apart by its key."""


def ccxt_urls(base: str) -> dict[str, Any]:
    """ccxt's whole map of Binance, each key behind the gateway's shared port."""
    urls: dict[str, Any] = {key: f"{base}/{_host(key, path)}{path}" for key, path in CCXT_PATHS.items()}
    return urls | {"ws": _streams(base.replace("http", "ws", 1), CCXT_STREAMS)}


def ccxt_literal(base: str) -> str:
    """The same as it stands in code, of Python or JavaScript, four columns in."""
    return json.dumps(ccxt_urls(base), indent=4).replace("\n", "\n    ")


def _streams(base: str, places: dict[str, Any]) -> dict[str, Any]:
    return {key: _streams(base, at) if isinstance(at, dict) else f"{base}/{at}" for key, at in places.items()}


def _host(key: str, path: str) -> str:
    return "dapi.binance.com" if key == "dapiData" else HOSTS["/" + path.split("/")[1]]
