"""Whoever writes state.db without the passphrase can neither mint, widen, resume nor un-revoke a token."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.log import AuditLog
from gateway.core.errors import Misuse
from gateway.core.secret import Secret
from gateway.core.token import Account, Credential, KeyKind, TokenState
from gateway.ports import Record
from gateway.registry.start import RolledBack
from gateway.vault.errors import Damaged
from gateway.vault.rows import seal_new_credential
from tests.registry.house import ACCOUNT, NOW_MS, REAL, Desk, copy_state, token_of


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with an account and two tokens, closed."""
    desk = Desk(tmp_path / "home")
    desk.unlock()
    desk.lifecycle.add_account(ACCOUNT, REAL)
    desk.issue("bot")
    desk.issue("other")
    desk.close()
    return desk.home


def edit(home: Path, statement: str, *values: Any) -> None:
    """What somebody does who can write the file."""
    with sqlite3.connect(home / "state.db") as connection:
        connection.execute(statement, values)
    connection.close()


def act(home: Path, what: Callable[[Desk], object]) -> None:
    """An honest change, then closed."""
    desk = Desk(home)
    what(desk)
    desk.close()


def boxes(home: Path) -> dict[str, Any]:
    """The rows of all tokens, as somebody could keep them."""
    with sqlite3.connect(home / "state.db") as connection:
        rows = dict(connection.execute("SELECT name, box FROM tokens"))
    connection.close()
    return rows


def test_honest_changes_open(home: Path) -> None:
    act(home, lambda desk: desk.lifecycle.pause("bot"))
    act(home, lambda desk: (desk.unlock(), desk.lifecycle.resume("bot")))
    act(home, lambda desk: desk.lifecycle.revoke(["other"]))
    desk = Desk(home)
    assert [(token.name, token.state) for token in desk.unlock().tokens] == [("bot", TokenState.ACTIVE)]
    desk.close()


@pytest.mark.parametrize(
    "column",
    ["state = 'paused'", "policy = 'wide'", "expires_at = NULL", "addresses = ''", "account = 'another'"],
)
def test_editing_a_column_changes_nothing_of_what_a_token_may_do(home: Path, column: str) -> None:
    desk = Desk(home)
    before = token_of(desk.unlock(), "bot")
    desk.close()
    edit(home, f"UPDATE tokens SET {column} WHERE name = 'bot'")
    desk = Desk(home)
    after = token_of(desk.unlock(), "bot")
    desk.close()
    assert (after.policy, after.account, after.state, after.addresses) == (
        before.policy, before.account, before.state, before.addresses,
    )  # fmt: skip


def test_a_paused_token_is_not_resumed_by_its_old_box(home: Path) -> None:
    old = boxes(home)["bot"]
    act(home, lambda desk: desk.lifecycle.pause("bot"))
    edit(home, "UPDATE tokens SET box = ?, state = 'active', generation = 1 WHERE name = 'bot'", old)
    desk = Desk(home)
    with pytest.raises(RolledBack):
        desk.unlock()
    desk.close()


@pytest.mark.parametrize("unlocked_since", [False, True])
def test_a_revoked_token_is_not_brought_back_by_its_old_box(home: Path, unlocked_since: bool) -> None:
    old = boxes(home)["bot"]
    act(home, lambda desk: desk.lifecycle.revoke(["bot"]))
    if unlocked_since:
        act(home, lambda desk: desk.unlock())
    edit(home, "UPDATE tokens SET box = ?, state = 'active', generation = 1 WHERE name = 'bot'", old)
    desk = Desk(home)
    with pytest.raises(RolledBack):
        desk.unlock()
    desk.close()


def test_a_revoked_row_that_is_removed_is_missed(home: Path) -> None:
    act(home, lambda desk: desk.lifecycle.revoke(["bot"]))
    act(home, lambda desk: desk.unlock())
    edit(home, "DELETE FROM tokens WHERE name = 'bot'")
    desk = Desk(home)
    with pytest.raises(RolledBack):
        desk.unlock()
    desk.close()


