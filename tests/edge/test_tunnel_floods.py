"""What a nobody can do with TLS and tunnels: cost himself his connection, never the others theirs."""

import asyncio
import contextlib
import ctypes
import ctypes.util
import ssl
from collections.abc import Callable

import pytest

from gateway.core.request import Answer, RawRequest
from gateway.edge.door import Door
from gateway.edge.forward import ESTABLISHED
from gateway.edge.grammar import Limits
from gateway.edge.tunnel import Far
from tests.edge.bots import BINANCE, GET, WIRE, Bot, Room
from tests.edge.layers import LISTED, Guard, Layer
from tests.edge.test_forward import FORWARD, LIST_CONNECT, echo, guard, refused, through, tunnel  # noqa: F401  fixtures

MIB = 1024 * 1024


def key_updates(layer: Layer, count: int, asks: bool = True) -> bytes:
    """So many records that tell of new keys, or ask for some, and say nothing: as OpenSSL itself makes them."""
    library = ctypes.CDLL(ctypes.util.find_library("ssl") or "libssl.so.3")
    library.SSL_key_update.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.SSL_do_handshake.argtypes = [ctypes.c_void_p]
    inner = layer.tls._sslobj  # type: ignore[attr-defined]
    pointer = ctypes.cast(id(inner) + object.__basicsize__ + ctypes.sizeof(ctypes.c_void_p),
                          ctypes.POINTER(ctypes.c_void_p))[0]  # fmt: skip
    for _ in range(count):
        library.SSL_key_update(pointer, int(asks))
        library.SSL_do_handshake(pointer)
    return layer.take()


def test_records_that_say_nothing_end_the_connection(through: Callable[..., None]) -> None:  # noqa: F811
    """One such record costs a thousand times its bytes: a few are borne, a flood is not."""

    async def talk(made: Room, guard: Guard) -> None:  # noqa: F811
        bot = await made.bot()
        layer = Layer(bot, guard.client(), "localhost")
        await layer.shake()
        bot.say(key_updates(layer, 3))
        layer.say(GET)
        assert await layer.hear(len(WIRE)) == WIRE
        bot.say(key_updates(layer, 2_000))
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await layer.hear_all()
        await made.connected(0)
        assert "flood" in guard.broken[-1][1]

    through(talk, BINANCE)


def test_a_word_now_and_then_does_not_excuse_a_flood(through: Callable[..., None]) -> None:  # noqa: F811
    """Over its life a connection may send so much beyond what its plain bytes need, and no more."""

    async def talk(made: Room, guard: Guard) -> None:  # noqa: F811
        bot = await made.bot()
        layer = Layer(bot, guard.client(), "localhost")
        await layer.shake()
        sent = 0
        with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            while len(made.listener) and sent < 2 * MIB:
                flood = key_updates(layer, 150, asks=False)
                bot.say(flood)
                layer.say(GET)
                sent += len(flood)
                await layer.hear(len(WIRE))
        await made.connected(0)
        assert 200 * 1024 < sent < MIB

    through(talk, BINANCE)


@pytest.mark.parametrize("depth", [1, 2])
def test_what_follows_a_farewell_is_not_kept(through: Callable[..., None], depth: int) -> None:  # noqa: F811
    """A request is in work, the client has said goodbye, and goes on: nothing of that is read or held."""

    async def talk(made: Room, guard: Guard) -> None:  # noqa: F811
        made.desk.work = made.desk.when_told
        layer = await tunnel(made, guard) if depth == 1 else Layer(await made.bot(), guard.client(), "localhost")
        if depth == 2:
            await layer.shake()
        layer.say(GET if depth == 2 else GET.replace(b"127.0.0.1", b"api.binance.com"))
        await made.desk.come.wait()
        layer.farewell()
        bot = made.bots[0]
        bot.say(b"x" * (64 * MIB))
        for _ in range(2000):
            await asyncio.sleep(0)
        assert bot.writer.transport.get_write_buffer_size() > 32 * MIB

    through(talk, FORWARD if depth == 1 else Door("binance"))


