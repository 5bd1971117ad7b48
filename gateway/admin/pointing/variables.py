"""The variables that lead a program through the forward port and let it trust what answers there."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
DIRECT: Final = ("NO_PROXY", "no_proxy")
_BETWEEN: Final = re.compile(r"[,\s]+")
_PORT: Final = re.compile(r":[0-9]+$")


def variables(forward: str, ca: str, bundle: str) -> dict[str, str]:
    """By name; nothing in them is secret. ``bundle`` holds the public roots too, for what takes one file only."""
    proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "WSS_PROXY", "wss_proxy"), forward)
    whole = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "TRADEWARDEN_CA_BUNDLE")
    more = {"NODE_EXTRA_CA_CERTS": ca, "NODE_USE_ENV_PROXY": "1"}
    return proxies | dict.fromkeys(whole, bundle) | more


def direct(was: Mapping[str, str], hosts: Iterable[str]) -> dict[str, str]:
    """NO_PROXY: loopback, and what it named before unless that would lead to one of these hosts past the gateway."""
    named = [entry for name in DIRECT for entry in _BETWEEN.split(was.get(name, ""))]
    kept = [entry for entry in named if entry and not any(_covers(entry, host) for host in hosts)]
    return dict.fromkeys(DIRECT, ",".join(dict.fromkeys((*LOOPBACK, *kept))))


def _covers(entry: str, host: str) -> bool:
    """As the loosest of clients read it: a name stands for all names that end in it, and a URL for its host."""
    place = entry.lower().rpartition("://")[2].partition("/")[0]
    return host.rstrip(".").endswith(_PORT.sub("", place).lstrip("*.").rstrip("."))
