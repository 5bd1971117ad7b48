"""Tunnels and TLS: what comes through them is the request that would have come without them, or nothing is."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from gateway.core.request import Answer, RawRequest
from gateway.edge.door import Door
from gateway.edge.forward import ESTABLISHED
from gateway.edge.grammar import Limits
from tests.edge.bots import BINANCE, GET, WIRE, Bot, Room
from tests.edge.layers import HOST, LISTED, OTHER, TOKEN, Guard, Layer

FORWARD = Door(forward=True)
CONNECT = f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode()
INNER = f"GET /api/v3/time HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()

Visit = Callable[..., None]
Talk = Callable[[Room, Guard], Awaitable[None]]


@pytest.fixture(scope="module")
def guard() -> Guard:
    return Guard()


@pytest.fixture
def through(visit: Visit, guard: Guard) -> Callable[..., None]:
    """Run a story at a door that has the guard."""
    guard.connect_to, guard.opened_to, guard.broken = {}, [], []

    def run(talk: Talk, door: Door = FORWARD, limits: Limits | None = None) -> None:
        async def story(made: Room) -> None:
            await talk(made, guard)

        visit(story, limits, door, guard)

    return run


async def tunnel(made: Room, guard: Guard, name: str | None = HOST, connect: bytes = CONNECT) -> Layer:
    """A bot inside a tunnel to HOST, its handshake done."""
    bot = await made.bot()
    bot.say(connect)
    assert await bot.hear(len(ESTABLISHED)) == ESTABLISHED
    layer = Layer(bot, unchecked() if name != HOST else guard.client(), name)
    await layer.shake()
    return layer


def unchecked() -> ssl.SSLContext:
    """What takes any certificate: for clients that ask for another name than the tunnel's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def refused(bot: Bot | Layer, status: int) -> bytes:
    """The bot's end of a refusal: the answer, and nothing after it."""
    heard = await bot.hear_all()
    assert heard.startswith(b"HTTP/1.1 %d " % status), heard
    return heard


# -- TLS on the gateway's own ports --------------------------------------------------------------------------------


@pytest.mark.parametrize("door", [BINANCE, Door()], ids=["own", "shared"])
def test_a_port_speaks_tls_and_plain(through: Callable[..., None], door: Door) -> None:
    """Whichever the client begins with; the requests that arrive are the same."""

    async def talk(made: Room, guard: Guard) -> None:
        plain, bot = await made.bot(), await made.bot()
        layer = Layer(bot, guard.client(), "localhost")
        await layer.shake()
        assert layer.tls.selected_alpn_protocol() is None
        for _ in range(3):
            plain.say(GET)
            layer.say(GET)
            assert await plain.hear() == await layer.hear(len(WIRE)) == WIRE
        assert made.desk.requests == [made.desk.requests[0]] * 6

    through(talk, door)


