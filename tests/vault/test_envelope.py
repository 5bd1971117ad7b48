"""What the vault seals, only the vault opens, and only as what it was; what goes wrong says which of two it was."""

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from types import TracebackType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import GatewayError, Misuse
from gateway.core.secret import Secret
from gateway.vault.context import Context
from gateway.vault.envelope import LockedVault, Random, Vault, create, is_public, verify
from gateway.vault.errors import Damaged, WrongPassphrase
from gateway.vault.header import Cost

CONTEXT = Context("token", "grid-bot", "secret")
OTHERS = [
    Context("account", "grid-bot", "secret"),
    Context("token", "other", "secret"),
    Context("token", "grid-bot", "row"),
    Context("token", "grid-bot", "secret", 2),
]
NAMES = st.text(st.characters(codec="utf-8"), max_size=8)
CONTEXTS = st.builds(Context, NAMES, NAMES, NAMES, st.integers(0, 9))


def flipped(blob: bytes) -> Iterator[bytes]:
    for position in range(len(blob)):
        for bit in range(8):
            yield blob[:position] + bytes([blob[position] ^ 1 << bit]) + blob[position + 1 :]


@given(context=CONTEXTS, plaintext=st.binary(max_size=200))
def test_a_box_opens_as_what_it_was(vault: Vault, random: Random, context: Context, plaintext: bytes) -> None:
    """Sealed under the key or to the public key: the same bytes come back."""
    box, public = vault.seal(context, Secret(plaintext), random), vault.locked.seal_public(context, Secret(plaintext))
    assert vault.open(context, box).reveal() == vault.open_public(context, public).reveal() == plaintext
    assert (is_public(box), is_public(public)) == (False, True)


@given(one=CONTEXTS, other=CONTEXTS, plaintext=st.binary(max_size=40))
def test_a_box_opens_under_its_own_context_only(
    vault: Vault, random: Random, one: Context, other: Context, plaintext: bytes
) -> None:
    """No two contexts can be confused, in either form of box."""
    if one == other:
        return
    with pytest.raises(Damaged):
        vault.open(other, vault.seal(one, Secret(plaintext), random))
    with pytest.raises(Damaged):
        vault.open_public(other, vault.locked.seal_public(one, Secret(plaintext)))


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_each_part_of_the_context_is_bound(vault: Vault, random: Random, other: Context) -> None:
    """Kind, owner, field and version, each alone, keep a box from being opened as something else."""
    with pytest.raises(Damaged):
        vault.open(other, vault.seal(CONTEXT, Secret("s"), random))
    with pytest.raises(Damaged):
        vault.open_public(other, vault.locked.seal_public(CONTEXT, Secret("s")))


def test_every_flipped_bit_of_a_box_is_refused(vault: Vault, random: Random) -> None:
    """Form, nonce, text and tag."""
    for touched in flipped(vault.seal(CONTEXT, Secret("the bot's secret"), random)):
        with pytest.raises(Damaged):
            vault.open(CONTEXT, touched)


def test_every_flipped_bit_of_a_public_box_is_refused(vault: Vault) -> None:
    """Form, ephemeral key (its ignored top bit too), tag and text."""
    for touched in flipped(vault.locked.seal_public(CONTEXT, Secret("the bot's secret"))):
        with pytest.raises(Damaged):
            vault.open_public(CONTEXT, touched)


@given(st.binary(max_size=120))
def test_arbitrary_bytes_are_damage_and_never_a_crash(vault: Vault, blob: bytes) -> None:
    """Whatever stands in a row, the answer is one of ours."""
    for box in (blob, b"\x01" + blob, b"\x02" + blob):
        with pytest.raises(Damaged):
            vault.open(CONTEXT, box)
        with pytest.raises(Damaged):
            vault.open_public(CONTEXT, box)


def test_neither_form_is_taken_for_the_other(vault: Vault, random: Random) -> None:
    """A box that anyone could make never passes for one that only the vault could make."""
    with pytest.raises(Damaged):
        vault.open(CONTEXT, vault.locked.seal_public(CONTEXT, Secret("s")))
    with pytest.raises(Damaged):
        vault.open_public(CONTEXT, vault.seal(CONTEXT, Secret("s"), random))


