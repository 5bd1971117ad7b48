"""How a command speaks to the running gateway: one JSON line each way over ``control.sock``.

The socket lies in the home (0700), is 0600, and serves only processes of the same user.
"""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

from gateway.admin.sockets import address, bound, same_user
from gateway.core.errors import GatewayError, Misuse
from gateway.home import Home

log = structlog.get_logger()

LINE_LIMIT: Final = 1 << 20
ANSWER_WITHIN_S: Final = 2.0
"""How long the gateway may take to take a command in. Once it has, the command may take its time."""
WORK_WITHIN_S: Final = 120.0
TAKEN: Final = b'{"taken":true}\n'

Perform = Callable[[str, dict[str, Any]], Awaitable[Any]]


class ControlServer:
    """The running gateway's ear."""

    def __init__(self, home: Home, perform: Perform) -> None:
        self._home = home
        self._perform = perform
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. The caller holds the home's lock, so whatever socket lies there is a dead one's."""
        self._server = await asyncio.start_unix_server(self._serve, sock=bound(self._home.socket), limit=LINE_LIMIT)

    async def close(self) -> None:
        """Hear no more."""
        if self._server is not None:
            self._server.close()
            self._home.socket.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not same_user(writer.get_extra_info("socket")):
                return
            line = await asyncio.wait_for(reader.readline(), ANSWER_WITHIN_S)
            if line:
                writer.write(TAKEN)
                await writer.drain()
                await asyncio.sleep(0)  # the word must be on its way before work that holds the loop
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (TimeoutError, ValueError, ConnectionError) as failure:
            log.warning("control connection dropped", why=type(failure).__name__)
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            asked = json.loads(line)
            return {"ok": True, "result": await self._perform(asked["do"], asked["with"])}
        except GatewayError as failure:
            return {"ok": False, "error": str(failure)}
        except Exception as failure:
            log.error("a command failed inside the gateway", exc_info=failure)
            return {"ok": False, "error": f"the gateway failed: {type(failure).__name__}; see its log"}


def ask(home: Home, act: str, arguments: dict[str, Any]) -> Any:
    """Have the running gateway do it. Raises Silent if none answers, Misuse with its words if it refuses."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection,
        connection.makefile("rb") as answers,
    ):
        connection.settimeout(ANSWER_WITHIN_S)
        try:
            with address(home.socket) as short:
                connection.connect(short)
            connection.sendall(json.dumps({"do": act, "with": arguments}).encode() + b"\n")
            if answers.readline() != TAKEN:
                raise Silent
        except (OSError, TimeoutError) as failure:
            raise Silent from failure
        connection.settimeout(WORK_WITHIN_S)
        try:
            answer = json.loads(answers.readline())
        except (OSError, ValueError) as failure:
            raise Misuse("the gateway took the command and went away", "see `tradewarden status`") from failure
    if not answer["ok"]:
        raise Misuse(answer["error"])
    return answer["result"]


class Silent(Exception):
    """No gateway answers on the control socket."""
