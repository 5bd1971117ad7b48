"""Speaking to the running gateway: it answers at once, its refusals are its own words, and silence is told as such."""

import asyncio
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.admin.control import ControlServer, Silent, ask
from gateway.core.errors import Misuse
from gateway.home import Busy, Home, WriterLock, checked_name


@contextmanager
def listening(home: Home) -> Iterator[None]:
    """A control server in a thread, as it runs in the gateway."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def perform(act: str, given: dict[str, Any]) -> Any:
        match act:
            case "echo":
                return given
            case "refuse":
                raise Misuse("that cannot be", "try another")
        raise RuntimeError("secret-in-a-bug")

    async def serve() -> None:
        server = ControlServer(home, perform)
        await server.start()
        ready.set()
        await stop.wait()
        await server.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_an_act_is_done_and_its_result_comes_back(home: Home) -> None:
    with listening(home):
        assert ask(home, "echo", {"name": "grid-bot", "n": 1}) == {"name": "grid-bot", "n": 1}


def test_a_refusal_is_told_in_the_gateways_words(home: Home) -> None:
    with listening(home), pytest.raises(Misuse, match="that cannot be; try another"):
        ask(home, "refuse", {})


def test_a_failure_inside_tells_its_kind_and_no_more(home: Home) -> None:
    with listening(home), pytest.raises(Misuse, match="RuntimeError") as caught:
        ask(home, "break", {})
    assert "secret-in-a-bug" not in str(caught.value)


def test_only_the_owner_can_open_the_socket(home: Home) -> None:
    with listening(home):
        assert stat.S_IMODE(home.socket.stat().st_mode) == 0o600


def test_nobody_there_is_silence(home: Home) -> None:
    with pytest.raises(Silent):
        ask(home, "echo", {})


def test_a_dead_gateways_socket_is_silence_and_no_obstacle(home: Home) -> None:
    with listening(home):
        pass
    home.socket.touch()
    with pytest.raises(Silent):
        ask(home, "echo", {})
    with listening(home):
        assert ask(home, "echo", {}) == {}


def test_a_home_with_a_long_path_is_reached(tmp_path: Path) -> None:
    home = Home(tmp_path / ("long" * 30))
    home.path.mkdir()
    with listening(home):
        assert ask(home, "echo", {}) == {}


def test_one_process_writes(home: Home) -> None:
    lock = WriterLock(home)
    with pytest.raises(Busy, match="holds this home"):
        WriterLock(home)
    lock.release()
    WriterLock(home).release()


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "a b", "-x", "ü", "x" * 65, "a\n"])
def test_a_name_that_would_be_trouble_is_refused(name: str) -> None:
    with pytest.raises(Misuse):
        checked_name(name, "a token")
