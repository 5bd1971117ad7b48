"""Four venues for a test, each quoting the same price until a test says otherwise."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.market.venues import Venues


@pytest.fixture
def venues(tmp_path: Path) -> Iterator[Venues]:
    with Venues(tmp_path) as made:
        yield made
