"""The bots' ports: ownership, limits of time and number, and an orderly end."""

import asyncio
from collections.abc import Callable

import pytest

from gateway.core.errors import Misuse
from gateway.core.request import Answer, RawRequest
from gateway.edge.door import Door
from gateway.edge.grammar import Limits
from gateway.edge.listener import Listener
from tests.edge.bots import GET, WIRE, Bot, Desk, Room

# -- who is revoked ---------------------------------------------------------------------------------------------------


def test_closing_a_tokens_connections(visit: Callable[..., None]) -> None:
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

    visit(story)


def test_a_closed_connections_waiting_request_is_not_begun(visit: Callable[..., None]) -> None:
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

    visit(story)


# -- limits of time and number ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "seconds", "status"),
    [(b"", 120, None), (GET[:-1], 10, 408), (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1", 30, 408)],
    ids=["idle", "head", "body"],
)
def test_every_stage_has_its_time(visit: Callable[..., None], sent: bytes, seconds: float, status: int | None) -> None:
    """Idle connections are closed, unfinished requests refused; not before their time."""

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

    visit(story)


def test_a_request_in_flight_has_no_end_of_its_own(visit: Callable[..., None]) -> None:
    """How long a handler may take is not the listener's to say."""

    async def story(made: Room) -> None:
        made.desk.work = made.desk.when_told
        bot = await made.bot()
        bot.say(GET)
        await made.desk.come.wait()
        made.listener.sweep(asyncio.get_running_loop().time() + 1e9)
        made.desk.go.set()
        assert await bot.hear() == WIRE

    visit(story)


def test_a_bot_that_does_not_read_is_cut(visit: Callable[..., None]) -> None:
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

    visit(story)


BOUNDS = pytest.mark.parametrize("limits", [Limits(connections=2), Limits(per_peer=2)], ids=["in all", "per peer"])


async def owned(made: Room) -> Bot:
    """A bot that has proved to hold a token."""
    bot = await made.bot()
    bot.say(GET)
    assert await bot.hear() == WIRE
    made.desk.connections[-1].owner = "token"
    return bot


@BOUNDS
def test_connections_beyond_the_bound_are_cut(visit: Callable[..., None], limits: Limits) -> None:
    """The next one is cut and counted; when one leaves there is room again."""

    async def story(made: Room) -> None:
        first, second = await owned(made), await owned(made)
        third = await made.bot()
        third.say(GET)
        assert await third.hear_all() == b""
        assert made.listener.turned_away == 1
        first.hang_up()
        await made.connected(1)
        fourth = await made.bot()
        for bot in (second, fourth):
            bot.say(GET)
            assert await bot.hear() == WIRE

    visit(story, limits)


@BOUNDS
@pytest.mark.parametrize("begun", [b"", GET[:-1]], ids=["idle", "half a request"])
def test_who_only_sits_there_gives_way(visit: Callable[..., None], limits: Limits, begun: bytes) -> None:
    """A connection that is nobody's, with no request in work, keeps no bot out; a token's own stays."""

    async def story(made: Room) -> None:
        bot, sitter = await owned(made), await made.bot()
        sitter.say(begun)
        await made.connected(2)
        newcomer = await owned(made)
        assert await sitter.hear_all() == b""
        assert (len(made.listener), made.listener.turned_away) == (2, 1)
        for one in (bot, newcomer):
            one.say(GET)
            assert await one.hear() == WIRE

    visit(story, limits)


def test_the_longest_idle_gives_way_first(visit: Callable[..., None]) -> None:
    """And one that has begun a request only after all that have not."""

    async def story(made: Room) -> None:
        bots = []
        for number in range(3):
            bots.append(await made.bot())
            bots[-1].say(GET)
            assert await bots[-1].hear() == WIRE, number
        bots[0].say(GET + GET[:-1])
        assert await bots[0].hear() == WIRE
        await owned(made)
        await owned(made)
        assert await bots[1].hear_all() == await bots[2].hear_all() == b""
        bots[0].say(GET[-1:])
        assert await bots[0].hear() == WIRE

    visit(story, Limits(connections=3))


def test_a_request_in_work_keeps_its_place(visit: Callable[..., None]) -> None:
    """Also after its bot has shut its sending side: the answer to a cancel is still to come."""

    async def story(made: Room) -> None:
        made.desk.work = made.desk.when_told
        bot = await made.bot()
        bot.say(GET)
        bot.writer.write_eof()
        await made.desk.come.wait()
        newcomer = await made.bot()
        assert await newcomer.hear_all() == b""
        made.desk.go.set()
        assert (await bot.hear_all()).endswith(b"{}")

    visit(story, Limits(connections=1))


LARGE = 24 * 1024 * 1024


def test_answers_that_nobody_reads_are_bounded_together(visit: Callable[..., None]) -> None:
    """The bot that has not read for longest is cut; the others get their whole answers."""

    async def story(made: Room) -> None:
        async def large(request: RawRequest) -> Answer:
            return Answer(200, (), b"x" * LARGE)

        made.desk.work = large
        bots = []
        for _ in range(3):
            made.desk.done.clear()
            bots.append(await made.bot())
            bots[-1].writer.transport.pause_reading()  # type: ignore[attr-defined]
            bots[-1].say(GET)
            await made.desk.done.wait()
        await made.connected(2)
        assert made.listener.turned_away == 1
        for bot in bots:
            bot.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert len(await bots[0].hear_all()) < LARGE
        for bot in bots[1:]:
            heard = b""
            while not heard.endswith(b"x" * LARGE):
                heard += await bot.some()

    visit(story, Limits(unread=2 * LARGE + LARGE // 2))


def test_connections_take_at_most_half_of_the_files_that_may_be_open() -> None:
    """The other half is for exchanges, the log and the commands: whoever fills the ports leaves those alone."""
    assert Limits().within(300).connections == 150
    assert Limits().within(1 << 20) == Limits()


# -- the end ----------------------------------------------------------------------------------------------------------


def test_stop_lets_requests_in_flight_end(visit: Callable[..., None]) -> None:
    """Idle connections close at once, nothing new is taken, and the request in flight still gets its answer."""

    async def story(made: Room) -> None:
        made.desk.work = made.desk.when_told
        idle, busy = await made.bot(), await made.bot()
        busy.say(GET)
        await made.desk.come.wait()
        stopping = asyncio.create_task(made.listener.stop(10))
        assert await idle.hear_all() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", made.port)
        made.desk.go.set()
        heard = await busy.hear_all()
        assert heard.endswith(b"{}")
        assert b"connection: close" in heard
        assert await stopping == 0

    visit(story)


def test_stop_has_a_deadline(visit: Callable[..., None]) -> None:
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

    visit(story)


def test_an_address_in_use_says_what_to_do(visit: Callable[..., None]) -> None:
    """A port that another program has is a person's matter: the address, and what would mend it."""

    async def story(made: Room) -> None:
        other = Listener(Desk().handle, Desk().refuse)
        with pytest.raises(Misuse, match=rf"cannot listen on 127\.0\.0\.1:{made.port}; another program has it"):
            await other.open(Door(), "127.0.0.1", made.port)
        with pytest.raises(Misuse, match=r"cannot listen on 192\.0\.2\.1:8377; this machine has no such address"):
            await other.open(Door(), "192.0.2.1", 8377)

    visit(story)
