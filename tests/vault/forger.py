"""A thief with a CA's stolen key, who signs whatever he likes; and OpenSSL at its strictest, who judges it."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.core.secret import Secret
from gateway.vault.authority import Authority, Leaf
from gateway.vault.certificate import CaCertificate

Names = list[x509.GeneralName]
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


class Forger:
    """Signs with the CA's own key, and asks our code for nothing. ``now`` is when his certificates are good."""

    def __init__(self, authority: Authority, now: float) -> None:
        self._ca = authority.certificate
        self._key = ec.derive_private_key(int.from_bytes(authority.key.reveal()), ec.SECP256R1())
        self._now = datetime.fromtimestamp(int(now), UTC)

    def leaf(self, names: Names, common_name: str | None = None, usage: x509.ObjectIdentifier = SERVER) -> Leaf:
        """A certificate for these names, well made in everything else."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._begun(_named(common_name), self._ca.x509.subject, key)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        builder = builder.add_extension(_issued_by(self._ca), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=common_name is None)
        return Leaf(_pem(builder.sign(self._key, hashes.SHA256())), _der(key), (self._now + timedelta(1)).timestamp())

    def below(self, name: str) -> tuple[bytes, bytes]:
        """A CA below this one, without constraints, and its certificate for the name."""
        key, issuer = ec.generate_private_key(ec.SECP256R1()), _named("below")
        sub = self._begun(issuer, self._ca.x509.subject, key)
        for extension, is_critical in (
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (self._ca.x509.extensions.get_extension_for_class(x509.KeyUsage).value, True),
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
            (_issued_by(self._ca), False),
        ):
            sub = sub.add_extension(extension, is_critical)
        last = self._begun(_named(None), issuer, ec.generate_private_key(ec.SECP256R1()))
        last = last.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
        last = last.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        return _pem(sub.sign(self._key, hashes.SHA256())), _pem(last.sign(key, hashes.SHA256()))

    def _begun(self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        number, until = x509.random_serial_number(), self._now + timedelta(days=1)
        return x509.CertificateBuilder(issuer, subject, key.public_key(), number, self._now, until)


def judged(folder: Path, ca: CaCertificate, leaf: bytes, now: float, *options: str) -> str:
    """What OpenSSL has against the leaf; empty where it accepts it."""
    (folder / "ca.pem").write_bytes(ca.pem)
    (folder / "leaf.pem").write_bytes(leaf)
    purpose = () if "-purpose" in options else ("-purpose", "sslserver")
    command = ["openssl", "verify", "-x509_strict", "-attime", str(int(now) + 60), "-CAfile", str(folder / "ca.pem")]
    command += [*purpose, *options, str(folder / "leaf.pem")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode == 0) == done.stdout.endswith("OK\n")
    return "" if done.returncode == 0 else done.stderr


def _named(common_name: str | None) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])


def _issued_by(ca: CaCertificate) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca.subject_key)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _der(key: ec.EllipticCurvePrivateKey) -> Secret:
    plain = serialization.NoEncryption()
    return Secret(key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, plain))
