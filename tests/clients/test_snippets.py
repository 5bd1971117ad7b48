"""What ``token issue --for CLIENT`` prints in reverse mode leaves that client no way past the gateway.

Each snippet is run as it stands in the client's own environment, followed by a few lines that ask the client where it
would send things. That bots trade with these lines is in test_pasted.py.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.clients import environments
from tests.clients.pasting import Printed
from tests.world import World

RUN_SECONDS = 60

_CCXT = "addresses = list(exchange.urls['api'].values())"
_ATTRIBUTES = """
names = [name for name in dir({0}) if name.endswith('URL') and 'TESTNET' not in name and 'DEMO' not in name]
addresses = [getattr({0}, name) for name in names if getattr({0}, name).startswith('http')]
"""
EPILOGUES = {
    "ccxt": ("ccxt", _CCXT),
    "ccxt-async": ("ccxt", _CCXT),
    "python-binance": ("python-binance", _ATTRIBUTES.format("client")),
    "python-binance-async": ("python-binance", _ATTRIBUTES.format("AsyncClient")),
    "binance-sdk-spot": ("binance-sdk-spot", "addresses = [client.rest_api.configuration.base_path]"),
    "binance-connector": ("binance-connector", "addresses = [client.base_url]"),
    "ccxt-js": ("node", "const addresses = Object.values(exchange.urls.api);"),
    "binance-js": ("node", "const addresses = [client.baseUrl];"),
}
"""What the client would dial, by the client's own means."""
TELL = {"python": "\nimport json\nprint(json.dumps(addresses))\n", "js": "\nconsole.log(JSON.stringify(addresses));\n"}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("client", EPILOGUES)
def test_a_snippet_leaves_no_address_of_the_exchange(client: str, shared_world: World) -> None:
    """A partial override would send the token to the real exchange; the printed one is whole."""
    environment, epilogue = EPILOGUES[client]
    told = _run(environment, Printed.by(shared_world, client, "reverse").code + "\n" + epilogue)
    assert {_origin(url) for url in _leaves(told)} == {shared_world.addresses.shared}


@pytest.mark.timeout(180)
def test_the_snippet_for_freqtrade_names_every_address_that_its_ccxt_knows(shared_world: World) -> None:
    """freqtrade merges the snippet into ccxt's own map; nothing of that map may be left over."""
    exchange = json.loads(Printed.by(shared_world, "freqtrade", "reverse").code)["exchange"]
    urls = exchange["ccxt_config"]["urls"]
    merged = f"import ccxt\nexchange = ccxt.binance({{'urls': {urls!r}}})\n"
    told = _run("freqtrade", merged + _CCXT)
    assert {_origin(url) for url in _leaves(told)} == {shared_world.addresses.shared}
    assert exchange["enable_ws"] is False


@pytest.mark.timeout(60)
@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_a_person_sees_the_same_lines(mode: str, shared_world: World) -> None:
    """Each text under a line that says where it belongs; the secret is that of this very token."""
    world = shared_world
    known = Printed.by(world, "binance-connector", mode)
    words = ("token", "issue", world.new_name("seen"), "--account", "main", "--policy", "trader")
    told = world.home.run(*words, "--for", "binance-connector", "--mode", mode).out
    credential, _, pasted = told.partition("\n\n")
    issued = dict(line.split(": ", 1) for line in credential.splitlines())
    expected = "\n\n".join(f"--- {block['at']}\n{block['text']}" for block in known.blocks)
    for name in ("apiKey", "secret"):
        expected = expected.replace(known.issued[name], issued[name])
    assert pasted == expected + "\n"


@pytest.mark.timeout(60)
def test_what_cannot_be_printed_issues_no_token(shared_world: World) -> None:
    """An unknown client, and a mode that a client has no way for."""
    world = shared_world
    words = ("token", "issue", "unprinted", "--account", "main", "--policy", "trader", "--for")
    for client, mode, hint in (("nobody", "reverse", "tradewarden exec"), ("hummingbot", "reverse", "--mode forward")):
        done = world.home.attempt(*words, client, "--mode", mode)
        assert (done.code, done.out) == (1, "")
        assert hint in done.err
    assert "unprinted" not in world.home.run("token", "list").out


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


def _run(environment: str, source: str) -> Any:
    if environment == "node":
        command, own = ["node", "-e", source + TELL["js"]], {"NODE_PATH": str(environments.node_modules())}
    else:
        command, own = [str(environments.python(environment)), "-c", source + TELL["python"]], {}
    done = subprocess.run(
        command, env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **own},
        capture_output=True, text=True, timeout=RUN_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{source}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout.splitlines()[-1])
