"""Client libraries for Node: how each is made so that all it says goes to the gateway."""

import json

from gateway.admin.pointing.addresses import ccxt_literal
from gateway.admin.pointing.place import Block, Place, javascript, shell


def ccxt_reverse(at: Place) -> tuple[Block, ...]:
    """ccxt and, with ``ccxt.pro.binance``, its streams."""
    return (javascript(f"""\
const ccxt = require('ccxt');
const exchange = new ccxt.binance({{
    apiKey: {json.dumps(at.key)},
    secret: {json.dumps(at.secret)},
    urls: {{api: {ccxt_literal(at.reverse)}}},
}});"""),)


def ccxt_forward(at: Place) -> tuple[Block, ...]:
    """It takes no proxy from the environment."""
    return (
        shell(f"export NODE_EXTRA_CA_CERTS={at.ca}"),
        javascript(f"""\
const ccxt = require('ccxt');
const exchange = new ccxt.binance({{
    apiKey: {json.dumps(at.key)},
    secret: {json.dumps(at.secret)},
    httpsProxy: {json.dumps(at.forward)},
    wssProxy: {json.dumps(at.forward)},
}});"""),
    )


def binance_reverse(at: Place) -> tuple[Block, ...]:
    """The npm package ``binance``."""
    return (javascript(f"""\
const {{ MainClient }} = require('binance');
const client = new MainClient({{
    api_key: {json.dumps(at.key)},
    api_secret: {json.dumps(at.secret)},
    baseUrl: {json.dumps(at.reverse + "/api.binance.com")},
}});"""),)


def binance_forward(at: Place) -> tuple[Block, ...]:
    """axios goes by HTTPS_PROXY."""
    return (
        shell(f"export HTTPS_PROXY={at.forward}", f"export NODE_EXTRA_CA_CERTS={at.ca}"),
        javascript(f"""\
const {{ MainClient }} = require('binance');
const client = new MainClient({{
    api_key: {json.dumps(at.key)},
    api_secret: {json.dumps(at.secret)},
}});"""),
    )
