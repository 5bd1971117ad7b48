"""Hosts as certificates name them: a name in lower case without wildcards, or an address in its one spelling."""

import ipaddress
import re
from typing import Final

from gateway.core.errors import Misuse

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*", re.ASCII)


def as_address(name: str) -> Address | None:
    """The IP address that the text is, or None for a host name. One with a zone has no place in a certificate."""
    try:
        return None if "%" in name else ipaddress.ip_address(name)
    except ValueError:
        return None


def checked_host(name: str) -> str:
    """A host name or IP address as certificates carry it. Raises Misuse: wildcards, upper case, anything else."""
    address = as_address(name)
    if address is None and not _NAME.fullmatch(name):
        raise Misuse(f"{name[:80]!r} is no host name or IP address", "write it in lower case, without wildcards")
    return name if address is None else str(address)
