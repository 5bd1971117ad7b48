"""Every byte of the header counts, and what is wrong with it is known before a passphrase is asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Misuse
from gateway.vault.envelope import LockedVault
from gateway.vault.errors import Damaged
from gateway.vault.header import DEFAULT, SIZE, Cost, Header


def test_every_flipped_bit_is_refused_before_any_passphrase(locked: LockedVault) -> None:
    """An accident is found by the checksum, wherever it happened."""
    for position in range(SIZE):
        for bit in range(8):
            touched = bytearray(locked.header)
            touched[position] ^= 1 << bit
            with pytest.raises(Damaged):
                Header.parse(bytes(touched))


def test_every_length_but_one_is_refused(locked: LockedVault) -> None:
    """Nothing is cut off and nothing is added."""
    for size in range(SIZE):
        with pytest.raises(Damaged):
            Header.parse(locked.header[:size])
    with pytest.raises(Damaged):
        Header.parse(locked.header + b"\0")


@given(st.binary(max_size=2 * SIZE))
def test_arbitrary_bytes_are_damage_and_never_a_crash(blob: bytes) -> None:
    """Whatever stands in the state's header column, the answer is one of ours."""
    with pytest.raises(Damaged):
        Header.parse(blob)


def test_a_whole_header_is_written_as_it_was_read(locked: LockedVault) -> None:
    """Parse and encode are each other's inverse."""
    assert Header.parse(locked.header).encoded() == locked.header


def test_the_default_cost_is_what_the_documents_say() -> None:
    """Three passes over 256 MiB: a weaker default would be noticed here."""
    assert (DEFAULT.passes, DEFAULT.memory_kib) == (3, 262144)


@pytest.mark.parametrize(("passes", "memory"), [(0, 8), (33, 8), (1, 7), (1, (4 << 20) + 1)])
def test_a_cost_out_of_range_is_refused(passes: int, memory: int) -> None:
    """Neither free nor ruinous."""
    with pytest.raises(Misuse):
        Cost(passes, memory)
