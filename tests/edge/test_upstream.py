"""The way to the exchange: sent once or not at all, over verified lines that are beyond doubt, and revocable."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from gateway.core.request import Answer, Outgoing
from gateway.edge.upstream import IDLE_S, UpstreamPool
from gateway.ports import NoAnswer, NotSent
from tests.edge.exchange import (
    HOST,
    OK,
    Authority,
    Behaviour,
    Exchange,
    Line,
    open_gate,
    order,
    polite,
    pool,
    read,
    running,
)

Story = Callable[[Exchange, UpstreamPool], Awaitable[None]]
LOOPS = {"asyncio": asyncio.run, "uvloop": uvloop.run}
LARGE = b"x" * (8 * 1024 * 1024)


@pytest.fixture(params=LOOPS)
def tell(request: pytest.FixtureRequest, authority: Authority, tls: ssl.SSLContext) -> Callable[..., None]:
    """Run a story with an exchange that behaves like this and a pool that leads to it, on each event loop."""

    def run(behave: Behaviour, story: Story, **settings: float) -> None:
        async def whole() -> None:
            async with asyncio.timeout(20), running(tls, behave) as exchange:
                async with pool(exchange, authority, **settings) as ours:
                    await story(exchange, ours)

        LOOPS[request.param](whole())

    return run


async def send_order(ours: UpstreamPool, owner: str = "token") -> Answer:
    return await ours.send(order(), owner, open_gate)


async def send_read(ours: UpstreamPool, owner: str = "token") -> Answer:
    return await ours.send(read(), owner, open_gate)


# -- lines that are used again, and lines that are not ----------------------------------------------------------------


def test_a_line_is_kept_and_used_again(tell: Callable[..., None]) -> None:
    """Request after request goes over one connection, byte for byte as built."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        answer = await send_order(ours)
        await send_read(ours)
        assert (answer.status, answer.body) == (200, b"{}")
        sent = b"POST /api/v3/order HTTP/1.1\r\nHost: api.binance.com\r\nX-MBX-APIKEY: k\r\nContent-Length: 8\r\n\r\nside=BUY"
        assert [number for number, _ in exchange.requests] == [1, 1]
        assert exchange.requests[0][1] == sent

    tell(polite, story)


@pytest.mark.parametrize(
    "wire",
    [
        OK + b"x",
        OK + b"\r\n",
        OK + OK,
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n\r\n",
    ],
    ids=["a byte too many", "a line end too many", "an answer too many", "close", "chunks and a line end too many"],
)
def test_a_doubtful_line_is_not_used_again(tell: Callable[..., None], wire: bytes) -> None:
    """A whole answer counts, but after one stray byte or a close the next request takes a new connection."""

    async def odd(line: Line) -> None:
        while await line.request() is not None:
            line.say(wire)

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        for _ in range(2):
            assert (await send_order(ours)).body == b"{}"
        assert [number for number, _ in exchange.requests] == [1, 2]

    tell(odd, story)


def test_bytes_that_nobody_asked_for_end_a_line(tell: Callable[..., None]) -> None:
    """An answer that comes before its request, or late, is never taken for another's."""

    async def poisoned(line: Line) -> None:
        while await line.request() is not None:
            line.say(OK)
            await line.writer.drain()
            if line.number == 1:
                line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        for _ in range(3):
            assert (await send_order(ours)).body == b"{}"
        assert exchange.requests[-1][0] > 1

    tell(poisoned, story)


def test_a_line_closed_while_idle_is_not_used(tell: Callable[..., None]) -> None:
    """An order after the exchange closed its idle connection goes over a new one, and nothing is lost or doubled."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        await send_order(ours)
        exchange.lines[0].hang_up()
        await gone(exchange, 1)
        assert (await send_order(ours)).body == b"{}"
        assert [number for number, _ in exchange.requests] == [1, 2]

    tell(polite, story)


async def gone(exchange: Exchange, number: int) -> None:
    """Wait until that connection's conversation has ended on the exchange's side."""
    line = exchange.lines[number - 1]
    while not line.reader.at_eof() and line.reader.exception() is None:
        await asyncio.sleep(0)


def test_an_idle_line_grows_old(tell: Callable[..., None]) -> None:
    """A connection that was idle for longer than IDLE_S is not trusted any more."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        await send_order(ours)
        ours.sweep(asyncio.get_running_loop().time() + IDLE_S - 1)
        await send_order(ours)
        ours.sweep(asyncio.get_running_loop().time() + IDLE_S + 1)
        await send_order(ours)
        assert [number for number, _ in exchange.requests] == [1, 1, 2]

    tell(polite, story)


