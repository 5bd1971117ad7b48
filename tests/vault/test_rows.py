"""State that cannot be forged: a row opens as itself, or not at all; without the passphrase it can only be narrowed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gateway.core.errors import Misuse
from gateway.core.secret import Secret
from gateway.core.token import Account, Credential, KeyKind, Token, TokenState, VerifyKey
from gateway.vault.context import Context
from gateway.vault.envelope import Random, Vault, is_public
from gateway.vault.errors import Damaged
from gateway.vault.rows import (
    open_credential,
    open_token,
    pause_box,
    seal_credential,
    seal_new_credential,
    seal_token,
)

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
TIMES = st.integers(0, 1 << 53)
MATERIAL = {kind: st.binary(min_size=1, max_size=80) for kind in KeyKind} | {
    KeyKind.ED25519: st.binary(min_size=32, max_size=32)
}
KEYS = st.sampled_from(KeyKind).flatmap(
    lambda kind: st.builds(VerifyKey, st.just(kind), MATERIAL[kind].map(Secret))
)
STATES = st.sampled_from([TokenState.ACTIVE, TokenState.REDUCE_ONLY, TokenState.PAUSED])
ADDRESSES = st.lists(TEXTS, max_size=3).map(tuple)
GENERATIONS = st.integers(0, (1 << 62))
TOKENS = st.builds(
    Token, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, KEYS, STATES, GENERATIONS, TIMES, st.none() | TIMES, ADDRESSES
)
TOKEN = Token(
    "grid-bot", "id", "binance", "main", "grid", VerifyKey(KeyKind.HMAC, Secret("canary-secret")),
    TokenState.ACTIVE, 3, 1_700_000_000_000, None, (),
)
ACCOUNT = Account("main", "bitget", "live", "bg_1", KeyKind.HMAC, 1_700_000_000_000)
CREDENTIAL = Credential("bg_1", KeyKind.HMAC, Secret("canary-secret"), Secret("canary-passphrase"))


def plain(token: Token) -> tuple[object, ...]:
    key = (token.key.kind, token.key.material.reveal())
    return (*(getattr(token, name) for name in Token.__slots__ if name != "key"), key)


@given(token=TOKENS)
def test_a_token_opens_with_every_field(vault: Vault, random: Random, token: Token) -> None:
    """Nothing of the token is kept outside its box, and nothing is lost in it."""
    assert plain(open_token(vault, token.name, seal_token(vault, token, random))) == plain(token)


@given(token=TOKENS, rise=st.integers(1, 1 << 61))
def test_a_paused_token_is_the_same_token_paused(vault: Vault, random: Random, token: Token, rise: int) -> None:
    """Whatever it was before: state and generation are the wrapper's, all else the token's."""
    box = pause_box(vault.locked, token.name, seal_token(vault, token, random), token.generation + rise)
    paused = replace(token, state=TokenState.PAUSED, generation=token.generation + rise)
    assert is_public(box)
    assert plain(open_token(vault, token.name, box)) == plain(paused)


@given(generation=st.integers(0, 3))
def test_a_pause_that_does_not_raise_the_generation_is_refused(
    vault: Vault, random: Random, generation: int
) -> None:
    """Else an old pause could be put back over a resumed token unseen."""
    with pytest.raises(Damaged):
        open_token(vault, "grid-bot", pause_box(vault.locked, "grid-bot", seal_token(vault, TOKEN, random), generation))


def test_one_token_is_never_another(vault: Vault, random: Random) -> None:
    """Neither its box, nor its paused box, nor its box paused again under another name."""
    box = seal_token(vault, TOKEN, random)
    for foreign in (box, pause_box(vault.locked, "grid-bot", box, 4), pause_box(vault.locked, "other", box, 4)):
        with pytest.raises(Damaged):
            open_token(vault, "other", foreign)
    with pytest.raises(Damaged):
        open_token(vault, "grid-bot", pause_box(vault.locked, "other", box, 4))


def test_a_box_that_names_another_token_inside_is_refused(vault: Vault, random: Random) -> None:
    """The name beside the box and the name in it must agree, even where the vault itself wrote both."""
    inner = vault.open(Context("token", "grid-bot", "row"), seal_token(vault, TOKEN, random))
    with pytest.raises(Damaged):
        open_token(vault, "other", vault.seal(Context("token", "other", "row"), inner, random))


def test_the_public_key_alone_makes_no_token(vault: Vault, random: Random) -> None:
    """What anyone can seal is refused as a row, in a wrapper and out of it."""
    row = vault.open(Context("token", "grid-bot", "row"), seal_token(vault, TOKEN, random)).reveal()
    paused, box = Context("token", "grid-bot", "paused row"), seal_token(vault, TOKEN, random)
    forgeries = [
        vault.locked.seal_public(Context("token", "grid-bot", "row"), Secret(row)),
        vault.locked.seal_public(paused, Secret((9).to_bytes(8, "big") + row)),
        vault.locked.seal_public(paused, Secret((9).to_bytes(8, "big"))),
        vault.locked.seal_public(paused, Secret(b"")),
        vault.locked.seal_public(paused, Secret(bytes([255] * 8) + box)),
    ]
    for forged in forgeries:
        with pytest.raises(Damaged):
            open_token(vault, "grid-bot", forged)


def test_a_token_paused_twice_over_is_refused_at_both_ends(vault: Vault, random: Random) -> None:
    """Wrappers do not nest: nobody makes one, nobody opens one."""
    once = pause_box(vault.locked, "grid-bot", seal_token(vault, TOKEN, random), 4)
    with pytest.raises(Misuse):
        pause_box(vault.locked, "grid-bot", once, 5)
    twice = Secret((5).to_bytes(8, "big") + once)
    with pytest.raises(Damaged):
        open_token(vault, "grid-bot", vault.locked.seal_public(Context("token", "grid-bot", "paused row"), twice))


@pytest.mark.parametrize("generation", [-1, 1 << 63, 1 << 64])
def test_an_impossible_generation_is_refused_when_sealing(vault: Vault, random: Random, generation: int) -> None:
    """In a row and in a wrapper alike."""
    box = seal_token(vault, TOKEN, random)
    with pytest.raises(Misuse):
        seal_token(vault, replace(TOKEN, generation=generation), random)
    with pytest.raises(Misuse):
        pause_box(vault.locked, "grid-bot", box, generation)


def test_a_revoked_token_has_no_box(vault: Vault, random: Random) -> None:
    """Revoking destroys the box; none is ever sealed for it again."""
    with pytest.raises(Misuse):
        seal_token(vault, replace(TOKEN, state=TokenState.REVOKED), random)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_an_ed25519_key_is_kept_raw(vault: Vault, random: Random, size: int) -> None:
    """32 bytes: no PEM is parsed per request, and no private half slips into a token's row."""
    with pytest.raises(Misuse):
        seal_token(vault, replace(TOKEN, key=VerifyKey(KeyKind.ED25519, Secret(bytes(size)))), random)
    account = replace(ACCOUNT, kind=KeyKind.ED25519)
    with pytest.raises(Misuse):
        seal_credential(vault, account, Credential("bg_1", KeyKind.ED25519, Secret(bytes(size))), random)


