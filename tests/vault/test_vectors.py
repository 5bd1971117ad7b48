"""Every file of tests/vectors/vault, one case each: what opens does, what was touched does not, and says why."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.core.secret import Secret
from gateway.core.token import Account, Credential, KeyKind, Token, TokenState, VerifyKey
from gateway.vault.anchor import Anchor, Standing, TokensDigest, open_anchor, seal_anchor
from gateway.vault.authority import Authority, open_authority, seal_authority
from gateway.vault.context import Context
from gateway.vault.envelope import LockedVault, Vault, create, is_public, verify
from gateway.vault.errors import Damaged, WrongPassphrase
from gateway.vault.header import Cost
from gateway.vault.rows import open_credential, open_token, seal_credential, seal_token

Case = dict[str, Any]
FOLDER: Final = Path(__file__).parents[1] / "vectors" / "vault"
ERRORS: Final = {"wrong passphrase": WrongPassphrase, "damaged": Damaged}


class Recording:
    """Randomness as the vector recorded it, each byte once."""

    def __init__(self, recorded: str) -> None:
        self._left = bytes.fromhex(recorded)

    def __call__(self, size: int) -> bytes:
        drawn, self._left = self._left[:size], self._left[size:]
        return drawn


def open_vault(case: Case) -> Vault:
    return LockedVault(bytes.fromhex(case["header"])).unlock(Secret(case["passphrase"]))


def context_of(case: Case) -> Context:
    return Context(**case["context"])


def header(case: Case) -> Case:
    vault = open_vault(case)
    return {"public_key": vault.locked.public_key.hex(), "audit_key": vault.locked.audit_key.hex()}


def box(case: Case) -> Case:
    return {"plaintext": open_vault(case).open(context_of(case), bytes.fromhex(case["box"])).reveal().hex()}


def public_box(case: Case) -> Case:
    return {"plaintext": open_vault(case).open_public(context_of(case), bytes.fromhex(case["box"])).reveal().hex()}


def token(case: Case) -> Case:
    opened = open_token(open_vault(case), case["name"], bytes.fromhex(case["box"]))
    names = ("name", "id", "exchange", "account", "policy", "state", "generation", "issued_at", "expires_at")
    key = {"kind": opened.key.kind, "material": opened.key.material.reveal().hex()}
    return {"token": {name: getattr(opened, name) for name in names} | key | {"addresses": list(opened.addresses)}}


def account(case: Case) -> Case:
    opened, credential = open_credential(open_vault(case), case["name"], bytes.fromhex(case["box"]))
    assert (opened.key_id, opened.kind) == (credential.key_id, credential.kind)
    assert credential.passphrase is not None
    names = ("name", "exchange", "environment", "key_id", "kind", "added_at")
    secrets = {"secret": credential.secret.reveal().hex(), "passphrase": credential.passphrase.reveal().hex()}
    return {"account": {name: getattr(opened, name) for name in names} | secrets}


def digest(case: Case) -> Case:
    standings = [Standing(name, key, gen, TokenState(state)) for name, key, gen, state in case["standings"]]
    return {"digest": TokensDigest.over(open_vault(case), standings).encoded().hex()}


def anchor(case: Case) -> Case:
    opened = open_anchor(open_vault(case), bytes.fromhex(case["box"]))
    return {"record": opened.record, "head": opened.head.hex(), "tokens": opened.tokens.hex()}


def authority(case: Case) -> Case:
    opened = open_authority(open_vault(case), case["purpose"], bytes.fromhex(case["box"]))
    return {"certificate": opened.certificate.pem.decode(), "key": opened.key.reveal().hex()}


def signature(case: Case) -> Case:
    message = bytes.fromhex(case["message"])
    assert verify(bytes.fromhex(case["audit_key"]), message, bytes.fromhex(case["signature"]))
    return {"signature": open_vault(case).sign(message).hex()}


OPEN: Final[dict[str, Callable[[Case], Case]]] = {
    "header": header,
    "box": box,
    "public box": public_box,
    "token": token,
    "account": account,
    "digest": digest,
    "anchor": anchor,
    "authority": authority,
    "signature": signature,
}


def made_header(case: Case) -> bytes:
    return create(Secret(case["passphrase"]), Recording(case["random"]), Cost(*case["cost"]))


def made_box(case: Case) -> bytes:
    plaintext = Secret(bytes.fromhex(case["plaintext"]))
    return open_vault(case).seal(context_of(case), plaintext, Recording(case["random"]))


def made_token(case: Case) -> bytes:
    fields = dict(case["token"])
    key = VerifyKey(KeyKind(fields.pop("kind")), Secret(bytes.fromhex(fields.pop("material"))))
    fields |= {"state": TokenState(fields["state"]), "addresses": tuple(fields["addresses"])}
    return seal_token(open_vault(case), Token(key=key, **fields), Recording(case["random"]))


def made_account(case: Case) -> bytes:
    fields = dict(case["account"])
    secret, phrase = (Secret(bytes.fromhex(fields.pop(name))) for name in ("secret", "passphrase"))
    opened = Account(**fields | {"kind": KeyKind(fields["kind"])})
    credential = Credential(opened.key_id, opened.kind, secret, phrase)
    return seal_credential(open_vault(case), opened, credential, Recording(case["random"]))


def made_anchor(case: Case) -> bytes:
    sealed = Anchor(case["record"], bytes.fromhex(case["head"]), bytes.fromhex(case["tokens"]), case["through"])
    return seal_anchor(open_vault(case), sealed, Recording(case["random"]))


def made_authority(case: Case) -> bytes:
    sealed = Authority.of(case["certificate"].encode(), Secret(bytes.fromhex(case["key"])))
    return seal_authority(open_vault(case), case["purpose"], sealed, Recording(case["random"]))


MAKE: Final[dict[str, Callable[[Case], bytes]]] = {
    "header": made_header,
    "box": made_box,
    "token": made_token,
    "account": made_account,
    "anchor": made_anchor,
    "authority": made_authority,
}


def cases(wanted: Callable[[Case], bool]) -> list[Any]:
    found = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
    return [pytest.param(case, id=name) for name, case in found.items() if wanted(case)]


def opens(case: Case) -> bool:
    return str(case.get("expect", "opens")) == "opens"


@pytest.mark.parametrize("case", cases(opens))
def test_what_was_sealed_opens_as_it_was(case: Case) -> None:
    """Each vector that should open gives exactly the values recorded beside it."""
    for name, value in OPEN[case["kind"]](case).items():
        assert value == case[name]


@pytest.mark.parametrize("case", cases(lambda case: not opens(case)))
def test_what_was_touched_is_refused_and_the_reason_is_right(case: Case) -> None:
    """Damage is called damage, a wrong passphrase a wrong passphrase."""
    with pytest.raises(ERRORS[case["expect"]]):
        OPEN[case["kind"]](case)


@pytest.mark.parametrize("case", cases(lambda case: "random" in case))
def test_the_same_randomness_makes_the_same_bytes(case: Case) -> None:
    """The format stands still: what this version writes is what the recorded version wrote."""
    assert MAKE[case["kind"]](case).hex() == case["header" if case["kind"] == "header" else "box"]


@pytest.mark.parametrize("case", cases(lambda case: case["kind"] in {"token", "account"} and opens(case)))
def test_a_row_made_without_the_passphrase_says_so(case: Case) -> None:
    """Whether a row was sealed under the key or to the public key shows from outside."""
    assert is_public(bytes.fromhex(case["box"])) == ("locked" in case["shows"] or "without" in case["shows"])
