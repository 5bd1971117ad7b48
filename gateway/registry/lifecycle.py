"""Every change of a token or an account: one transaction with its audit record, then the anchor, then memory.

What widens (issue, resume, rotate, a rotated account) needs the open vault. What narrows (pause, revoke) works on
rows alone: a paused token's box is sealed again to the vault's public key, a revoked one's is destroyed.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from gateway.audit.log import AuditLog
from gateway.core.errors import Misuse
from gateway.core.secret import Secret
from gateway.core.token import Account, Credential, KeyKind, Token, TokenState, VerifyKey
from gateway.exchanges.exchange import Exchange
from gateway.ports import Record
from gateway.registry.masking import masked
from gateway.store import AccountRow, Change, Store, StoreUnavailable, TokenRow
from gateway.vault.anchor import Anchor, Standing, TokensDigest, seal_anchor
from gateway.vault.envelope import LockedVault, Vault
from gateway.vault.rows import open_credential, open_token, pause_box, seal_credential, seal_new_credential, seal_token

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Step:
    """How one standing changes; ``was`` None for what is new, ``now`` None for what is removed."""

    was: Standing | None
    now: Standing | None

    def body(self) -> dict[str, Any]:
        """For the audit record; :mod:`gateway.registry.start` reads it back."""
        return {"was": _side(self.was), "now": _side(self.now)}


def _side(standing: Standing | None) -> dict[str, Any] | None:
    if standing is None:
        return None
    return {
        "name": standing.name,
        "id": standing.id,
        "generation": standing.generation,
        "state": standing.state.value,
    }


def account_standing(name: str, box: bytes) -> Standing:
    """An account's place in the digest: its box as it is, so that an older one is missed."""
    return Standing(f"account {name}", sha256(box).hexdigest(), 0, TokenState.ACTIVE)


@dataclass(frozen=True, slots=True)
class Issued:
    """A token and the secret half that is shown once."""

    token: Token
    secret: str


