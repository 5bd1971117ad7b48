"""The Exchange protocol for Binance; each method is one function of its folder."""

from collections.abc import Mapping

from gateway.exchanges.binance import decode, denials, keys, learn, market, signing
from gateway.exchanges.binance.hosts import HOSTS, PORTS


class Binance:
    """Binance spot. Stateless: one instance serves every account and environment."""

    name: str = "binance"
    hosts: Mapping[str, str] = HOSTS
    ports: Mapping[str, frozenset[int]] = PORTS

    decode = staticmethod(decode.decode)
    verify = staticmethod(signing.verify)
    sign = staticmethod(signing.sign)
    accept_until_us = staticmethod(signing.accept_until_us)
    learn = staticmethod(learn.learn)
    deny = staticmethod(denials.deny)
    mint = staticmethod(keys.mint)
    client_id = staticmethod(keys.client_id)
    credential = staticmethod(keys.credential)
    time = staticmethod(market.time)
    parse_time_us = staticmethod(market.parse_time_us)
    instruments = staticmethod(market.instruments)
    parse_instruments = staticmethod(market.parse_instruments)
    book = staticmethod(market.book)
    parse_book = staticmethod(market.parse_book)
    permissions = staticmethod(market.permissions)
    parse_permissions = staticmethod(market.parse_permissions)
    query_order = staticmethod(market.query_order)
    cancel_order = staticmethod(market.cancel_order)
    open_orders = staticmethod(market.open_orders)
    parse_open_orders = staticmethod(market.parse_open_orders)
    join_cancels = staticmethod(market.join_cancels)