def test_another_tokens_box_does_not_open(home: Path) -> None:
    edit(home, "UPDATE tokens SET box = ? WHERE name = 'bot'", boxes(home)["other"])
    desk = Desk(home)
    with pytest.raises(Damaged):
        desk.unlock()
    desk.close()


def test_a_box_made_without_the_passphrase_does_not_open(home: Path) -> None:
    edit(home, "UPDATE tokens SET box = ? WHERE name = 'bot'", b"\x01" + bytes(200))
    desk = Desk(home)
    with pytest.raises(Damaged):
        desk.unlock()
    desk.close()


@pytest.mark.parametrize("act_since", ["revoke", "issue"])
def test_a_restored_state_is_refused_and_starts_paused_if_insisted_on(
    home: Path, tmp_path: Path, act_since: str
) -> None:
    copy_state(home, tmp_path / "kept")
    if act_since == "revoke":
        act(home, lambda desk: desk.lifecycle.revoke(["bot"]))
    else:
        act(home, lambda desk: (desk.unlock(), desk.issue("third")))
    copy_state(tmp_path / "kept", home)
    desk = Desk(home)
    with pytest.raises(RolledBack, match="accept-rollback"):
        desk.unlock()
    assert {token.name for token in desk.unlock(accept_rollback=True).tokens} == {"bot", "other"}
    desk.close()


def test_a_restored_state_that_lacks_a_reservation_is_refused(home: Path, tmp_path: Path) -> None:
    copy_state(home, tmp_path / "kept")
    reserved = {"type": "decision", "d": "x", "reserve": "1 USDT"}
    act(home, lambda desk: desk.audit.append(desk.audit.draft(reserved), True))
    desk = Desk(home)
    with pytest.raises(RolledBack, match="older than the audit log"):
        desk.unlock()
    desk.close()


def test_a_shortened_log_is_refused(home: Path) -> None:
    act(home, lambda desk: (desk.unlock(), desk.store.logged(desk.audit.next - 1), desk.lifecycle.anchor()))
    segment = next((home / "audit").glob("*.jsonl"))
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:2]))
    desk = Desk(home)
    with pytest.raises(RolledBack, match="shorter"):
        desk.unlock()
    desk.close()


def test_another_log_is_refused(home: Path, tmp_path: Path) -> None:
    act(home, lambda desk: desk.unlock())
    act(
        tmp_path / "elsewhere",
        lambda desk: [desk.audit.append(desk.audit.draft({"type": "x"}), False) for _ in range(9)],
    )
    for path in (home / "audit").glob("*.jsonl"):
        path.write_bytes((tmp_path / "elsewhere" / "audit" / path.name).read_bytes())
    desk = Desk(home)
    with pytest.raises(RolledBack):
        desk.unlock()
    desk.close()


def test_a_lost_anchor_is_refused(home: Path) -> None:
    edit(home, "DELETE FROM meta WHERE key = 'anchor'")
    desk = Desk(home)
    with pytest.raises(RolledBack):
        desk.unlock()
    desk.close()


def test_an_account_put_in_from_outside_is_refused(home: Path) -> None:
    desk = Desk(home)
    thief = Account("main", "binance", "live", "thief" * 8, KeyKind.HMAC, NOW_MS)
    box = seal_new_credential(desk.locked, thief, Credential(thief.key_id, KeyKind.HMAC, Secret("thief")))
    desk.close()
    edit(home, "UPDATE accounts SET box = ? WHERE name = 'main'", box)
    desk = Desk(home)
    with pytest.raises(RolledBack, match="from outside"):
        desk.unlock()
    desk.close()