class Lifecycle:
    """Changes to the durable state. ``vault`` is None while it is locked; ``digest`` goes with the open vault."""

    def __init__(
        self, store: Store, audit: AuditLog, locked: LockedVault, now_ms: Callable[[], int], random: Random
    ) -> None:
        self._store = store
        self._audit = audit
        self._locked = locked
        self._now_ms = now_ms
        self._random = random
        self._vault: Vault | None = None
        self._digest: TokensDigest | None = None

    def unlocked(self, vault: Vault, digest: TokensDigest) -> None:
        """From now on widening works, and every change moves the anchor."""
        self._vault = vault
        self._digest = digest
        self.anchor()

    # -- tokens ---------------------------------------------------------------------------------------------------

    def issue(self, exchange: Exchange, blank: Token) -> Issued:
        """A new token as ``blank`` describes it, with an id and key of its own. Raises Misuse if the name is taken."""
        vault = self._open_vault()
        minted = exchange.mint(blank.key.kind, self._random)
        token = replace(blank, id=minted.token_id, key=minted.key)
        row = _row(token, seal_token(vault, token, self._random))
        scope = {
            "account": token.account,
            "policy": token.policy,
            "expires_at": token.expires_at,
            "addresses": list(token.addresses),
        }
        self._commit("issued", [Step(None, Standing.of(token))], lambda change: change.add_token(row), scope)
        return Issued(token, minted.secret)

    def rotate(self, exchange: Exchange, name: str) -> Issued:
        """A new secret for the same token: same id, budgets and state; the old secret is worthless at once."""
        row = self._row(name)
        token = open_token(self._open_vault(), name, _box(row))
        minted = exchange.mint(token.key.kind, self._random)
        changed = self._reseal(row, token, replace(token, key=minted.key, generation=token.generation + 1), "rotated")
        return Issued(changed, minted.secret)

    def resume(self, name: str) -> Token:
        """Active again, whoever or whatever paused it."""
        row = self._row(name)
        token = open_token(self._open_vault(), name, _box(row))
        active = replace(token, state=TokenState.ACTIVE, generation=token.generation + 1)
        return self._reseal(row, token, active, "resumed")

    def pause(self, name: str, why: str = "") -> TokenState:
        """Cancels and reads only, until a person resumes; works without the vault. The state it was in."""
        row = self._row(name)
        if row.state is TokenState.PAUSED:
            return row.state
        generation = row.generation + 1
        box = pause_box(self._locked, name, _box(row), generation)
        paused = replace(row, state=TokenState.PAUSED, generation=generation, box=box)
        step = Step(_standing(row), _standing(paused))
        self._commit("paused", [step], lambda change: change.replace_token(paused), {"why": why} if why else {})
        return row.state

    def revoke(self, names: Sequence[str]) -> list[TokenRow]:
        """Final: their boxes are destroyed. Works without the vault; those that were revoked already are left out."""
        rows = [row for row in map(self._known, dict.fromkeys(names)) if row.state is not TokenState.REVOKED]
        gone = [
            replace(row, state=TokenState.REVOKED, generation=row.generation + 1, box=None) for row in rows
        ]
        steps = [Step(_standing(row), _standing(dead)) for row, dead in zip(rows, gone, strict=True)]

        def destroy(change: Change) -> None:
            for dead in gone:
                change.replace_token(dead)

        if steps:
            self._commit("revoked", steps, destroy)
        return gone

    def _reseal(self, row: TokenRow, old: Token, new: Token, act: str) -> Token:
        box = seal_token(self._open_vault(), new, self._random)
        step = Step(Standing.of(old), Standing.of(new))

        def write(change: Change) -> None:
            change.replace_token(_row(new, box))
            for restriction in self._store.restrictions():
                if restriction.token_id == row.id and act == "resumed":
                    change.lift(row.id, restriction.action)

        self._commit(act, [step], write)
        return new

    # -- accounts -------------------------------------------------------------------------------------------------

    def add_account(self, account: Account, credential: Credential) -> None:
        """Seal a new real key; on a locked vault to its public key. Raises Misuse if the name is taken."""
        if self._store.account(account.name) is not None:
            raise Misuse(f"account {account.name!r} exists", "use `account rotate` to change its key")
        self._only_once(account)
        if self._vault is None:
            box = seal_new_credential(self._locked, account, credential)
        else:
            box = seal_credential(self._vault, account, credential, self._random)
        row = _account_row(account, box)
        step = Step(None, account_standing(account.name, box))
        self._commit("account added", [step], lambda change: change.add_account(row), _told(account))

    def rotate_account(self, name: str, credential: Credential) -> Account:
        """Another real key under live tokens."""
        vault = self._open_vault()
        was = self._account(name)
        old, _ = open_credential(vault, name, was.box)
        account = replace(old, key_id=credential.key_id, kind=credential.kind, added_at=self._now_ms())
        self._only_once(account)
        box = seal_credential(vault, account, credential, self._random)
        row = _account_row(account, box)
        step = Step(account_standing(name, was.box), account_standing(name, box))
        self._commit("account rotated", [step], lambda change: change.replace_account(row), _told(account))
        return account

    def _only_once(self, account: Account) -> None:
        """One key under two names would be two ledgers of one account: neither would bound it. Raises Misuse."""
        for other in self._store.accounts():
            same = (other.exchange, other.environment) == (account.exchange, account.environment)
            if same and other.name != account.name and self._has_key(other, account.key_id):
                raise Misuse(
                    f"this key is account {other.name!r} already", "use that account, or make another key for this one"
                )

    def _has_key(self, row: AccountRow, key_id: str) -> bool:
        """By its sealed box; on a locked vault by what its column shows, which is enough to tell long ids apart."""
        if self._vault is not None:
            return open_credential(self._vault, row.name, row.box)[0].key_id == key_id
        return len(row.key_id) > 1 and row.key_id == masked(key_id)

    def remove_account(self, name: str) -> None:
        """Destroy a sealed key. Raises Misuse while tokens of it live."""
        row = self._account(name)
        live = [t.name for t in self._store.tokens() if t.account == name and t.state is not TokenState.REVOKED]
        if live:
            raise Misuse(f"account {name!r} has live tokens: {', '.join(live[:5])}", "revoke them first")
        told = {"account": name, "key_id": row.key_id}
        step = Step(account_standing(name, row.box), None)
        self._commit("account removed", [step], lambda change: change.remove_account(name), told)

    def anchor(self) -> None:
        """Seal the log's head and the tokens' digest together, so that neither can be turned back alone."""
        if self._vault is None or self._digest is None or self._audit.next == 0:
            return
        self._audit.tick()  # an anchor names only what is on the disk, or a power cut would look like a cut log
        box = self._sealed(self._vault, self._digest, self._audit.next - 1)
        with self._store.transaction(None, synced=False) as change:
            change.put_anchor(box)

    def _sealed(self, vault: Vault, digest: TokensDigest, through: int) -> bytes:
        head = bytes.fromhex(self._audit.head)
        return seal_anchor(vault, Anchor(self._audit.next - 1, head, digest.encoded(), through), self._random)

    # -- the one way to change anything -----------------------------------------------------------------------------

    def _commit(
        self, act: str, steps: Sequence[Step], write: Callable[[Change], None], more: dict[str, Any] | None = None
    ) -> None:
        body = {"type": "lifecycle", "act": act, "changes": [step.body() for step in steps]} | (more or {})
        record = self._audit.draft(body)
        self._audit.tick()  # the anchor that goes with the change may name only what is on the disk
        digest = None if self._digest is None else followed(self._digest, steps)

        def write_anchored(change: Change) -> None:
            write(change)
            if self._vault is not None and digest is not None:
                change.put_anchor(self._sealed(self._vault, digest, record.number))

        try:
            self._transact(record, write_anchored)
        except StoreUnavailable:
            self._audit.release_reserve()
            self._transact(record, write_anchored)
        self._digest = digest
        self._audit.append(record, sync=True)

    def _transact(self, record: Record, write: Callable[[Change], None]) -> None:
        with self._store.transaction(record) as change:
            write(change)

    def _open_vault(self) -> Vault:
        if self._vault is None:
            raise Misuse("this needs the open vault", "give the passphrase")
        return self._vault

    def _row(self, name: str) -> TokenRow:
        """A token that is not revoked."""
        row = self._known(name)
        if row.state is TokenState.REVOKED:
            raise Misuse(f"token {name!r} is revoked", "that is final: issue a new one")
        return row

    def _known(self, name: str) -> TokenRow:
        row = self._store.token(name)
        if row is None:
            raise Misuse(f"there is no token {name!r}", "`tradewarden token list` shows them")
        return row

    def _account(self, name: str) -> AccountRow:
        row = self._store.account(name)
        if row is None:
            raise Misuse(f"there is no account {name!r}", "`tradewarden account list` shows them")
        return row


