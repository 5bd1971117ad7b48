"""One cheap vault for all tests of the folder, its randomness counted so that runs are alike."""

from collections.abc import Callable
from hashlib import blake2b

import pytest

from gateway.core.secret import Secret
from gateway.vault.envelope import LockedVault, Vault, create
from gateway.vault.header import Cost


class Tape:
    """Randomness that is the same in every run; never the same bytes twice."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._draws = 0

    def __call__(self, size: int) -> bytes:
        self._draws += 1
        return blake2b(f"{self._seed} {self._draws}".encode(), digest_size=size).digest()


@pytest.fixture(scope="session")
def cheap() -> Cost:
    """The least that Argon2id can cost."""
    return Cost(passes=1, memory_kib=8)


@pytest.fixture(scope="session")
def tape() -> Callable[[str], Tape]:
    """Makes a tape from a seed."""
    return Tape


@pytest.fixture(scope="session")
def random() -> Tape:
    """Fresh bytes at every draw."""
    return Tape("tests")


@pytest.fixture(scope="session")
def passphrase() -> Secret:
    """The passphrase of ``vault``."""
    return Secret("correct horse battery staple")


@pytest.fixture(scope="session")
def locked(passphrase: Secret, cheap: Cost) -> LockedVault:
    """``vault`` before it is unlocked."""
    return LockedVault(create(passphrase, Tape("vault"), cheap))


@pytest.fixture(scope="session")
def vault(locked: LockedVault, passphrase: Secret) -> Vault:
    """An open vault."""
    return locked.unlock(passphrase)


@pytest.fixture(scope="session")
def stranger(cheap: Cost) -> Vault:
    """Another open vault, with the same passphrase as ``vault``."""
    phrase = Secret("correct horse battery staple")
    return LockedVault(create(phrase, Tape("stranger"), cheap)).unlock(phrase)
