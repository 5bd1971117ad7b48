"""The lender lends for one ``with``, from the state as it is now, and keeps nothing of it in clear."""

import gc
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.core.errors import Unavailable
from gateway.core.secret import Secret
from gateway.core.token import Account, Credential, KeyKind
from gateway.vault.envelope import Random, Vault
from gateway.vault.lender import VaultLender
from gateway.vault.rows import seal_credential, seal_new_credential

if TYPE_CHECKING:
    from gateway.ports import Lender

ACCOUNT = Account("main", "binance", "live", "k1", KeyKind.HMAC, 0)


def credential(secret: str) -> Credential:
    return Credential("k1", KeyKind.HMAC, Secret(secret))


def held(root: object) -> list[object]:
    """Everything that the object holds on to, up to modules and classes."""
    waiting, seen = [root], dict[int, object]()
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, type | type(sys)):
            continue
        seen[id(thing)] = thing
        waiting += [] if callable(thing) else gc.get_referents(thing)
    return list(seen.values())


def reachable(root: object) -> set[type]:
    """The types of that."""
    return {type(thing) for thing in held(root)}


def values(root: object) -> set[object]:
    """The texts, bytes and numbers of that."""
    return {thing for thing in held(root) if isinstance(thing, str | bytes | int)}


def test_it_lends_from_either_form_of_box(vault: Vault, random: Random) -> None:
    """Accounts added before the unlock work as those added after it."""
    boxes = [
        seal_credential(vault, ACCOUNT, credential("s1"), random),
        seal_new_credential(vault.locked, ACCOUNT, credential("s1")),
    ]
    for box in boxes:
        lender: Lender = VaultLender({"main": box}.get, random, vault)
        with lender.lend("main") as lent:
            assert (lent.key_id, lent.secret.reveal()) == ("k1", b"s1")


def test_nothing_opened_is_left_after_the_loan(vault: Vault, random: Random) -> None:
    """The lender holds the vault and no credential, though during the loan one is alive."""
    lender = VaultLender({"main": seal_credential(vault, ACCOUNT, credential("s1"), random)}.get, random, vault)
    with lender.lend("main") as lent:
        assert Credential in reachable([lent])
    del lent
    kept = reachable([lender])
    assert Vault in kept
    assert Credential not in kept


def test_between_loans_a_key_lies_masked(vault: Vault, random: Random) -> None:
    """Neither its bytes nor their number are held; each loan gives it back, and only the first opens the box."""
    secret = "a-secret-that-is-long-enough-to-be-found"
    lender = VaultLender({"main": seal_credential(vault, ACCOUNT, credential(secret), random)}.get, random, vault)
    for _ in range(3):
        with lender.lend("main") as lent:
            assert lent.secret.reveal() == secret.encode()
    del lent
    assert not {secret, secret.encode(), int.from_bytes(secret.encode())} & values([lender])


def test_what_is_kept_is_forgotten_and_not_pickled(vault: Vault, random: Random) -> None:
    """When the account is gone nobody would ask again, and its key would stay."""
    lender = VaultLender({"main": seal_credential(vault, ACCOUNT, credential("s1"), random)}.get, random, vault)
    with lender.lend("main"):
        pass
    kept = [thing for thing in held([lender]) if type(thing).__name__ == "_Masked"]
    assert len(kept) == 1
    with pytest.raises(TypeError):
        pickle.dumps(kept[0])
    del kept
    lender.forget("main")
    assert not [thing for thing in held([lender]) if type(thing).__name__ == "_Masked"]


def test_each_key_has_a_pad_of_its_own(vault: Vault) -> None:
    """Two masks of one pad would give their keys' difference."""
    drawn: list[int] = []

    def random(size: int) -> bytes:
        drawn.append(size)
        return bytes([len(drawn)]) * size

    names = ("a", "b")
    accounts = {name: Account(name, "binance", "live", "k1", KeyKind.HMAC, 0) for name in names}
    boxes = {name: seal_credential(vault, accounts[name], credential("s" * 32), bytes) for name in names}
    lender = VaultLender(boxes.get, random, vault)
    for name in (*names, *names):
        with lender.lend(name) as lent:
            assert lent.secret.reveal() == b"s" * 32
    assert drawn == [32, 32]


def test_a_rotated_account_is_lent_anew_at_once(vault: Vault, random: Random) -> None:
    """The box is asked for at every loan."""
    boxes = {"main": seal_credential(vault, ACCOUNT, credential("s1"), random)}
    lender = VaultLender(boxes.get, random, vault)
    with lender.lend("main") as lent:
        assert lent.secret.reveal() == b"s1"
    boxes["main"] = seal_credential(vault, ACCOUNT, credential("s2"), random)
    with lender.lend("main") as lent:
        assert lent.secret.reveal() == b"s2"


def test_a_locked_lender_lends_nothing(vault: Vault, random: Random) -> None:
    """Before the unlock and after the lock."""
    lender = VaultLender({"main": seal_credential(vault, ACCOUNT, credential("s1"), random)}.get, random)
    with pytest.raises(Unavailable, match="locked"), lender.lend("main"):
        pass
    lender.unlock(vault)
    with lender.lend("main"):
        pass
    lender.lock()
    with pytest.raises(Unavailable, match="locked"), lender.lend("main"):
        pass


def test_an_account_that_is_gone_or_damaged_is_unavailable(vault: Vault, stranger: Vault, random: Random) -> None:
    """The request is denied as not ready; nothing is signed with what cannot be trusted."""
    boxes = {"damaged": b"\x01" + bytes(80), "foreign": seal_credential(stranger, ACCOUNT, credential("s"), random)}
    lender = VaultLender(boxes.get, random, vault)
    for account, reason in (("none", "gone"), ("damaged", "cannot be used"), ("foreign", "cannot be used")):
        with pytest.raises(Unavailable, match=reason), lender.lend(account):
            pass


def test_what_fails_during_a_loan_is_not_hidden(vault: Vault, random: Random) -> None:
    """A signer's exception passes through as it is."""
    lender = VaultLender({"main": seal_credential(vault, ACCOUNT, credential("s1"), random)}.get, random, vault)
    with pytest.raises(ZeroDivisionError), lender.lend("main"):
        raise ZeroDivisionError


def run(program: str) -> str:
    """What the program prints, in a process of its own."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def test_no_loan_parses_a_pem() -> None:
    """An Ed25519 key is lent as its seed: the library that reads PEMs is not even loaded."""
    program = (
        "import os, sys\n"
        "from gateway.core.secret import Secret\n"
        "from gateway.core.token import Account, Credential, KeyKind\n"
        "from gateway.vault.envelope import LockedVault, create\n"
        "from gateway.vault.header import Cost\n"
        "from gateway.vault.lender import VaultLender\n"
        "from gateway.vault.rows import seal_credential\n"
        "vault = LockedVault(create(Secret('p'), os.urandom, Cost(1, 8))).unlock(Secret('p'))\n"
        "key = Credential('k', KeyKind.ED25519, Secret(bytes(32)))\n"
        "box = seal_credential(vault, Account('a', 'binance', 'live', 'k', KeyKind.ED25519, 0), key, os.urandom)\n"
        "with VaultLender({'a': box}.get, os.urandom, vault).lend('a') as lent:\n"
        "    print(len(lent.secret.reveal()), 'cryptography' in sys.modules)\n"
    )
    assert run(program) == "32 False\n"
