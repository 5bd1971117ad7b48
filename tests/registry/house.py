"""A home's durable half in a temporary directory, with a vault that is cheap to open."""

import os
import shutil
from pathlib import Path

from gateway.audit.log import AuditLog
from gateway.core.secret import Secret
from gateway.core.token import Account, Credential, KeyKind, Token
from gateway.exchanges.registry import EXCHANGES
from gateway.registry.lifecycle import Issued, Lifecycle, blank_token
from gateway.registry.start import Opened, complete_log, open_state
from gateway.store.sqlite import SqliteStore
from gateway.vault.anchor import TokensDigest
from gateway.vault.envelope import LockedVault, Vault, create
from gateway.vault.header import Cost

BINANCE = EXCHANGES["binance"]
PASSPHRASE = Secret("correct horse")
CHEAP = Cost(1, 64)
NOW_MS = 1_795_000_000_000
ACCOUNT = Account("main", "binance", "live", "realkey" * 8, KeyKind.HMAC, NOW_MS)
REAL = Credential(ACCOUNT.key_id, KeyKind.HMAC, Secret("the real secret"))


class Desk:
    """State and log of a home, opened; ``unlock`` as `serve` does it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        if not (home / "state.db").exists():
            home.mkdir(exist_ok=True)
            store = SqliteStore.create(home / "state.db")
            with store.transaction() as change:
                change.put_vault(create(PASSPHRASE, os.urandom, CHEAP))
            store.close()
        self.store = SqliteStore.open(home / "state.db")
        self.locked = LockedVault(self.store.vault() or b"")
        self.audit = AuditLog(home / "audit", lambda: NOW_MS)
        self.completed = complete_log(self.store, self.audit)
        self.lifecycle = Lifecycle(self.store, self.audit, self.locked, lambda: NOW_MS, os.urandom)
        if self.audit.next == 0:
            self.audit.append(self.audit.draft({"type": "init"}), sync=True)
            self.lifecycle.unlocked(self.vault(), TokensDigest.over(self.vault()))
            self.lifecycle = Lifecycle(self.store, self.audit, self.locked, lambda: NOW_MS, os.urandom)

    def vault(self) -> Vault:
        return self.locked.unlock(PASSPHRASE)

    def unlock(self, accept_rollback: bool = False) -> Opened:
        vault = self.vault()
        opened = open_state(self.store, self.audit, vault, os.urandom, accept_rollback)
        self.lifecycle.unlocked(vault, TokensDigest.over(vault, opened.standings))
        return opened

    def issue(self, name: str) -> Issued:
        blank = blank_token(name, ACCOUNT, "grid", KeyKind.HMAC, NOW_MS, None, ())
        return self.lifecycle.issue(BINANCE, blank)

    def close(self) -> None:
        self.audit.close()
        self.store.close()

    def again(self) -> "Desk":
        """Closed and opened again."""
        self.close()
        return Desk(self.home)


def copy_state(home: Path, to: Path) -> None:
    """What somebody keeps who can read the disk: a copy of state.db, nothing running."""
    to.mkdir(exist_ok=True)
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        (to / name).unlink(missing_ok=True)
        if (home / name).exists():
            shutil.copy(home / name, to / name)


def token_of(opened: Opened, name: str) -> Token:
    """The token of that name."""
    return next(token for token in opened.tokens if token.name == name)