def test_only_http_1_1_is_agreed_on(through: Callable[..., None]) -> None:
    async def talk(made: Room, guard: Guard) -> None:
        for offered, agreed in ((["h2", "http/1.1"], "http/1.1"), (["h2"], None)):
            context = guard.client()
            context.set_alpn_protocols(offered)
            layer = Layer(await made.bot(), context, "localhost")
            await layer.shake()
            assert layer.tls.selected_alpn_protocol() == agreed
        layer.say(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        await refused(layer, 400)
        assert made.desk.requests == []

    through(talk, BINANCE)


def test_an_address_that_others_reach_speaks_tls_only(through: Callable[..., None]) -> None:
    async def talk(made: Room, guard: Guard) -> None:
        plain, bot = await made.bot(), await made.bot()
        plain.say(GET)
        assert b"only TLS" in await refused(plain, 400)
        layer = Layer(bot, guard.client(), "localhost")
        await layer.shake()
        layer.say(GET)
        assert await layer.hear(len(WIRE)) == WIRE
        assert len(made.desk.requests) == 1

    through(talk, Door("binance", loopback=False))


def test_a_broken_handshake_ends_the_connection(through: Callable[..., None]) -> None:
    """And is noted, with what the client said of our certificate."""

    async def talk(made: Room, guard: Guard) -> None:
        bot = await made.bot()
        bot.say(b"\x16\x03\x01\x00\x05hello")
        await bot.hear_all()
        stranger = Layer(await made.bot(), ssl.create_default_context(), "localhost")
        with pytest.raises(ssl.SSLCertVerificationError):
            await stranger.shake()
        stranger.flush()
        await made.connected(0)
        assert [host for host, _ in guard.broken] == [None, None]
        assert guard.broken[1][1] == "TLSV1_ALERT_UNKNOWN_CA"

    through(talk, BINANCE)


def test_a_handshake_that_stalls_is_cut_off(through: Callable[..., None]) -> None:
    async def talk(made: Room, guard: Guard) -> None:
        bot = await made.bot()
        bot.say(Layer(bot, guard.client(), "localhost").hello()[:40])
        await made.connected(1)
        for _ in range(50):
            await asyncio.sleep(0)
        made.listener.sweep(asyncio.get_running_loop().time() + 11)
        assert await bot.hear_all() == b""

    through(talk, BINANCE)


def test_tls_ends_in_good_order(through: Callable[..., None]) -> None:
    """A farewell before the answer still gets it; the answer to a last request is followed by ours."""

    async def talk(made: Room, guard: Guard) -> None:
        made.desk.work = made.desk.when_told
        layer = Layer(await made.bot(), guard.client(), "localhost")
        await layer.shake()
        layer.say(GET)
        await made.desk.come.wait()
        layer.farewell()
        made.desk.go.set()
        with contextlib.suppress(ssl.SSLError):
            assert (await layer.hear_all()).endswith(b"\r\n\r\n{}")
        await made.connected(0)
        assert made.desk.done.is_set()

    through(talk, BINANCE)


def test_a_large_answer_in_tls(through: Callable[..., None]) -> None:
    body = bytes(range(256)) * 40_000

    async def talk(made: Room, guard: Guard) -> None:
        async def large(raw: RawRequest) -> Answer:
            return Answer(200, (), body)

        made.desk.work = large
        layer = Layer(await made.bot(), guard.client(), "localhost")
        await layer.shake()
        for _ in range(2):
            layer.say(GET)
            head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body)
            assert await layer.hear(len(head) + len(body)) == head + body

    through(talk, BINANCE)


# -- CONNECT to an exchange ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "connect",
    [
        CONNECT,
        f"CONNECT {HOST}:443 HTTP/1.0\r\n\r\n".encode(),
        f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}\r\nProxy-Connection: keep-alive\r\n\r\n".encode(),
        f"CONNECT {HOST.upper()}:443 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(),
        f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}\r\nProxy-Authorization: Basic eDp5\r\n\r\n".encode(),
    ],
    ids=["usual", "http-1.0-without-host", "host-without-port", "upper-case", "credentials"],
)
def test_a_tunnel_leads_to_the_handler(through: Callable[..., None], connect: bytes) -> None:
    """Each request in it is told with the tunnel's host; the connection is one, for the token that will own it."""

    async def talk(made: Room, guard: Guard) -> None:
        layer = await tunnel(made, guard, connect=connect)
        for _ in range(2):
            layer.say(INNER)
            assert await layer.hear(len(WIRE)) == WIRE
        expected = RawRequest(b"GET", b"/api/v3/time", ((b"host", HOST.encode()),), b"", None, "127.0.0.1", HOST)
        assert made.desk.requests == [expected] * 2
        assert len({id(connection) for connection in made.desk.connections}) == 1

    through(talk)


def test_bytes_right_behind_connect_are_the_tunnels(through: Callable[..., None]) -> None:
    async def talk(made: Room, guard: Guard) -> None:
        bot = await made.bot()
        layer = Layer(bot, guard.client(), HOST)
        bot.say(CONNECT + layer.hello())
        assert await bot.hear(len(ESTABLISHED)) == ESTABLISHED
        await layer.shake()
        layer.say(INNER)
        assert await layer.hear(len(WIRE)) == WIRE

    through(talk)


