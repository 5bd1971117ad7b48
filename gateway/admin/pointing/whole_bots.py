"""Bots that are programs of their own, pointed by their configuration or by `exec`."""

import json
from typing import Any

from gateway.admin.pointing.addresses import HOSTS, ccxt_urls
from gateway.admin.pointing.place import Block, Place, shell


def freqtrade_reverse(at: Place) -> tuple[Block, ...]:
    """The map is merged into ccxt's own, hence all of it."""
    return (_freqtrade(at, {"ccxt_config": {"urls": {"api": ccxt_urls(at.reverse)}}}),)


def freqtrade_forward(at: Place) -> tuple[Block, ...]:
    """It has an exchange of either kind, and they take their roots differently."""
    return (
        _freqtrade(at, {
            "ccxt_config": {"httpsProxy": at.forward, "wssProxy": at.forward},
            "ccxt_sync_config": {"validateServerSsl": at.ca},
            "ccxt_async_config": {"cafile": at.bundle},
        }),
    )  # fmt: skip


def _freqtrade(at: Place, more: dict[str, Any]) -> Block:
    exchange = {"name": "binance", "key": at.key, "secret": at.secret, "enable_ws": False} | more
    return _json("merged into its configuration", {"exchange": exchange})


def hummingbot_forward(at: Place) -> tuple[Block, ...]:
    """Its addresses are constants, and it goes by no proxy: `exec` mends that."""
    return (shell(f"tradewarden exec --token {at.token} -- ./start"), _typed("connect binance", at))


def octobot_forward(at: Place) -> tuple[Block, ...]:
    """It goes by the proxy, but trusts certifi's roots alone: `exec` mends that."""
    entered = _typed("the exchange's page of its web interface", at)
    return (shell(f"tradewarden exec --token {at.token} -- python start.py"), entered)


def _typed(where: str, at: Place) -> Block:
    return Block(f"asked for by {where}", "text", f"API key:    {at.key}\nAPI secret: {at.secret}")


def passivbot_reverse(at: Place) -> tuple[Block, ...]:
    """It rewrites the beginnings of ccxt's URLs."""
    domains = {f"https://{host}": f"{at.reverse}/{host}" for host in dict.fromkeys(HOSTS.values())}
    override = {"disable_ws": True, "rest": {"rewrite_domains": domains}}
    return (
        _json("as configs/custom_endpoints.json", {"exchanges": {"binance": override, "binanceusdm": override}}),
        _user(at, {}),
    )


def passivbot_forward(at: Place) -> tuple[Block, ...]:
    """What its user has beside the key goes to ccxt."""
    return (_user(at, {"httpsProxy": at.forward, "wssProxy": at.forward, "cafile": at.bundle}),)


def _user(at: Place, more: dict[str, Any]) -> Block:
    user = {"exchange": "binance", "key": at.key, "secret": at.secret} | more
    return _json("in api-keys.json", {at.token: user})


def _json(at: str, value: dict[str, Any]) -> Block:
    return Block(at, "json", json.dumps(value, indent=2))
