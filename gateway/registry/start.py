"""Is this state the one the log remembers? Asked once, with the open vault, before anything is served.

A box proves that the vault wrote it, not that it is the newest. So start follows the log from the sealed anchor:
it must reach at least as far, it must not tell of changes that ``state.db`` does not know, and the anchor's digest,
carried over every change recorded since, must be that of the rows as they stand. The tail of the log that no
anchor covers is believed only where it narrows.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final

from gateway.audit.line import Entry
from gateway.audit.log import AuditLog
from gateway.core.errors import Misuse
from gateway.core.token import Account, Token, TokenState
from gateway.registry.lifecycle import Step, account_standing, followed
from gateway.store import AccountRow, Store
from gateway.vault.anchor import Anchor, Standing, TokensDigest, open_anchor
from gateway.vault.envelope import Vault, is_public
from gateway.vault.rows import open_credential, open_token, seal_credential

OVERRIDE: Final = "if you restored it on purpose, `tradewarden serve --accept-rollback` starts with every token paused"


class RolledBack(Misuse):
    """``state.db`` and the log disagree: one of them was put back or changed from outside."""

    def __init__(self, what: str) -> None:
        super().__init__(what, OVERRIDE)


@dataclass(slots=True)
class Opened:
    """The state with its boxes open: what the gateway serves from.

    ``before`` are the rows as they were found; in ``standings`` new accounts are sealed for good.
    """

    tokens: list[Token] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    before: list[Standing] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)

    def take(self, standing: Standing) -> None:
        """A row that opening does not change."""
        self.before.append(standing)
        self.standings.append(standing)


@dataclass(slots=True)
class _Since:
    """What the log says happened since the anchor, and which accounts' boxes (SHA-256) came in meanwhile."""

    steps: list[Step] = field(default_factory=list)
    added: set[str] = field(default_factory=set)
    last_change: int = -1


def complete_log(store: Store, audit: AuditLog) -> int:
    """Append the records that a crash left in the store alone; how many there were."""
    missing = [record for record in store.pending_records(audit.next) if record.number >= audit.next]
    for record in missing:
        audit.complete(record)
    return len(missing)


def open_state(
    store: Store, audit: AuditLog, vault: Vault, random: Callable[[int], bytes], accept_rollback: bool
) -> Opened:
    """Open every box and check it all against the log. Raises Damaged for a row that does not open, RolledBack;

    Misuse where two accounts hold one key.
    """
    box = store.anchor()
    anchor = open_anchor(vault, box) if box is not None else None
    try:
        since = _since(audit, anchor)
        _check_reach(store, audit, anchor, since)
    except RolledBack:
        if not accept_rollback:
            raise
        since = None
    _check_keys(store, vault)
    opened = _open_rows(store, vault, random, since)
    if since is not None and anchor is not None and not _agrees(vault, anchor, since, opened) and not accept_rollback:
        raise RolledBack("state.db was changed from outside: its tokens are not those that the log remembers")
    return opened


def _check_keys(store: Store, vault: Vault) -> None:
    """One real key is one account: under two names it would have two ledgers, and neither would bound it.

    Asked before anything is sealed anew, so that a refused start leaves the state as it was.
    """
    names: dict[tuple[str, str, str], str] = {}
    for row in store.accounts():
        account, _ = open_credential(vault, row.name, row.box)
        other = names.setdefault((account.exchange, account.environment, account.key_id), account.name)
        if other != account.name:
            raise Misuse(
                f"accounts {other!r} and {account.name!r} hold the same key",
                f"keep one: `tradewarden token revoke` the tokens of {account.name!r}, then "
                f"`tradewarden account remove {account.name}`",
            )


