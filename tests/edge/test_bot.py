"""One bot's connection: requests in order, refusals that arrive, hang-ups that stop nothing."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.request import Answer, RawRequest
from gateway.edge.bot import BotConnection
from gateway.edge.door import Door
from gateway.edge.listener import Listener
from tests.edge import transport
from tests.edge.bots import ANSWER, BINANCE, GET, WIRE, Desk, Room, room
from tests.edge.reading import cases, raw
from tests.edge.transport import Wire

# -- requests and answers ---------------------------------------------------------------------------------------------


def test_a_request_becomes_one_call_of_the_handler(visit: Callable[..., None]) -> None:
    """The handler gets the bytes as they came, the port's name and the peer; the bot gets its answer and stays."""

    async def story(made: Room) -> None:
        bot = await made.bot()
        for _ in range(3):
            bot.say(GET)
            assert await bot.hear() == WIRE
        expected = RawRequest(b"GET", b"/api/v3/time", ((b"host", b"127.0.0.1"),), b"", "binance", "127.0.0.1")
        assert made.desk.requests == [expected] * 3
        assert len({id(connection) for connection in made.desk.connections}) == 1

    visit(story)


def test_the_shared_port_has_no_name(visit: Callable[..., None]) -> None:
    """Requests and refusals of the shared port name no exchange."""

    async def story(made: Room) -> None:
        bot = await made.bot()
        bot.say(GET + b"rubbish\r\n\r\n")
        await bot.hear_all()
        assert made.desk.requests[0].port is None
        assert made.desk.refusals == [(Door(), 400)]

    visit(story, door=Door())


def test_pipelined_requests_never_overlap(visit: Callable[..., None]) -> None:
    """The second request is begun only when the first is answered, and the answers keep the order."""

    async def story(made: Room) -> None:
        running: list[RawRequest] = []

        async def alone(request: RawRequest) -> Answer:
            assert not running
            running.append(request)
            await asyncio.sleep(0)
            running.remove(request)
            return Answer(200, (), request.target)

        made.desk.work = alone
        bot = await made.bot()
        bot.say(b"".join(GET.replace(b"time", b"%04d" % i) for i in range(50)))
        for i in range(50):
            assert (await bot.hear(len(WIRE) + 11))[-4:] == b"%04d" % i

    visit(story)


def test_others_have_their_turn_between_pipelined_requests(visit: Callable[..., None]) -> None:
    """Also where no answer waits for anything: a flood of refusals holds nobody up."""

    async def story(made: Room) -> None:
        turns, seen = 0, []

        def turn() -> None:
            nonlocal turns
            turns += 1
            asyncio.get_running_loop().call_soon(turn)

        async def at_once(request: RawRequest) -> Answer:
            seen.append(turns)
            return ANSWER

        made.desk.work = at_once
        bot = await made.bot()
        turn()
        bot.say(GET * 100)
        await bot.hear(100 * len(WIRE))
        assert len(set(seen)) == 100

    visit(story)


def test_nothing_is_read_while_whole_requests_wait() -> None:
    """What waits in our buffer is one read: the next comes when no whole request is left of it."""
    reading = [True]

    class Wire(transport.Wire):
        def pause_reading(self) -> None:
            reading.append(False)

        def resume_reading(self) -> None:
            reading.append(True)

    async def story() -> None:
        desk, wire, seen, all_seen = Desk(), Wire(), list[bool](), asyncio.Event()

        async def work(request: RawRequest) -> Answer:
            seen.append(reading[-1])
            if len(seen) == 6:
                all_seen.set()
            return ANSWER

        desk.work = work
        connection = BotConnection(Listener(desk.handle, desk.refuse), BINANCE, asyncio.get_running_loop())
        connection.connection_made(wire)
        connection.data_received(GET * 3)
        connection.data_received(GET * 3 + GET[:9])
        await asyncio.wait_for(all_seen.wait(), 10)
        assert seen == [False] * 6
        await asyncio.sleep(0)
        assert reading == [True, False, True]
        assert wire.written.count(WIRE) == 6
        wire.close()

    asyncio.run(story())


def test_reading_stops_while_a_request_is_in_flight(visit: Callable[..., None]) -> None:
    """A bot that floods during a request fills the kernel's buffers, not ours."""

    async def story(made: Room) -> None:
        made.desk.work = made.desk.when_told
        bot = await made.bot()
        bot.say(GET)
        await made.desk.come.wait()
        bot.say(b"x" * (64 * 1024 * 1024))
        for _ in range(2000):
            await asyncio.sleep(0)
        assert bot.writer.transport.get_write_buffer_size() > 32 * 1024 * 1024

    visit(story)


