"""A local CA, and the short certificates that it signs. Pure: clock and randomness are arguments.

Rules: a CA is constrained by a critical extension, so that whoever steals its key can play nobody but the hosts it
was made for; our own code signs nothing outside either. It signs servers only, and no other CA. Raw key bytes are
never bound to a name here, for a traceback may show its locals.

A CA lives for two years: it is handed to bots by a person, which must stay rare, and trust that was forgotten
somewhere must end. A leaf lives for a week and is made anew at half of it, so that no list of revoked ones is needed.
"""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.core.errors import Misuse, Unavailable
from gateway.core.secret import Secret
from gateway.vault.certificate import ORGANISATION, CaCertificate, Constraints
from gateway.vault.context import Context
from gateway.vault.envelope import Random, Vault
from gateway.vault.errors import Damaged
from gateway.vault.hosts import as_address, checked_host

CA_LIFE: Final = timedelta(days=730)
LEAF_LIFE: Final = timedelta(days=7)
EARLIER: Final = timedelta(hours=1)
"""How far before its making a certificate begins: clocks of containers and other machines differ."""

_CURVE: Final = ec.SECP256R1()
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SCALAR: Final = 32
_WIDE: Final = 48
"""16 bytes more than the order has: the remainder then favours no scalar by more than 2**-128."""


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A server's certificate (PEM) and its key (PKCS #8, DER); ``not_after`` in seconds since the epoch."""

    chain_pem: bytes
    key: Secret
    not_after: float


@dataclass(frozen=True, slots=True, eq=False)
class Authority:
    """A CA: its certificate, and its key as the 32 bytes of its scalar."""

    certificate: CaCertificate
    key: Secret

    @classmethod
    def of(cls, pem: bytes, key: Secret) -> Self:
        """From its parts. Raises Misuse where they do not belong together."""
        certificate = CaCertificate(pem)
        if _private(key).public_key() != certificate.x509.public_key():
            raise Misuse("the key is not that of the certificate")
        return cls(certificate, key)

    def leaf(self, names: tuple[str, ...], now: float, random: Random, life: timedelta = LEAF_LIFE) -> Leaf:
        """A server's certificate for these hosts. Raises Misuse outside the constraints, Unavailable once expired."""
        ca = self.certificate
        hosts = tuple(checked_host(name) for name in names)
        if not hosts:
            raise Misuse("a certificate needs a name")
        for host in hosts:
            if not ca.constraints.cover(host):
                raise Misuse(f"{host} is outside what the CA {ca.name!r} may sign for")
        if now >= ca.not_after:
            raise Unavailable(f"the CA {ca.name!r} has expired; make a new one with `tradewarden ca rotate`")
        key = _private(_scalar(random))
        until = min(_moment(now) + life, ca.x509.not_valid_after_utc)
        builder = _begun(_named(), ca.x509.subject, key, _moment(now), until, random)
        for extension, is_critical in _of_leaf(hosts, key, ca):
            builder = builder.add_extension(extension, is_critical)
        signed = builder.sign(_private(self.key), hashes.SHA256())
        return Leaf(signed.public_bytes(serialization.Encoding.PEM), _pkcs8(key), until.timestamp())


def found(purpose: str, permitted: Constraints, now: float, random: Random) -> Authority:
    """A new CA that may sign for what is permitted. Raises Misuse where no name is."""
    key = _scalar(random)
    name = _named(f"{ORGANISATION} {purpose} {random(4).hex()}")
    private = _private(key)
    builder = _begun(name, name, private, _moment(now), _moment(now) + CA_LIFE, random)
    for extension, is_critical in _of_ca(private, permitted):
        builder = builder.add_extension(extension, is_critical)
    signed = builder.sign(private, hashes.SHA256())
    return Authority.of(signed.public_bytes(serialization.Encoding.PEM), key)


def seal_authority(vault: Vault, purpose: str, authority: Authority, random: Random) -> bytes:
    """The CA's box: key and certificate together, so that neither is ever paired with another's."""
    return vault.seal(_context(purpose), Secret(authority.key.reveal() + authority.certificate.pem), random)


def open_authority(vault: Vault, purpose: str, box: bytes) -> Authority:
    """The CA for that purpose. Raises Damaged for any box but its own."""
    plaintext = vault.open(_context(purpose), box)
    try:
        return Authority.of(plaintext.reveal()[_SCALAR:], Secret(plaintext.reveal()[:_SCALAR]))
    except Misuse as failure:
        raise Damaged(str(_context(purpose)), str(failure)) from None


def _context(purpose: str) -> Context:
    return Context("authority", purpose, "key and certificate")


Extensions = list[tuple[x509.ExtensionType, bool]]


def _of_ca(key: ec.EllipticCurvePrivateKey, permitted: Constraints) -> Extensions:
    return [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (_usage(signs_certificates=True), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (permitted.extension(), True),
    ]


def _of_leaf(hosts: tuple[str, ...], key: ec.EllipticCurvePrivateKey, ca: CaCertificate) -> Extensions:
    return [
        (x509.SubjectAlternativeName([_general(host) for host in hosts]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(signs_certificates=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca.subject_key), False),
    ]


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates, crl_sign=signs_certificates,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, until: datetime,
    random: Random,
) -> x509.CertificateBuilder:  # fmt: skip
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=1 << 127 | int.from_bytes(random(16)),
        not_valid_before=now - EARLIER,
        not_valid_after=until,
    )


def _named(common_name: str | None = None) -> x509.Name:
    """A leaf has no common name: hosts stand in the alternative names only, where constraints reach them."""
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION)]
    if common_name is not None:
        parts.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    return x509.Name(parts)


def _general(host: str) -> x509.GeneralName:
    return x509.DNSName(host) if as_address(host) is None else x509.IPAddress(ipaddress.ip_address(host))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _scalar(random: Random) -> Secret:
    wide = Secret(random(_WIDE))
    if len(wide.reveal()) != _WIDE:
        raise ValueError("the source of randomness gave too few bytes")
    return Secret((int.from_bytes(wide.reveal()) % (_ORDER - 1) + 1).to_bytes(_SCALAR))


def _private(key: Secret) -> ec.EllipticCurvePrivateKey:
    try:
        return ec.derive_private_key(int.from_bytes(key.reveal()), _CURVE)
    except ValueError:
        pass  # its frames hold the key
    raise Misuse("this is no key of a CA of ours")


def _pkcs8(key: ec.EllipticCurvePrivateKey) -> Secret:
    plain = serialization.NoEncryption()
    return Secret(key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, plain))
