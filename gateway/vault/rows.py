"""Rows of state that cannot be forged: tokens and accounts, whole, each in one box.

Law: what a row means is read from its box alone. The columns beside it are for looking, and editing one changes
nothing. A token's box says every field; to narrow it without the passphrase it is sealed again, to the public key.
"""

import struct
from binascii import a2b_base64
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, TypeVar

import msgspec

from gateway.core.errors import Misuse
from gateway.core.secret import Secret
from gateway.core.token import Account, Credential, KeyKind, Token, TokenState
from gateway.vault.context import Context
from gateway.vault.envelope import LockedVault, Random, Vault, is_public
from gateway.vault.errors import Damaged

Row = TypeVar("Row")

_GENERATION: Final = struct.Struct(">Q")
_RAW_KEY_SIZE: Final = {KeyKind.ED25519: 32}
"""Raw keys of one size, public (tokens) or seed (accounts): no request ever parses a PEM."""


@dataclass(frozen=True, slots=True)
class _AccountRow:
    account: Account
    credential: Credential


def seal_token(vault: Vault, token: Token, random: Random) -> bytes:
    """The token's box. Raises Misuse for a token that must not have one."""
    _check(token.key.kind, token.key.material, "public key")
    if token.state is TokenState.REVOKED:
        raise Misuse(f"token {token.name!r} is revoked", "that is final: issue a new one")
    _check_generation(token.name, token.generation)
    return vault.seal(_token(token.name), _encode(token), random)


def pause_box(locked: LockedVault, name: str, box: bytes, generation: int) -> bytes:
    """The box of the same token, paused, made without the passphrase. ``generation`` must be above its present one.

    Raises Misuse if it is paused this way already.
    """
    if is_public(box):
        raise Misuse(f"token {name!r} is paused already")
    _check_generation(name, generation)
    return locked.seal_public(_paused(name), Secret(_GENERATION.pack(generation) + box))


def open_token(vault: Vault, name: str, box: bytes) -> Token:
    """The token as its box says, in either form. Raises Damaged for any box but this token's own."""
    if is_public(box):
        return _open_paused(vault, name, box)
    token = _decode(_TOKEN, _token(name), vault.open(_token(name), box))
    if token.name != name:
        raise Damaged(str(_token(name)), f"inside it is named {token.name!r}")
    return token


def _open_paused(vault: Vault, name: str, box: bytes) -> Token:
    inner = vault.open_public(_paused(name), box).reveal()
    if len(inner) <= _GENERATION.size or is_public(inner[_GENERATION.size :]):
        raise Damaged(str(_paused(name)), "there is no token's box in it")
    token = open_token(vault, name, inner[_GENERATION.size :])
    generation: int = _GENERATION.unpack_from(inner)[0]
    if not token.generation < generation < 1 << 63:
        raise Damaged(str(_paused(name)), "its generation did not rise when it was paused")
    return replace(token, state=TokenState.PAUSED, generation=generation)


def seal_credential(vault: Vault, account: Account, credential: Credential, random: Random) -> bytes:
    """The account's box under the DEK. Raises Misuse where account and credential do not belong together."""
    return vault.seal(_account(account.name), _pair(account, credential), random)


def seal_new_credential(locked: LockedVault, account: Account, credential: Credential) -> bytes:
    """The box of a *new* account, made without the passphrase. To be sealed under the DEK at the next unlock.

    Anyone who can write the row can make such a box, hence it may add an account and never replace one.
    """
    return locked.seal_public(_account(account.name), _pair(account, credential))


def open_credential(vault: Vault, name: str, box: bytes) -> tuple[Account, Credential]:
    """The account and its real key, from either form. Raises Damaged for any box but this account's own."""
    context = _account(name)
    plaintext = vault.open_public(context, box) if is_public(box) else vault.open(context, box)
    row = _decode(_ACCOUNT, context, plaintext)
    if row.account.name != name or not _agree(row.account, row.credential):
        raise Damaged(str(context), "inside it is another account's")
    return row.account, row.credential


def _token(name: str) -> Context:
    return Context("token", name, "row")


def _paused(name: str) -> Context:
    return Context("token", name, "paused row")


@lru_cache(maxsize=256)
def _account(name: str) -> Context:
    return Context("account", name, "credential")


def _pair(account: Account, credential: Credential) -> Secret:
    _check(credential.kind, credential.secret, "private seed")
    if not _agree(account, credential):
        raise Misuse(f"account {account.name!r} and the credential given for it name different keys")
    return _encode(_AccountRow(account, credential))


def _agree(account: Account, credential: Credential) -> bool:
    return account.key_id == credential.key_id and account.kind is credential.kind


def _check(kind: KeyKind, material: Secret, what: str) -> None:
    size = _RAW_KEY_SIZE.get(kind)
    length = len(material.reveal())
    if length == 0 or (size is not None and length != size):
        raise Misuse(f"the {kind} key is {length} bytes long", f"it is kept as its raw {what}" if size else "")


def _check_generation(name: str, generation: int) -> None:
    if not 0 <= generation < 1 << 63:
        raise Misuse(f"token {name!r} has an impossible generation")


def _revealed(value: object) -> bytes:
    """How a Secret is written, inside a box only: msgspec makes base64 of its bytes."""
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(f"{type(value).__name__} has no place in a row")


def _hidden(kind: type, value: object) -> Secret:
    if kind is Secret and isinstance(value, str):
        return Secret(a2b_base64(value, strict_mode=True))
    raise TypeError(f"{kind.__name__} has no place in a row")


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_revealed)
_TOKEN: Final = msgspec.json.Decoder(Token, dec_hook=_hidden)
_ACCOUNT: Final = msgspec.json.Decoder(_AccountRow, dec_hook=_hidden)


def _encode(row: Token | _AccountRow) -> Secret:
    try:
        return Secret(_ENCODER.encode(row))
    except UnicodeEncodeError:
        pass  # it carries the whole text that could not be written
    raise Misuse("a field of the row is not valid text", "use letters that UTF-8 can carry")


def _decode(decoder: msgspec.json.Decoder[Row], context: Context, plaintext: Secret) -> Row:
    try:
        return decoder.decode(plaintext.reveal())
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass  # its message may quote what was inside
    raise Damaged(str(context), "its fields are not those of this version")
