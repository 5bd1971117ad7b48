"""The bots' ports: order, ownership, limits of time and number, hang-ups, and an orderly end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop

from gateway.core.errors import Misuse
from gateway.core.request import Answer, RawRequest
from gateway.edge.grammar import Limits
from gateway.edge.listener import Listener
from tests.edge.bots import ANSWER, GET, WIRE, Desk, Room, room
from tests.edge.reading import cases, raw

Story = Callable[[Room], Awaitable[None]]


@pytest.fixture(params=["asyncio", "uvloop"])
def tell(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Run a story in a room with these limits, on each event loop."""

    def run(story: Story, limits: Limits | None = None, port: str | None = "binance") -> None:
        async def whole() -> None:
            async with asyncio.timeout(20), room(limits, port) as made:
                await story(made)

        (asyncio.run if request.param == "asyncio" else uvloop.run)(whole())

    return run


# -- requests and answers ---------------------------------------------------------------------------------------------


def test_a_request_becomes_one_call_of_the_handler(tell: Callable[..., None]) -> None:
    """The handler gets the bytes as they came, the port's name and the peer; the bot gets its answer and stays."""

    async def story(made: Room) -> None:
        bot = await made.bot()
        for _ in range(3):
            bot.say(GET)
            assert await bot.hear() == WIRE
        expected = RawRequest(b"GET", b"/api/v3/time", ((b"host", b"127.0.0.1"),), b"", "binance", "127.0.0.1")
        assert made.desk.requests == [expected] * 3
        assert len({id(connection) for connection in made.desk.connections}) == 1

    tell(story)


def test_the_shared_port_has_no_name(tell: Callable[..., None]) -> None:
    """Requests and refusals of the shared port say None."""

    async def story(made: Room) -> None:
        bot = await made.bot()
        bot.say(GET + b"rubbish\r\n\r\n")
        await bot.hear_all()
        assert made.desk.requests[0].port is None
        assert made.desk.refusals == [(None, 400)]

    tell(story, port=None)


def test_pipelined_requests_never_overlap(tell: Callable[..., None]) -> None:
    """The second request is begun only when the first is answered, and the answers keep the order."""

    async def story(made: Room) -> None:
        running = []

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

    tell(story)


def test_reading_stops_while_a_request_is_in_flight(tell: Callable[..., None]) -> None:
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

    tell(story)


