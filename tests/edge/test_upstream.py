"""The way to the exchange: sent once or not at all, over lines that are beyond doubt, in order and within bounds."""

import asyncio
from collections.abc import Callable

import pytest

from gateway.edge.upstream import IDLE_S, LINES_PER_HOST, UpstreamPool
from gateway.ports import NoAnswer, NotSent
from tests.edge.exchange import (
    HOST,
    OK,
    Authority,
    Exchange,
    Line,
    arrived,
    connected,
    gone,
    open_gate,
    polite,
    pool,
    read,
    running,
    send_order,
    send_read,
    silent,
)

# -- lines that are used again, and lines that are not ----------------------------------------------------------------


def test_a_line_is_kept_and_used_again(tell: Callable[..., None]) -> None:
    """Request after request goes over one connection, byte for byte as built."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        answer = await send_order(ours)
        await send_order(ours)
        assert (answer.status, answer.body) == (200, b"{}")
        head = b"POST /api/v3/order HTTP/1.1\r\nHost: api.binance.com\r\nX-MBX-APIKEY: k\r\nContent-Length: 8\r\n\r\n"
        assert [number for number, _ in exchange.requests] == [1, 1]
        assert exchange.requests[0][1] == head + b"side=BUY"

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


def test_a_line_that_speaks_unasked_is_closed(tell: Callable[..., None]) -> None:
    """A byte on an idle connection ends it at once, not only when it is wanted again."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        await send_order(ours)
        exchange.lines[0].say(b"x")
        await gone(exchange, 1)

    tell(polite, story)


def test_a_line_closed_while_idle_is_not_used(tell: Callable[..., None]) -> None:
    """An order after the exchange closed its idle connection goes over a new one, and nothing is lost or doubled."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        await send_order(ours)
        exchange.lines[0].hang_up()
        await gone(exchange, 1)
        assert (await send_order(ours)).body == b"{}"
        assert [number for number, _ in exchange.requests] == [1, 2]

    tell(polite, story)


def test_a_line_closed_behind_its_answer_is_not_passed_on(tell: Callable[..., None]) -> None:
    """Who waits is not given a connection whose end is already in the kernel's buffer."""

    async def answers_once(line: Line) -> None:
        if await line.request() is not None:
            line.say(OK)
            await line.writer.drain()

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        answers = await asyncio.gather(*(send_order(ours) for _ in range(5)))
        assert [answer.body for answer in answers] == [b"{}"] * 5
        assert [number for number, _ in exchange.requests] == [1, 2, 3, 4, 5]

    tell(answers_once, story, lines_per_host=1)


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

BROKEN = {"nothing": b"", "half a head": b"HTTP/1.1 20", "half a body": OK[:-1], "until close": OK[:17] + b"\r\n{}"}


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


def test_a_read_half_answered_is_not_sent_again(tell: Callable[..., None]) -> None:
    """Once a byte of the answer came the exchange has acted: no second try."""

    async def breaks_off(line: Line) -> None:
        await line.request()
        line.say(OK)
        await line.request()
        line.say(OK[:20])
        await line.writer.drain()

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        await send_read(ours)
        with pytest.raises(NoAnswer):
            await send_read(ours)
        assert [number for number, _ in exchange.requests] == [1, 1]

    tell(breaks_off, story)


def test_an_order_is_not_sent_once_more(tell: Callable[..., None]) -> None:
    """The same with an order is NoAnswer."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        await send_order(ours)
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


def test_reads_that_wait_for_answers_hold_up_no_order(tell: Callable[..., None]) -> None:
    """Every line for reads is taken by a read without an answer, and an order, or a cancel, finds one all the same."""

    async def only_orders(line: Line) -> None:
        while request := await line.request():
            if request.startswith(b"POST"):
                line.say(OK)

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        reads = [asyncio.ensure_future(send_read(ours)) for _ in range(LINES_PER_HOST + 1)]
        await connected(exchange, LINES_PER_HOST)
        assert (await send_order(ours)).status == 200
        for one in reads:
            one.cancel()
        await asyncio.gather(*reads, return_exceptions=True)

    tell(only_orders, story)


def test_warm_opens_a_line_for_the_first_order(authority: Authority) -> None:
    """A warmed host has its connections before the first request, and one of each kind is enough."""
    silent_at_first = authority.server_context(HOST)
    silent_at_first.num_tickets = 0  # else bytes could wait to be read, and the line would not count as quiet

    async def story() -> None:
        async with running(silent_at_first) as exchange, pool(exchange, authority) as ours:
            ours.warm(HOST)
            await connected(exchange, 2)
            ours.warm(HOST)
            await send_order(ours)
            await send_read(ours)
            assert len(exchange.lines) == 2

    asyncio.run(story())
