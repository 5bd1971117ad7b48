"""One TLS line by hand: both ends in memory, every byte in our hands."""

import asyncio
import contextlib
import ssl

import pytest

from gateway.edge.dial import tls_context
from gateway.edge.line import Line
from gateway.ports import NoAnswer, NotSent
from tests.edge.exchange import HOST, OK, Authority
from tests.edge.transport import Wire

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Keeper:
    """Notes what the line tells its keeper."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def free(self, line: Line) -> None:
        self.told.append("free")

    def gone(self, line: Line) -> None:
        self.told.append("gone")


class Ends:
    """A line and the server's end of its TLS, with a wire between them that moves when told."""

    def __init__(self, authority: Authority, tls: ssl.SSLContext) -> None:
        self.loop = asyncio.new_event_loop()
        self.keeper, self.wire = Keeper(), Wire()
        self.line = Line(tls_context(authority.file), HOST, self.keeper, self.loop)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = tls.wrap_bio(self._in, self._out, server_side=True)
        self.line.connection_made(self.wire)

    def shake(self) -> None:
        """The whole handshake, one byte at a time towards the line."""
        while not self.line.ready.done():
            self._in.write(self.wire.take())
            with contextlib.suppress(ssl.SSLWantReadError):  # the line has more to say first
                self.server.do_handshake()
            for byte in self._out.read():
                self.line.data_received(bytes([byte]))
        self._in.write(self.wire.take())
        self.server.do_handshake()

    def hear(self) -> bytes:
        """What the line sent."""
        self._in.write(self.wire.take())
        return self.server.read(65536)

    def say(self, plain: bytes, end: bool = False) -> bytes:
        """The bytes on the wire for this, with TLS's own farewell behind it if ``end``."""
        if plain:
            self.server.write(plain)
        if end:
            with pytest.raises(ssl.SSLWantReadError):
                self.server.unwrap()
        return self._out.read()

    def close(self) -> None:
        if not self.wire.closed:
            self.line.abort("the test is over")
        self.loop.close()


@pytest.fixture
def ends(authority: Authority, tls: ssl.SSLContext) -> Ends:
    made = Ends(authority, tls)
    made.shake()
    return made


def test_a_request_and_its_answer_byte_by_byte(ends: Ends) -> None:
    """Records may come in any pieces; the line is free when the answer is whole, and tickets are no answer."""
    answer = ends.line.ask(REQUEST, "token", 1e9)
    assert ends.line.unsent
    assert ends.hear() == REQUEST
    assert not ends.line.unsent
    for byte in ends.say(OK):
        assert not answer.done()
        ends.line.data_received(bytes([byte]))
    assert (answer.result().body, ends.keeper.told, ends.line.served) == (b"{}", ["free"], 1)
    ends.close()


def test_the_request_is_one_write(ends: Ends) -> None:
    """A request beyond TLS's record size still reaches the transport in one piece."""
    pieces: list[bytes] = []
    ends.wire.write = pieces.append  # type: ignore[method-assign, assignment]
    answer = ends.line.ask(REQUEST + b"x" * 100_000, "token", 1e9)
    assert len(pieces) == 1
    ends.close()
    assert isinstance(answer.exception(), NoAnswer)


def test_a_request_of_many_records_arrives_whole(ends: Ends) -> None:
    """What TLS takes in several records is the request, each byte once and in order."""
    wire = REQUEST + bytes(range(256)) * 400
    ends.line.ask(wire, "token", 1e9)
    heard = b""
    while len(heard) < len(wire):
        heard += ends.hear()
    assert heard == wire
    ends.close()


def test_an_answer_of_many_records_in_one_read(ends: Ends) -> None:
    """Records that come together are read together; a byte in one record more ends the line."""
    answer = ends.line.ask(REQUEST, "token", 1e9)
    ends.hear()
    ends.line.data_received(b"".join(ends.say(bytes([byte])) for byte in OK))
    assert (answer.result().body, ends.keeper.told) == (b"{}", ["free"])
    answer = ends.line.ask(REQUEST, "token", 1e9)
    ends.hear()
    ends.line.data_received(ends.say(OK) + ends.say(b"x"))
    assert answer.result().body == b"{}"
    assert ends.line.closing
    ends.close()


def test_the_end_of_tls_ends_the_line(ends: Ends) -> None:
    """close_notify alone, before any FIN, takes an idle line out of use at once."""
    ends.line.data_received(ends.say(b"", end=True))
    assert ends.line.closing
    assert not ends.line.quiet()
    ends.close()


def test_an_answer_with_the_end_of_tls_behind_it(ends: Ends) -> None:
    """The answer counts, and the line is closed."""
    answer = ends.line.ask(REQUEST, "token", 1e9)
    ends.hear()
    ends.line.data_received(ends.say(OK, end=True))
    assert answer.result().body == b"{}"
    assert ends.line.closing
    ends.close()


def test_broken_tls_is_no_answer(ends: Ends) -> None:
    """A record that was tampered with ends the line; nothing of it is an answer."""
    answer = ends.line.ask(REQUEST, "token", 1e9)
    ends.hear()
    record = bytearray(ends.say(OK))
    record[-1] ^= 1
    ends.line.data_received(bytes(record))
    assert isinstance(answer.exception(), NoAnswer)
    assert ends.line.closing
    ends.close()


def test_bytes_in_the_kernel_are_not_quiet(ends: Ends) -> None:
    """What the loop has not read yet already speaks against a line; so does the other side's end."""
    assert ends.line.quiet()
    ends.wire.ends[1].send(b"x")
    assert not ends.line.quiet()
    ends.close()


def test_the_other_sides_end_in_the_kernel_is_not_quiet(ends: Ends) -> None:
    ends.wire.ends[1].close()
    assert not ends.line.quiet()
    ends.close()


def test_a_descriptor_that_is_gone_is_not_quiet(ends: Ends) -> None:
    """Whatever the kernel has to say of the connection, even that there is none, speaks against the line."""
    ends.wire.ends[0].close()
    assert not ends.line.quiet()
    ends.close()


def test_one_request_at_a_time(ends: Ends) -> None:
    """A busy line takes no second request, nor does a closed one: not a byte is written."""
    answer = ends.line.ask(REQUEST, "token", 1e9)
    ends.hear()
    with pytest.raises(NotSent):
        ends.line.ask(REQUEST, "other", 1e9)
    ends.line.abort("for the test")
    with pytest.raises(NotSent):
        ends.line.ask(REQUEST, "other", 1e9)
    assert ends.wire.written == b""
    assert isinstance(answer.exception(), NoAnswer)
    ends.close()
