"""The port: keep-alive, pipelines, raw bytes kept, malformed bytes refused."""

import asyncio
from contextlib import suppress

import pytest

from gateway.simulator import Simulator
from tests.simulator.running import Client, plain, with_simulator

PING = plain("GET", "/api/v3/ping")


def test_many_requests_on_one_connection() -> None:
    """Keep-alive, and answers in the order of the requests when they are sent at once."""

    async def test(simulator: Simulator) -> None:
        client = await Client.to(simulator.url)
        for _ in range(3):
            assert await client.ask(PING) == (200, b"{}")
        client.writer.write(PING + plain("GET", "/api/v3/ping?x=1") + PING)
        assert [(await client.answer())[0] for _ in range(3)] == [200, 400, 200]
        await client.close()

    with_simulator(test)


def test_a_pipeline_waits_for_a_slow_answer() -> None:
    """The second request is not begun before the first is answered."""

    async def test(simulator: Simulator) -> None:
        simulator.add_fault("hold", execute=False)
        client = await Client.to(simulator.url)
        client.writer.write(PING + PING)
        assert await simulator.wait_journal(1)
        assert len(simulator.journal()) == 1
        simulator.release_holds()
        assert [(await client.answer())[0] for _ in range(2)] == [200, 200]
        assert len(simulator.journal()) == 2
        await client.close()

    with_simulator(test)


def test_the_raw_request_is_kept() -> None:
    """Target and body exactly as sent, chunk by chunk."""

    async def test(simulator: Simulator) -> None:
        client = await Client.to(simulator.url)
        body = b"a=%31&b=+\xff&&c"
        head = f"POST /api/v3//x?q=%2f&&[x] HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\nX-Other: 1\r\n\r\n"
        for byte in head.encode("latin-1") + body:
            client.writer.write(bytes([byte]))
            await client.writer.drain()
        assert (await client.answer())[0] == 404
        entry = simulator.journal()[0]
        assert (entry["method"], entry["path"], entry["query"]) == ("POST", "/api/v3//x", "q=%2f&&[x]")
        assert entry["body"] == body.decode("latin-1")
        assert entry["headers"] == {"host": "h", "content-length": str(len(body))}
        await client.close()

    with_simulator(test)


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
)
def test_what_is_no_http_is_refused(sent: bytes) -> None:
    """A 400, the connection is over, and the journal has seen it."""

    async def test(simulator: Simulator) -> None:
        client = await Client.to(simulator.url)
        client.writer.write(sent)
        client.writer.write_eof()
        assert (await client.reader.read()).startswith(b"HTTP/1.1 400 ")
        await client.close()
        entry = simulator.journal()[0]
        assert (entry["outcome"], entry["executed"], entry["body"]) == ("malformed", False, sent.decode("latin-1"))

    with_simulator(test)


def test_a_client_that_wants_to_close_is_closed() -> None:
    """`Connection: close` is obeyed and told."""

    async def test(simulator: Simulator) -> None:
        client = await Client.to(simulator.url)
        client.writer.write(plain("GET", "/api/v3/ping", "Connection: close\r\n"))
        answer = await client.reader.read()
        assert b"Connection: close\r\n" in answer
        await client.close()

    with_simulator(test)


def test_stopping_ends_every_connection() -> None:
    """Idle ones, and those whose answer is held."""

    async def test(simulator: Simulator) -> None:
        simulator.add_fault("hold", count=1)
        clients = [await Client.to(simulator.url) for _ in range(2)]
        clients[0].writer.write(PING)
        assert await simulator.wait_journal(1)
        await simulator.stop()
        for client in clients:
            with suppress(ConnectionResetError):
                assert await client.reader.read() == b""
            client.writer.close()

    with_simulator(test)


def test_the_exchange_port_serves_no_controls() -> None:
    """And the control port no exchange."""

    async def test(simulator: Simulator) -> None:
        exchange, control = await asyncio.gather(Client.to(simulator.url), Client.to(simulator.control_url))
        assert (await exchange.ask(plain("POST", "/balances", "Content-Length: 0\r\n")))[0] == 404
        assert (await control.ask(PING))[0] == 404
        await exchange.close()
        await control.close()

    with_simulator(test)


def test_an_upgrade_is_answered_as_what_it_is() -> None:
    """There are no WebSockets: 404, and the connection closes."""

    async def test(simulator: Simulator) -> None:
        client = await Client.to(simulator.url)
        client.writer.write(plain("GET", "/ws-api/v3", "Connection: Upgrade\r\nUpgrade: websocket\r\n"))
        assert (await client.reader.read()).startswith(b"HTTP/1.1 404 ")
        assert [(one["path"], one["status"]) for one in simulator.journal()] == [("/ws-api/v3", 404)]
        await client.close()

    with_simulator(test)
