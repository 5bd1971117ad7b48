"""Whose an untouched tunnel is: only who holds a live token's secret, from where that token may be used."""

from base64 import b64encode
from dataclasses import replace

import pytest

from gateway.core.token import KeyKind, TokenState
from gateway.stages.tunnels import lives, owner
from tests.stages.gatehouse import Gatehouse

HERE = "127.0.0.1"


def credentials(house: Gatehouse, secret: bytes | None = None, scheme: bytes = b"Basic ") -> bytes:
    """The header's value of the house's bot."""
    secret = house.bot.key.material.reveal() if secret is None else secret
    return scheme + b64encode(house.bot.id.encode() + b":" + secret)


def test_the_token_with_its_secret(house: Gatehouse) -> None:
    for scheme in (b"Basic ", b"basic ", b"BASIC "):
        assert owner(house.tokens, house.clock.ms, credentials(house, scheme=scheme), HERE) == house.bot.id


@pytest.mark.parametrize(
    "bent",
    [
        None, b"", b"Basic", b"Basic ", b"Basic !!!", b"Bearer dG9rZW46c2VjcmV0", b"Basic " + b"A" * 2000,
        b"Basic " + b64encode("tök:x".encode()), b"Basic " + b64encode(b"nobody:secret"), b"Basic " + b64encode(b":"),
    ],
)  # fmt: skip
def test_anything_else_is_nobodys(house: Gatehouse, bent: bytes | None) -> None:
    assert owner(house.tokens, house.clock.ms, bent, HERE) is None


def test_a_wrong_secret_is_nobodys(house: Gatehouse) -> None:
    for secret in (b"", b"wrong", house.bot.key.material.reveal() + b"x", house.bot.key.material.reveal()[:-1]):
        assert owner(house.tokens, house.clock.ms, credentials(house, secret), HERE) is None


@pytest.mark.parametrize(
    "changes",
    [{"state": TokenState.PAUSED}, {"state": TokenState.REVOKED}, {"expires_at": 0}, {"addresses": ("192.0.2.0/24",)}],
)
def test_a_token_that_may_not_be_used_so_leads_nowhere(house: Gatehouse, changes: dict[str, object]) -> None:
    """Paused, revoked, expired, or from another address than its own."""
    house.tokens.tokens[house.bot.id] = replace(house.bot, **changes)  # type: ignore[arg-type]
    assert owner(house.tokens, house.clock.ms, credentials(house), HERE) is None
    assert lives(house.tokens, house.clock.ms, house.bot.id) is ("addresses" in changes)


def test_a_public_key_is_no_password(house: Gatehouse) -> None:
    """Of such a token the gateway knows only what everybody may know."""
    public = replace(house.bot, key=replace(house.bot.key, kind=KeyKind.ED25519))
    house.tokens.tokens[house.bot.id] = public
    assert owner(house.tokens, house.clock.ms, credentials(house), HERE) is None


def test_who_is_unknown_does_not_live(house: Gatehouse) -> None:
    assert lives(house.tokens, house.clock.ms, house.bot.id)
    assert not lives(house.tokens, house.clock.ms, "nobody")
