"""Speaks to the simulated Binance without sockets: signs as a client would, and calls its one function."""

import hashlib
import hmac
from typing import Any

import msgspec

from gateway.simulator.binance.state import State
from gateway.simulator.binance.venue import Outcome, answer
from gateway.simulator.core.exchange import Exchange
from gateway.simulator.keys import ALL_PERMISSIONS, Key
from gateway.simulator.messages import Request
from tests.simulator.floor import NOW, D

# The key pair of Binance's public documentation.
API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"


def sign(payload: str, secret: str = SECRET) -> str:
    """The HMAC that Binance's documentation describes."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


class Wire:
    """One account with one key that may do everything, and a clock that stands still."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now
        self.state = State(Exchange(now))
        self.account = self.state.exchange.open_account("trader")
        self.account.credit("USDT", D(100_000))
        self.account.credit("BTC", D(2))
        self.key = Key(API_KEY, self.account, now, secret=SECRET, permissions=dict(ALL_PERMISSIONS))
        self.state.keys[API_KEY] = self.key

    def send(self, method: str, target: str, body: str = "", **headers: str) -> Outcome:
        """A request exactly as written."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(method, target, body.encode(), {"x-mbx-apikey": API_KEY} | names, "127.0.0.1")
        return answer(self.state, request, self.now * 1000)

    def signed(self, method: str, path: str, query: str = "", body: str = "") -> Outcome:
        """Adds the time and the signature to the query."""
        query = f"{query}&" if query else ""
        query += f"timestamp={self.now}"
        return self.send(method, f"{path}?{query}&signature={sign(query + body)}", body)

    def get(self, path: str, query: str = "") -> Any:
        """The answer to a public read that must succeed."""
        return self.read(self.send("GET", f"{path}?{query}" if query else path))

    def ask(self, method: str, path: str, query: str = "", body: str = "") -> Any:
        """The answer to a signed request that must succeed."""
        return self.read(self.signed(method, path, query, body))

    @staticmethod
    def read(outcome: Outcome) -> Any:
        """The body of an answer that must be good."""
        assert outcome.reply.status == 200, outcome.reply.body
        return msgspec.json.decode(outcome.reply.body)


def problem(outcome: Outcome) -> tuple[int, int, str]:
    """Status, code and message of an answer that says no."""
    body = msgspec.json.decode(outcome.reply.body)
    assert outcome.code == body["code"]
    return outcome.reply.status, body["code"], body["msg"]