# -- sent once --------------------------------------------------------------------------------------------------------

BROKEN = {"nothing": b"", "half a head": b"HTTP/1.1 20", "half a body": OK[:-1], "until close": b"HTTP/1.1 200 OK\r\n\r\n{}"}


@pytest.mark.parametrize("wire", BROKEN.values(), ids=BROKEN)
def test_without_a_whole_answer_an_order_is_unknown(tell: Callable[..., None], wire: bytes) -> None:
    """An order whose answer breaks off is NoAnswer, and is not sent a second time."""

    async def breaking(line: Line) -> None:
        if await line.request() is not None:
            line.say(wire)
            await line.writer.drain()

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        with pytest.raises(NoAnswer):
            await send_order(ours)
        assert len(exchange.requests) == 1

    tell(breaking, story)


async def silent(line: Line) -> None:
    """Take requests and never answer."""
    while await line.request() is not None:
        pass


async def second_dies(line: Line) -> None:
    """Answer each connection's first request; hang up on its second without a word."""
    await line.request()
    line.say(OK)
    await line.request()


def test_a_read_is_sent_once_more(tell: Callable[..., None]) -> None:
    """A read that a reused connection lost before a byte of answer goes once over a new one, through the gate again."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        await send_read(ours)
        asked = []
        answer = await ours.send(read(), "token", lambda: asked.append(1))
        assert answer.body == b"{}"
        assert [number for number, _ in exchange.requests] == [1, 1, 2]
        assert len(asked) == 2

    tell(second_dies, story)


def test_an_order_is_not_sent_once_more(tell: Callable[..., None]) -> None:
    """The same with an order is NoAnswer."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        await send_read(ours)
        with pytest.raises(NoAnswer):
            await send_order(ours)
        assert [number for number, _ in exchange.requests] == [1, 1]

    tell(second_dies, story)


def test_a_read_on_a_new_line_is_not_sent_again(tell: Callable[..., None]) -> None:
    """A new connection that dies says something about the exchange: no second try."""

    async def dies(line: Line) -> None:
        await line.request()

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        with pytest.raises(NoAnswer):
            await send_read(ours)
        assert len(exchange.requests) == 1

    tell(dies, story)


def test_a_late_answer_is_none(tell: Callable[..., None]) -> None:
    """When the time for an answer is over the outcome is unknown, and the connection is destroyed."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        sending = asyncio.create_task(send_order(ours))
        await arrived(exchange)
        now = asyncio.get_running_loop().time()
        ours.sweep(now + 29)
        assert not sending.done()
        ours.sweep(now + 31)
        with pytest.raises(NoAnswer, match="in time"):
            await sending
        await gone(exchange, 1)

    tell(silent, story)


async def arrived(exchange: Exchange, count: int = 1) -> None:
    """Wait until so many requests have reached the exchange."""
    while len(exchange.requests) < count:
        await asyncio.sleep(0)


# -- the gate, revocation, cancellation -------------------------------------------------------------------------------


class Revoked(Exception):
    """What the gate raises in these tests."""


def _closed_gate() -> None:
    raise Revoked


def test_a_closed_gate_writes_nothing(tell: Callable[..., None]) -> None:
    """What the gate raises comes out, nothing is written, and the connection serves the next request."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        await send_order(ours)
        for _ in range(2):
            with pytest.raises(Revoked):
                await ours.send(order(), "token", _closed_gate)
        await send_order(ours, "other")
        assert [number for number, _ in exchange.requests] == [1, 1]

    tell(polite, story)


def test_between_gate_and_write_nothing_else_runs(tell: Callable[..., None]) -> None:
    """What is scheduled when the gate opens runs only after the bytes are in the transport."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        loop, counted = asyncio.get_running_loop(), []

        def gate() -> None:
            loop.call_soon(lambda: counted.append(ours.busy()))

        await send_order(ours)
        await ours.send(order(), "token", gate)
        assert counted == [1]

    tell(polite, story)


def test_abort_in_the_step_of_the_write_stops_the_bytes(tell: Callable[..., None]) -> None:
    """On uvloop a write leaves at the end of the loop's step: a revocation within it still holds the bytes back."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        await send_order(ours)
        loop = asyncio.get_running_loop()
        aborted: list[int] = []
        gate = lambda: loop.call_soon(lambda: aborted.append(ours.abort_unsent("token")))  # noqa: E731
        try:
            await ours.send(order(), "token", gate)
        except NoAnswer:
            assert aborted == [1]
            await gone(exchange, 1)
            assert len(exchange.requests) == 1
        else:
            assert aborted == [0]
            assert len(exchange.requests) == 2

    tell(polite, story)


