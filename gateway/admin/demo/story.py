"""The demo's story, a chapter a function. What is said is what was seen; what was not as told breaks it."""

import json
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from gateway.admin.demo.stage import Actor, Stage, ask, demand, free_ports, until_ready
from gateway.admin.pointing.addresses import HOSTS, ccxt_urls

ROUNDS: Final = 8
"""How many orders the bot has placed in its loop when its token is revoked."""

POLICY: Final = """\
version: 1
allow:                              # what is not listed is denied
  symbols: [BTC/USDT, ETH/USDT]
  orders:  [limit, market]
  reads:   [balances, orders, trades]
limits:
  order:    500 USDT                # one order at its worst price
  turnover: 50_000 USDT per 24h     # buys and sells, rolling
  messages: 50 per 1s
price:
  collar: 1% from reference         # never buy higher or sell lower than this
  market: protect 0.3%              # a market order leaves as an IOC limit order
  giveaway: 100 USDT per 24h then halt  # value lost against the fair price
  sources: 1 because the demo has one exchange  # two by default: then the loss is bounded
"""

DENIED: Final = (
    ("oversized", "buy 1 BTC at once", "InvalidOrder"),
    ("withdraw", "withdraw 10,000 USDT", "AuthenticationError"),
    ("foreign", "buy DOGE", "InvalidOrder"),
)
"""What a thief tries: the bot's step, in words, and the family of the exception that ccxt must raise."""


CHANGES: Final = ("place", "forbidden")

