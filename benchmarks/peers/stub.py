"""An exchange that is never the bottleneck: TLS, checks the real signature, answers a fixed body.

    STUB_KEY='{"id": …, "secret": …}' python -m benchmarks.peers.stub DIRECTORY

Writes ca.pem into the directory and prints its port. It takes for granted that a request comes in one piece.
"""

import asyncio
import hashlib
import hmac
import json
import os
import ssl
import sys
import time
from pathlib import Path

import uvloop

from gateway.simulator.certificates import make_chain

ACCOUNT = json.dumps(
    {
        "makerCommission": 10, "takerCommission": 10, "buyerCommission": 0, "sellerCommission": 0,
        "commissionRates": {"maker": "0.00100000", "taker": "0.00100000", "buyer": "0", "seller": "0"},
        "canTrade": True, "canWithdraw": False, "canDeposit": True, "updateTime": 1767225600000, "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": "100.00000000", "locked": "0.00000000"} for asset in ("BTC", "ETH", "USDT", "BNB")
        ],
        "permissions": ["SPOT"], "uid": 354937868,
    }
).encode()  # fmt: skip


def answer(status: bytes, body: bytes) -> bytes:
    """With about the headers that the real one sends."""
    return (
        b"HTTP/1.1 %b\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: %d\r\n"
        b"Connection: keep-alive\r\nx-mbx-uuid: 8a1d0000-0000-0000-0000-000000000000\r\n"
        b"x-mbx-used-weight: 20\r\nx-mbx-used-weight-1m: 20\r\n"
        b"Strict-Transport-Security: max-age=31536000; includeSubdomains\r\nX-Cache: Miss\r\n\r\n" % (status, len(body))
    ) + body


OK = answer(b"200 OK", ACCOUNT)
BAD_SIGNATURE = answer(b"400 Bad Request", b'{"code":-1022,"msg":"Signature for this request is not valid."}')
UNKNOWN = answer(b"404 Not Found", b"{}")


class Exchange(asyncio.Protocol):
    """One connection."""

    def __init__(self, key_id: bytes, secret: bytes) -> None:
        self._key_id, self._secret = key_id, secret

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, request: bytes) -> None:
        self._transport.write(self._answer(request))

    def _answer(self, request: bytes) -> bytes:
        target = request[: request.index(b"\r\n")].split(b" ")[1]
        path, _, query = target.partition(b"?")
        if path == b"/api/v3/time":
            return answer(b"200 OK", b'{"serverTime":%d}' % (time.time_ns() // 1_000_000))
        if path != b"/api/v3/account":
            return UNKNOWN
        payload, _, signature = query.partition(b"&signature=")
        expected = hmac.digest(self._secret, payload, hashlib.sha256).hex().encode()
        return OK if signature == expected and self._key_id in request else BAD_SIGNATURE


async def serve(context: ssl.SSLContext, key_id: bytes, secret: bytes) -> None:
    """Until it is killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Exchange(key_id, secret), "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


def main(directory: Path) -> None:
    """Make a CA and serve."""
    key = json.loads(os.environ["STUB_KEY"])
    chain = make_chain()
    (directory / "ca.pem").write_bytes(chain.ca)
    uvloop.run(serve(chain.context(), key["id"].encode(), key["secret"].encode()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