def test_a_record_that_a_crash_kept_from_the_log_is_completed(home: Path) -> None:
    desk = Desk(home)
    record = Record(desk.audit.next, {"type": "lifecycle", "act": "note", "changes": []})
    with desk.store.transaction(record) as change:
        change.put_clock(NOW_MS)
    again = desk.again()
    assert again.completed == 1
    assert list(again.audit.records())[-1].type == "lifecycle"
    again.unlock()
    again.close()


def forge(home: Path, body: dict[str, object]) -> None:
    """A line that somebody appends to the log who can write it; it chains, and nobody has signed it."""
    log = AuditLog(home / "audit", lambda: NOW_MS)
    log.append(log.draft(body), sync=True)
    log.close()


@pytest.mark.parametrize("was", ["revoked", "paused"])
def test_a_forged_line_of_the_log_widens_nothing(home: Path, was: str) -> None:
    old = boxes(home)["bot"]
    desk = Desk(home)
    token = token_of(desk.unlock(), "bot")
    desk.lifecycle.revoke(["bot"]) if was == "revoked" else desk.lifecycle.pause("bot")
    desk.close()
    sides = {
        "was": {"name": "bot", "id": token.id, "generation": 2, "state": was},
        "now": {"name": "bot", "id": token.id, "generation": 1, "state": "active"},
    }
    forge(home, {"type": "lifecycle", "act": "resumed", "changes": [sides]})
    edit(home, "UPDATE tokens SET box = ?, state = 'active', generation = 1 WHERE name = 'bot'", old)
    edit(home, "UPDATE meta SET value = 1000 WHERE key = 'last_record'")
    desk = Desk(home)
    with pytest.raises(RolledBack, match="widens"):
        desk.unlock()
    desk.close()


def test_one_key_under_two_names_is_refused_and_the_way_out_works(home: Path) -> None:
    """On a locked vault a key is told by a column that anybody who writes the file can change; the open vault knows."""
    edit(home, "UPDATE accounts SET key_id = 'other…' WHERE name = 'main'")
    twin = replace(ACCOUNT, name="twin")
    act(home, lambda desk: desk.lifecycle.add_account(twin, REAL))
    for accept_rollback in (False, True):
        desk = Desk(home)
        with pytest.raises(Misuse, match=r"accounts 'main' and 'twin' hold the same key.*account remove twin"):
            desk.unlock(accept_rollback)
        desk.close()
    act(home, lambda desk: desk.lifecycle.remove_account("twin"))
    desk = Desk(home)
    assert [account.name for account in desk.unlock().accounts] == ["main"]
    desk.close()


def test_the_same_key_in_another_environment_is_another_account(home: Path) -> None:
    testnet = replace(ACCOUNT, name="testnet", environment="testnet")
    act(home, lambda desk: (desk.unlock(), desk.lifecycle.add_account(testnet, REAL)))
    desk = Desk(home)
    assert {account.name for account in desk.unlock().accounts} == {"main", "testnet"}
    desk.close()


def test_an_accounts_older_key_is_not_put_back(home: Path) -> None:
    with sqlite3.connect(home / "state.db") as connection:
        ((old,),) = connection.execute("SELECT box FROM accounts WHERE name = 'main'")
    connection.close()
    other = Credential("another key" * 5, KeyKind.HMAC, Secret("another secret"))
    act(home, lambda desk: (desk.unlock(), desk.lifecycle.rotate_account("main", other)))
    edit(home, "UPDATE accounts SET box = ? WHERE name = 'main'", old)
    desk = Desk(home)
    with pytest.raises(RolledBack):
        desk.unlock()
    desk.close()


def test_a_crash_between_a_widening_and_its_record_opens_again(home: Path) -> None:
    desk = Desk(home)
    desk.unlock()
    whole = (home / "audit").glob("*.jsonl")
    kept = {path: path.read_bytes() for path in whole}
    desk.issue("third")
    desk.close()
    for path, content in kept.items():
        path.write_bytes(content)
    desk = Desk(home)
    assert desk.completed == 1
    assert {token.name for token in desk.unlock().tokens} == {"bot", "other", "third"}
    desk.close()
