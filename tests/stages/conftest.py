"""A gatehouse for each test."""

from pathlib import Path

import pytest

from tests.stages.gatehouse import Gatehouse


@pytest.fixture
def house(tmp_path: Path) -> Gatehouse:
    """The whole path, with an exchange that accepts every order."""
    return Gatehouse(tmp_path)