def test_pipelined_requests_are_all_waited_for(visit: Callable[..., None]) -> None:
    """The second begins as the first is answered, and is in the registry: an orderly end counts it."""

    async def story(made: Room) -> None:
        release = asyncio.Event()

        async def second_waits(raw: RawRequest) -> Answer:
            if len(made.desk.requests) == 2:
                made.desk.go.set()
                await release.wait()
            return Answer(200, (), b"{}")

        made.desk.work = second_waits
        bot = await made.bot()
        bot.say(GET + GET)
        await made.desk.go.wait()
        bot.hang_up()
        assert await made.listener.stop(0.05) == 1
        release.set()

    visit(story)


# -- untouched tunnels -------------------------------------------------------------------------------------------------


def test_tunnels_are_bounded_and_keep_nobody_out(through: Callable[..., None]) -> None:  # noqa: F811
    """Those beyond the limit are told so; a request finds its place; whoever is gone frees his."""

    async def talk(made: Room, guard: Guard) -> None:  # noqa: F811
        async with echo(guard):
            bots = [await made.bot() for _ in range(3)]
            for bot in bots[:2]:
                bot.say(LIST_CONNECT + b"\r\n")
                assert await bot.hear(len(ESTABLISHED)) == ESTABLISHED
            bots[2].say(LIST_CONNECT + b"\r\n")
            await refused(bots[2], 503)
            layer = await tunnel(made, guard)
            layer.say(GET.replace(b"127.0.0.1", b"api.binance.com"))
            assert await layer.hear(len(WIRE)) == WIRE
            bots[0].hang_up()
            await made.connected(2)
            again = await made.bot()
            again.say(LIST_CONNECT + b"\r\n")
            assert await again.hear(len(ESTABLISHED)) == ESTABLISHED

    through(talk, limits=Limits(tunnels=2))


class Slow(Guard):
    """Its listed host never answers; whoever waits for it is counted."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = self.given_up = 0
        self.come = asyncio.Event()

    async def reach(self, host: str, number: int, ours: object) -> Far:
        self.waiting += 1
        self.come.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.given_up += 1
        raise AssertionError


def test_nobody_goes_on_dialling_for_who_is_gone(visit: Callable[..., None]) -> None:
    slow = Slow()

    async def story(made: Room) -> None:
        bot = await made.bot()
        bot.say(LIST_CONNECT + b"\r\n")
        await slow.come.wait()
        bot.hang_up()
        await made.connected(0)
        await asyncio.sleep(0)
        assert (slow.waiting, slow.given_up) == (1, 1)
        assert await made.listener.stop(1) == 0

    visit(story, None, FORWARD, slow)


class Sluggish(Far):
    """A far end that takes little at a time: it asks to be spared before the bot's end is joined."""

    def say(self, sent: bytes) -> None:
        self.pause_writing()
        super().say(sent)


def test_bytes_before_the_tunnel_stands_are_held_back_too(through: Callable[..., None]) -> None:  # noqa: F811
    """A far end that is full at once makes the bot wait at once."""

    async def talk(made: Room, guard: Guard) -> None:  # noqa: F811
        async with echo(guard):

            async def reach(host: str, number: int, ours: Callable[[str, int, str], bool]) -> Far:
                loop = asyncio.get_running_loop()
                port = int(guard.connect_to[f"{LISTED}:443"].rpartition(":")[2])
                return (await loop.create_connection(lambda: Sluggish(ours), "127.0.0.1", port))[1]

            guard.reach, kept = reach, guard.reach  # type: ignore[method-assign, assignment]
            bot = await made.bot()
            bot.say(LIST_CONNECT + b"\r\nearly")
            assert await bot.hear(len(ESTABLISHED) + 5) == ESTABLISHED + b"early"
            bot.say(b"x" * (64 * MIB))
            for _ in range(2000):
                await asyncio.sleep(0)
            assert bot.writer.transport.get_write_buffer_size() > 32 * MIB
            guard.reach = kept  # type: ignore[method-assign]

    through(talk)