@pytest.mark.parametrize(
    ("authority", "status"),
    [
        ("127.0.0.1:443", 403), ("localhost:22", 403), ("[::1]:443", 400), ("169.254.169.254:80", 403),
        ("2130706433:443", 403), ("0x7f000001:443", 403), ("0177.0.0.1:443", 403), ("metadata.google.internal:80", 403),
        ("api.binance.com:80", 403), ("api.binance.com:8443", 403), ("api.binance.com:0", 400),
        ("api.binance.com:65536", 400), ("api.binance.com.:443", 400), ("api.binance.com", 400), (":443", 400),
        ("api.binance.com:443:443", 400), ("user@api.binance.com:443", 400), ("https://api.binance.com:443", 400),
        ("api.binance.com:443/api", 400), ("evil.com:443", 403), ("api.binance.com.evil.com:443", 403),
        ("api%2ebinance.com:443", 400), ("xn--binance-abc.com:443", 403), ("*:443", 400), ("/", 400),
        ("api.telegram.org:80", 403), ("/api/v3/time", 400), ("api.binance.com:+443", 400),
        ("api.binance.com: 443", 400), ("api.b\u0131nance.com:443", 400), ("api.binance.com:\uff14\uff14\uff13", 400),
    ],
)  # fmt: skip
def test_nowhere_else(through: Callable[..., None], authority: str, status: int) -> None:
    """Refused, before anything is resolved or dialled."""

    async def talk(made: Room, guard: Guard) -> None:
        bot = await made.bot()
        bot.say(f"CONNECT {authority} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode() if status != 403 else
                f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())  # fmt: skip
        await refused(bot, status)
        assert [refusal for _, refusal in made.desk.refusals] == [status]

    through(talk)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {OTHER}:443\r\n\r\n", 421),
        (f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:9443\r\n\r\n", 421),
        (f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}\r\nHost: {HOST}\r\n\r\n", 400),
        (f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (f"CONNECT {HOST}:443 HTTP/1.1\nHost: {HOST}\n\n", 400),
        (f"CONNECT {HOST}:443 HTTP/2.0\r\nHost: {HOST}\r\n\r\n", 400),
        (f"connect {HOST}:443 HTTP/1.1\r\nHost: {HOST}\r\n\r\n", 400),
        (f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n", 400),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (f"GET http://{HOST}/api/v3/time HTTP/1.1\r\nHost: {OTHER}\r\n\r\n", 421),
        (f"GET http://{HOST}:8080/api/v3/time HTTP/1.1\r\nHost: {HOST}:8080\r\n\r\n", 421),
        (f"GET http://x@{HOST}/api/v3/time HTTP/1.1\r\nHost: {HOST}\r\n\r\n", 400),
        (f"GET http://{HOST} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", 400),
        (f"GET http://{HOST}/a#b HTTP/1.1\r\nHost: {HOST}\r\n\r\n", 400),
        (f"GET http://{HOST}/a HTTP/1.0\r\nHost: {HOST}\r\n\r\n", 400),
        (f"GET ftp://{HOST}/a HTTP/1.1\r\nHost: {HOST}\r\n\r\n", 400),
        (f"GET http://{HOST}/a HTTP/1.1\r\n\r\n", 400),
    ],
)  # fmt: skip
def test_a_forward_ports_grammar(through: Callable[..., None], head: str, status: int) -> None:
    async def talk(made: Room, guard: Guard) -> None:
        bot = await made.bot()
        bot.say(head.encode("latin-1"))
        await refused(bot, status)
        assert made.desk.requests == []

    through(talk)


@pytest.mark.parametrize("target", ["http://{}", "https://{}", "http://{}:80", "https://{}:443"])
def test_an_absolute_target_is_the_same_request(through: Callable[..., None], target: str) -> None:
    """Each names its own host, spelt in whatever case."""

    async def talk(made: Room, guard: Guard) -> None:
        bot = await made.bot()
        for host in (HOST, OTHER, HOST.upper()):
            bot.say(f"GET {target.format(host)}/api/v3/time?a=1 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert await bot.hear() == WIRE
        assert [raw.target for raw in made.desk.requests] == [b"/api/v3/time?a=1"] * 3
        assert [raw.host for raw in made.desk.requests] == [HOST, OTHER, HOST]

    through(talk)


def test_what_is_named_inside_a_tunnel_must_be_its_host(through: Callable[..., None]) -> None:
    async def talk(made: Room, guard: Guard) -> None:
        for said in (OTHER, f"{HOST}:80", f"{HOST}.", "127.0.0.1", f"{OTHER}:443"):
            layer = await tunnel(made, guard)
            layer.say(INNER.replace(b"Host: " + HOST.encode(), b"Host: " + said.encode()))
            await refused(layer, 421)
        assert made.desk.requests == []
        assert {door.host for door, _ in made.desk.refusals} == {HOST}

    through(talk)


@pytest.mark.parametrize("name", [OTHER, "localhost", None])
def test_a_handshake_for_another_name_fails(through: Callable[..., None], name: str | None) -> None:
    async def talk(made: Room, guard: Guard) -> None:
        with pytest.raises(ssl.SSLError):
            await tunnel(made, guard, name)
        await made.connected(0)
        assert [host for host, _ in guard.broken] == [HOST]
        assert made.desk.requests == []

    through(talk)


@pytest.mark.parametrize(
    "inner",
    [CONNECT, f"GET http://{HOST}/api/v3/time HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(), b"\x16\x03\x01\x02\x00\x01"],
    ids=["connect", "absolute", "tls"],
)
def test_no_tunnel_in_a_tunnel(through: Callable[..., None], inner: bytes) -> None:
    async def talk(made: Room, guard: Guard) -> None:
        layer = await tunnel(made, guard)
        layer.say(inner)
        await refused(layer, 400)
        assert made.desk.requests == []

    through(talk)


def test_plain_requests_in_a_tunnel_are_no_handshake(through: Callable[..., None]) -> None:
    async def talk(made: Room, guard: Guard) -> None:
        bot = await made.bot()
        bot.say(CONNECT + INNER)
        assert await bot.hear(len(ESTABLISHED)) == ESTABLISHED
        assert b"HTTP" not in await bot.hear_all()
        assert made.desk.requests == []

    through(talk)


def test_tls_to_the_proxy_and_a_tunnel_in_it(through: Callable[..., None]) -> None:
    async def talk(made: Room, guard: Guard) -> None:
        outer = Layer(await made.bot(), guard.client(), "localhost")
        await outer.shake()
        outer.say(CONNECT)
        assert await outer.hear(len(ESTABLISHED)) == ESTABLISHED
        inner = Layer(outer, guard.client(), HOST)
        await inner.shake()
        for _ in range(3):
            inner.say(INNER)
            assert await inner.hear(len(WIRE)) == WIRE
        inner.say(b"rubbish\r\n\r\n")
        await refused(inner, 400)
        assert made.desk.requests[0].host == HOST

    through(talk, Door(forward=True, loopback=False))


def test_a_tunnel_closes_with_its_owner(through: Callable[..., None]) -> None:
    async def talk(made: Room, guard: Guard) -> None:
        layer = await tunnel(made, guard)
        layer.say(INNER)
        await layer.hear(len(WIRE))
        made.desk.connections[0].owner = "token"
        assert made.listener.close_owned_by("token") == 1
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            assert await layer.hear_all() == b""
        await made.connected(0)

    through(talk)


# -- untouched tunnels -------------------------------------------------------------------------------------------------

LIST_CONNECT = f"CONNECT {LISTED}:443 HTTP/1.1\r\nHost: {LISTED}:443\r\n".encode()


@contextlib.asynccontextmanager
async def echo(guard: Guard) -> AsyncIterator[list[asyncio.StreamWriter]]:
    """A server on loopback that says back what it hears, and stands for LISTED."""
    ends: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(writer)
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65536):
                writer.write(piece)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    guard.connect_to = {f"{LISTED}:443": f"127.0.0.1:{server.sockets[0].getsockname()[1]}"}
    try:
        yield ends
    finally:
        server.close()
        for end in ends:
            end.transport.abort()


@pytest.mark.parametrize("early", [b"", b"early"], ids=["waiting", "at-once"])
def test_a_listed_host_is_reached_untouched(through: Callable[..., None], early: bytes) -> None:
    """Bytes as they are, however many; the end on one side is the end on both."""
    sent = bytes(range(256)) * 20_000

    async def talk(made: Room, guard: Guard) -> None:
        async with echo(guard):
            bot = await made.bot()
            bot.say(LIST_CONNECT + b"\r\n" + early)
            assert await bot.hear(len(ESTABLISHED)) == ESTABLISHED
            bot.say(sent)
            assert await bot.hear(len(early + sent)) == early + sent
            assert guard.opened_to == [(LISTED, 443, None)]
            bot.writer.write_eof()
            assert await bot.hear_all() == b""
            await made.connected(0)
            assert made.desk.requests == []

    through(talk)


def test_the_far_end_closes(through: Callable[..., None]) -> None:
    async def talk(made: Room, guard: Guard) -> None:
        async with echo(guard) as ends:
            bot = await made.bot()
            bot.say(LIST_CONNECT + b"\r\nx")
            await bot.hear(len(ESTABLISHED) + 1)
            ends[0].transport.abort()
            assert await bot.hear_all() == b""
            await made.connected(0)

    through(talk)


def test_from_another_machine_only_with_a_tokens_credentials(through: Callable[..., None]) -> None:
    """Then the tunnel is that token's, and ends with it."""

    async def talk(made: Room, guard: Guard) -> None:
        async with echo(guard):
            for header in (b"", b"Proxy-Authorization: Basic eDp5\r\n"):
                stranger = Layer(await made.bot(), guard.client(), "localhost")
                await stranger.shake()
                stranger.say(LIST_CONNECT + header + b"\r\n")
                assert b"proxy-authenticate: Basic" in await refused(stranger, 407)
            assert guard.opened_to == []
            bot = Layer(await made.bot(), guard.client(), "localhost")
            await bot.shake()
            bot.say(LIST_CONNECT + b"Proxy-Authorization: " + TOKEN + b"\r\n\r\n")
            assert await bot.hear(len(ESTABLISHED)) == ESTABLISHED
            bot.say(b"hello")
            assert await bot.hear(5) == b"hello"
            assert guard.opened_to == [(LISTED, 443, "token")]
            assert made.listener.close_owned_by("token") == 1
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                assert await bot.hear_all() == b""

    through(talk, Door(forward=True, loopback=False))


def test_a_listed_name_that_leads_inside_is_not_dialled(through: Callable[..., None]) -> None:
    """However many addresses it has: the checked one is the one that is connected to, and there is none."""
    asked: list[str] = []

    async def talk(made: Room, guard: Guard) -> None:
        loop = asyncio.get_running_loop()

        async def canary(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append("dialled")
            writer.close()

        server = await asyncio.start_server(canary, "127.0.0.1", 0)
        guard.connect_to = {}

        async def inside(host: str, port: int, **_: object) -> list[object]:
            asked.append(host)
            return [(2, 1, 6, "", ("127.0.0.1", server.sockets[0].getsockname()[1])), (2, 1, 6, "", ("10.0.0.1", port))]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(loop), "getaddrinfo", lambda self, *a, **k: inside(*a, **k), raising=False)
            bot = await made.bot()
            bot.say(LIST_CONNECT + b"\r\n")
            await refused(bot, 502)
        assert asked == [LISTED]
        server.close()

    through(talk)


def test_no_tunnel_to_the_gateway_itself(through: Callable[..., None]) -> None:
    async def talk(made: Room, guard: Guard) -> None:
        guard.connect_to = {f"{LISTED}:443": f"127.0.0.1:{made.port}"}
        bot = await made.bot()
        bot.say(LIST_CONNECT + b"\r\n")
        assert b"gateway's own" in await refused(bot, 502)
        assert guard.opened_to == []

    through(talk)


def test_an_idle_tunnel_ends(through: Callable[..., None]) -> None:
    async def talk(made: Room, guard: Guard) -> None:
        async with echo(guard):
            bot = await made.bot()
            bot.say(LIST_CONNECT + b"\r\n")
            await bot.hear(len(ESTABLISHED))
            made.listener.sweep(asyncio.get_running_loop().time() + 901)
            assert await bot.hear_all() == b""
            await made.connected(0)

    through(talk)