@pytest.mark.parametrize(
    "request_bytes", [GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
                      GET.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")],
    ids=["close", "upgrade"],
)  # fmt: skip
def test_a_last_request_ends_the_connection(tell: Callable[..., None], request_bytes: bytes) -> None:
    """After Connection: close or an upgrade the answer is the last, and what follows is not read."""

    async def story(made: Room) -> None:
        bot = await made.bot()
        bot.say(request_bytes + GET)
        heard = await bot.hear_all()
        assert heard.count(b"HTTP/1.1 200") == 1
        assert b"connection: close" in heard
        assert len(made.desk.requests) == 1

    tell(story)


def test_an_answer_to_head_has_no_body(tell: Callable[..., None]) -> None:
    """The length is told, the body is not sent, and the next answer is not mistaken for it."""

    async def story(made: Room) -> None:
        bot = await made.bot()
        bot.say(GET.replace(b"GET", b"HEAD") + GET)
        assert await bot.hear(2 * len(WIRE) - 2) == WIRE[:-2] + WIRE

    tell(story)


def test_a_large_answer_to_a_slow_bot(tell: Callable[..., None]) -> None:
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

    tell(story)


# -- refusals ---------------------------------------------------------------------------------------------------------

REFUSED = dict(cases("refused"))


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_a_refused_request_is_answered_and_the_connection_ends(case: dict[str, Any]) -> None:
    """The app words the refusal, the bot can read it, nothing after it is read, and the handler saw nothing."""

    async def story() -> None:
        async with asyncio.timeout(20), room() as made:
            bot = await made.bot()
            bot.say(raw(case))
            heard = await bot.hear_all()
            assert heard.startswith(WIRE * case["before"] + b"HTTP/1.1 %d " % case["status"])
            assert b"connection: close" in heard
            assert case["says"].encode() in heard
            assert len(made.desk.requests) == case["before"]
            assert made.desk.refusals == [("binance", case["status"])]

    asyncio.run(story())


def test_a_refusal_reaches_a_bot_that_is_still_sending(tell: Callable[..., None]) -> None:
    """A bot that sends a large body learns of the refusal, instead of being reset."""

    async def story(made: Room) -> None:
        bot = await made.bot()
        bot.say(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8388608\r\n\r\n" + b"x" * 8388608)
        assert (await bot.hear_all()).startswith(b"HTTP/1.1 413 ")

    tell(story)


# -- who hangs up, who is revoked -------------------------------------------------------------------------------------


def test_a_bot_that_hangs_up_does_not_stop_its_request(tell: Callable[..., None]) -> None:
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

    tell(story)


def test_a_bot_that_shuts_its_sending_side_gets_its_answer(tell: Callable[..., None]) -> None:
    """Half a hang-up is none."""

    async def story(made: Room) -> None:
        made.desk.work = made.desk.when_told
        bot = await made.bot()
        bot.say(GET)
        bot.writer.write_eof()
        await made.desk.come.wait()
        made.desk.go.set()
        assert (await bot.hear_all()).endswith(b"{}")

    tell(story)


def test_closing_a_tokens_connections(tell: Callable[..., None]) -> None:
    """Its connections are destroyed at once, idle or not, and no byte follows; those of others stay."""

    async def story(made: Room) -> None:
        made.desk.work = made.desk.when_told
        bots = []
        for owner in ("revoked", "revoked", "other"):
            made.desk.come.clear()
            bots.append(await made.bot())
            bots[-1].say(GET)
            await made.desk.come.wait()
            made.desk.connections[-1].owner = owner
        assert made.listener.close_owned_by("revoked") == 2
        made.desk.go.set()
        heard = sorted([await bot.hear_all() for bot in bots[:2]] + [await bots[2].hear()])
        assert heard == [b"", b"", WIRE]
        assert made.listener.close_owned_by("revoked") == 0
        assert made.listener.close_owned_by("nobody") == 0

    tell(story)


def test_a_closed_connections_waiting_request_is_not_begun(tell: Callable[..., None]) -> None:
    """What a revoked bot had already sent behind its request in flight never reaches the handler."""

    async def story(made: Room) -> None:
        made.desk.work = made.desk.when_told
        bot = await made.bot()
        bot.say(GET + GET)
        await made.desk.come.wait()
        made.desk.connections[0].owner = "revoked"
        made.listener.close_owned_by("revoked")
        made.desk.go.set()
        await made.desk.done.wait()
        assert await bot.hear_all() == b""
        assert len(made.desk.requests) == 1

    tell(story)


@pytest.mark.parametrize("answer", [None, Answer(100, (), b""), Answer(200, ((b"x-mbx-a", b"a\r\nb"),), b"")], ids=str)
def test_a_handler_that_fails_costs_the_connection(tell: Callable[..., None], answer: Answer | None) -> None:
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

    tell(story)


# -- limits of time and number ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "seconds", "status"),
    [(b"", 120, None), (GET[:-1], 10, 408), (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1", 30, 408)],
    ids=["idle", "head", "body"],
)
def test_every_stage_has_its_time(tell: Callable[..., None], sent: bytes, seconds: float, status: int | None) -> None:
    """Idle connections are closed, unfinished requests refused; not before their time, and a trickle buys none."""

    async def story(made: Room) -> None:
        begun = asyncio.get_running_loop().time()
        bot = await made.bot()
        bot.say(GET + sent)
        await bot.hear()
        made.listener.sweep(begun + seconds - 1)
        assert len(made.listener) == 1
        made.listener.sweep(asyncio.get_running_loop().time() + seconds)
        heard = await bot.hear_all()
        assert heard.startswith(b"HTTP/1.1 408 ") if status else heard == b""

    tell(story)


def test_a_request_in_flight_has_no_end_of_its_own(tell: Callable[..., None]) -> None:
    """How long a handler may take is not the listener's to say."""

    async def story(made: Room) -> None:
        made.desk.work = made.desk.when_told
        bot = await made.bot()
        bot.say(GET)
        await made.desk.come.wait()
        made.listener.sweep(asyncio.get_running_loop().time() + 1e9)
        made.desk.go.set()
        assert await bot.hear() == WIRE

    tell(story)


def test_a_bot_that_does_not_read_is_cut(tell: Callable[..., None]) -> None:
    """An answer that nobody takes is dropped after its time."""

    async def story(made: Room) -> None:
        async def large(request: RawRequest) -> Answer:
            return Answer(200, (), b"x" * (64 * 1024 * 1024))

        made.desk.work = large
        bot = await made.bot()
        bot.writer.transport.pause_reading()  # type: ignore[attr-defined]
        bot.say(GET)
        await made.desk.done.wait()
        await asyncio.sleep(0)
        made.listener.sweep(asyncio.get_running_loop().time() + 31)
        await made.connected(0)

    tell(story)


@pytest.mark.parametrize("limits", [Limits(connections=2), Limits(per_peer=2)], ids=["in all", "per peer"])
def test_connections_beyond_the_bound_are_cut(tell: Callable[..., None], limits: Limits) -> None:
    """The next one is cut and counted; when one leaves there is room again."""

    async def story(made: Room) -> None:
        first, second, third = [await made.bot() for _ in range(3)]
        third.say(GET)
        assert await third.hear_all() == b""
        assert made.listener.turned_away == 1
        first.hang_up()
        await made.connected(1)
        fourth = await made.bot()
        for bot in (second, fourth):
            bot.say(GET)
            assert await bot.hear() == WIRE

    tell(story, limits)


# -- the end ----------------------------------------------------------------------------------------------------------


def test_stop_lets_requests_in_flight_end(tell: Callable[..., None]) -> None:
    """Idle connections close at once, nothing new is taken, and the request in flight still gets its answer."""

    async def story(made: Room) -> None:
        made.desk.work = made.desk.when_told
        idle, busy = await made.bot(), await made.bot()
        busy.say(GET)
        await made.desk.come.wait()
        stopping = asyncio.create_task(made.listener.stop(10))
        assert await idle.hear_all() == b""
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", made.port)
        made.desk.go.set()
        heard = await busy.hear_all()
        assert heard.endswith(b"{}")
        assert b"connection: close" in heard
        assert await stopping == 0

    tell(story)


def test_stop_has_a_deadline(tell: Callable[..., None]) -> None:
    """What is still in flight then is counted, its connection cut, its handler left alone."""

    async def story(made: Room) -> None:
        made.desk.work = made.desk.when_told
        bot = await made.bot()
        bot.say(GET)
        await made.desk.come.wait()
        assert await made.listener.stop(0) == 1
        assert await bot.hear_all() == b""
        made.desk.go.set()
        await made.desk.done.wait()

    tell(story)


def test_an_address_in_use_says_what_to_do(tell: Callable[..., None]) -> None:
    """A port that another program has is a person's matter: the address, and what would mend it."""

    async def story(made: Room) -> None:
        other = Listener(Desk().handle, Desk().refuse)
        with pytest.raises(Misuse, match=rf"cannot listen on 127\.0\.0\.1:{made.port}; another program has it"):
            await other.open(None, "127.0.0.1", made.port)
        with pytest.raises(Misuse, match=r"cannot listen on 192\.0\.2\.1:8377; this machine has no such address"):
            await other.open(None, "192.0.2.1", 8377)

    tell(story)


def test_the_answer_constants_agree() -> None:
    """What the tests expect on the wire is the answer that their desk gives."""
    assert WIRE.endswith(ANSWER.body)