@pytest.mark.parametrize("text", ["\ud800", "x" * 70_000], ids=["no text", "too long"])
def test_a_name_that_cannot_be_written_is_a_persons_error(vault: Vault, random: Random, text: str) -> None:
    """One of ours, in every place where a name goes in."""
    with pytest.raises(Misuse):
        seal_token(vault, replace(TOKEN, name=text), random)
    with pytest.raises(Misuse):
        pause_box(vault.locked, text, b"\x01", 4)
    with pytest.raises(Misuse):
        seal_new_credential(vault.locked, replace(ACCOUNT, name=text), CREDENTIAL)
    with pytest.raises(Misuse):
        open_token(vault, text, seal_token(vault, TOKEN, random))


@given(
    st.builds(Account, TEXTS, TEXTS, TEXTS, TEXTS, st.just(KeyKind.HMAC), TIMES),
    st.binary(min_size=1, max_size=90),
    st.none() | st.binary(max_size=20),
)
def test_an_account_opens_from_both_forms(
    vault: Vault, random: Random, account: Account, secret: bytes, phrase: bytes | None
) -> None:
    """Exchange, environment and kind come out of the box with the key, not from a column."""
    hidden = None if phrase is None else Secret(phrase)
    credential = Credential(account.key_id, account.kind, Secret(secret), hidden)
    boxes = seal_credential(vault, account, credential, random), seal_new_credential(vault.locked, account, credential)
    for box, public in zip(boxes, (False, True), strict=True):
        opened, lent = open_credential(vault, account.name, box)
        assert (opened, lent.key_id, lent.kind, lent.secret.reveal()) == (account, account.key_id, account.kind, secret)
        assert (lent.passphrase and lent.passphrase.reveal()) == phrase
        assert is_public(box) == public