def test_abort_unsent_cuts_what_the_kernel_has_not_taken(tell: Callable[..., None]) -> None:
    """An order that an unreading exchange holds up is cut, as unknown; other owners' requests go on."""

    async def unreading(line: Line) -> None:
        if line.number == 1:
            line.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await line.writer.wait_closed()
        else:
            await polite(line)

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        stuck = asyncio.create_task(ours.send(order(LARGE), "revoked", open_gate))
        while ours.busy() < 1:
            await asyncio.sleep(0)
        assert (await send_order(ours, "other")).body == b"{}"
        assert ours.abort_unsent("other") == 0
        assert ours.abort_unsent("revoked") == 1
        assert ours.abort_unsent("revoked") == 0
        with pytest.raises(NoAnswer):
            await stuck
        assert len(exchange.requests) == 1

    tell(unreading, story)


def test_a_withdrawn_read_is_not_sent_once_more(tell: Callable[..., None]) -> None:
    """A read cut by abort_unsent ends there, though its line was a reused one and no byte was answered."""

    async def stops_reading(line: Line) -> None:
        await line.request()
        line.writer.transport.pause_reading()  # type: ignore[attr-defined]
        line.say(OK)
        await line.writer.wait_closed()

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        await send_read(ours)
        large = Outgoing(HOST, "GET", "/", (), LARGE, True)
        stuck = asyncio.create_task(ours.send(large, "revoked", open_gate))
        while ours.busy() < 1:
            await asyncio.sleep(0)
        assert ours.abort_unsent("revoked") == 1
        with pytest.raises(NoAnswer, match="withdrawn"):
            await stuck
        assert len(exchange.lines) == 1

    tell(stops_reading, story)


def test_abort_unsent_leaves_what_the_kernel_has_taken(tell: Callable[..., None]) -> None:
    """A request that is wholly on its way is not cut: its answer is worth having."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        sending = asyncio.create_task(send_order(ours))
        await arrived(exchange)
        assert ours.abort_unsent("token") == 0
        exchange.lines[0].say(OK)
        assert (await sending).body == b"{}"

    tell(silent, story)


def test_abort_unsent_ends_waits(tell: Callable[..., None]) -> None:
    """A send that still waits for a connection ends as NotSent, and its gate is never asked."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        first = asyncio.create_task(send_order(ours, "other"))
        await arrived(exchange)
        waiting = asyncio.create_task(ours.send(order(), "revoked", _closed_gate))
        await asyncio.sleep(0)
        assert ours.abort_unsent("revoked") == 1
        with pytest.raises(NotSent):
            await waiting
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first

    tell(silent, story, lines_per_host=1)


def test_a_cancelled_exchange_destroys_its_line(tell: Callable[..., None]) -> None:
    """If nobody waits for the answer any more the connection is closed: the answer cannot reach another request."""

    async def silent_once(line: Line) -> None:
        if line.number == 1:
            await line.request()
            await line.request()
        else:
            await polite(line)

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        sending = asyncio.create_task(send_order(ours))
        await arrived(exchange)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert (await send_order(ours)).body == b"{}"
        assert [number for number, _ in exchange.requests] == [1, 2]

    tell(silent_once, story)


# -- waiting, bounds, the end -----------------------------------------------------------------------------------------


def test_waits_are_served_in_order_within_the_bound(tell: Callable[..., None]) -> None:
    """With one connection allowed, ten sends share it, first come first served."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        targets = [f"/{i}" for i in range(10)]
        await asyncio.gather(*(ours.send(read(target), "token", open_gate) for target in targets))
        assert [request.split(b" ")[1].decode() for _, request in exchange.requests] == targets
        assert len(exchange.lines) == 1

    tell(polite, story, lines_per_host=1)


def test_an_exhausted_pool_is_not_sent(tell: Callable[..., None]) -> None:
    """Who finds no free connection in time gets NotSent."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        first = asyncio.create_task(send_order(ours))
        await arrived(exchange)
        with pytest.raises(NotSent, match="no connection became free"):
            await send_order(ours)
        await ours.close()
        with pytest.raises(NoAnswer):
            await first

    tell(silent, story, lines_per_host=1, connect_s=0.2)


