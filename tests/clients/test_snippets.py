"""What ``token issue --for CLIENT`` prints works as printed, and leaves that client no way past the gateway.

Each snippet is run as it stands in the client's own environment, followed by a few lines that ask the client where it
would send things.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.clients import environments
from tests.world import World

RUN_SECONDS = 60

EPILOGUES = {
    "ccxt": """
addresses = list(exchange.urls['api'].values())
answer = exchange.fetch_balance()['USDT']['free']
""",
    "python-binance": """
names = [name for name in dir(client) if name.endswith('URL') and 'TESTNET' not in name and 'DEMO' not in name]
addresses = [getattr(client, name) for name in names if getattr(client, name).startswith('http')]
answer = client.get_account()['balances'][0]['free']
""",
    "binance-sdk-spot": """
addresses = [client.rest_api.configuration.base_path]
answer = client.rest_api.get_account().data().balances[0].free
""",
    "binance-connector": """
addresses = [client.base_url]
answer = client.account()['balances'][0]['free']
""",
}
"""What the client would dial, and one signed read through the gateway, both by the client's own means."""
TELL = "\nimport json\nprint(json.dumps({'addresses': addresses, 'answer': answer}))\n"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("client", EPILOGUES)
def test_a_snippet_works_as_printed_and_leaves_no_address_of_the_exchange(client: str, shared_world: World) -> None:
    """A partial override would send the token to the real exchange; the printed one is whole."""
    world = shared_world
    before = world.exchange.mark()
    told = _run(client, _printed(world, client) + EPILOGUES[client] + TELL)
    dialled = {_origin(url) for url in _leaves(told["addresses"])}
    assert dialled == {world.addresses.shared}
    assert float(told["answer"]) > 0
    assert [one.key for one in world.exchange.arrivals(before, path="/api/v3/account")] == [world.real_key.key]


@pytest.mark.timeout(180)
def test_the_snippet_for_freqtrade_names_every_address_that_its_ccxt_knows(shared_world: World) -> None:
    """freqtrade merges the snippet into ccxt's own map; nothing of that map may be left over."""
    world = shared_world
    exchange = json.loads(_printed(world, "freqtrade"))["exchange"]
    merged = "import ccxt, json, sys\nurls = json.loads(sys.argv[1])\naddresses = list("
    merged += "ccxt.binance({'urls': urls}).urls['api'].values())\nanswer = '1'\n"
    told = _run("freqtrade", merged + TELL, json.dumps(exchange["ccxt_config"]["urls"]))
    assert {_origin(url) for url in _leaves(told["addresses"])} == {world.addresses.shared}
    assert exchange["enable_ws"] is False


def _leaves(addresses: Any) -> Iterator[str]:
    """Every address of a client's map, however deep it is nested."""
    if isinstance(addresses, str):
        yield addresses
        return
    for place in addresses.values() if isinstance(addresses, dict) else addresses:
        yield from _leaves(place)


def _origin(url: str) -> str:
    """Where it would be dialled; streams go to the same port."""
    address = urlsplit(url)
    return f"{address.scheme.replace('ws', 'http')}://{address.netloc}"


def _printed(world: World, client: str) -> str:
    """The snippet alone: what follows the credential and an empty line."""
    words = ("token", "issue", world.new_name("snippet"), "--account", "main", "--policy", "trader", "--for", client)
    return world.home.run(*words).out.partition("\n\n")[2]


def _run(client: str, source: str, *words: str) -> dict[str, Any]:
    python: Path = environments.python(client)
    done = subprocess.run(
        [python, "-c", source, *words],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True, text=True, timeout=RUN_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{source}\n{done.stdout}\n{done.stderr}"
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
