"""A row that is gone, put back, or was never there changes the digest; only the vault can say what it should be."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Misuse
from gateway.core.secret import Secret
from gateway.core.token import KeyKind, Token, TokenState, VerifyKey
from gateway.vault.anchor import Anchor, Standing, TokensDigest, open_anchor, seal_anchor
from gateway.vault.context import Context
from gateway.vault.envelope import Random, Vault
from gateway.vault.errors import Damaged

NAMES = st.text("ab", max_size=3)
STANDINGS = st.builds(Standing, NAMES, NAMES, st.integers(0, 5), st.sampled_from(TokenState))
SETS = st.lists(STANDINGS, max_size=6, unique=True)
ONE = Standing("grid-bot", "id", 3, TokenState.ACTIVE)


@given(standings=SETS, order=st.randoms(use_true_random=False))
def test_order_does_not_matter(vault: Vault, standings: list[Standing], order: object) -> None:
    """The digest is of a set: rows may come as the database likes."""
    shuffled = list(standings)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert TokensDigest.over(vault, shuffled).encoded() == TokensDigest.over(vault, standings).encoded()


@given(before=SETS, after=SETS)
def test_steps_lead_where_a_fresh_count_leads(vault: Vault, before: list[Standing], after: list[Standing]) -> None:
    """Add and remove keep the digest right without reading all rows again."""
    digest = TokensDigest.over(vault, before)
    for standing in before:
        digest = digest.remove(standing)
    for standing in after:
        digest = digest.add(standing)
    assert digest.encoded() == TokensDigest.over(vault, after).encoded()


@given(one=SETS, other=SETS)
def test_different_sets_have_different_digests(vault: Vault, one: list[Standing], other: list[Standing]) -> None:
    """No row can be missing, added or older without being noticed."""
    same = TokensDigest.over(vault, one).encoded() == TokensDigest.over(vault, other).encoded()
    assert same == (set(one) == set(other))


@pytest.mark.parametrize(
    "other",
    [
        replace(ONE, name="grid-bo", id="tid"),
        replace(ONE, id="id2"),
        replace(ONE, generation=2),
        replace(ONE, state=TokenState.REVOKED),
    ],
)
def test_every_part_of_a_standing_counts(vault: Vault, other: Standing) -> None:
    """Name, id, generation and state."""
    assert TokensDigest.over(vault, [ONE]).encoded() != TokensDigest.over(vault, [other]).encoded()


def test_the_digest_needs_the_vault(vault: Vault, stranger: Vault) -> None:
    """Another vault counts otherwise, and the key does not show."""
    digest = TokensDigest.over(vault, [ONE])
    assert digest.encoded() != TokensDigest.over(stranger, [ONE]).encoded()
    assert repr(digest.key) == "[secret]"


def test_a_tokens_standing_is_read_from_the_token() -> None:
    """Not from columns."""
    key = VerifyKey(KeyKind.HMAC, Secret("s"))
    token = Token("grid-bot", "id", "binance", "main", "p", key, TokenState.ACTIVE, 3, 0, None, ())
    assert Standing.of(token) == ONE


@given(record=st.integers(0, (1 << 63) - 1), head=st.binary(min_size=32, max_size=32))
def test_an_anchor_opens_as_it_was(vault: Vault, random: Random, record: int, head: bytes) -> None:
    """Number, head and digest."""
    anchor = Anchor(record, head, TokensDigest.over(vault, [ONE]).encoded(), record)
    assert open_anchor(vault, seal_anchor(vault, anchor, random)) == anchor


@pytest.mark.parametrize(
    "anchor",
    [
        Anchor(-1, bytes(32), bytes(32), 0),
        Anchor(1, bytes(32), bytes(32), 0),
        Anchor(0, bytes(31), bytes(32), 0),
        Anchor(0, bytes(32), bytes(33), 0),
    ],
)
def test_an_anchor_of_another_shape_is_not_sealed(vault: Vault, random: Random, anchor: Anchor) -> None:
    """A cut hash would compare with nothing later."""
    with pytest.raises(Misuse):
        seal_anchor(vault, anchor, random)


def test_an_impossible_generation_has_no_digest(vault: Vault) -> None:
    """It could not stand in a token's row either."""
    with pytest.raises(Misuse):
        TokensDigest.over(vault, [replace(ONE, generation=-1)])


def test_an_anchor_of_another_vault_or_touched_is_damage(vault: Vault, stranger: Vault, random: Random) -> None:
    """Nobody else writes anchors."""
    box = seal_anchor(vault, Anchor(1, bytes(32), bytes(32), 1), random)
    with pytest.raises(Damaged):
        open_anchor(stranger, box)
    with pytest.raises(Damaged):
        open_anchor(vault, box[:-1])


@pytest.mark.parametrize("size", [0, 72, 79, 81])
def test_an_anchor_of_another_shape_is_not_opened(vault: Vault, random: Random, size: int) -> None:
    """A later version's anchor, say."""
    box = vault.seal(Context("audit log", "tradewarden", "anchor"), Secret(bytes(size)), random)
    with pytest.raises(Damaged):
        open_anchor(vault, box)
