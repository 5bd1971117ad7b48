"""A unix socket beside the ports: the same requests, from processes that are heard, of a peer on the loopback."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.edge.door import Door
from tests.edge.bots import WIRE, Bot, Room

HOST = b"api.binance.com"
ASKED = b"GET https://" + HOST + b"/api/v3/time HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n"
FORWARD = Door(forward=True)


async def come(made: Room, place: Path, heard: bool) -> Bot:
    """A bot at a new socket whose callers are heard, or not."""
    looked: list[socket.socket] = []

    def heeds(connection: socket.socket) -> bool:
        looked.append(connection)
        return heard

    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(place))
    await made.listener.open_unix(FORWARD, listening, heeds)
    bot = Bot(*await asyncio.open_unix_connection(place))
    made.bots.append(bot)
    if heard:
        await made.connected(1)
        assert looked[0].family == socket.AF_UNIX
    return bot


def test_its_requests_are_those_of_the_forward_door(visit: Callable[..., None], tmp_path: Path) -> None:
    """In absolute-form, one after another, from 127.0.0.1."""

    async def talk(made: Room) -> None:
        bot = await come(made, tmp_path / "a.sock", heard=True)
        for _ in range(2):
            bot.say(ASKED)
            assert await bot.hear() == WIRE
        seen = made.desk.requests[0]
        assert (seen.host, seen.target, seen.peer, seen.port) == (HOST.decode(), b"/api/v3/time", "127.0.0.1", None)

    visit(talk)


def test_who_is_not_heard_is_cut_off(visit: Callable[..., None], tmp_path: Path) -> None:
    """Before a byte of his is read."""

    async def talk(made: Room) -> None:
        bot = await come(made, tmp_path / "a.sock", heard=False)
        bot.say(ASKED)
        assert await bot.hear_all() == b""
        assert made.desk.requests == []
        assert len(made.listener) == 0

    visit(talk)


@pytest.mark.parametrize("name", ["a.sock", "a"])
def test_it_is_no_port_that_a_tunnel_could_lead_to(visit: Callable[..., None], tmp_path: Path, name: str) -> None:
    """Its address is a path, and is never taken for a host and a port."""

    async def talk(made: Room) -> None:
        await come(made, tmp_path / name, heard=True)
        assert made.listener._is_ours("127.0.0.1", made.port, "127.0.0.1")
        assert not made.listener._is_ours("/", 1, "127.0.0.1")

    visit(talk)
