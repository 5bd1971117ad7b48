"""The local CAs: what was handed out, how long it is good for, and whether the ports show what bots were given."""

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography import x509

from gateway.admin.doctor.finding import Finding, Patient, ok, refusal, warning, wrong
from gateway.admin.doctor.process import reached
from gateway.core.errors import Misuse
from gateway.exchanges.registry import EXCHANGES
from gateway.registry.authorities import SOON_S
from gateway.registry.certs import LISTEN, STEMS, TUNNELS, CertsFolder
from gateway.settings import Address, TlsFiles

_WITHIN_S: Final = 5.0
_ESTABLISHED: Final = b"HTTP/1.1 200 "
_ROTATE: Final = "tradewarden ca rotate {}, then give the bots the new file"
_HANDED: Final = "restart the gateway, which mends what it hands out; see `tradewarden ca show`"


def authorities(patient: Patient) -> Iterator[Finding]:
    """Each CA by its certificate, and the bundle."""
    folder, now = CertsFolder(patient.home.certs), time.time()
    for purpose in STEMS:
        try:
            ca = folder.read(purpose)
        except Misuse as failure:
            yield refusal(failure)
            continue
        told = f"the CA for {purpose} is valid until {ca.until}"
        if now >= ca.not_after:
            yield wrong(f"the CA for {purpose} ended on {ca.until}", _ROTATE.format(purpose))
        else:
            yield warning(told, _ROTATE.format(purpose)) if ca.not_after - now < SOON_S else ok(told)
    if not folder.is_bundled():
        yield warning("bundle.pem is not of these CAs and this version's public roots", "tradewarden ca bundle")


def shown(patient: Patient) -> Iterator[Finding]:
    """What the ports show: a handshake with each kind of certificate, as a bot makes it."""
    settings, folder = patient.loaded(), CertsFolder(patient.home.certs)
    if isinstance(settings.listen.tls, TlsFiles):
        yield _file(settings.listen.tls.cert)
    if patient.running is None:
        raise Misuse("what the ports show was not looked at: no gateway runs", "tradewarden serve")
    if not isinstance(settings.listen.tls, TlsFiles):
        yield _shake("the gateway's own ports", settings.listen.reverse, folder.certificate(LISTEN), "localhost")
    if settings.listen.forward is not None:
        host = next(host for exchange in EXCHANGES.values() for host in exchange.hosts)
        yield _shake("tunnels", settings.listen.forward, folder.certificate(TUNNELS), host, through=True)


def _shake(what: str, address: Address, ca: Path, name: str, *, through: bool = False) -> Finding:
    try:
        until = _handshake(address, ca, name, through)
    except (OSError, ConnectionError) as failure:
        return wrong(f"a bot that trusts {ca} refuses the certificate of {what}: {failure}", _HANDED)
    return ok(f"the certificate of {what} is trusted by {ca.name}, until {until}")


def _handshake(address: Address, ca: Path, name: str, through: bool) -> str:
    """When the certificate ends that is shown to a client that trusts this CA alone. Raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca)
    with socket.create_connection(reached(address), timeout=_WITHIN_S) as wire:
        if through:
            wire.sendall(f"CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n".encode())
            if not wire.recv(4096).startswith(_ESTABLISHED):
                raise ConnectionError("the tunnel was not opened")
        with context.wrap_socket(wire, server_hostname=name) as inner:
            certificate = inner.getpeercert()
    return str(certificate["notAfter"]) if certificate else "unknown"


def _file(path: Path) -> Finding:
    """The operator's own certificate."""
    try:
        until = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as failure:
        return wrong(f"listen.tls: {path} cannot be read: {failure}", "correct listen.tls in gateway.yaml")
    told, left_s = f"listen.tls: {path} is valid until {until:%Y-%m-%d}", until.timestamp() - time.time()
    if left_s <= 0:
        return wrong(told, "renew it, and restart the gateway")
    return warning(told, "renew it, and restart the gateway") if left_s < SOON_S else ok(told)
