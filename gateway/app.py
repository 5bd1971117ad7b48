"""Wiring: the one place that picks what stands behind each port. Opens a home; nothing here decides anything.

    Desk      a home opened for writing: state, log, lifecycle. Enough for whatever narrows.
    Gateway   a Desk with the vault open: tokens, ledger, market, upstream, the pipeline.
"""

import os
import ssl
import time
from dataclasses import replace
from functools import partial
from typing import Any, Final

import structlog

from gateway.audit.log import AuditLog
from gateway.core.errors import Misuse, Unavailable
from gateway.core.secret import Secret
from gateway.core.token import Token, TokenState
from gateway.edge.leaves import Leaves, own_context
from gateway.edge.upstream import UpstreamPool
from gateway.exchanges.exchange import Exchange
from gateway.exchanges.registry import EXCHANGES
from gateway.home import Home
from gateway.ledger.ledger import Ledger
from gateway.market.clock import Clocks
from gateway.market.feed import Reaching
from gateway.market.market import LIVE, Markets
from gateway.metrics import Metrics
from gateway.pipeline import Pipeline
from gateway.ports import Surroundings
from gateway.registry.accounts import AccountBook
from gateway.registry.authorities import Authorities
from gateway.registry.certs import LISTEN, TUNNELS, CertsFolder
from gateway.registry.lifecycle import Lifecycle
from gateway.registry.policies import PolicyShelf
from gateway.registry.start import complete_log, open_state
from gateway.registry.tokens import LiveTokens
from gateway.settings import Settings, TlsFiles
from gateway.stages.follow import Follower
from gateway.stages.marker import Marker
from gateway.stages.reconcile import Reconciler
from gateway.stages.send import Sender
from gateway.stages.silence import Silence
from gateway.store.sqlite import SqliteStore
from gateway.vault.anchor import TokensDigest
from gateway.vault.certificate import CaCertificate
from gateway.vault.envelope import LockedVault, Vault
from gateway.vault.lender import VaultLender

log = structlog.get_logger()

HOSTS: Final = frozenset(host for exchange in EXCHANGES.values() for host in exchange.hosts)


class Desk:
    """A home opened for writing by the one process that holds its lock; the vault stays locked."""

    def __init__(self, home: Home, settings: Settings) -> None:
        self.home = home
        self.settings = settings
        self.clock = Clocks()
        self.store = SqliteStore.open(home.state)
        header = self.store.vault()
        if header is None:
            raise Misuse("state.db has no vault in it", "`tradewarden init` did not finish: remove the home and repeat")
        self.locked = LockedVault(header)
        self.audit = AuditLog(home.audit, self.clock.now_ms, noted=self._noted)
        self.completed = complete_log(self.store, self.audit)
        self.lifecycle = Lifecycle(self.store, self.audit, self.locked, self.clock.now_ms, os.urandom)
        self.exchanges: dict[str, Exchange] = dict(EXCHANGES)
        self.upstream = upstream_of(settings)
        self.lender = VaultLender(self._box_of, os.urandom)
        self.sender = Sender(self.clock, self.audit, self.lender, self.upstream)
        reaching = Reaching(settings.upstream.connect_to, settings.upstream.ca_file)
        self.market = Markets(self.exchanges, self.sender.own_public, self.clock, reaching)

    def unlock(self, passphrase: Secret) -> Vault:
        """Open the vault. Raises WrongPassphrase, Damaged."""
        vault = self.locked.unlock(passphrase)
        self.audit.sign = vault.sign
        self.lender.unlock(vault)
        return vault

    def authorities_of(self, vault: Vault) -> Authorities:
        """The local CAs. They go by the system's clock as clients do, not by one that never steps back."""
        folder, names = CertsFolder(self.home.certs), self.settings.listen.names
        return Authorities(folder, vault, names, time.time, os.urandom, partial(self.note, sync=True))

    def note(self, body: dict[str, Any], sync: bool = False) -> None:
        """Append a record that belongs to no request."""
        self.audit.note(body, sync)

    def close(self) -> None:
        """Sign the log's head if the vault is open, and let go of it all. A full disk undoes nothing that was done."""
        try:
            self.audit.checkpoint()
            self.lifecycle.anchor()
            self.audit.close()
        except Unavailable as failure:
            log.error("the end of the log is not signed; the next start does it", why=str(failure))
        finally:
            self.store.close()

    def _box_of(self, account: str) -> bytes | None:
        row = self.store.account(account)
        return None if row is None else row.box

    def _noted(self, number: int, head: str) -> None:
        self.store.logged(number)
        with self.store.transaction(None, synced=False) as change:
            change.put_checkpoint(number, head)


