"""The same job as a mitmproxy addon, as a user would write it: verify the bot's HMAC, check a small policy, sign anew.

Runs inside mitmproxy's own environment, so it imports nothing of ours. $RESIGN names a JSON file: ``token`` and
``real`` (id and secret each), ``symbols``, ``most`` (the largest notional), ``log`` (a JSONL file) and ``upstream``,
the port of 127.0.0.1 where every exchange is.
"""

import hashlib
import hmac
import json
import os
import time
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from mitmproxy import http
from mitmproxy.proxy import server_hooks

WINDOW_MS = 5000
TAKEN = ("signature", "timestamp", "recvWindow")


class Resign:
    """One token, one real key."""

    def __init__(self, told: dict) -> None:
        self.token, self.real = told["token"], told["real"]
        self.symbols, self.most = frozenset(told["symbols"]), Decimal(told["most"])
        self.upstream = int(told["upstream"])
        self.log = Path(told["log"]).open("a")  # noqa: SIM115  open as long as mitmproxy runs

    def server_connect(self, made: server_hooks.ServerConnectionHookData) -> None:
        """The exchange's name leads to the peer on this machine."""
        made.server.address = ("127.0.0.1", self.upstream)

    def request(self, flow: http.HTTPFlow) -> None:
        """Sign it anew, or answer in the exchange's stead."""
        request = flow.request
        path, _, query = request.path.partition("?")
        signed = (request.get_text() if request.method == "POST" else query) or ""
        why = self._refusal(request, path, signed)
        line = {"t": time.time(), "method": request.method, "path": path, "token": self.token["id"], "why": why}
        self.log.write(json.dumps(line) + "\n")
        self.log.flush()
        if why:
            body = json.dumps({"code": -2010, "msg": why})
            flow.response = http.Response.make(400, body, {"Content-Type": "application/json"})
            return
        pairs = [(name, value) for name, value in parse_qsl(signed) if name not in TAKEN]
        pairs += [("recvWindow", str(WINDOW_MS)), ("timestamp", str(int(time.time() * 1000)))]
        text = urlencode(pairs)
        text += f"&signature={_signature(self.real['secret'], text)}"
        request.headers["X-MBX-APIKEY"] = self.real["id"]
        request.host_header = "api.binance.com"
        if request.method == "POST":
            request.text = text
        else:
            request.path = f"{path}?{text}"

    def _refusal(self, request: http.Request, path: str, signed: str) -> str:  # noqa: PLR0911  a list of reasons
        payload, _, signature = signed.rpartition("&signature=")
        if request.headers.get("X-MBX-APIKEY") != self.token["id"]:
            return "unknown token"
        if not hmac.compare_digest(_signature(self.token["secret"], payload), signature):
            return "bad signature"
        sent = dict(parse_qsl(payload))
        if abs(time.time() * 1000 - int(sent["timestamp"])) > WINDOW_MS:
            return "bad timestamp"
        if path != "/api/v3/order":
            return "" if request.method == "GET" else "unknown endpoint"
        if sent["symbol"] not in self.symbols:
            return "symbol not allowed"
        if request.method == "POST" and Decimal(sent["quantity"]) * Decimal(sent["price"]) > self.most:
            return "order too large"
        return ""


def _signature(secret: str, text: str) -> str:
    return hmac.digest(secret.encode(), text.encode(), hashlib.sha256).hex()


addons = [Resign(json.loads(Path(os.environ["RESIGN"]).read_text()))]
