"""The home's two CAs, opened with the vault: one to answer for exchanges in tunnels, one for the gateway's own ports.

Law: the box is the truth. The certificates beside it are for handing out; one that is not the box's is written anew.
A CA is made once, and another only by ``tradewarden ca rotate``: clients that trust one never find it replaced
unasked. A CA's key leaves this process sealed, or not at all.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Final

import structlog

from gateway.core.errors import Misuse
from gateway.registry.certs import LISTEN, STEMS, TUNNELS, CertsFolder
from gateway.vault.authority import LEAF_LIFE, Authority, Leaf, found, open_authority, seal_authority
from gateway.vault.certificate import CaCertificate, Constraints
from gateway.vault.envelope import Random, Vault
from gateway.vault.errors import Damaged

log = structlog.get_logger()

DOMAINS: Final = ("binance.com", "binance.vision", "binancefuture.com", "bitget.com", "coinbase.com", "kraken.com")
"""The exchanges' own domains. Every host of an adapter lies below one of these; the CA for tunnels signs no other."""
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
"""What the gateway's own ports are always called."""
_LOOPBACK_WHOLE: Final = ("localhost", "127.0.0.0/8", "::1/128")
SOON_S: Final = 30 * 86_400
"""How long before its end a CA is spoken of: time to hand out another."""


def permitted(purpose: str, names: Iterable[str]) -> Constraints:
    """What a CA for this purpose may sign for; ``names`` are those of ``listen.names``."""
    if purpose == TUNNELS:
        return Constraints.of(DOMAINS)
    for name in names:
        if any(_related(name, domain) for domain in DOMAINS):
            hint = "the ports' CA may never speak for an exchange; take it off listen.names in gateway.yaml"
            raise Misuse(f"listen.names has {name}, which is an exchange's", hint)
    return Constraints.of((*_LOOPBACK_WHOLE, *names))


def _related(name: str, domain: str) -> bool:
    """Whether one lies within the other."""
    one, other = f".{name}", f".{domain}"
    return one.endswith(other) or other.endswith(one)


class Authorities:
    """The CAs of one home. ``names`` are those of ``listen.names``; ``note`` puts a record into the audit log."""

    def __init__(
        self,
        folder: CertsFolder,
        vault: Vault,
        names: tuple[str, ...],
        now: Callable[[], float],
        random: Random,
        note: Callable[[dict[str, Any]], None],
    ) -> None:
        self._folder = folder
        self._vault = vault
        self._names = names
        self._now = now
        self._random = random
        self._note = note
        self._opened: dict[str, Authority] = {}

    def complete(self) -> None:
        """Make the CAs that this home never had: it is new, or older than they are."""
        missing = [purpose for purpose in STEMS if not self._folder.has(purpose)]
        for purpose in missing:
            self._make(purpose, "made")
        if missing:
            self._folder.write_bundle()

    def require(self, for_ports: bool) -> None:
        """Open both and mend what is handed out. Raises Damaged.

        ``for_ports``: the ports' certificates come from here. Raises Misuse for a name of theirs that is not covered.
        """
        for purpose in STEMS:
            self._authority(purpose)
        self._folder.write_bundle()
        covered = self._authority(LISTEN).certificate.constraints
        for host in self.own_hosts() if for_ports else ():
            if not covered.cover(host):
                hint = "run `tradewarden ca rotate listen`, then give the bots the new certificate"
                raise Misuse(f"listen.names has {host}, which the CA of the ports does not cover", hint)

    def ending(self) -> list[CaCertificate]:
        """Those that end within a month, or have."""
        certificates = [self._authority(purpose).certificate for purpose in STEMS]
        return [one for one in certificates if one.not_after - self._now() < SOON_S]

    def leaf(self, purpose: str, hosts: tuple[str, ...], life: timedelta = LEAF_LIFE) -> Leaf:
        """A server's certificate for these hosts. Raises Misuse outside the CA's constraints, Damaged, Unavailable."""
        return self._authority(purpose).leaf(hosts, self._now(), self._random, life)

    def own_hosts(self) -> tuple[str, ...]:
        """What the gateway's own ports are called."""
        return tuple(dict.fromkeys((*LOOPBACK, *self._names)))

    def rotate(self, purpose: str, names: tuple[str, ...]) -> CaCertificate:
        """Another key and certificate in place of whatever lies there; ``names``: ``listen.names`` as they are now."""
        if purpose == LISTEN:
            self._names = names
        certificate = self._make(purpose, "rotated")
        self._folder.write_bundle()
        return certificate

    def _make(self, purpose: str, act: str) -> CaCertificate:
        """Recorded first, then the box, then what shows it: a crash in between is mended from the box."""
        made = found(purpose, permitted(purpose, self._names), self._now(), self._random)
        box = seal_authority(self._vault, purpose, made, self._random)
        was = self._folder.seen(purpose)
        self._note(_told(act, purpose, made.certificate, was))
        self._folder.write(self._folder.box(purpose), box)
        self._folder.write(self._folder.certificate(purpose), made.certificate.pem)
        self._opened[purpose] = made
        return made.certificate

    def _authority(self, purpose: str) -> Authority:
        if purpose not in self._opened:
            opened = self._open(purpose)
            self._mend(purpose, opened.certificate)
            self._opened[purpose] = opened
        return self._opened[purpose]

    def _open(self, purpose: str) -> Authority:
        path = self._folder.box(purpose)
        hint = f"restore it from a backup, or make another CA with `tradewarden ca rotate {purpose}`"
        try:
            return open_authority(self._vault, purpose, path.read_bytes())
        except FileNotFoundError:
            raise Damaged(str(path), "it is gone", hint) from None
        except Damaged:
            raise Damaged(str(path), "it was not sealed here, or not for this CA", hint) from None

    def _mend(self, purpose: str, certificate: CaCertificate) -> None:
        lying = self._folder.seen(purpose)
        if lying is not None and lying.pem == certificate.pem:
            return
        path = self._folder.certificate(purpose)
        log.warning("this was not the CA's certificate and is written anew", path=str(path))
        self._note(_told("mended", purpose, certificate, lying))
        self._folder.write(path, certificate.pem)


def _told(act: str, purpose: str, now: CaCertificate, was: CaCertificate | None) -> dict[str, Any]:
    """The audit record."""
    before = {} if was is None else {"was": was.fingerprint}
    return {"type": "ca", "act": act, "ca": purpose, "sha256": now.fingerprint} | before