class Gateway(Desk):
    """Everything that serves bots, short of the ports themselves."""

    def __init__(self, home: Home, settings: Settings, passphrase: Secret, accept_rollback: bool = False) -> None:
        super().__init__(home, settings)
        self.vault = self.unlock(passphrase)
        opened = open_state(self.store, self.audit, self.vault, os.urandom, accept_rollback)
        self.lifecycle.unlocked(self.vault, TokensDigest.over(self.vault, opened.standings))
        self.accounts = AccountBook(opened.accounts, settings.accounts)
        self.tokens = LiveTokens(self.store, self.clock.now_ms, self._halt)
        self.tokens.load(opened.tokens, self.store.restrictions())
        if accept_rollback:
            self._pause_all(opened.tokens)
        self.authorities = self.authorities_of(self.vault)
        self.authorities.complete()
        self.leaves = Leaves(partial(self.authorities.leaf, TUNNELS), time.time, home.certs)
        self._own_leaves = Leaves(partial(self.authorities.leaf, LISTEN), time.time, home.certs)
        self._own_files: ssl.SSLContext | None = None
        self.policies = PolicyShelf(home.policies, self.note)
        self.policies.reload()
        self.market.needs = self._needs
        self.ledger = Ledger.open(self.store)
        self.metrics = Metrics()
        self.world = Surroundings(
            self.tokens, self.accounts, self.policies, self.ledger, self.audit, self.market, self.upstream,
            self.lender, self.clock, self.metrics, os.urandom,
        )  # fmt: skip
        self.follower = Follower(self.world, self.sender, self.exchanges)
        self.silence = Silence(self.world, self.sender, self.exchanges)
        self.marker = Marker(self.world)
        self.pipeline = Pipeline(self.world, self.sender, self.follower.ready, self.silence.heard)
        self.reconciler = Reconciler(self.world, self.sender, self.exchanges)

    def listen_context(self) -> ssl.SSLContext:
        """TLS for the bots' ports, with the operator's certificate if there is one. Raises Misuse, Unavailable."""
        files = self.settings.listen.tls
        if self._own_files is None and isinstance(files, TlsFiles):
            self._own_files = own_context(files.cert, files.key)
        return self._own_files or self._own_leaves.context(self.authorities.own_hosts())

    def require_certificates(self) -> list[str]:
        """Check that TLS can be served as the settings say; warnings. Raises Damaged, Misuse.

        A CA that has ended is a warning: bots that speak plain HTTP, or through files of the operator's, go on.
        """
        if isinstance(self.settings.listen.tls, TlsFiles):
            self.authorities.require(for_ports=False)
            self.listen_context()
        else:
            self.authorities.require(for_ports=True)
        ending = self.authorities.ending()
        return [f"the CA {one.name!r} ends on {one.until}; then `tradewarden ca rotate` is due" for one in ending]

    def rotate_ca(self, purpose: str, names: tuple[str, ...]) -> CaCertificate:
        """Another CA in this one's place, used from the next connection on."""
        certificate = self.authorities.rotate(purpose, names)
        for leaves in (self.leaves, self._own_leaves):
            leaves.forget()
        return certificate

    def paused(self, name: str) -> None:
        """A token's row was paused: so is the token in memory."""
        row = self.store.token(name)
        token = self.tokens.find(row.id) if row else None
        if row is not None and token is not None:
            self.tokens.put(replace(token, state=TokenState.PAUSED, generation=row.generation))

    def replace_header(self, header: bytes) -> None:
        """The vault under another passphrase; the open vault stays open."""
        self.note({"type": "passphrase"})
        with self.store.transaction(None) as change:
            change.put_vault(header)

    def _halt(self, token: Token, why: str) -> None:
        """A control halted the token: paused until a person resumes it."""
        self.lifecycle.pause(token.name, why)
        self.paused(token.name)

    def _needs(self) -> set[tuple[str, str]]:
        """The markets that live tokens' policies name and want more than one source for; globs are asked on demand."""
        live = {account.name for account in self.accounts.all() if account.environment == LIVE}
        uses = [(exchange, policy) for exchange, account, policy in self.tokens.uses() if account in live]
        policies = [(exchange, self.policies.find(policy)) for exchange, policy in uses]
        return {
            (exchange, symbol)
            for exchange, policy in policies
            if policy.orders and policy.venues > 1
            for symbol in policy.symbols
            if "*" not in symbol
        }

    def _pause_all(self, tokens: list[Token]) -> None:
        for token in tokens:
            if token.state is not TokenState.PAUSED:
                self._halt(token, "started with --accept-rollback")

    def tick(self) -> None:
        """Once a second: what was written becomes durable, what is counted is stored. Raises Unavailable."""
        self.pipeline.sum_up()
        self.audit.tick()
        self.ledger.tick(self.clock.now_ms())

    def checkpoint(self) -> None:
        """Once a minute: sign the log's head, move the anchor, prune what is too old."""
        if self.audit.checkpoint():
            self.lifecycle.anchor()
        self.audit.prune(self.clock.now_ms(), self.settings.audit.keep)

    def close(self) -> None:
        """Store what is only counted, then as every desk."""
        self.pipeline.sum_up(at_once=True)
        self.ledger.close()
        super().close()


def upstream_of(settings: Settings) -> UpstreamPool:
    """The way to the exchanges, as the settings have it."""
    timeout = settings.upstream.timeout
    return UpstreamPool(
        HOSTS,
        settings.upstream.connect_to,
        settings.upstream.ca_file,
        timeout.connect / 1000,
        timeout.response / 1000,
    )