def test_one_account_is_never_another_nor_a_token(vault: Vault, random: Random) -> None:
    """A live key cannot take a testnet account's place, nor a token's row an account's."""
    sealed = seal_credential(vault, ACCOUNT, CREDENTIAL, random)
    for box in (sealed, seal_new_credential(vault.locked, ACCOUNT, CREDENTIAL)):
        with pytest.raises(Damaged):
            open_credential(vault, "other", box)
        with pytest.raises(Damaged):
            open_token(vault, "main", box)
    with pytest.raises(Damaged):
        open_credential(vault, "grid-bot", seal_token(vault, TOKEN, random))


@pytest.mark.parametrize(
    "change",
    [(b'"name":"main"', b'"name":"mine"'), (b'"key_id":"bg_1"', b'"key_id":"bg_2"'), (b'"hmac"', b'"rsa"')],
    ids=["name", "key", "kind"],
)
def test_an_account_box_that_disagrees_with_itself_is_refused(
    vault: Vault, random: Random, change: tuple[bytes, bytes]
) -> None:
    """Account, credential and the name beside the box all speak of one key."""
    context = Context("account", "main", "credential")
    row = vault.open(context, seal_credential(vault, ACCOUNT, CREDENTIAL, random)).reveal()
    assert row != row.replace(*change, 1)
    with pytest.raises(Damaged):
        open_credential(vault, "main", vault.seal(context, Secret(row.replace(*change, 1)), random))


@pytest.mark.parametrize(
    "credential",
    [
        structs.replace(CREDENTIAL, key_id="bg_2"),
        structs.replace(CREDENTIAL, kind=KeyKind.RSA),
        structs.replace(CREDENTIAL, secret=Secret("")),
    ],
    ids=["another key", "another kind", "nothing"],
)
def test_an_account_takes_only_its_own_credential(vault: Vault, random: Random, credential: Credential) -> None:
    """What would be refused when opened is refused when sealed."""
    with pytest.raises(Misuse):
        seal_credential(vault, ACCOUNT, credential, random)
    with pytest.raises(Misuse):
        seal_new_credential(vault.locked, ACCOUNT, credential)


@pytest.mark.parametrize("row", [b"", b"{}", b"[1]", b'{"name":"grid-bot"}', b"\xff", b'{"name":1'])
def test_a_row_of_another_shape_is_damage_and_its_text_is_not_told(vault: Vault, random: Random, row: bytes) -> None:
    """A later version's row, say: refused, and nothing of it shows in the error or behind it."""
    box = vault.seal(Context("token", "grid-bot", "row"), Secret(row), random)
    with pytest.raises(Damaged) as caught:
        open_token(vault, "grid-bot", box)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_sealed_row_shows_nothing(vault: Vault, random: Random) -> None:
    """Neither box nor printed noun holds the secret in any common spelling."""
    box = seal_token(vault, TOKEN, random) + seal_credential(vault, ACCOUNT, CREDENTIAL, random)
    box += seal_new_credential(vault.locked, ACCOUNT, CREDENTIAL) + pause_box(vault.locked, "grid-bot", box, 9)
    opened = open_credential(vault, "main", seal_credential(vault, ACCOUNT, CREDENTIAL, random))
    for spelling in (b"canary-secret", b"canary-passphrase", b"Y2FuYXJ5", b"grid-bot"):
        assert spelling not in box
        assert spelling.decode() not in repr(opened)
