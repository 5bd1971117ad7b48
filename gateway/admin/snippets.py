"""How to point a bot at the gateway. One source for `token issue --for`; each is tested as it is printed.

A partial override of a client's URLs would send the token to the real exchange, hence always the whole map.
"""

from typing import Any, Final

from gateway.core.errors import Misuse

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


def _streams(base: str, places: dict[str, Any]) -> dict[str, Any]:
    return {key: _streams(base, at) if isinstance(at, dict) else f"{base}/{at}" for key, at in places.items()}


def _host(key: str, path: str) -> str:
    return "dapi.binance.com" if key == "dapiData" else HOSTS["/" + path.split("/")[1]]


def _ccxt(issued: dict[str, Any]) -> str:
    urls = "\n".join(f"        {key!r}: {url!r}," for key, url in ccxt_urls(issued["reverse"]).items())
    return f"""\
import ccxt
exchange = ccxt.binance({{
    'apiKey': {issued['apiKey']!r},
    'secret': {issued['secret']!r},
    'urls': {{'api': {{
{urls}
    }}}},
}})"""


def _freqtrade(issued: dict[str, Any]) -> str:
    import json

    exchange = {
        "name": "binance", "key": issued["apiKey"], "secret": issued["secret"], "enable_ws": False,
        "ccxt_config": {"urls": {"api": ccxt_urls(issued["reverse"])}},
    }  # fmt: skip
    return json.dumps({"exchange": exchange}, indent=2)


def _python_binance(issued: dict[str, Any]) -> str:
    base = issued["reverse"]
    streams = base.replace("http", "ws", 1)
    return f"""\
import binance
class Client(binance.Client):          # the same attributes for AsyncClient
    API_URL = '{base}/api.binance.com/api'
    MARGIN_API_URL = '{base}/api.binance.com/sapi'
    FUTURES_URL = '{base}/fapi.binance.com/fapi'
    FUTURES_DATA_URL = '{base}/fapi.binance.com/futures/data'
    FUTURES_COIN_URL = '{base}/dapi.binance.com/dapi'
    FUTURES_COIN_DATA_URL = '{base}/dapi.binance.com/futures/data'
    OPTIONS_URL = '{base}/eapi.binance.com/eapi'
    PAPI_URL = '{base}/papi.binance.com/papi'
    WEBSITE_URL = '{base}/www.binance.com'
    WS_API_URL = '{streams}/ws-api.binance.com/ws-api/v3'
    WS_FUTURES_URL = '{streams}/ws-fapi.binance.com/ws-fapi/v1'
client = Client({issued['apiKey']!r}, {issued['secret']!r})"""


def _binance_sdk(issued: dict[str, Any]) -> str:
    return f"""\
from binance_sdk_spot.spot import Spot, ConfigurationRestAPI
client = Spot(config_rest_api=ConfigurationRestAPI(
    api_key={issued['apiKey']!r}, api_secret={issued['secret']!r},
    base_path='{issued['reverse']}/api.binance.com'))"""


def _binance_connector(issued: dict[str, Any]) -> str:
    return f"""\
from binance.spot import Spot
client = Spot(api_key={issued['apiKey']!r}, api_secret={issued['secret']!r},
              base_url='{issued['reverse']}/api.binance.com')"""


CLIENTS: Final = {
    "ccxt": _ccxt,
    "freqtrade": _freqtrade,
    "python-binance": _python_binance,
    "binance-sdk-spot": _binance_sdk,
    "binance-connector": _binance_connector,
}


def check(client: str | None) -> None:
    """Raises Misuse for a client that we have no words for."""
    if client is not None and client not in CLIENTS:
        raise Misuse(f"no snippet for {client!r}", f"there are: {', '.join(CLIENTS)}")


def snippet(client: str, issued: dict[str, Any]) -> str:
    """The lines to paste."""
    return CLIENTS[client](issued)
