"""Having something done: by the running gateway if there is one, else here, under the home's lock."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from gateway.admin.control import Silent, ask
from gateway.core.secret import Secret
from gateway.home import Busy, Home, WriterLock

PATIENCE_S: Final = 2.0
"""How long a lock may be held by somebody who does not answer: a gateway that is just starting or ending."""
PAUSE_S: Final = 0.05


def operate(home: Home, act: str, arguments: dict[str, Any], passphrase: Callable[[], Secret] | None = None) -> Any:
    """The act's result. ``passphrase`` is asked for only if the act must be done here and needs the open vault.

    Raises Misuse, and Busy if another process holds the home and does not answer.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask(home, act, arguments)
        except Silent:
            pass
        try:
            lock = WriterLock(home)
        except Busy:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_S)
            continue
        try:
            return _here(home, act, arguments, passphrase)
        finally:
            lock.release()


def _here(home: Home, act: str, arguments: dict[str, Any], passphrase: Callable[[], Secret] | None) -> Any:
    from gateway.admin.operations import Operations
    from gateway.app import Desk, Gateway
    from gateway.settings import load_settings

    settings = load_settings(home.settings)
    desk = Desk(home, settings) if passphrase is None else Gateway(home, settings, passphrase())

    async def perform() -> Any:
        try:
            return await Operations(desk).perform(act, arguments)
        finally:
            await desk.upstream.close()

    try:
        return asyncio.run(perform())
    finally:
        desk.close()


def asker(home: Home, file: Path | None) -> Callable[[], Secret]:
    """How the vault's passphrase is found when it is needed."""
    from gateway.admin.passphrase import Sources, find_passphrase

    return lambda: find_passphrase(Sources(home.path, os.environ, file))