@pytest.mark.parametrize(
    "request_bytes", [GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
                      GET.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")],
    ids=["close", "upgrade"],
)  # fmt: skip
def test_a_last_request_ends_the_connection(visit: Callable[..., None], request_bytes: bytes) -> None:
    """After Connection: close or an upgrade the answer is the last, and what follows is not read."""

    async def story(made: Room) -> None:
        bot = await made.bot()
        bot.say(request_bytes + GET)
        heard = await bot.hear_all()
        assert heard.count(b"HTTP/1.1 200") == 1
        assert b"connection: close" in heard
        assert len(made.desk.requests) == 1

    visit(story)


def test_an_answer_to_head_has_no_body(visit: Callable[..., None]) -> None:
    """The length is told, the body is not sent, and the next answer is not mistaken for it."""

    async def story(made: Room) -> None:
        bot = await made.bot()
        bot.say(GET.replace(b"GET", b"HEAD") + GET)
        assert await bot.hear(2 * len(WIRE) - 2) == WIRE[:-2] + WIRE

    visit(story)


def test_a_large_answer_to_a_slow_bot(visit: Callable[..., None]) -> None:
    """The next request waits until a bot has read its large answer; then it is served."""

    async def story(made: Room) -> None:
        size = 16 * 1024 * 1024

        async def large(request: RawRequest) -> Answer:
            return Answer(200, (), b"x" * size)

        made.desk.work = large
        bot = await made.bot()
        bot.say(GET)
        bot.say(GET)
        await made.desk.done.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(made.desk.requests) == 1
        head = len(b"HTTP/1.1 200 OK\r\ncontent-length: 16777216\r\n\r\n")
        await bot.hear(2 * (size + head))
        assert len(made.desk.requests) == 2

    visit(story)


# -- refusals ---------------------------------------------------------------------------------------------------------

REFUSED = dict(cases("refused"))


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_a_refused_request_is_answered_and_the_connection_ends(case: dict[str, Any]) -> None:
    """The app words the refusal, the bot can read it, nothing after it is read, and the handler saw nothing."""

    async def story() -> None:
        async with asyncio.timeout(10), room() as made:
            bot = await made.bot()
            bot.say(raw(case))
            heard = await bot.hear_all()
            assert heard.startswith(WIRE * case["before"] + b"HTTP/1.1 %d " % case["status"])
            assert b"connection: close" in heard
            assert case["says"].encode() in heard
            assert len(made.desk.requests) == case["before"]
            assert made.desk.refusals == [(BINANCE, case["status"])]

    asyncio.run(story())


def test_a_refusal_reaches_a_bot_that_is_still_sending(visit: Callable[..., None]) -> None:
    """A bot that sends a large body learns of the refusal, instead of being reset."""

    async def story(made: Room) -> None:
        bot = await made.bot()
        bot.say(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8388608\r\n\r\n" + b"x" * 8388608)
        await bot.writer.drain()
        assert (await bot.reader.read()).startswith(b"HTTP/1.1 413 ")  # the end, and no reset before it

    visit(story)


# -- who hangs up, who is revoked -------------------------------------------------------------------------------------


def test_a_bot_that_hangs_up_does_not_stop_its_request(visit: Callable[..., None]) -> None:
    """The handler runs to its end after the connection is gone; only the answer is lost."""

    async def story(made: Room) -> None:
        made.desk.work = made.desk.when_told
        bot = await made.bot()
        bot.say(GET)
        await made.desk.come.wait()
        bot.hang_up()
        await made.connected(0)
        assert not made.desk.done.is_set()
        made.desk.go.set()
        await made.desk.done.wait()

    visit(story)


def test_a_bot_that_shuts_its_sending_side_gets_its_answer(visit: Callable[..., None]) -> None:
    """Half a hang-up is none."""

    async def story(made: Room) -> None:
        made.desk.work = made.desk.when_told
        bot = await made.bot()
        bot.say(GET)
        bot.writer.write_eof()
        await made.desk.come.wait()
        made.desk.go.set()
        assert (await bot.hear_all()).endswith(b"{}")

    visit(story)


@pytest.mark.parametrize("answer", [None, Answer(100, (), b""), Answer(200, ((b"x-mbx-a", b"a\r\nb"),), b"")], ids=str)
def test_a_handler_that_fails_costs_the_connection(visit: Callable[..., None], answer: Answer | None) -> None:
    """No answer is better than a wrong one: the connection breaks, and the failure is reported once."""

    async def story(made: Room) -> None:
        reported: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))

        async def failing(request: RawRequest) -> Answer:
            if answer is None:
                raise RuntimeError("broken")
            return answer

        made.desk.work = failing
        bot = await made.bot()
        bot.say(GET)
        assert await bot.hear_all() == b""
        assert [type(context["exception"]) for context in reported] in ([RuntimeError], [ValueError])

    visit(story)


# -- by hand, with a clock of our own ---------------------------------------------------------------------------------


class Clock(asyncio.SelectorEventLoop):
    """An event loop that never runs, whose time is set by hand."""

    now = 1000.0

    def time(self) -> float:
        return self.now


def test_a_trickle_buys_no_time() -> None:
    """A stage's deadline is set when the stage begins; more bytes of it change nothing."""
    desk, clock, wire = Desk(), Clock(), Wire()
    connection = BotConnection(Listener(desk.handle, desk.refuse), BINANCE, clock)
    connection.connection_made(wire)
    assert connection.deadline == 1120
    head, body = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", b"12345678"
    for part in (head[:10], head[10:20], head[20:-1]):
        clock.now += 3
        connection.data_received(part)
        assert connection.deadline == 1013
    for part in (head[-1:], body[:4], body[4:]):
        clock.now += 9
        connection.data_received(part)
        assert connection.deadline == 1048
    connection.expire()
    assert wire.written.startswith(b"HTTP/1.1 408 ")
    assert connection.deadline == clock.now + 2
    wire.close()
    clock.close()


def test_after_a_refusal_the_sending_side_closes_first() -> None:
    """What the bot still sends is taken and dropped until it closes, so that no reset overtakes the refusal."""
    desk, clock, wire = Desk(), Clock(), Wire()
    connection = BotConnection(Listener(desk.handle, desk.refuse), BINANCE, clock)
    connection.connection_made(wire)
    connection.data_received(b"rubbish")
    connection.data_received(GET)
    assert (wire.ended, wire.closed, desk.refusals) == (True, False, [(BINANCE, 400)])
    assert wire.written.count(b"HTTP/1.1 ") == 1
    connection.expire()
    assert wire.closed
    clock.close()
