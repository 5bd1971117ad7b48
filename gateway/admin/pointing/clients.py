"""The clients that there are words for: what `token issue --for` prints and docs/bots.md shows, each mode of each."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.admin.pointing import in_node, in_python, whole_bots
from gateway.admin.pointing.place import Block, Blocks, Mode
from gateway.core.errors import Misuse


class Proof(StrEnum):
    """How it is known that a snippet works."""

    RUN = "run"
    PART = "its web core run"
    READ = "read in its source, not run"


@dataclass(frozen=True, slots=True)
class Client:
    """``name`` is that of ``--for``. A mode that it has no way for is None.

    ``under_exec``: what else it needs there; ``note``: what its user has to know.
    """

    name: str
    title: str
    version: str
    proof: Proof
    reverse: Blocks | None
    forward: Blocks
    under_exec: str = "as it is"
    note: str = ""

    def way(self, mode: Mode) -> Blocks:
        """How it is pointed in this mode. Raises Misuse where it cannot be."""
        if mode is Mode.FORWARD:
            return self.forward
        if self.reverse is None:
            raise Misuse(f"{self.title} can be pointed in forward mode only", "say --mode forward")
        return self.reverse


_NO_ADDRESS: Final = "Its addresses cannot be changed, so there is no reverse mode."
_NEEDS_STREAMS: Final = "It follows prices and orders by the exchange's WebSockets, which this version does not serve."

_LISTED: Final = (
    Client(
        "ccxt", "ccxt for Python, sync", "4.5.90", Proof.RUN, in_python.ccxt_reverse, in_python.ccxt_forward,
        note="`verify=PATH`, and REQUESTS_CA_BUNDLE alone, have no effect on it.",
    ),
    Client(
        "ccxt-async", "ccxt for Python, async and pro", "4.5.90", Proof.RUN,
        in_python.ccxt_async_reverse, in_python.ccxt_async_forward,
        note="SSL_CERT_FILE has no effect on it. The bundle holds the public roots too, as it must.",
    ),
    Client(
        "ccxt-js", "ccxt for JavaScript", "4.5.84", Proof.RUN, in_node.ccxt_reverse, in_node.ccxt_forward,
        "with `httpsProxy` set", "It takes no proxy from the environment.",
    ),
    Client(
        "freqtrade", "freqtrade", "2026.9", Proof.RUN, whole_bots.freqtrade_reverse, whole_bots.freqtrade_forward,
        note="It repeats a denied order in every loop: give its policy `if_denied`.",
    ),
    Client(
        "hummingbot", "hummingbot", "20260922", Proof.PART, None, whole_bots.hummingbot_forward,
        note=f"{_NO_ADDRESS} {_NEEDS_STREAMS}",
    ),
    Client("octobot", "OctoBot", "66c87d6f4", Proof.READ, None, whole_bots.octobot_forward, note=_NO_ADDRESS),
    Client(
        "python-binance", "python-binance, Client", "1.0.37", Proof.RUN,
        in_python.python_binance_reverse, in_python.python_binance_forward,
    ),
    Client(
        "python-binance-async", "python-binance, AsyncClient", "1.0.37", Proof.RUN,
        in_python.python_binance_async_reverse, in_python.python_binance_async_forward,
        note="The streams of its BinanceSocketManager have addresses of their own (`STREAM_URL`).",
    ),
    Client(
        "binance-sdk-spot", "binance-sdk-spot", "13.2.0", Proof.RUN,
        in_python.sdk_spot_reverse, in_python.sdk_spot_forward,
        note="Its proxy speaks https unless `protocol` says otherwise.",
    ),
    Client(
        "binance-connector", "binance-connector", "3.13.0", Proof.RUN,
        in_python.connector_reverse, in_python.connector_forward,
    ),
    Client(
        "binance-js", "npm's binance", "3.6.5", Proof.RUN, in_node.binance_reverse, in_node.binance_forward,
        note="A few calls of public data in it go past `baseUrl` to the exchange, without the key.",
    ),
    Client(
        "nautilus", "nautilus_trader", "1.231.0", Proof.READ, in_python.nautilus_reverse, in_python.nautilus_forward,
        note=f"{_NEEDS_STREAMS} In forward mode they can never work: they trust compiled-in roots alone.",
    ),
    Client(
        "passivbot", "passivbot", "9394a5102", Proof.READ, whole_bots.passivbot_reverse, whole_bots.passivbot_forward,
        note="It trades futures, which this version does not serve: its orders are denied.",
    ),
)  # fmt: skip
CLIENTS: Final = {client.name: client for client in _LISTED}


def known(name: str) -> Client:
    """The client of that name. Raises Misuse for one that there are no words for."""
    if name not in CLIENTS:
        hint = f"there are: {', '.join(CLIENTS)}; any other that goes by HTTPS_PROXY runs under `tradewarden exec`"
        raise Misuse(f"no snippet for {name!r}", hint)
    return CLIENTS[name]


def chosen(name: str, mode: Mode | None) -> tuple[Mode, Blocks]:
    """The mode asked for, or else the client's first, and its way. Raises Misuse."""
    client = known(name)
    first = Mode.FORWARD if client.reverse is None else Mode.REVERSE
    return mode or first, client.way(mode or first)


def text(blocks: tuple[Block, ...]) -> str:
    """The blocks for a terminal, each under a line that says where it belongs."""
    return "\n\n".join(f"--- {block.at}\n{block.text}" for block in blocks)