def test_a_far_end_that_is_held_stays_held_when_joined() -> None:
    """Whoever holds it before it is joined holds it."""
    reading: list[str] = []

    class Transport(asyncio.Transport):
        def pause_reading(self) -> None:
            reading.append("paused")

        def resume_reading(self) -> None:
            reading.append("resumed")

        def get_extra_info(self, name: str, default: object = None) -> object:
            return ("192.0.2.1", 443)

    class Nobody:
        def tell(self, received: bytes) -> None: ...
        def tell_end(self) -> None: ...
        def hold(self, held: bool) -> None: ...

    far = Far(lambda host, number, own: False)
    far.connection_made(Transport())
    far.hold(True)
    far.join(Nobody())
    assert reading == ["paused"]
    far.hold(False)
    assert reading == ["paused", "resumed"]


def test_a_tunnel_ends_when_its_token_may_no_longer(through: Callable[..., None]) -> None:  # noqa: F811
    """Paused or expired: within a second, whatever flows."""

    async def talk(made: Room, guard: Guard) -> None:  # noqa: F811
        async with echo(guard):
            bot = Layer(await made.bot(), guard.client(), "localhost")
            await bot.shake()
            bot.say(LIST_CONNECT + b"Proxy-Authorization: Basic dG9rZW46c2VjcmV0\r\n\r\n")
            assert await bot.hear(len(ESTABLISHED)) == ESTABLISHED
            guard.tokens, kept = {}, guard.tokens
            made.listener.sweep(asyncio.get_running_loop().time())
            guard.tokens = kept
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                assert await bot.hear_all() == b""
            await made.connected(0)

    through(talk, Door(forward=True, loopback=False))


def test_who_ended_his_side_does_not_keep_a_tunnel_for_long(through: Callable[..., None]) -> None:  # noqa: F811
    """The far end may still answer, for as long as an answer may take to be read."""

    async def talk(made: Room, guard: Guard) -> None:  # noqa: F811
        told = asyncio.Event()

        async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            said.append(writer)
            await reader.read()
            told.set()

        said: list[asyncio.StreamWriter] = []
        server = await asyncio.start_server(deaf, "127.0.0.1", 0)
        guard.connect_to = {f"{LISTED}:443": f"127.0.0.1:{server.sockets[0].getsockname()[1]}"}
        bot: Bot = await made.bot()
        bot.say(LIST_CONNECT + b"\r\n")
        await bot.hear(len(ESTABLISHED))
        bot.writer.write_eof()
        await told.wait()
        made.listener.sweep(asyncio.get_running_loop().time() + 31)
        assert await bot.hear_all() == b""
        await made.connected(0)
        server.close()
        said[0].transport.abort()

    through(talk)


@pytest.mark.parametrize("where", ["127.0.0.1", "[::ffff:127.0.0.1]", "localhost"])
def test_no_tunnel_to_the_gateways_other_ports(through: Callable[..., None], where: str) -> None:  # noqa: F811
    """By whatever spelling of this machine the settings lead there."""

    async def talk(made: Room, guard: Guard) -> None:  # noqa: F811
        async with echo(guard):
            port = int(guard.connect_to[f"{LISTED}:443"].rpartition(":")[2])
            made.listener._neighbours = (("127.0.0.1", port),)
            guard.connect_to = {f"{LISTED}:443": f"{where}:{port}"}
            bot = await made.bot()
            bot.say(LIST_CONNECT + b"\r\n")
            assert b"gateway's own" in await refused(bot, 502)
            assert guard.opened_to == []

    through(talk)


def test_from_another_machine_nobody_learns_what_is_listed(through: Callable[..., None]) -> None:  # noqa: F811
    async def talk(made: Room, guard: Guard) -> None:  # noqa: F811
        for host in (LISTED, "example.com"):
            stranger = Layer(await made.bot(), guard.client(), "localhost")
            await stranger.shake()
            stranger.say(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            await refused(stranger, 407)

    through(talk, Door(forward=True, loopback=False))