def test_another_vault_with_the_same_passphrase_opens_nothing(vault: Vault, stranger: Vault, random: Random) -> None:
    """Keys come from randomness, not from the passphrase."""
    with pytest.raises(Damaged):
        stranger.open(CONTEXT, vault.seal(CONTEXT, Secret("s"), random))
    with pytest.raises(Damaged):
        stranger.open_public(CONTEXT, vault.locked.seal_public(CONTEXT, Secret("s")))
    assert stranger.subkey("tokens digest").reveal() != vault.subkey("tokens digest").reveal()


def test_the_same_secret_sealed_twice_looks_different(vault: Vault, random: Random) -> None:
    """Nonces are drawn, not counted."""
    assert vault.seal(CONTEXT, Secret("s"), random) != vault.seal(CONTEXT, Secret("s"), random)


def test_a_wrong_passphrase_is_called_so(locked: LockedVault) -> None:
    """And a right one still opens afterwards."""
    for wrong in ("", "correct horse battery staple ", "Correct horse battery staple"):
        with pytest.raises(WrongPassphrase):
            locked.unlock(Secret(wrong))


def test_whatever_is_forged_in_the_header_the_vault_does_not_open(locked: LockedVault, passphrase: Secret) -> None:
    """With the checksum made to match, the wrap still covers every byte before it."""
    body = locked.header[:-16]
    for position in range(len(body)):
        forged = bytearray(body)
        forged[position] ^= 0x01
        checksum = blake2b(forged, digest_size=16, person=b"tw header").digest()
        if 9 <= position < 17 and position not in (12, 16):
            continue  # a cost of gigabytes or hours: see the vector on memory
        with pytest.raises((Damaged, WrongPassphrase)):
            LockedVault(bytes(forged) + checksum).unlock(passphrase)


def test_a_swapped_public_key_is_damage(locked: LockedVault, stranger: Vault, passphrase: Secret) -> None:
    """Someone else's key in the header would take in the next account's secret: the right passphrase finds it."""
    for start, key in ((65, stranger.locked.public_key), (97, stranger.locked.audit_key)):
        body = locked.header[:start] + key + locked.header[start + 32 : -16]
        forged = LockedVault(body + blake2b(body, digest_size=16, person=b"tw header").digest())
        with pytest.raises(Damaged):
            forged.unlock(passphrase)


def test_a_public_key_that_is_none_takes_nothing_in(locked: LockedVault) -> None:
    """Sealing to a point of small order would be sealing to everybody."""
    body = locked.header[:65] + bytes(32) + locked.header[97:-16]
    forged = LockedVault(body + blake2b(body, digest_size=16, person=b"tw header").digest())
    with pytest.raises(Damaged):
        forged.seal_public(CONTEXT, Secret("s"))


def test_a_new_passphrase_opens_the_old_boxes_and_the_old_one_nothing(
    vault: Vault, passphrase: Secret, random: Random, cheap: Cost
) -> None:
    """Only the wrap changes: keys, boxes and signatures stay good."""
    box, public = vault.seal(CONTEXT, Secret("s"), random), vault.locked.seal_public(CONTEXT, Secret("p"))
    after = LockedVault(vault.rewrap(Secret("new"), random, cheap))
    with pytest.raises(WrongPassphrase):
        after.unlock(passphrase)
    opened = after.unlock(Secret("new"))
    assert opened.open(CONTEXT, box).reveal() == b"s"
    assert opened.open_public(CONTEXT, public).reveal() == b"p"
    assert verify(vault.locked.audit_key, b"m", opened.sign(b"m"))


def test_an_empty_passphrase_makes_no_vault(vault: Vault, random: Random, cheap: Cost) -> None:
    """Neither a new one nor a changed one."""
    with pytest.raises(Misuse):
        create(Secret(""), random, cheap)
    with pytest.raises(Misuse):
        vault.rewrap(Secret(""), random, cheap)


def test_poor_randomness_makes_no_vault(cheap: Cost) -> None:
    """A source that gives fewer bytes than asked for stops everything."""
    with pytest.raises(ValueError, match="randomness"):
        create(Secret("p"), lambda size: bytes(size - 1), cheap)


def test_a_signature_is_of_one_message_one_key_and_one_purpose(vault: Vault, stranger: Vault) -> None:
    """It verifies as a checkpoint's, and as nothing else."""
    key, signature = vault.locked.audit_key, vault.sign(b"checkpoint")
    assert verify(key, b"checkpoint", signature)
    assert not verify(key, b"Checkpoint", signature)
    assert not verify(stranger.locked.audit_key, b"checkpoint", signature)
    assert not any(verify(key, b"checkpoint", touched) for touched in flipped(signature))


