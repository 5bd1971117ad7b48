"""Opening a connection to an exchange, or for a tunnel: whose address, which roots, which TLS.

Law: a name is resolved once, and only an address that has been checked is connected to. Addresses that an operator
wrote (connect_to) are not checked; names are never rewritten, so SNI, Host and certificate speak of the original.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import certifi

from gateway.core.errors import Misuse
from gateway.edge.line import ALPN, Line
from gateway.edge.tunnel import Far
from gateway.ports import NotSent

End = TypeVar("End")

PORT: Final = 443
_TRIES: Final = 4

_FORBIDDEN: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",          # this network
        "10.0.0.0/8",         # private
        "100.64.0.0/10",      # carriers' NAT
        "127.0.0.0/8",        # loopback
        "168.63.129.16/32",   # a cloud's metadata service on a public address
        "169.254.0.0/16",     # link-local, clouds' metadata
        "172.16.0.0/12",      # private
        "192.0.0.0/24",       # protocol assignments
        "192.0.2.0/24",       # documentation
        "192.88.99.0/24",     # 6to4 relays
        "192.168.0.0/16",     # private
        "198.18.0.0/15",      # benchmarks
        "198.51.100.0/24",    # documentation
        "203.0.113.0/24",     # documentation
        "224.0.0.0/3",        # multicast, reserved, broadcast
        "2001::/23",          # protocol assignments, Teredo, ORCHID
        "2001:db8::/32",      # documentation
        "2002::/16",          # 6to4: an IPv4 address in disguise
        "3fff::/20",          # documentation
    )
)
_GLOBAL_V6: Final = ipaddress.ip_network("2000::/3")
"""Outside it lie loopback, mapped IPv4, NAT64, unique local, link-local and multicast."""


def is_public(address: str) -> bool:
    """Whether an address may be that of an exchange. Python's own is_global passes NAT64, 6to4 and multicast."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if ip.version == 6 and ip not in _GLOBAL_V6:
        return False
    return not any(ip in network for network in _FORBIDDEN if network.version == ip.version)


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Verified TLS 1.2 or newer, HTTP/1.1 only. Built by hand, so that no environment variable has a say in it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols([ALPN])
    context.load_verify_locations(certifi.where())
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise Misuse(f"cannot read certificates from {ca_file}", "set upstream.ca_file to a PEM file") from error
    return context


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect, as written: a name or an IP address, and a port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """``api.binance.com:443``, ``127.0.0.1:9443``, ``[::1]:9443``. Raises Misuse."""
        host, _, port = text.rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if not bare or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise Misuse(f"{text!r} is no address", "write it as host:port")
        return cls(bare, int(port))


class Dialler:
    """Opens lines. ``timeout`` in seconds covers resolution, connection and TLS together."""

    def __init__(self, connect_to: Mapping[str, str], timeout: float) -> None:
        self._mapped = {Address.parse(name): Address.parse(target) for name, target in connect_to.items()}
        self._timeout = timeout

    async def dial(self, host: str, make: Callable[[], Line]) -> Line:
        """A line to the host, its certificate verified. Raises NotSent."""
        return await self._in_time(host, PORT, lambda address: _connect(address, make))

    async def reach(self, host: str, number: int, make: Callable[[], Far]) -> Far:
        """A plain connection, for a tunnel. Raises NotSent."""

        async def connect(address: Address) -> Far:
            loop = asyncio.get_running_loop()
            return (await loop.create_connection(make, address.host, address.port))[1]

        far = await self._in_time(host, number, connect)
        if far.itself:
            raise NotSent(f"{host}:{number}: its address is the gateway's own")
        return far

    async def _in_time(self, host: str, number: int, connect: Callable[[Address], Awaitable[End]]) -> End:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._open(host, number, connect)
        except TimeoutError:
            raise NotSent(f"{host}: no connection within {self._timeout:g} s") from None

    async def _open(self, host: str, number: int, connect: Callable[[Address], Awaitable[End]]) -> End:
        mapped = self._mapped.get(Address(host, number))
        addresses = [mapped] if mapped else await _resolve(host, number)
        reason = "no address"
        for address in addresses[:_TRIES]:
            try:
                async with asyncio.timeout(self._timeout / len(addresses[:_TRIES])):
                    return await connect(address)
            except (OSError, TimeoutError) as error:
                reason = type(error).__name__
        raise NotSent(f"{host}: cannot connect ({reason})")


async def _resolve(host: str, number: int) -> list[Address]:
    """The host's public addresses, IPv4 first. Raises NotSent."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, number, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotSent(f"{host}: its name does not resolve") from None
    public = {str(where[0]): family for family, _, _, _, where in found if is_public(str(where[0]))}
    if not public:
        raise NotSent(f"{host}: its name leads to no public address")
    return [Address(ip, number) for ip in sorted(public, key=lambda ip: public[ip] != socket.AF_INET)]


async def _connect(address: Address, make: Callable[[], Line]) -> Line:
    loop = asyncio.get_running_loop()
    line = make()
    try:
        await loop.create_connection(lambda: line, address.host, address.port)
        await line.ready
    except BaseException:
        line.abort("not opened")
        if not line.ready.cancelled():
            line.ready.exception()  # seen: it is either the error on its way, or of no interest any more
        raise
    return line