NEXT: Final = (
    "tradewarden init",
    "tradewarden account add main --exchange binance --credentials key.json     # one that cannot withdraw",
    "tradewarden token issue bot --account main --policy grid --expires 30d --for ccxt",
    "tradewarden serve",
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request that reached the exchange; ``key`` is the API key it showed."""

    at_ms: int
    method: str
    path: str
    values: dict[str, str]
    key: str | None

    @classmethod
    def of(cls, entry: dict[str, Any]) -> "Arrival":
        """An entry of the exchange's journal."""
        values = dict(parse_qsl(entry["query"]) + parse_qsl(entry["body"]))
        return cls(entry["time"], entry["method"], entry["path"], values, entry["headers"].get("x-mbx-apikey"))

    @property
    def signed(self) -> bool:
        """Whether it carried a signature."""
        return "signature" in self.values


@dataclass(frozen=True, slots=True)
class Venue:
    """The simulated exchange: where it is, its CA, and the real key of the account there."""

    url: str
    control: str
    ca: str
    credentials: dict[str, str]

    def journal(self) -> list[Arrival]:
        """Every request that ever reached it."""
        return [Arrival.of(entry) for entry in ask(f"{self.control}/journal")]


def tell(stage: Stage) -> None:
    """All of it."""
    venue = _exchange(stage)
    token = _vault(stage, venue)
    bot = _bot(stage, token)
    _trades(stage, bot)
    _thief(stage, bot)
    revoked_ms = _revocation(stage, bot)
    _proof(stage, venue, token, revoked_ms)
    _next(stage)


def _exchange(stage: Stage) -> Venue:
    stage.chapter("1  An exchange to rehearse with")
    words = ("simulate", "binance", "--port", "0", "--control-port", "0", "--dir", "exchange", "--json")
    about = stage.start("simulator", *words).says()
    stage.line(f"a simulated Binance listens on {about['url']}: order book, balances, strict signature checks")
    return Venue(about["url"], about["control"], str(stage.place / "exchange" / "ca.pem"), about["credentials"])


def _vault(stage: Stage, venue: Venue) -> dict[str, str]:
    stage.chapter("2  The real key goes into the vault; the bot gets a token")
    stage.command("init")
    reverse, own, admin = free_ports(3)
    stage.write("gateway.yaml", _settings(venue, reverse, own, admin))
    stage.write("policies/demo.yaml", POLICY)
    real_key = json.dumps(venue.credentials)
    stage.command("account", "add", "main", "--exchange", "binance", "--credentials", "-", stdin=real_key)
    stage.line("the exchange was asked: this key cannot withdraw. It is sealed; no command shows it again", "green")
    for line in stage.command("policy", "check", "home/policies/demo.yaml").splitlines():
        stage.line(line)
    words = ("token", "issue", "bot", "--account", "main", "--policy", "demo", "--expires", "1h", "--json")
    token: dict[str, str] = json.loads(stage.command(*words))
    stage.line(f"the bot's key is {token['apiKey'][:12]}…: in the exchange's format, and worthless there", "green")
    stage.line("$ tradewarden serve", "bold")
    until_ready(stage.start("gateway", "serve"), f"http://127.0.0.1:{admin}/healthz")
    stage.line(f"ready; bots connect to {token['reverse']}")
    return token


def _settings(venue: Venue, reverse: int, own: int, admin: int) -> str:
    exchange = urlsplit(venue.url).netloc
    connect_to = {f"{host}:443": exchange for host in sorted(set(HOSTS.values()))}
    return f"""\
listen:
  reverse: 127.0.0.1:{reverse}
  ports: {{binance: "127.0.0.1:{own}"}}
  forward: null
  admin: 127.0.0.1:{admin}
upstream:
  connect_to: {json.dumps(connect_to)}
  ca_file: {json.dumps(venue.ca)}
"""


def _bot(stage: Stage, token: dict[str, str]) -> Actor:
    stage.chapter("3  An unmodified ccxt bot trades")
    bot = stage.start_script("bot", Path(__file__).with_name("bot.py"))
    bot.tell({"apiKey": token["apiKey"], "secret": token["secret"], "urls": {"api": ccxt_urls(token["reverse"])}})
    return bot


def _trades(stage: Stage, bot: Actor) -> None:
    balance = bot.says()
    demand(balance["step"] == "balance", f"the bot could not read its balance: {balance}")
    stage.line(f"fetch_balance: {balance['usdt']:,.2f} USDT")
    for step, words in (("buy", "limit buy 0.002 BTC"), ("sell", "market sell 0.002 BTC")):
        told = bot.says()
        demand(told["step"] == step and told.get("filled") == 0.002, f"{words} was not filled: {told}")
        stage.line(f"ALLOWED  {words}: filled at {told['price']:,.2f}", "green")
    _log(stage, "allow", 2)


def _thief(stage: Stage, bot: Actor) -> None:
    stage.chapter("4  The same token in a thief's hands")
    for step, words, kind in DENIED:
        told = bot.says()
        demand(told["step"] == step and kind in told.get("kinds", ()), f"{words} was not denied as {kind}: {told}")
        stage.line(f"DENIED   {words}", "red")
        stage.line(f"         the bot sees {told['error']}: {told['message']}")
    _log(stage, "deny", len(DENIED))


def _log(stage: Stage, verdict: str, count: int) -> None:
    """The decisions on what changes something, as the audit log has them: the essence of each record."""
    found = json.loads(stage.command("audit", "search", "--type", "decision", "--json"))[::-1]
    logged = [one for one in found if one["verdict"] == verdict and one["intent"]["is"] in CHANGES]
    demand(len(logged) == count, f"the log should have {count} such decisions, and has {len(logged)}")
    for record in logged:
        reason = f"reserved {record['reserve']}" if verdict == "allow" else f"{record['rule']}: {record['detail']}"
        stage.line(f"record {record['n']}  {verdict}  {record['call']}  {reason}  d={record['d']}", "dim")


def _revocation(stage: Stage, bot: Actor) -> float:
    """When `token revoke` had returned, in ms since the epoch."""
    stage.chapter("5  Revoked while it trades")
    bot.tell("go on")
    for number in range(ROUNDS):
        told = bot.says()
        demand(told.get("filled") == 0.0002, f"order {number + 1} of the loop was not filled: {told}")
    stage.line(f"the bot trades in a loop; {ROUNDS} orders are filled, and it goes on")
    printed = stage.command("token", "revoke", "bot")
    revoked_ms = time.time() * 1000
    stage.line(printed)
    told = bot.says()
    while "AuthenticationError" not in told.get("kinds", ()):
        demand("error" not in told or "NetworkError" in told["kinds"], f"the bot met something else: {told}")
        if "error" in told:
            stage.line(f"its connection is cut under the order on its way: {told['error']}", "red")
        told = bot.says()
    stage.line(f"and every further one: {told['error']}: {told['message']}", "red")
    return revoked_ms


def _proof(stage: Stage, venue: Venue, token: dict[str, str], revoked_ms: float) -> None:
    stage.chapter("6  What reached the exchange")
    arrived = venue.journal()
    orders = [one for one in arrived if one.method != "GET"]
    keys = {one.key for one in arrived if one.signed}
    demand(keys == {venue.credentials["apiKey"]}, "another key than the real one was used")
    demand(all(one.key != token["apiKey"] for one in arrived), "the token's own key reached the exchange")
    demand({one.path for one in orders} == {"/api/v3/order"}, "something else than orders reached the exchange")
    demand({one.values["symbol"] for one in orders} == {"BTCUSDT"}, "a foreign symbol reached the exchange")
    demand(all(Decimal(one.values["quantity"]) < 1 for one in orders), "the oversized order reached the exchange")
    stage.line(f"{len(arrived)} requests, {len(orders)} of them orders. Withdrawals: 0. DOGE: 0. Oversized: 0", "green")
    stage.line("every signed one with the real key, which the bot never had; none with the bot's", "green")
    ahead_ms = revoked_ms - max(one.at_ms for one in orders)
    demand(ahead_ms >= 0, "an order arrived after the revocation had returned")
    stage.line(f"the last order came {ahead_ms:.0f} ms before `token revoke` returned; none came after", "green")
    stage.line(stage.command("audit", "verify"), "green")


def _next(stage: Stage) -> None:
    stage.chapter("Now with your own key")
    for line in NEXT:
        stage.line(line)