def followed(digest: TokensDigest, steps: Iterable[Step]) -> TokensDigest:
    """The digest after these steps."""
    for step in steps:
        if step.was is not None:
            digest = digest.remove(step.was)
        if step.now is not None:
            digest = digest.add(step.now)
    return digest


def blank_token(
    name: str,
    account: Account,
    policy: str,
    kind: KeyKind,
    issued_at: int,
    expires_at: int | None,
    addresses: tuple[str, ...],
) -> Token:
    """A token to be issued: everything but its id and key."""
    key = VerifyKey(kind, Secret(b""))
    return Token(
        name, "", account.exchange, account.name, policy, key, TokenState.ACTIVE, 1, issued_at, expires_at, addresses
    )


def _box(row: TokenRow) -> bytes:
    if row.box is None:
        raise Misuse(f"token {row.name!r} has no box", "it was revoked")
    return row.box


def _standing(row: TokenRow) -> Standing:
    return Standing(row.name, row.id, row.generation, row.state)


def _row(token: Token, box: bytes) -> TokenRow:
    return TokenRow(
        token.name, token.id, token.exchange, token.account, token.policy, token.key.kind, token.state,
        token.generation, token.issued_at, token.expires_at, token.addresses, box,
    )  # fmt: skip


def _account_row(account: Account, box: bytes) -> AccountRow:
    return AccountRow(
        account.name, account.exchange, account.environment, masked(account.key_id), account.kind, account.added_at, box
    )


def _told(account: Account) -> dict[str, Any]:
    return {
        "account": account.name,
        "exchange": account.exchange,
        "environment": account.environment,
        "key_id": masked(account.key_id),
    }
