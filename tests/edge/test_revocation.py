"""Nothing leaves after its gate has closed: the gate and the write are one step, and what is unsent can be cut."""

import asyncio
from collections.abc import Callable

import pytest

from gateway.core.request import Outgoing
from gateway.edge.upstream import UpstreamPool
from gateway.ports import NoAnswer, NotSent
from tests.edge.exchange import (
    HOST,
    OK,
    Exchange,
    Line,
    arrived,
    gone,
    open_gate,
    order,
    polite,
    read,
    send_order,
    send_read,
    silent,
)

LARGE = b"x" * (8 * 1024 * 1024)


class Revoked(Exception):
    """What the gate raises in these tests."""


def closed_gate() -> None:
    raise Revoked


def test_a_closed_gate_writes_nothing(tell: Callable[..., None]) -> None:
    """What the gate raises comes out, nothing is written, and the connection serves the next request."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        await send_order(ours)
        for _ in range(2):
            with pytest.raises(Revoked):
                await ours.send(order(), "token", closed_gate)
        await send_order(ours, "other")
        assert [number for number, _ in exchange.requests] == [1, 1]

    tell(polite, story)


def test_what_a_gate_raises_is_final(tell: Callable[..., None]) -> None:
    """A gate is asked once, even if it raises what a lost connection would, on a line that served before."""

    async def story(exchange: Exchange, ours: UpstreamPool) -> None:
        await send_read(ours)
        asked: list[int] = []

        def gate() -> None:
            asked.append(1)
            raise NoAnswer("as if a connection were lost")

        with pytest.raises(NoAnswer):
            await ours.send(read(), "token", gate)
        assert (len(asked), len(exchange.requests)) == (1, 1)

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

        def gate() -> None:
            loop.call_soon(lambda: aborted.append(ours.abort_unsent("token")))

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
        while ours.busy() < 1:  # noqa: ASYNC110 - the pool tells nobody when a request is on its way
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
        while ours.busy() < 1:  # noqa: ASYNC110 - the pool tells nobody when a request is on its way
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
        waiting = asyncio.create_task(ours.send(order(), "revoked", closed_gate))
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
        await gone(exchange, 1)
        assert (await send_order(ours)).body == b"{}"
        assert [number for number, _ in exchange.requests] == [1, 2]

    tell(silent_once, story)
