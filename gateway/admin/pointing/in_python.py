"""Client libraries for Python: how each is made so that all it says goes to the gateway."""

from gateway.admin.pointing.addresses import ccxt_literal
from gateway.admin.pointing.place import Block, Place, python, shell


def ccxt_reverse(at: Place) -> tuple[Block, ...]:
    """ccxt over requests."""
    return (python(f"import ccxt\n{_ccxt(at)}"),)


def ccxt_forward(at: Place) -> tuple[Block, ...]:
    """Its ``validateServerSsl`` takes a path, for all that it is called."""
    return (python(f"""\
import ccxt
exchange = ccxt.binance({{
    'apiKey': {at.key!r},
    'secret': {at.secret!r},
    'httpsProxy': {at.forward!r},
    'validateServerSsl': {at.ca!r},
}})"""),)


def ccxt_async_reverse(at: Place) -> tuple[Block, ...]:
    """ccxt over aiohttp; the same for ccxt.pro."""
    return (python(f"import ccxt.async_support as ccxt          # or: import ccxt.pro as ccxt\n{_ccxt(at)}"),)


def ccxt_async_forward(at: Place) -> tuple[Block, ...]:
    """It takes one file of roots, hence the bundle."""
    return (python(f"""\
import ccxt.async_support as ccxt          # or: import ccxt.pro as ccxt
exchange = ccxt.binance({{
    'apiKey': {at.key!r},
    'secret': {at.secret!r},
    'httpsProxy': {at.forward!r},
    'wssProxy': {at.forward!r},
    'cafile': {at.bundle!r},
}})"""),)


def _ccxt(at: Place) -> str:
    return f"""\
exchange = ccxt.binance({{
    'apiKey': {at.key!r},
    'secret': {at.secret!r},
    'urls': {{'api': {ccxt_literal(at.reverse)}}},
}})"""


def python_binance_reverse(at: Place) -> tuple[Block, ...]:
    """It takes no base URL: its class attributes are its addresses."""
    making = f"client = Client({at.key!r}, {at.secret!r})"
    return (python(f"{_subclass(at, 'Client')}\n{making}"),)


def python_binance_forward(at: Place) -> tuple[Block, ...]:
    """requests takes the CA alone."""
    return (python(f"""\
from binance import Client
client = Client({at.key!r}, {at.secret!r}, requests_params={{
    'proxies': {{'https': {at.forward!r}}},
    'verify': {at.ca!r},
}})"""),)


def python_binance_async_reverse(at: Place) -> tuple[Block, ...]:
    """The same attributes."""
    making = f"    return await AsyncClient.create({at.key!r}, {at.secret!r})"
    return (python(f"{_subclass(at, 'AsyncClient')}\nasync def connect():\n{making}"),)


def python_binance_async_forward(at: Place) -> tuple[Block, ...]:
    """aiohttp reads the roots when it is imported, so they are set before."""
    return (
        shell(f"export SSL_CERT_FILE={at.bundle}"),
        python(f"""\
from binance import AsyncClient
async def connect():
    return await AsyncClient.create({at.key!r}, {at.secret!r}, https_proxy={at.forward!r})"""),
    )


def _subclass(at: Place, name: str) -> str:
    return f"""\
import binance
class {name}(binance.{name}):
    API_URL = '{at.reverse}/api.binance.com/api'
    MARGIN_API_URL = '{at.reverse}/api.binance.com/sapi'
    FUTURES_URL = '{at.reverse}/fapi.binance.com/fapi'
    FUTURES_DATA_URL = '{at.reverse}/fapi.binance.com/futures/data'
    FUTURES_COIN_URL = '{at.reverse}/dapi.binance.com/dapi'
    FUTURES_COIN_DATA_URL = '{at.reverse}/dapi.binance.com/futures/data'
    OPTIONS_URL = '{at.reverse}/eapi.binance.com/eapi'
    PAPI_URL = '{at.reverse}/papi.binance.com/papi'
    WEBSITE_URL = '{at.reverse}/www.binance.com'
    WS_API_URL = '{at.streams}/ws-api.binance.com/ws-api/v3'
    WS_FUTURES_URL = '{at.streams}/ws-fapi.binance.com/ws-fapi/v1'"""


def sdk_spot_reverse(at: Place) -> tuple[Block, ...]:
    """The modular SDK."""
    return (python(f"""\
from binance_sdk_spot.spot import Spot, ConfigurationRestAPI
client = Spot(config_rest_api=ConfigurationRestAPI(
    api_key={at.key!r}, api_secret={at.secret!r},
    base_path='{at.reverse}/api.binance.com'))"""),)


def sdk_spot_forward(at: Place) -> tuple[Block, ...]:
    """Its proxy speaks https unless it is told otherwise."""
    scheme, _, address = at.forward.partition("://")
    host, _, port = address.rpartition(":")
    return (
        shell(f"export REQUESTS_CA_BUNDLE={at.bundle}"),
        python(f"""\
from binance_sdk_spot.spot import Spot, ConfigurationRestAPI
client = Spot(config_rest_api=ConfigurationRestAPI(
    api_key={at.key!r}, api_secret={at.secret!r},
    proxy={{'protocol': {scheme!r}, 'host': {host!r}, 'port': {port}}}))"""),
    )


def connector_reverse(at: Place) -> tuple[Block, ...]:
    """The older official connector."""
    return (python(f"""\
from binance.spot import Spot
client = Spot(api_key={at.key!r}, api_secret={at.secret!r},
              base_url='{at.reverse}/api.binance.com')"""),)


def connector_forward(at: Place) -> tuple[Block, ...]:
    """requests' own ``proxies``."""
    return (
        shell(f"export REQUESTS_CA_BUNDLE={at.bundle}"),
        python(f"""\
from binance.spot import Spot
client = Spot(api_key={at.key!r}, api_secret={at.secret!r},
              proxies={{'https': {at.forward!r}}})"""),
    )


def nautilus_reverse(at: Place) -> tuple[Block, ...]:
    """nautilus_trader; the same two addresses in its data client."""
    return (python(f"""\
from nautilus_trader.adapters.binance import BinanceExecClientConfig
execution = BinanceExecClientConfig(
    api_key={at.key!r}, api_secret={at.secret!r},
    base_url_http='{at.reverse}/api.binance.com',
    base_url_ws='{at.streams}/ws-api.binance.com/ws-api/v3')"""),)


def nautilus_forward(at: Place) -> tuple[Block, ...]:
    """Its WebSockets trust compiled-in roots alone."""
    return (
        shell(f"export SSL_CERT_FILE={at.bundle}"),
        python(f"""\
from nautilus_trader.adapters.binance import BinanceExecClientConfig
execution = BinanceExecClientConfig(
    api_key={at.key!r}, api_secret={at.secret!r},
    proxy_url={at.forward!r})"""),
    )