def test_a_key_or_signature_of_another_length_never_verifies(vault: Vault) -> None:
    """Else bytes could be moved between signature and message, and the library would read past a short key."""
    key, domain = vault.locked.audit_key, b"tradewarden audit checkpoint 1\0"
    assert not verify(key, b"end", vault.sign(b"start" + domain + b"end") + domain + b"start")
    for touched in (b"", key[:-1], key + b"\0"):
        assert not verify(touched, b"m", vault.sign(b"m"))
    for signature in (b"", vault.sign(b"m")[:-1], vault.sign(b"m") + b"\0"):
        assert not verify(key, b"m", signature)


def revealed_by(error: BaseException | None) -> Iterator[str]:
    """All that a traceback printer with locals could show: of the error, and of what it came from."""
    if error is not None:
        yield repr(error.args)
        yield from locals_of(error.__traceback__)
        yield from revealed_by(error.__cause__)
        yield from revealed_by(error.__context__)


def locals_of(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        if "tests" not in trace.tb_frame.f_code.co_filename:
            yield repr(trace.tb_frame.f_locals)
        trace = trace.tb_next


def failures(vault: Vault, random: Random, cheap: Cost) -> list[Callable[[], object]]:
    header, box = vault.locked.header, vault.seal(CONTEXT, Secret("canary-plaintext"), random)
    public = vault.locked.seal_public(CONTEXT, Secret("canary-plaintext"))

    def broken(size: int) -> bytes:
        raise OSError("no randomness")

    return [
        lambda: LockedVault(header).unlock(Secret("canary-passphrase")),
        lambda: vault.open(CONTEXT, box[:-1] + b"!"),
        lambda: vault.open(OTHERS[0], box),
        lambda: vault.open_public(CONTEXT, public[:-1] + b"!"),
        lambda: vault.open_public(OTHERS[0], public),
        lambda: vault.seal(CONTEXT, Secret("canary-plaintext"), broken),
        lambda: vault.rewrap(Secret("canary-passphrase"), broken, cheap),
    ]


@pytest.mark.parametrize("number", range(7))
def test_no_failure_shows_a_secret_even_with_locals(vault: Vault, random: Random, cheap: Cost, number: int) -> None:
    """A traceback printer that shows locals finds no passphrase, no plaintext and no key."""
    with pytest.raises((GatewayError, OSError)) as caught:
        failures(vault, random, cheap)[number]()
    shown = "".join(revealed_by(caught.value))
    keys = [vault._dek, vault._rows, vault._private, vault._signer]
    for secret in (b"canary-plaintext", b"canary-passphrase", *(key.reveal() for key in keys)):
        assert repr(secret)[2:-1] not in shown


def test_a_vault_does_not_print_pickle_or_copy(vault: Vault) -> None:
    """The open vault is as discreet as the secrets in it."""
    shown = f"{vault} {vault!r} {vault.locked!r}"
    assert repr(vault._dek.reveal())[2:-1] not in shown
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(vault)


def run(program: str) -> str:
    """What the program prints, in a process of its own."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="the address-space limit is obeyed on Linux only")
def test_too_little_memory_is_neither_damage_nor_a_wrong_passphrase() -> None:
    """The machine's want of memory is said as such, so that nobody restores a backup for it."""
    program = (
        "import os, resource\n"
        "from gateway.core.errors import Unavailable\n"
        "from gateway.core.secret import Secret\n"
        "from gateway.vault.envelope import create\n"
        "resource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))\n"
        "try:\n    create(Secret('canary-passphrase'), os.urandom)\n"
        "except Unavailable as error:\n    print(error, error.__cause__, error.__context__)\n"
    )
    printed = run(program)
    assert printed.startswith("the passphrase needs 256 MiB")
    assert printed.endswith("None None\n")


def test_the_vault_loads_little() -> None:
    """`token list` pays for libsodium and msgspec, not for X.509, sockets or a keyring."""
    program = "import sys, gateway.vault.lender; print(*sorted(m for m in sys.modules if '.' not in m))"
    printed = run(program)
    loaded = set(printed.split())
    assert not loaded & {"cryptography", "keyring", "asyncio", "ssl", "socket", "sqlite3", "logging", "pydantic"}
