"""Each fault does what its name says, as often as it was ordered, and tells the journal."""

import asyncio

import pytest

from gateway.simulator import Simulator
from tests.simulator.running import Client, plain, signed, with_simulator

ORDER = "/api/v3/order"
MARKET = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1"


def bought(simulator: Simulator) -> bool:
    """Whether the order was done."""
    return simulator.balances()["BTC"]["free"] != "1"


async def send_order(simulator: Simulator) -> bytes:
    """Sends one order and reads until the connection closes or one answer has come."""
    client = await Client.to(simulator.url)
    client.writer.write(signed(simulator, "POST", ORDER, MARKET))
    client.writer.write_eof()
    try:
        return await client.reader.read()
    finally:
        await client.close()


@pytest.mark.parametrize(
    ("kind", "execute", "done", "outcome", "beginning"),
    [
        ("drop_before", True, False, "dropped", b""),
        ("drop_after", True, True, "dropped", b""),
        ("garbage", True, True, "garbled", b"\x16\x03"),
        ("garbage", False, False, "garbled", b"\x16\x03"),
        ("status", True, True, "answered", b"HTTP/1.1 503 "),
        ("status", False, False, "answered", b"HTTP/1.1 503 "),
        ("truncate", True, True, "truncated", b"HTTP/1.1 200 "),
    ],
)
def test_a_fault(kind: str, execute: bool, done: bool, outcome: str, beginning: bytes) -> None:
    """What the client sees, what really happened, and what the journal says of it."""

    async def test(simulator: Simulator) -> None:
        simulator.add_fault(kind, method="POST", path=ORDER, execute=execute)
        answer = await send_order(simulator)
        assert answer.startswith(beginning)
        assert bool(answer) == bool(beginning)
        assert bought(simulator) == done
        entry = simulator.journal()[0]
        assert (entry["fault"], entry["outcome"], entry["executed"]) == (kind, outcome, done)
        assert simulator.faults() == []

    with_simulator(test)


def test_a_truncated_body_promises_more_than_it_sends() -> None:
    """Half of what Content-Length says."""

    async def test(simulator: Simulator) -> None:
        simulator.add_fault("truncate")
        head, _, body = (await send_order(simulator)).partition(b"\r\n\r\n")
        promised = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        assert len(body) == promised // 2

    with_simulator(test)


def test_a_status_has_the_body_and_headers_it_was_given() -> None:
    """For instance a ban."""

    async def test(simulator: Simulator) -> None:
        simulator.add_fault("status", status=418, body='{"code":-1003}', headers={"Retry-After": "9"}, execute=False)
        answer = await send_order(simulator)
        assert b"Retry-After: 9\r\n" in answer
        assert answer.endswith(b'\r\n\r\n{"code":-1003}')

    with_simulator(test)


@pytest.mark.parametrize("execute", [True, False])
def test_a_hold_waits_to_be_released(execute: bool) -> None:
    """Done before or after the wait, answered after it."""

    async def test(simulator: Simulator) -> None:
        simulator.add_fault("hold", execute=execute)
        client = await Client.to(simulator.url)
        client.writer.write(signed(simulator, "POST", ORDER, MARKET))
        assert await simulator.wait_journal(1)
        assert simulator.journal()[0]["outcome"] == "pending"
        assert bought(simulator) == execute
        simulator.release_holds()
        assert (await client.answer())[0] == 200
        assert bought(simulator)
        await client.close()

    with_simulator(test)


def test_a_delay_answers_later() -> None:
    """At least so many milliseconds."""

    async def test(simulator: Simulator) -> None:
        simulator.add_fault("delay", milliseconds=30)
        client = await Client.to(simulator.url)
        loop = asyncio.get_running_loop()
        start = loop.time()
        assert (await client.ask(plain("GET", "/api/v3/ping")))[0] == 200
        assert loop.time() - start >= 0.029
        await client.close()

    with_simulator(test)


def test_a_fault_waits_for_its_request_and_counts_down() -> None:
    """Others pass; after the last time everything is well again."""

    async def test(simulator: Simulator) -> None:
        simulator.add_fault("status", method="GET", path="/api/v3/time", count=2)
        client = await Client.to(simulator.url)
        paths = ["ping", "time", "time", "time"]
        found = [(await client.ask(plain("GET", f"/api/v3/{path}")))[0] for path in paths]
        assert found == [200, 503, 503, 200]
        simulator.add_fault("garbage")
        simulator.clear_faults()
        assert (await client.ask(plain("GET", "/api/v3/ping")))[0] == 200
        await client.close()

    with_simulator(test)


@pytest.mark.parametrize("settings", [{"kind": "earthquake"}, {"kind": "delay", "count": 0}])
def test_an_unknown_fault_is_refused(settings: dict[str, object]) -> None:
    """By name."""
    with pytest.raises(ValueError, match=r"no such fault|at least once"):
        Simulator().add_fault(**settings)  # type: ignore[arg-type]
