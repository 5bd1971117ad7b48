"""What a CA's certificate says of itself: its purpose, what it may sign for, how long. Public; needs no vault.

What a CA may sign for is always read from its certificate, which is what clients go by, never from a setting.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from gateway.core.errors import Misuse
from gateway.vault.hosts import as_address, checked_host

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ORGANISATION: Final = "tradewarden"
_EVERYWHERE: Final = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


@dataclass(frozen=True, slots=True)
class Constraints:
    """What a CA may sign for: these names with all below them, these networks, and nothing else."""

    names: tuple[str, ...]
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, hosts: Iterable[str]) -> "Constraints":
        """For hosts, addresses and networks (``127.0.0.0/8``) as text. Raises Misuse."""
        names, networks = list[str](), list[Network]()
        for host in dict.fromkeys(hosts):
            if "/" in host or as_address(host) is not None:
                networks.append(ipaddress.ip_network(host))
            else:
                names.append(checked_host(host))
        return cls(tuple(names), tuple(networks))

    def cover(self, host: str) -> bool:
        """Whether a certificate for this host lies within."""
        address = as_address(host)
        if address is not None:
            return any(address in network for network in self.networks)
        return any(host == name or host.endswith(f".{name}") for name in self.names)

    def texts(self) -> list[str]:
        """All of it, as :meth:`of` takes it."""
        return [*self.names, *map(str, self.networks)]

    def extension(self) -> x509.NameConstraints:
        """Both kinds are always stated, for one that no constraint names would be free. Raises Misuse without names."""
        if not self.names:
            raise Misuse("a CA must be constrained to names")
        permitted = [*map(x509.DNSName, self.names), *map(x509.IPAddress, self.networks)]
        excluded = [] if self.networks else [x509.IPAddress(network) for network in _EVERYWHERE]
        return x509.NameConstraints(permitted, excluded or None)


class CaCertificate:
    """A CA's certificate in PEM."""

    def __init__(self, pem: bytes) -> None:
        """Raises Misuse for what is no certificate of ours."""
        self.pem = pem
        try:
            self.x509 = x509.load_pem_x509_certificate(pem)
            self._constraints = self.x509.extensions.get_extension_for_class(x509.NameConstraints).value
            self.subject_key = self.x509.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        except (ValueError, x509.ExtensionNotFound, x509.UnsupportedGeneralNameType):
            raise Misuse("this is no certificate of a CA of ours") from None

    @property
    def name(self) -> str:
        """Its common name; no two CAs have the same."""
        return str(self.x509.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)

    @property
    def fingerprint(self) -> str:
        """SHA-256 as ``openssl x509 -fingerprint -sha256`` prints it."""
        return self.x509.fingerprint(hashes.SHA256()).hex(":").upper()

    @property
    def not_before(self) -> int:
        """Seconds since the epoch."""
        return int(self.x509.not_valid_before_utc.timestamp())

    @property
    def not_after(self) -> int:
        """Seconds since the epoch."""
        return int(self.x509.not_valid_after_utc.timestamp())

    @property
    def until(self) -> str:
        """The day it ends on, for a person."""
        return self.x509.not_valid_after_utc.strftime("%Y-%m-%d")

    @cached_property
    def constraints(self) -> Constraints:
        """What it may sign for."""
        permitted = self._constraints.permitted_subtrees or ()
        names = tuple(each.value for each in permitted if isinstance(each, x509.DNSName))
        addresses = (each.value for each in permitted if isinstance(each, x509.IPAddress))
        return Constraints(names, tuple(each for each in addresses if isinstance(each, Network)))
