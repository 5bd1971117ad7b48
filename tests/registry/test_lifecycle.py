"""What widens needs the vault; what narrows does not; each change is durable, recorded and final where it says so."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.core.errors import Misuse
from gateway.core.secret import Secret
from gateway.core.token import Credential, KeyKind, TokenState
from gateway.vault.rows import open_credential
from tests.registry.house import ACCOUNT, BINANCE, REAL, Desk, token_of


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "home")
    yield desk
    desk.close()


def open_desk(desk: Desk) -> Desk:
    desk.unlock()
    desk.lifecycle.add_account(ACCOUNT, REAL)
    return desk


def test_issuing_needs_the_open_vault(desk: Desk) -> None:
    with pytest.raises(Misuse, match="open vault"):
        desk.issue("bot")


def test_an_issued_token_opens_again_as_it_was(desk: Desk) -> None:
    issued = open_desk(desk).issue("bot")
    desk.close()
    again = Desk(desk.home)
    opened = token_of(again.unlock(), "bot")
    assert (opened.id, opened.policy, opened.state) == (issued.token.id, "grid", TokenState.ACTIVE)
    assert opened.key.material.reveal().decode() == issued.secret
    desk.store, desk.audit = again.store, again.audit


def test_pausing_and_revoking_work_on_a_locked_vault(desk: Desk) -> None:
    open_desk(desk).issue("bot")
    desk.issue("gone")
    locked = desk.again()
    assert locked.lifecycle.pause("bot") is TokenState.ACTIVE
    assert [row.name for row in locked.lifecycle.revoke(["gone"])] == ["gone"]
    again = locked.again()
    opened = again.unlock()
    assert [(token.name, token.state) for token in opened.tokens] == [("bot", TokenState.PAUSED)]
    desk.store, desk.audit = again.store, again.audit


def test_resuming_a_paused_token_needs_the_vault(desk: Desk) -> None:
    open_desk(desk).issue("bot")
    locked = desk.again()
    locked.lifecycle.pause("bot")
    with pytest.raises(Misuse, match="open vault"):
        locked.lifecycle.resume("bot")
    locked.unlock()
    assert locked.lifecycle.resume("bot").state is TokenState.ACTIVE
    desk.store, desk.audit = locked.store, locked.audit


def test_a_revoked_tokens_box_is_gone_from_the_file(desk: Desk) -> None:
    open_desk(desk).issue("bot")
    row = desk.store.token("bot")
    assert row is not None
    assert row.box is not None
    desk.lifecycle.revoke(["bot"])
    assert desk.store.token("bot").box is None  # type: ignore[union-attr]
    raw = b"".join(path.read_bytes() for path in desk.home.glob("state.db*"))
    assert row.box not in raw


def test_revoking_twice_and_resuming_the_dead_say_so(desk: Desk) -> None:
    open_desk(desk).issue("bot")
    desk.lifecycle.revoke(["bot"])
    assert desk.lifecycle.revoke(["bot"]) == []
    with pytest.raises(Misuse, match="final"):
        desk.lifecycle.resume("bot")


def test_rotating_keeps_id_and_state_and_changes_the_secret(desk: Desk) -> None:
    issued = open_desk(desk).issue("bot")
    desk.lifecycle.pause("bot")
    rotated = desk.lifecycle.rotate(BINANCE, "bot")
    assert rotated.token.id == issued.token.id
    assert rotated.secret != issued.secret
    assert rotated.token.state is TokenState.PAUSED


def test_an_account_can_be_added_to_a_locked_vault(desk: Desk) -> None:
    desk.lifecycle.add_account(ACCOUNT, REAL)
    again = desk.again()
    assert [account.name for account in again.unlock().accounts] == ["main"]
    third = again.again()
    third.unlock()
    row = third.store.account("main")
    assert row is not None
    assert open_credential(third.vault(), "main", row.box)[1].secret.reveal() == b"the real secret"
    desk.store, desk.audit = third.store, third.audit


def test_an_accounts_key_is_swapped_under_its_tokens(desk: Desk) -> None:
    open_desk(desk)
    other = Credential("another key" * 5, KeyKind.HMAC, Secret("another secret"))
    assert desk.lifecycle.rotate_account("main", other).key_id == other.key_id


def test_an_account_with_live_tokens_is_not_removed(desk: Desk) -> None:
    open_desk(desk).issue("bot")
    with pytest.raises(Misuse, match="revoke them first"):
        desk.lifecycle.remove_account("main")
    desk.lifecycle.revoke(["bot"])
    desk.lifecycle.remove_account("main")
    assert desk.store.account("main") is None


def test_nothing_secret_is_in_the_file_or_the_log(desk: Desk) -> None:
    issued = open_desk(desk).issue("bot")
    desk.audit.tick()
    raw = b"".join(path.read_bytes() for path in desk.home.rglob("*") if path.is_file())
    for secret in (issued.secret.encode(), b"the real secret", b"correct horse", ACCOUNT.key_id.encode()):
        assert secret not in raw


@pytest.mark.parametrize("locked", [False, True])
def test_one_real_key_is_one_account(desk: Desk, locked: bool) -> None:
    """Two ledgers of one account would each allow the whole limit, and take the other's orders for a stranger's."""
    other = Credential("another-key-id", KeyKind.HMAC, Secret("another secret"))
    again = open_desk(desk).again() if locked else open_desk(desk)
    with pytest.raises(Misuse, match="this key is account 'main' already"):
        again.lifecycle.add_account(replace(ACCOUNT, name="second"), REAL)
    again.lifecycle.add_account(replace(ACCOUNT, name="third", key_id=other.key_id), other)
    desk.store, desk.audit = again.store, again.audit
