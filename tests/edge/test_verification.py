"""Who is spoken to: only listed hosts, only over verified TLS, only HTTP/1.1."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.core.request import Outgoing
from gateway.edge.upstream import UpstreamPool
from gateway.ports import NotSent
from tests.edge.exchange import HOST, OK, Authority, Exchange, open_gate, polite, pool, read, running, send_order


def test_an_unlisted_host_is_never_dialled(authority: Authority) -> None:
    """A host that no exchange declares is refused before its name is looked up, whatever connect_to says."""

    async def story() -> None:
        ours = UpstreamPool(frozenset({HOST}), {"evil.example:443": "127.0.0.1:1"}, authority.file)
        for host in ("evil.example", "API.binance.com", "api.binance.com.", "api.binance.com:443", ""):
            outgoing = Outgoing(host, "POST", "/api/v3/order", (), b"", False)
            with pytest.raises(NotSent, match="not a host of any exchange"):
                await ours.send(outgoing, "token", open_gate)
        await ours.close()

    asyncio.run(story())


def test_a_certificate_for_another_name_is_not_sent(authority: Authority, loop_run: Callable[..., None]) -> None:
    """connect_to changes the address, not the name that the certificate must bear."""

    async def story() -> None:
        other = authority.server_context("api.other.example")
        async with running(other) as exchange, pool(exchange, authority) as ours:
            with pytest.raises(NotSent, match="certificate"):
                await send_order(ours)
            assert exchange.requests == []

    loop_run(story())


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
    with pytest.warns(DeprecationWarning, match="TLSv1"):
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
