"""The certificate of a capture, minted by the running gateway: for the exchanges' hosts alone, and for a day.

Law: this is the one place where a leaf's key leaves the gateway in the clear, and the log says that it did. The CA's
key stays.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from gateway.registry.certs import TUNNELS
from gateway.vault.authority import Leaf

if TYPE_CHECKING:
    from gateway.app import Gateway

LIFE: Final = timedelta(days=1)


def hand_out(gateway: "Gateway") -> dict[str, Any]:
    """Certificate and key in one PEM, and when it ends, in seconds since the epoch. Raises Unavailable, Damaged."""
    hosts = sorted(host for exchange in gateway.exchanges.values() for host in exchange.hosts)
    leaf = gateway.authorities.leaf(TUNNELS, tuple(hosts), LIFE)
    certificate = x509.load_pem_x509_certificate(leaf.chain_pem)
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    gateway.note({"type": "capture", "act": "certificate", "sha256": fingerprint, "hosts": hosts}, sync=True)
    return {"pem": (leaf.chain_pem + _key_pem(leaf)).decode(), "not_after": leaf.not_after}


def _key_pem(leaf: Leaf) -> bytes:
    private = serialization.load_der_private_key(leaf.key.reveal(), None)
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return private.private_bytes(serialization.Encoding.PEM, pkcs8, plain)
