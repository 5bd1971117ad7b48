"""What mitmproxy does for `tradewarden capture`: the standard library and mitmproxy alone, for this file is copied into
a private directory and runs in mitmproxy's own process, often in another environment than the gateway's.

Law: TLS of the exchanges' hosts ends here, and nothing else does. A request goes to the gateway's socket as it came,
and nowhere else. Nothing is ever dialled but what the operator listed. Whatever fails, refuses: each hook sets its
refusal first, for mitmproxy goes on with what it has when a hook raises.
"""

import asyncio
import json
import logging
import os
import shutil
import socket
import time
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

from mitmproxy import ctx, dns, http
from mitmproxy.net.dns import response_codes, types
from mitmproxy.proxy import layer, layers, server_hooks
from mitmproxy.tls import ClientHelloData

log = logging.getLogger("tradewarden")

HERE = Path(__file__).parent
ANSWER_WITHIN_S = 120.0
HEAD_LIMIT = 64 * 1024
TOLD_EVERY_S = 60.0
TOLD_MOST = 10
NAME_LIMIT = 80
STAND_INS = IPv4Address("198.18.0.1")
"""Where the stand-ins for names begin, in a network that is nobody's: what is looked up here is never resolved."""
GLOBAL_V6 = ip_network("2000::/3")
IN_DISGUISE = tuple(
    map(ip_network, ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20"))
)
"""Metadata services, relays and the like: addresses that some Python calls global and no host on a list has."""

Where = tuple[str, int]
Fields = tuple[tuple[bytes, bytes], ...]


class Plan:
    """What the command said at the start: ``plan.json`` beside this file."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.socket: str = told["socket"]
        self.ports = {host: frozenset(said["ports"]) for host, said in told["hosts"].items()}
        self.down = {host: said["down"] for host, said in told["hosts"].items()}
        self.unknown = {host: said["unknown"] for host, said in told["hosts"].items()}
        self.listed: dict[Where, Where | None] = {
            (host, number): tuple(instead) if instead else None for host, number, instead in told["listed"]
        }
        names = sorted({*self.ports, *(host for host, _ in self.listed)})
        self.stand_ins = {name: STAND_INS + place for place, name in enumerate(names)}
        self._named = {str(address): name for name, address in self.stand_ins.items()}

    def where(self, address: Where) -> Where:
        """The destination as its name, where it is a stand-in for one."""
        return self._named.get(address[0], address[0]), address[1]

    def captured(self, address: Where | None, sni: str | None) -> str | None:
        """The exchange's host that a TLS connection is for, or None. The destination, if it is a name, agrees."""
        if address is None or sni is None or address[1] not in self.ports.get(sni, ()):
            return None
        host, _ = self.where(address)
        return sni if host == sni or is_address(host) else None


def is_address(host: str) -> bool:
    """Whether it is an IP address and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether a listed name may lead there."""
    if address.version == 6 and address not in GLOBAL_V6:
        return False
    return address.is_global and not address.is_multicast and not any(
        address in network for network in IN_DISGUISE if network.version == address.version
    )


async def resolved(where: Where) -> Where | None:
    """The first public address of a listed host, or None."""
    found = await asyncio.get_running_loop().getaddrinfo(*where, type=socket.SOCK_STREAM)
    public = [str(one[4][0]) for one in found if is_public(ip_address(one[4][0]))]
    return (public[0], where[1]) if public else None


class Capture:
    """The hooks."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._told: set[str] = set()
        self._unsaid = 0
        self._told_since = -TOLD_EVERY_S

    # -- the command that began this ----------------------------------------------------------------------------

    def running(self) -> None:
        """The ports are open."""
        self._obeying = asyncio.create_task(self._obey())

    async def _obey(self) -> None:
        """Standard input is a socket to the command: each line names a newer certificate, and its end is ours."""
        reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=os.dup(0)))
        writer.write(b"ready\n")
        while line := await reader.readline():
            ctx.options.update(certs=[f"*={line.decode().strip()}"])
        ctx.master.shutdown()

    def done(self) -> None:
        """Also called if this file is taken away: mitmproxy must not go on without it."""
        shutil.rmtree(HERE, ignore_errors=True)
        ctx.master.shutdown()

    # -- where connections may lead -------------------------------------------------------------------------------

    def next_layer(self, asked: layer.NextLayer) -> None:
        """Listed hosts are passed untouched; of UDP there is name resolution alone."""
        ours = asked.context
        if ours.client.transport_protocol == "udp":
            is_dns = ours.server.address is not None and ours.server.address[1] == 53
            asked.layer = layers.DNSLayer(ours) if is_dns else layers.UDPLayer(ours, ignore=True)
        elif ours.server.address and self._plan.where(ours.server.address) in self._plan.listed:
            asked.layer = layers.TCPLayer(ours, ignore=True)

    def tls_clienthello(self, hello: ClientHelloData) -> None:
        """TLS ends here for an exchange's host alone; the rest would pass untouched, and meets server_connect."""
        hello.ignore_connection = True
        sni = hello.client_hello.sni
        address = hello.context.server.address
        if self._plan.captured(address, sni):
            hello.ignore_connection = False
        else:
            self._tell(f"{_escaped(sni) if sni else 'no name'} at {_shown(address)}")

    async def server_connect(self, asked: server_hooks.ServerConnectionHookData) -> None:
        """The only gate to anywhere: what the operator listed, as he mapped it, or at a public address."""
        server = asked.server
        server.error = "tradewarden capture dials listed hosts only"
        where = self._plan.where(server.address)
        if where not in self._plan.listed or where[0] in self._plan.ports:
            self._tell(_shown(server.address))
            return
        instead = self._plan.listed[where] or await resolved(where)
        if instead is not None:
            server.address = instead
            server.error = None

    def dns_request(self, flow: dns.DNSFlow) -> None:
        """Names that lead somewhere lead to their stand-ins; no question leaves this process."""
        asked = flow.request
        flow.response = asked.fail(response_codes.NXDOMAIN)
        stand_in = self._plan.stand_ins.get(asked.question.name.lower().rstrip("."))
        if stand_in is not None:
            wanted = asked.question.type == types.A
            flow.response = asked.succeed([dns.ResourceRecord.A(asked.question.name, stand_in)] if wanted else [])

    # -- requests -------------------------------------------------------------------------------------------------

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Kept as they came: mitmproxy takes an Expect out once it has answered it."""
        flow.metadata["fields"] = flow.request.headers.fields

    async def request(self, flow: http.HTTPFlow) -> None:
        """The gateway's answer, or the exchange's own words for why there is none."""
        flow.response = said(403, "only https to the hosts of exchanges is captured")
        host = self._plan.captured(flow.server_conn.address, flow.client_conn.sni)
        if host is None or not flow.client_conn.tls_established:
            self._tell(f"a request without TLS to {_shown(flow.server_conn.address)}")
            return
        flow.response = said(400, "the request cannot be handed on as it is")
        try:
            await self._hand_on(flow, host, request_bytes(host, flow))
        except (OSError, EOFError, ValueError, KeyError, asyncio.LimitOverrunError) as failure:
            self._tell(f"a request to {host}: {failure or type(failure).__name__}")

    async def _hand_on(self, flow: http.HTTPFlow, host: str, wire: bytes) -> None:
        flow.response = answer_of(self._plan.down[host])
        reader, writer = await asyncio.open_unix_connection(self._plan.socket, limit=HEAD_LIMIT)
        flow.response = answer_of(self._plan.unknown[host])  # the gateway may have it from here on
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                writer.write(wire)
                flow.response = await read_answer(reader, flow.request.data.method)
        finally:
            writer.close()

    def _tell(self, what: str) -> None:
        """Each once a minute, and ten a minute in all: whoever is refused decides how often. The rest is counted."""
        now = time.monotonic()
        if now - self._told_since >= TOLD_EVERY_S:
            if self._unsaid:
                log.warning("refused: %d more since", self._unsaid)
            self._told_since, self._unsaid = now, 0
            self._told.clear()
        if what in self._told or len(self._told) >= TOLD_MOST:
            self._unsaid += 1
            return
        self._told.add(what)
        log.warning("refused: %s", what)


def request_bytes(host: str, flow: http.HTTPFlow) -> bytes:
    """The request in absolute-form, its parts as they came. Raises ValueError where they would read differently."""
    request, number = flow.request.data, flow.server_conn.address[1]
    if request.authority or not request.path.startswith(b"/"):
        raise ValueError("the target is not in origin-form")
    at = host.encode() if number == 443 else b"%b:%d" % (host.encode(), number)
    lines = [b" ".join((request.method, b"https://" + at + request.path, request.http_version))]
    lines += [name + b": " + value for name, value in flow.metadata["fields"]]
    if lines[0].count(b" ") != 2 or any(b"\r" in line or b"\n" in line for line in lines):
        raise ValueError("a part of the request has white space in it")
    return b"\r\n".join([*lines, b"", b""]) + (flow.request.raw_content or b"")


async def read_answer(reader: asyncio.StreamReader, method: bytes) -> http.Response:
    """The gateway's answer, to the byte. Raises ValueError, EOFError."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
    _, status, reason = (first + b" ").split(b" ", 2)
    fields: Fields = tuple((name, value) for name, _, value in (line.partition(b": ") for line in lines))
    if int(status) < 200:
        raise ValueError("the gateway answers once, and never upgrades")
    bodiless = method == b"HEAD" or int(status) in (204, 304)
    body = b"" if bodiless else await reader.readexactly(int(dict(fields)[b"content-length"]))
    return built(int(status), reason.strip(), fields, body)


def built(status: int, reason: bytes, fields: Fields, body: bytes) -> http.Response:
    """An answer for the bot; its body is not encoded again. (A function called response would be a hook.)"""
    now = time.time()
    return http.Response(b"HTTP/1.1", status, reason, http.Headers(fields), body, None, now, now)


def answer_of(told: dict[str, Any]) -> http.Response:
    """An answer that the command wrote down at the start, in the exchange's own words."""
    body = told["body"].encode()
    fields = [(name.encode(), value.encode()) for name, value in told["headers"]]
    return built(told["status"], b"", (*fields, (b"content-length", b"%d" % len(body))), body)


def said(status: int, text: str) -> http.Response:
    """An answer of our own, to what is no request to an exchange; the connection ends with it."""
    body = f"tradewarden capture: {text}\n".encode()
    fields = ((b"content-type", b"text/plain"), (b"connection", b"close"), (b"content-length", b"%d" % len(body)))
    return built(status, b"", fields, body)


def _shown(address: Where | None) -> str:
    return "nowhere" if address is None else f"{_escaped(address[0])}:{address[1]}"


def _escaped(name: str) -> str:
    """A name that a client sent, for the operator's terminal."""
    return ascii(name[:NAME_LIMIT])


addons = [Capture(Plan(json.loads((HERE / "plan.json").read_bytes())))]