def test_close_ends_everything(tell: Callable[..., None]) -> None:
    """After close nothing is sent; what was on its way is unknown."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        sending = asyncio.create_task(send_order(ours))
        await arrived(exchange)
        await ours.close()
        with pytest.raises(NoAnswer):
            await sending
        with pytest.raises(NotSent):
            await send_order(ours)

    tell(silent, story)


def test_warm_opens_a_line_for_the_first_order(authority: Authority) -> None:
    """A warmed host has its connection before the first request, and one is enough."""
    silent_at_first = authority.server_context(HOST)
    silent_at_first.num_tickets = 0  # else bytes could wait to be read, and the line would not count as quiet

    async def story() -> None:
        async with running(silent_at_first) as exchange, pool(exchange, authority) as ours:
            ours.warm(HOST)
            while not exchange.lines:
                await asyncio.sleep(0)
            ours.warm(HOST)
            await send_order(ours)
            assert len(exchange.lines) == 1

    asyncio.run(story())


# -- who is dialled ---------------------------------------------------------------------------------------------------


def test_an_unlisted_host_is_never_dialled(authority: Authority) -> None:
    """A host that no exchange declares is refused before its name is looked up, whatever connect_to says."""

    async def story() -> None:
        ours = UpstreamPool(frozenset({HOST}), {"evil.example:443": "127.0.0.1:1"}, authority.file)
        for host in ("evil.example", "API.binance.com", "api.binance.com.", "api.binance.com:443", ""):
            outgoing = order()
            object.__setattr__(outgoing, "host", host)
            with pytest.raises(NotSent, match="not a host of any exchange"):
                await ours.send(outgoing, "token", open_gate)
        await ours.close()

    asyncio.run(story())


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_a_certificate_for_another_name_is_not_sent(authority: Authority, loop: Callable[..., None]) -> None:
    """connect_to changes the address, not the name that the certificate must bear."""

    async def story() -> None:
        async with running(authority.server_context("api.other.example")) as exchange, pool(exchange, authority) as ours:
            with pytest.raises(NotSent, match="certificate"):
                await send_order(ours)
            assert exchange.requests == []

    loop(story())


def test_an_unknown_authority_is_not_sent(authority: Authority, tls: ssl.SSLContext, tmp_path: Path) -> None:
    """A certificate from an authority that is not trusted is refused."""

    async def story() -> None:
        async with running(tls) as exchange, pool(exchange, Authority(tmp_path)) as ours:
            with pytest.raises(NotSent, match="certificate"):
                await send_order(ours)

    asyncio.run(story())


def test_tls_1_1_is_not_sent(authority: Authority) -> None:
    """A server that offers nothing newer than TLS 1.1 is refused."""
    old = authority.server_context(HOST)
    with pytest.warns(DeprecationWarning):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1

    async def story() -> None:
        async with running(old) as exchange, pool(exchange, authority) as ours:
            with pytest.raises(NotSent):
                await send_order(ours)

    asyncio.run(story())


def test_http_2_is_never_chosen(authority: Authority, tls: ssl.SSLContext) -> None:
    """Where the server prefers HTTP/2 it is not offered."""

    async def story() -> None:
        async with running(tls) as exchange, pool(exchange, authority) as ours:
            await send_order(ours)
            assert exchange.lines[0].writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"

    asyncio.run(story())


def test_plain_text_is_never_spoken(authority: Authority) -> None:
    """A server without TLS gets a handshake and nothing else."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(4096))
        writer.write(OK)
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        exchange = Exchange(polite, server.sockets[0].getsockname()[1])
        async with pool(exchange, authority) as ours:
            with pytest.raises(NotSent, match="TLS failed"):
                await send_order(ours)
        server.close()
        assert heard[0][0] == 0x16
        assert b"X-MBX" not in heard[0]

    asyncio.run(story())


def test_a_refused_connection_is_not_sent(authority: Authority) -> None:
    """Nobody listens: NotSent, and the error names the host and nothing of the request."""

    async def story() -> None:
        async with pool(Exchange(polite, 1), authority) as ours:
            with pytest.raises(NotSent) as raised:
                await ours.send(read("/api/v3/account?signature=7e54a895"), "token", open_gate)
            assert HOST in str(raised.value)
            assert "7e54a895" not in str(raised.value)

    asyncio.run(story())


def test_a_silent_handshake_ends_in_time(authority: Authority) -> None:
    """A server that accepts and says nothing costs the connect timeout, and is NotSent."""

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass  # a handshake begins, and is not answered
        writer.close()
        await writer.wait_closed()

    async def story() -> None:
        server = await asyncio.start_server(mute, "127.0.0.1", 0)
        async with pool(Exchange(polite, server.sockets[0].getsockname()[1]), authority, connect_s=0.2) as ours:
            with pytest.raises(NotSent):
                await send_order(ours)
        server.close()

    asyncio.run(story())
