"""docs/bots.md, written from what `token issue --for` prints: ``make docs`` writes it, test_bots.py finds drift."""

from collections.abc import Iterator
from pathlib import Path

from gateway.admin.pointing.clients import CLIENTS, Client
from gateway.admin.pointing.place import Block, Blocks, Place
from gateway.admin.pointing.variables import LOOPBACK, variables

PAGE = Path(__file__).parents[2] / "docs" / "bots.md"
CERTS = "/home/you/.tradewarden/certs"
PLACE = Place(
    "my-bot", "TOKEN-ID", "TOKEN-SECRET", "http://127.0.0.1:8377", "http://127.0.0.1:8378",
    f"{CERTS}/ca.pem", f"{CERTS}/bundle.pem",
)  # fmt: skip
HEAD = """\
# Pointing a bot at the gateway

Written by `make docs` from what `token issue --for` prints; do not edit. Everything here is for Binance,
and for REST: this version serves no WebSockets and no derivatives.

The bot stays as it is. It signs with the token's key and secret, which are worthless at the exchange; the gateway
checks the signature and signs anew with the real key. Two ways lead a client there:

* **reverse**: other addresses in the client, `http://127.0.0.1:8377/<the exchange's host>` in front of every path, or
  `http://127.0.0.1:8381` alone for a client that takes one base URL for Binance. All of its addresses at once: what
  is left over sends the token's key to the exchange, where nobody knows it. These ports speak TLS too, to clients
  that insist on it, with a certificate from `certs/listen-ca.pem`.
* **forward**: the exchange's own addresses, through the proxy `http://127.0.0.1:8378`. TLS ends in the gateway, so
  the client must trust `certs/ca.pem`, a CA that can sign for the exchanges' domains and nothing else. Other hosts
  are refused unless `tunnel:` in `gateway.yaml` lists them (a chat server, say).

`tradewarden token issue NAME --account A --policy P --for CLIENT` prints the lines with the new token in them,
`--mode forward` the other way. Use reverse mode where the client has it: then nothing has to be trusted.

## With no change at all

```sh
tradewarden exec --token my-bot -- python bot.py
```

runs a command in forward mode: it sets the variables below, and mends Python clients that ignore them (aiohttp
without `trust_env`, ccxt, certifi) in memory, by a `sitecustomize` of its own on `PYTHONPATH`; nothing of the bot's
files is touched. The key and the secret stand in the bot's configuration as ever, or come with `--with-secret` as
`TRADEWARDEN_API_KEY` and `TRADEWARDEN_SECRET`, which is recorded. Python's `-I`, `-E` and `-S` switch the mending
off. A client that goes by none of this reaches the exchange itself and is told there that its key is unknown.

The command runs as the user that you are, and that is the user who can read the gateway's home. **A bot that you do
not trust belongs to another user**, who needs the certificates in a place of its own and sets the variables itself:

```sh
install -D -m 0644 ~/.tradewarden/certs/bundle.pem /etc/tradewarden/bundle.pem
```

| variable | value |
|---|---|
"""
BUNDLE_ELSEWHERE = "/etc/tradewarden/bundle.pem"
BETWEEN = """
## Clients

*run*: the client, unmodified, trades through the gateway with these very lines, in each mode that it has, in the
project's tests. Of hummingbot those run its web core and its signer for Binance. What is *read* comes from the
client's source and documentation, and nobody has run it here.

| client | `--for` | tried | reverse | forward | under `exec` |
|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_variables()) + BETWEEN + "".join(map(_row, CLIENTS.values())) + "".join(_sections())


def _variables() -> Iterator[str]:
    for name, value in variables(PLACE.forward, BUNDLE_ELSEWHERE, BUNDLE_ELSEWHERE).items():
        if not name.startswith("TRADEWARDEN"):
            yield f"| `{name}` | `{value}` |\n"
    yield f"| `NO_PROXY`, `no_proxy` | `{','.join(LOOPBACK)}` |\n"


def _row(client: Client) -> str:
    reverse = "yes" if client.reverse else "no"
    return (
        f"| [{client.title}](#{_anchor(client)}) | `{client.name}` | {client.version}, {client.proof} "
        f"| {reverse} | yes | {client.under_exec} |\n"
    )


def _anchor(client: Client) -> str:
    kept = (letter for letter in client.title.lower() if letter.isalnum() or letter in " -_")
    return "".join(kept).replace(" ", "-")


def _sections() -> Iterator[str]:
    for client in CLIENTS.values():
        yield f"\n### {client.title}\n"
        if client.note:
            yield f"\n{client.note}\n"
        if client.reverse:
            yield from _mode("Reverse", client.reverse)
        yield from _mode("Forward", client.forward)


def _mode(name: str, blocks: Blocks) -> Iterator[str]:
    for block in blocks(PLACE):
        yield f"\n{name}, {block.at}:\n{_fenced(block)}"


def _fenced(block: Block) -> str:
    return f"\n```{block.language}\n{block.text}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page())