def _since(audit: AuditLog, anchor: Anchor | None) -> _Since:
    since = _Since()
    if anchor is not None and audit.next <= anchor.record:
        raise RolledBack("the audit log is shorter than state.db remembers")
    entries = audit.records(anchor.record if anchor is not None else 0)
    if anchor is not None:
        anchored = next(entries, None)
        if anchored is None or (anchored.number, bytes.fromhex(anchored.head)) != (anchor.record, anchor.head):
            raise RolledBack("the audit log is not the one that state.db remembers")
    for entry in entries:
        _follow(entry, since, anchor.through if anchor is not None else -1)
    return since


def _follow(entry: Entry, since: _Since, through: int) -> None:
    if entry.type == "lifecycle":
        since.last_change = entry.number
        for step in map(_step, entry.fields["changes"]):
            if step.now is not None and step.was is None:
                since.added.add(step.now.id)
            if entry.number > through:
                _believe(step, entry.number)
                since.steps.append(step)
    elif entry.type == "decision" and b'"reserve"' in entry.line and "reserve" in entry.fields:
        since.last_change = entry.number


def _believe(step: Step, number: int) -> None:
    """Nobody has signed the log's tail: of it only what narrows is believed, and new accounts. Raises RolledBack."""
    was, now = step.was, step.now
    new_account = was is None and now is not None and now.name.startswith("account ")
    removed = now is None and was is not None and was.name.startswith("account ")
    narrowed = (
        was is not None
        and now is not None
        and (was.name, was.id) == (now.name, now.id)
        and was.generation < now.generation
        and was.state is not TokenState.REVOKED
        and now.state in (TokenState.PAUSED, TokenState.REVOKED)
    )
    if not (new_account or removed or narrowed):
        raise RolledBack(f"audit record {number} widens something, and the vault knows nothing of it")


def _step(body: dict[str, Any]) -> Step:
    return Step(_standing(body["was"]), _standing(body["now"]))


def _standing(body: dict[str, Any] | None) -> Standing | None:
    if body is None:
        return None
    return Standing(body["name"], body["id"], body["generation"], TokenState(body["state"]))


def _check_reach(store: Store, audit: AuditLog, anchor: Anchor | None, since: _Since) -> None:
    if since.last_change > store.last_record:
        raise RolledBack("state.db is older than the audit log: restored, it would un-revoke tokens and refill budgets")
    if anchor is None and (any(True for _ in store.tokens()) or since.steps):
        raise RolledBack("state.db has lost its anchor")


def _open_rows(store: Store, vault: Vault, random: Callable[[int], bytes], since: _Since | None) -> Opened:
    opened = Opened()
    for stored in store.accounts():
        opened.before.append(account_standing(stored.name, stored.box))
        row = _take_in(store, vault, random, stored, since) if is_public(stored.box) else stored
        opened.accounts.append(open_credential(vault, row.name, row.box)[0])
        opened.standings.append(account_standing(row.name, row.box))
    for token in store.tokens():
        if token.state is TokenState.REVOKED or token.box is None:
            opened.take(Standing(token.name, token.id, token.generation, TokenState.REVOKED))
            continue
        live = open_token(vault, token.name, token.box)
        if live.id != token.id:
            raise RolledBack(f"token {token.name!r} does not have the id that its row says")
        opened.tokens.append(live)
        opened.take(Standing.of(live))
    return opened


def _take_in(
    store: Store, vault: Vault, random: Callable[[int], bytes], row: AccountRow, since: _Since | None
) -> AccountRow:
    """An account that was added while the vault was locked: only if the log says so, and then sealed for good."""
    if since is not None and sha256(row.box).hexdigest() not in since.added:
        raise RolledBack(f"account {row.name!r} was put into state.db from outside")
    account, credential = open_credential(vault, row.name, row.box)
    sealed = replace(row, box=seal_credential(vault, account, credential, random))
    with store.transaction(None) as change:
        change.replace_account(sealed)
    return sealed


def _agrees(vault: Vault, anchor: Anchor, since: _Since, opened: Opened) -> bool:
    anchored = TokensDigest(vault.subkey("tokens digest"), int.from_bytes(anchor.tokens))
    return followed(anchored, since.steps).encoded() == TokensDigest.over(vault, opened.before).encoded()
